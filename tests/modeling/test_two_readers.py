"""One set of weights, two readers: with trust everything, without trust the plain encoder; each in its own process."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

from polyhead.configuration.configuration_polyhead import UNTRAINED, PolyheadConfig
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.backbone_polyhead import OFFLINE_NAME
from polyhead.modeling.modeling_polyhead import PolyheadModel

from ..conftest import BACKBONES

NAMES = [*BACKBONES, "bfloat16", "MiniLM"]
TEXTS = ["the cat sat on a mat", "a dog, far away!"]
READER = Path(__file__).parent / "read_checkpoints.py"


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory, make_model, all_tasks):
    """Saved models of all architectures and the real MiniLM, and what the saving process makes of one padded batch."""
    folder = tmp_path_factory.mktemp("checkpoints")
    contrastive = {"loss": "multiple_negatives_ranking", "matryoshka_dims": [8, 4]}
    for name in NAMES:
        tasks = [replace(task, **contrastive) if task.kind == "pair_similarity" else task for task in all_tasks()]
        if name == "MiniLM":
            model = PolyheadModel.from_backbone(OFFLINE_NAME, tasks=tasks, projection_dim=32)
        else:
            architecture = name if name in BACKBONES else "BERT"
            model = make_model(tasks, backbone=architecture, projection_dim=8, pooling=["mean", "attention"])
            model = model.bfloat16() if name == "bfloat16" else model
        model.save_pretrained(folder / name)
        save_file(reference(model), folder / f"{name}.safetensors")
    return folder


def reference(model):
    ids = torch.tensor([[2, 10, 11, 12, 3], [2, 20, 3, 0, 0]])
    inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    inputs |= {f"pair_{name}": value.flip(0) for name, value in inputs.items()}
    with torch.no_grad():
        output = model(**inputs)
    kept = {f"input.{name}": value for name, value in inputs.items()}
    kept |= {f"logits.{name}": value for name, value in output.logits.items()}
    kept |= {"sentence_embedding": output.sentence_embedding, "last_hidden_state": output.last_hidden_state}
    kept["encoded"] = model.encode(TEXTS, to="torch")
    return {name: value.contiguous() for name, value in kept.items()}


@pytest.fixture(scope="session")
def readings(checkpoints):
    """What both readers say of each checkpoint; they work side by side."""
    folders = [str(checkpoints / name) for name in NAMES]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # No input: a reader that is asked whether it trusts the code fails.
    started = {
        how: subprocess.Popen([sys.executable, str(READER), how, *folders], stdin=subprocess.DEVNULL, **pipes)
        for how in ("trusted", "plain")
    }
    found = {}
    for how, process in started.items():
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        found[how] = {entry["name"]: entry for entry in map(json.loads, output.splitlines())}
    return found


@pytest.fixture(scope="session")
def trusted(readings):
    return readings["trusted"]


@pytest.fixture(scope="session")
def plain(readings):
    return readings["plain"]


@pytest.mark.parametrize("name", NAMES)
def test_with_trust_and_without_the_package_everything_is_bit_equal(name, trusted):
    assert trusted[name]["class"] == "PolyheadModel"
    assert trusted[name]["compared"] == 10  # the embedding, eight tasks, and texts by way of the tokenizer
    assert trusted[name]["unequal"] == []


@pytest.mark.parametrize("name", NAMES)
def test_loaded_with_trust_and_saved_again_all_files_are_byte_identical(name, trusted):
    assert trusted[name]["resaved"] == []


@pytest.mark.parametrize("name", NAMES)
def test_without_trust_the_vanilla_class_has_all_its_weights_and_states_bit_equal(name, plain, checkpoints):
    entry = plain[name]
    config = AutoConfig.from_pretrained(checkpoints / name, trust_remote_code=False)

    assert entry["class"] == config.architectures[0] != "PolyheadModel"
    assert entry["missing"] == []
    assert all(key.startswith("polyhead.") for key in entry["unexpected"])
    assert entry["unequal"] == []
    assert entry["states_equal"]
    assert entry["tokens"] == PolyheadModel.from_pretrained(checkpoints / name).tokenizer(TEXTS)["input_ids"]


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_classifier_cannot_pass_off_its_random_head_as_ours(name, plain):
    assert plain[name]["classifier_labels"] == UNTRAINED


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_holds_no_pickle_and_no_path_of_this_machine(name, checkpoints):
    for path in (checkpoints / name).rglob("*"):
        if path.is_file():
            assert path.suffix in (".json", ".py", ".md", ".safetensors", ".txt", ".model")
            assert path.read_bytes()[:2] not in (b"\x80\x02", b"\x80\x04", b"PK")
            assert path.suffix == ".safetensors" or str(checkpoints) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [{}, {"device_map": "cpu"}, {"attn_implementation": "eager"}], ids=str)
def test_shards_load_whole(options, make_model, all_tasks, tmp_path):
    model = make_model(all_tasks())
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1

    loaded = PolyheadModel.from_pretrained(tmp_path, **options)
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_bfloat16_weights_survive_and_answer_in_float32(make_model, all_tasks, tmp_path):
    make_model(all_tasks()).to(torch.bfloat16).save_pretrained(tmp_path)

    loaded = PolyheadModel.from_pretrained(tmp_path)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.bfloat16}
    assert loaded.encode(["a cat"]).dtype == "float32"
    assert PolyheadModel.from_pretrained(tmp_path, dtype=torch.float32).dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_a_task_added_to_a_checkpoint_leaves_the_others_bit_equal(name, checkpoints, tmp_path):
    before = load_file(checkpoints / f"{name}.safetensors")
    config = PolyheadConfig.from_pretrained(checkpoints / name)
    config.tasks.append(TaskConfig(name="urgent", kind="binary_classification", labels=["no", "yes"]))
    model = PolyheadModel.from_pretrained(checkpoints / name, config=config, allow_missing=True)
    model.save_pretrained(tmp_path / "more")

    after = reference(PolyheadModel.from_pretrained(tmp_path / "more"))
    assert set(after) - set(before) == {"logits.urgent"}
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


def test_missing_head_weights_are_named_and_never_replaced_by_random_ones(checkpoints, tmp_path):
    model = PolyheadModel.from_pretrained(checkpoints / "BERT")
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    lacking = {name: value for name, value in weights.items() if not name.startswith("polyhead.heads.toxic.")}
    save_file(lacking, tmp_path / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(
        ValueError, match=r"lacks the weights of: polyhead\.heads\.toxic\.output\.bias, .*allow_missing=True"
    ):
        PolyheadModel.from_pretrained(tmp_path)
    assert PolyheadModel.from_pretrained(tmp_path, allow_missing=True).config.task("toxic").num_labels == 2


def test_the_files_own_key_names_restore_disturbed_weights(checkpoints):
    model = PolyheadModel.from_pretrained(checkpoints / "BERT")
    expected = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    model.load_state_dict(load_file(checkpoints / "BERT" / "model.safetensors"), strict=False)

    assert [name for name, value in model.state_dict().items() if not torch.equal(value, expected[name])] == []
