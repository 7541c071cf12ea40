"""Imports go one way, and the files that travel with a checkpoint need nothing that a reader may lack."""

import ast
import sys
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).parent.parent
LAYERS = ("configuration", "modeling", "training", "publishing", "interface")  # each may import those before it
FILES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
TRAVELLERS = [path for path in FILES if path.stem.endswith("_polyhead")]
WITH_A_CHECKPOINT = {
    "torch",
    "transformers",
    "numpy",
    "safetensors",
    "huggingface_hub",
    "yaml",
}  # transformers needs them all


def imported_names(source):
    """Return the absolute name of every module that a file imports, and the dots and name of every relative import."""
    absolute, relative = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            absolute |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            absolute.add(node.module)
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            relative |= {(node.level, name) for name in names}
    return absolute, relative


def imported_layers(source, layer, depth=0):
    """Return the layers that a file of `layer`, `depth` folders down in it, imports from."""
    absolute, relative = imported_names(source)
    # In the package, interface is the root: one dot leads there from interface, two dots and one a folder from others.
    dots = 1 if layer == "interface" else 2 + depth
    found = {name.split(".")[0] for level, name in relative if level == dots}
    found |= {name.split(".")[1] for name in absolute if name.startswith("polyhead.")}
    inside = {layer} if any(level < dots or level == 1 for level, _ in relative) else set()
    if any(level > dots for level, _ in relative) or "polyhead" in absolute:
        found.add("interface")
    return {name if name in LAYERS else "interface" for name in found} | inside


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_from_its_own_layer_and_those_before(path):
    layer, *folders, _ = path.relative_to(ROOT).parts
    allowed = set(LAYERS[: LAYERS.index(layer) + 1])
    assert imported_layers(path.read_text(encoding="utf-8"), layer, len(folders)) <= allowed


@pytest.mark.parametrize("path", TRAVELLERS, ids=lambda path: path.name)
def test_a_file_that_travels_needs_only_what_every_reader_has(path):
    absolute, _ = imported_names(path.read_text(encoding="utf-8"))
    assert {name.split(".")[0] for name in absolute} <= WITH_A_CHECKPOINT | sys.stdlib_module_names


@pytest.mark.parametrize("path", TRAVELLERS, ids=lambda path: path.name)
def test_a_file_that_travels_imports_only_others_that_do(path):
    _, relative = imported_names(path.read_text(encoding="utf-8"))
    assert [name for _, name in relative if not name.endswith("_polyhead")] == []


def test_names_of_files_that_travel_differ_over_all_folders():
    names = [path.name for path in TRAVELLERS]
    assert sorted(names) == sorted(set(names))
    assert {path.parent.name for path in TRAVELLERS} == {"configuration", "modeling"}


@pytest.mark.parametrize(
    ("source", "layer", "layers"),
    [
        ("from ..training.data.rows import Row", "modeling", {"training"}),
        ("def late():\n    from ..publishing import x", "training", {"publishing"}),
        ("from polyhead.training.data.rows import Row", "configuration", {"training"}),
        ("import polyhead.modeling.heads_polyhead", "configuration", {"modeling"}),
        ("from .modeling.heads_polyhead import Head", "interface", {"modeling", "interface"}),
        ("from .cli import main", "interface", {"interface"}),
        ("from .. import PolyheadModel", "training", {"interface"}),
        ("import polyhead", "training", {"interface"}),
        ("from .rows import Row", "training", {"training"}),
        ("import torch", "modeling", set()),
    ],
)
def test_the_layers_of_an_import_are_recognised(source, layer, layers):
    assert imported_layers(source, layer) == layers


def test_every_folder_of_code_is_installed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {str(path.parent.relative_to(ROOT)) for path in FILES}
    assert set(settings["package-dir"].values()) == folders
    assert set(settings["packages"]) == set(settings["package-dir"])
