"""Folders that mean harm: refused by name, fast, without their code, without a file written, without much memory."""

import json
import resource
import shutil
import time

import pytest
from safetensors.torch import load_file, save_file

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel

CANARY = "import pathlib\npathlib.Path({!r}).write_text('code was run')\n"
HUGE = 10**12


def config(**fields):
    """Change fields of config.json."""
    return lambda folder: edit(folder, lambda content: {**content, **fields})


def block(**fields):
    """Change fields of config.json's polyhead block."""
    return lambda folder: edit(folder, lambda content: {**content, "polyhead": {**content["polyhead"], **fields}})


def task(**fields):
    """Change fields of the first task."""

    def _change(content):
        tasks = content["polyhead"]["tasks"]
        return {**content, "polyhead": {**content["polyhead"], "tasks": [{**tasks[0], **fields}, *tasks[1:]]}}

    return lambda folder: edit(folder, _change)


def edit(folder, change):
    path = folder / "config.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def raw(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def sparse(name, size):
    def _write(folder):
        with (folder / name).open("wb") as file:
            file.truncate(size)

    return _write


def only_a_pickle(folder):
    (folder / "model.safetensors").unlink()
    # What torch.load would run, were it called: protocol 2, os.system.
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.")


def shards_elsewhere(folder):
    shutil.copy(folder / "model.safetensors", folder.parent / "secret.safetensors")
    names = load_file(folder / "model.safetensors").keys()
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, "../secret.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def no_weights_for_what_is_promised(folder):
    config(vocab_size=9_000_000, hidden_size=90_000, intermediate_size=90_000)(folder)
    save_file({}, folder / "model.safetensors", metadata={"format": "pt"})


