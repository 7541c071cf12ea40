"""The folder of a Space: what lies in it and what its files say."""

import ast
from importlib.metadata import version
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from huggingface_hub import SpaceCardData
from huggingface_hub.repocard import RepoCard

from polyhead import commands_demo, demo
from polyhead.modeling import backbone_polyhead
from polyhead.modeling.card_polyhead import INVITATION
from polyhead.modeling.upload_polyhead import upload
from polyhead.publishing.space import write_space

PAGE = Path(demo.__path__[0])


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a Space of a model and returns its folder."""

    def _write(model, revision=None, examples=('A "cat".\n', "ü")):
        write_space(tmp_path / "space", str(model), "pets", examples, PAGE, "6.31.0", revision)
        return tmp_path / "space"

    return _write


def assigned(app):
    """Return the values of the names that app.py sets to constants."""
    body = ast.parse(app).body
    return {
        it.targets[0].id: ast.literal_eval(it.value)
        for it in body
        if isinstance(it, ast.Assign) and it.targets[0].id.isupper()
    }


def test_the_model_of_a_folder_is_copied_without_what_stays_at_home(saved, write):
    (saved / "checkpoint-3").mkdir()
    (saved / "checkpoint-3" / "optimizer.pt").write_bytes(b"x")
    (saved / "run").mkdir()
    (saved / "run" / "recipe.yaml").write_text("secret")
    space = write(saved)
    copied = {path.relative_to(space / "model").as_posix() for path in (space / "model").rglob("*") if path.is_file()}
    assert {"model.safetensors", "config.json", "modeling_polyhead.py", "tokenizer.json"} <= copied
    assert not [name for name in copied if name.startswith(("checkpoint-", "run/"))]
    assert 'Path(__file__).parent / "model"' in (space / "app.py").read_text()


def test_the_page_is_copied_and_imports_nothing_of_polyhead(saved, write):
    space = write(saved)
    assert {path.name for path in (space / "demo").iterdir()} >= {"__init__.py", "page.py", "page.css"}
    for path in (space / "demo").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, path
                names = [node.module] if node.level == 0 else []
            assert not [name for name in names if name.startswith("polyhead")], path


def test_the_readme_has_the_fields_that_the_hub_reads(saved, write):
    card = RepoCard.load(write(saved) / "README.md")
    fields = SpaceCardData(**card.data.to_dict())
    assert (fields.sdk, fields.sdk_version, fields.app_file, fields.title) == ("gradio", "6.31.0", "app.py", "pets")
    assert fields.python_version == "3.12"  # a string: as a number, 3.10 would become 3.1


def test_requirements_are_the_versions_that_the_model_was_looked_at_with(saved, write):
    lines = (write(saved) / "requirements.txt").read_text().splitlines()
    assert lines[0] == f"torch=={torch.__version__.partition('+')[0]}"
    assert f"transformers=={version('transformers')}" in lines


def test_a_model_on_the_hub_is_named_and_pinned(write):
    space = write("me/pets", revision="abc")
    app = (space / "app.py").read_text()
    assert 'AutoModel.from_pretrained("me/pets", trust_remote_code=True, revision="abc")' in app
    assert not (space / "model").exists()
    assert RepoCard.load(space / "README.md").data.to_dict()["models"] == ["me/pets"]


def test_a_model_that_was_pushed_is_pinned_to_the_commit_that_was_looked_at(
    polyhead, client, saved, hub, tmp_path, monkeypatch
):
    url = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
    monkeypatch.setattr(backbone_polyhead, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(backbone_polyhead, "ENDPOINT", hub.address)
    monkeypatch.setattr(commands_demo, "version", lambda _: "6.31.0")
    (saved / "README.md").write_text((saved / "README.md").read_text().replace(INVITATION, "## Examples\n\n- A dog.\n"))
    commit = upload(saved, "me/pets", private=True).oid
    result = polyhead("demo", "me/pets", "--space", tmp_path / "space")
    assert result.exit_code == 0, result.output
    app = (tmp_path / "space" / "app.py").read_text()
    assert f'AutoModel.from_pretrained("me/pets", trust_remote_code=True, revision="{commit}")' in app
    assert assigned(app) == {"NAME": "me/pets", "EXAMPLES": ["A dog."]}


def test_name_and_examples_are_constants_whatever_they_hold(saved, write):
    examples = ['say "$name" \\ \n', "ü", "'''", "${title}"]
    assert assigned((write(saved, examples=examples) / "app.py").read_text()) == {"NAME": "pets", "EXAMPLES": examples}


def test_a_folder_that_is_not_empty_is_left_alone(saved, write, tmp_path):
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "mine").touch()
    with pytest.raises(ValueError, match="is not empty"):
        write(saved)
    assert [path.name for path in (tmp_path / "space").iterdir()] == ["mine"]


def test_a_pickle_in_the_model_stops_it_and_nothing_is_left(saved, write, tmp_path):
    (saved / "notes.json").write_bytes(b"\x80\x04abc")
    with pytest.raises(ValueError, match="pickle"):
        write(saved)
    assert not (tmp_path / "space").exists()
