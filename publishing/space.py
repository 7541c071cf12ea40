"""The folder of a Space: the page of `polyhead demo`, ready to be pushed to the Hub."""

import json
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from string import Template

from huggingface_hub.utils import yaml_dump

from ..modeling.published_files_polyhead import published_files
from .new_folder import new_folder

MODEL = "model"  # folder of the model's copy
# What a checkpoint's own code imports; Gradio comes with `sdk_version`.
_REQUIREMENTS = ("torch", "transformers", "safetensors", "numpy")
_APP = Template('''\
"""A page to try a model on; `python app.py` serves it here as well."""
$imports
from demo.page import build_page, serve
from transformers import AutoModel

NAME = $name
EXAMPLES = $examples

# This runs the code that lies beside the weights$where.
model = AutoModel.from_pretrained($source, trust_remote_code=True$revision)
serve(build_page(model, NAME, EXAMPLES))
''')


def write_space(
    output: str | Path, model: str, title: str, examples: Sequence[str], page: Path, gradio: str, revision: str | None
) -> None:
    """Write app.py, requirements.txt, README.md, the page and, where the model is a folder, a copy of it.

    Source of the README's fields: https://huggingface.co/docs/hub/spaces-config-reference.

    Args:
        output: New or empty folder.
        model: Folder of a checkpoint, or its name on the Hub.
        title: Of the page and the Space.
        examples: Texts that visitors may try.
        page: Folder of the page's code, which needs nothing of polyhead beside it.
        gradio: Its version, which the Space runs with.
        revision: Commit of a model on the Hub that the Space keeps to.

    Raises:
        ValueError: The output folder is not empty, or a file of the model may not leave.
    """
    is_folder = Path(model).is_dir()
    with new_folder(output) as folder:
        if is_folder:
            _copy(published_files(Path(model)), folder / MODEL)
        shutil.copytree(page, folder / "demo", ignore=shutil.ignore_patterns("__pycache__", ".*"))
        (folder / "app.py").write_text(_app(None if is_folder else model, title, examples, revision), encoding="utf-8")
        pins = [f"{name}=={version(name).partition('+')[0]}\n" for name in _REQUIREMENTS]
        (folder / "requirements.txt").write_text("".join(pins), encoding="utf-8")
        (folder / "README.md").write_text(_readme(None if is_folder else model, title, gradio), encoding="utf-8")


def _copy(files: dict[str, Path], target: Path) -> None:
    for name, path in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target / name)


def _app(hub_name: str | None, title: str, examples: Sequence[str], revision: str | None) -> str:
    listed = "".join(f"    {json.dumps(example, ensure_ascii=False)},\n" for example in examples)
    return _APP.substitute(
        name=json.dumps(title, ensure_ascii=False),
        examples=f"[\n{listed}]" if examples else "[]",
        imports="" if hub_name else "\nfrom pathlib import Path\n",
        source=json.dumps(hub_name) if hub_name else 'Path(__file__).parent / "model"',
        where=" in the folder `model`" if hub_name is None else ", of this one commit",
        revision="" if hub_name is None or revision is None else f", revision={json.dumps(revision)}",
    )


def _readme(hub_name: str | None, title: str, gradio: str) -> str:
    fields = {
        "title": title,
        "emoji": "🧭",
        "colorFrom": "blue",
        "colorTo": "indigo",
        "sdk": "gradio",
        "sdk_version": gradio,
        "python_version": "3.12",
        "app_file": "app.py",
        "pinned": False,
    }
    if hub_name is not None:
        fields["models"] = [hub_name]
    told = f"the model `{hub_name}`" if hub_name else "the model in the folder `model`"
    front = yaml_dump(fields)
    return f"---\n{front}---\n\n# {title}\n\nA page to try {told} on: texts in, the answers of its tasks out.\n"