AUTO = "AutoModel"
HOSTILE = {
    "code of another repository": (config(auto_map={AUTO: "evil/repo--modeling_polyhead.PolyheadModel"}), "auto_map"),
    "code above the folder": (config(auto_map={AUTO: "../../evil_polyhead.PolyheadModel"}), "auto_map"),
    "code that is not polyhead's": (config(auto_map={AUTO: "evil.Model"}), "auto_map"),
    "code in a list": (config(auto_map={"AutoTokenizer": ["evil.Tokenizer", None]}), "auto_map"),
    "code as a text": (config(auto_map="evil.Model"), "auto_map"),
    "a pipeline of another repository": (
        config(custom_pipelines={"p": {"impl": "evil/repo--pipeline_polyhead.P", "pt": [AUTO]}}),
        "custom_pipelines",
    ),
    "a kernel of another repository": (config(_attn_implementation="evil/kernel"), "code from elsewhere is not run"),
    "an attention of another repository": (config(attn_implementation="evil/kernel:run"), "code from elsewhere"),
    "a task named __class__": (task(name="__class__"), "must be a plain identifier"),
    "a task named after a folder": (task(name="../../etc/passwd"), "must be a plain identifier"),
    "a task with a dot": (task(name="a.b"), "must be a plain identifier"),
    "a task named forward": (task(name="forward"), "is an attribute of torch modules"),
    "a task named by a number": (task(name=7), "must be a plain identifier"),
    "a task with a field that there is not": (task(evil="x"), "is no task of polyhead's"),
    "a task of another type": (task(head_dropout="x"), "field 'head_dropout': 'x' must be a number"),
    "tasks that are a text": (block(tasks="topic"), "it must be list"),
    "a task that is a list": (block(tasks=[["topic"]]), "each task must be an object"),
    "more tasks than a model has": (
        block(tasks=[{"name": f"t{n}", "kind": "regression"} for n in range(2000)]),
        "no model has more than 1000 tasks",
    ),
    "a score without its task": (block(results=[{"metric": "f1", "value": 1.0}]), "each row must have task, dataset"),
    "a speed that is a text": (block(speed="fast"), "it must be dict"),
    "a speed in words": (block(speed={"texts_per_second": "many"}), "it must have texts_per_second"),
    "a block that is a list": (config(polyhead=[]), "it must be an object"),
    "a vast vocabulary": (config(vocab_size=HUGE), "no model has more than"),
    "a vast width": (config(hidden_size=10**9), "no model has more than"),
    "a vast depth": (config(num_hidden_layers=10**6), "no model has more than 500"),
    "a vast projection": (block(projection_dim=HUGE), "no model has more than"),
    "a vast head": (task(head="mlp", head_num_layers=10**6), "all heads have at most 1000 layers"),
    "a wide head": (task(head="mlp", head_hidden_size=HUGE), "no model has more than"),
    "a vast length": (block(max_length=HUGE), "no model has more than"),
    "more weights promised than there are": (no_weights_for_what_is_promised, "more than its weights hold"),
    "a config of a gigabyte": (sparse("config.json", 10**9), "config.json'? has 1,000,000,000 bytes"),
    "a tokenizer of a gigabyte": (sparse("tokenizer.json", 10**9), "tokenizer.json has 1,000,000,000 bytes"),
    "a config that nests without end": (raw("config.json", b'{"a":' * 100_000), "nests deeper|not a valid JSON"),
    "weights elsewhere": (shards_elsewhere, "'../secret.safetensors', which is no file beside it"),
    "a list of shards that is none": (raw("model.safetensors.index.json", b"[]"), "has no weight_map"),
    "an adapter of another model": (
        raw("adapter_config.json", b'{"base_model_name_or_path": "evil/model", "peft_type": "LORA"}'),
        "adapter_config.json lies beside the model",
    ),
    "prompts that are no texts": (block(prompts={"query": ["x"]}), "it must be a text"),
}
# Refused by the libraries below, in their words.
REFUSED_BELOW = {
    "only a pickle": only_a_pickle,
    "weights with a vast header": raw("model.safetensors", (2**60).to_bytes(8, "little") + b"{}"),
    "weights that are a pickle": raw("model.safetensors", b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."),
}


@pytest.fixture(scope="module")
def model_folder(make_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "model"
    make_model([TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b"])]).save_pretrained(
        folder
    )
    return folder


@pytest.fixture
def hostile(model_folder, tmp_path):
    """Return a folder of the good model, changed; its code would leave a file behind."""

    def _hostile(change):
        folder = tmp_path / "box" / "model"
        shutil.copytree(model_folder, folder)
        for file in [*folder.glob("*.py"), folder / "evil.py"]:
            file.write_text(CANARY.format(str(tmp_path / "canary")))
        change(folder)
        return folder

    return _hostile


@pytest.fixture
def unharmed(tmp_path):
    """Check afterwards that no code was run, no file written, and little time and memory taken."""
    started, memory = time.monotonic(), peak_memory_bytes()
    yield
    assert time.monotonic() - started < 5
    assert peak_memory_bytes() - memory < 2**30
    assert {path.name for path in tmp_path.iterdir()} == {"box"}
    assert {path.name for path in (tmp_path / "box").iterdir()} <= {"model", "secret.safetensors"}


def peak_memory_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_there_are_at_least_25():
    assert len(HOSTILE) >= 25


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_folder_is_refused_by_name(kind, hostile, unharmed):
    change, said = HOSTILE[kind]
    with pytest.raises(ValueError, match=said):
        PolyheadModel.from_pretrained(hostile(change))


@pytest.mark.parametrize("kind", REFUSED_BELOW)
def test_weights_that_are_none_are_never_opened_as_a_pickle(kind, hostile, unharmed):
    with pytest.raises((OSError, ValueError, RuntimeError, Exception), match=r"safetensors|[Hh]eader"):
        PolyheadModel.from_pretrained(hostile(REFUSED_BELOW[kind]))


def test_a_plain_encoder_does_not_lead_out_of_its_folder(minilm_folder, tmp_path):
    shutil.copytree(minilm_folder, tmp_path / "model")
    modules = json.loads((tmp_path / "model" / "modules.json").read_text())
    modules[1]["path"] = "../secret"
    (tmp_path / "model" / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ValueError, match=r"modules\.json names '../secret', which is no folder beside it"):
        PolyheadModel.from_backbone(str(tmp_path / "model"))


def test_the_same_folder_unchanged_loads_by_the_installed_code(hostile, unharmed):
    model = PolyheadModel.from_pretrained(hostile(lambda folder: None))
    assert model.predict("a cat")["topic"]["label"] in ("a", "b")
