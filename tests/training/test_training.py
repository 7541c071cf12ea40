"""Whole runs: from a recipe file to a folder that answers, and back to its scores."""

import json
import re
import shutil
from functools import partial

import pytest
import torch
import yaml

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.data import row_stream
from polyhead.training.recipe_evaluation import evaluate_recipe
from polyhead.training.training import train_recipe

from .conftest import moved, weights
from .test_learning import sentences

TINY_BERT = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY_BERT |= {"intermediate_size": 48, "max_position_embeddings": 32}
TRAIN = {"num_train_epochs": 2, "per_device_train_batch_size": 8, "seed": 3, "use_cpu": True, "disable_tqdm": True}
run = partial(train_recipe, with_pictures=False)  # drawing them takes longer than a run as small as these


def write_rows(path, part):
    records = [
        {"text": " ".join(words + end), "pets": sorted(pets), "loud": "yes" if end else "no", "number": len(pets)}
        for words, pets, end in list(sentences(60))[part]
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def recipe(tmp_path):
    """Write a recipe with its data; arguments replace or add keys of the sections."""
    for split, part in (("train", slice(0, 40)), ("validation", slice(40, 50)), ("test", slice(50, 60))):
        write_rows(tmp_path / f"{split}.jsonl", part)

    def _recipe(train=None, data=None, model=None):
        labels = {"pets": "pets", "loud": "loud", "number": "number"}
        splits = {split: f"{split}.jsonl" for split in ("train", "validation", "test")}
        content = {
            "model": {"from_scratch": TINY_BERT, "vocab_size": 60, "max_length": 16, **(model or {})},
            "tasks": [
                {"name": "pets", "kind": "multi_label_classification"},
                {"name": "loud", "kind": "binary_classification"},
                {"name": "number", "kind": "regression"},
            ],
            "data": [{"name": "toy", **splits, "text": "text", "labels": labels, **(data or {})}],
            "train": {key: value for key, value in {**TRAIN, **(train or {})}.items() if value is not None},
        }
        content["data"][0] = {key: value for key, value in content["data"][0].items() if value is not None}
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return _recipe


def test_a_recipe_becomes_a_folder_that_answers(recipe, tmp_path):
    result = run(recipe(), tmp_path / "out")
    loaded = PolyheadModel.from_pretrained(tmp_path / "out")

    assert moved(weights(result.model), weights(loaded)) == set()
    assert loaded.predict("so the cat !") == result.model.predict("so the cat !")
    assert loaded.config.task("pets").labels == ["cat", "dog"]
    assert loaded.config.task("loud").labels == ["no", "yes"]
    assert loaded.max_length == 16
    assert loaded.tokenizer.tokenize("the cat") == ["the", "cat"]
    assert not [path for path in (tmp_path / "out").iterdir() if path.suffix in (".bin", ".pt", ".pth")]


def test_the_card_tells_how_the_model_was_trained_and_names_no_folder(recipe, tmp_path, monkeypatch):
    path = recipe(train={"hub_token": "hf_secret"})
    result = train_recipe(path, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    text = re.search(r"```yaml\n(.*?)```", card, re.DOTALL)[1]
    written = yaml.safe_load(text)
    steps = json.loads((result.record / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    assert f"{steps} steps with polyhead" in card
    assert written["tasks"] == yaml.safe_load(path.read_text())["tasks"]
    assert written["data"][0]["train"] == "train.jsonl"
    assert str(tmp_path) not in card
    assert "hf_secret" not in card
    assert "| `heads` | " in card
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", card)
    assert [tmp_path / "out" / picture for picture in pictures] == result.pictures
    assert "run/losses.png" in pictures


def test_scores_stand_in_the_config_and_are_those_of_the_saved_model(recipe, tmp_path):
    result = run(recipe(), tmp_path / "out")
    told = json.loads((tmp_path / "out" / "config.json").read_text())["polyhead"]["results"]
    loaded, scores = evaluate_recipe(tmp_path / "out", recipe(), "validation")

    assert result.split == "validation"
    assert scores == result.scores
    common = {"dataset": "toy", "split": "validation"}
    assert told == loaded.config.results
    assert told == [
        {"task": "pets", "metric": "f1_macro", "value": scores["pets"]["f1_macro"], **common},
        {"task": "loud", "metric": "accuracy", "value": scores["loud"]["accuracy"], **common},
        {"task": "number", "metric": "pearson", "value": scores["number"]["pearson"], **common},
    ]


def test_scores_of_a_run_in_mixed_precision_are_those_of_the_saved_model_too(recipe, tmp_path):
    result = run(recipe(train={"bf16": True}), tmp_path / "out")

    assert evaluate_recipe(tmp_path / "out", recipe(), "validation")[1] == result.scores


def test_the_model_is_the_one_of_the_best_epoch(recipe, tmp_path):
    # So high a rate that later epochs are worse than the first.
    train = {"num_train_epochs": 4, "learning_rate": 0.3, "lr_scheduler_type": "constant", "warmup_steps": 0}
    result = run(recipe(train={**train, "save_total_limit": 4, "keep_checkpoints": True}), tmp_path / "out")
    state = json.loads((tmp_path / "out" / "checkpoint-20" / "trainer_state.json").read_text())
    best = PolyheadModel.from_pretrained(tmp_path / "out" / f"checkpoint-{state['best_global_step']}")

    scores = {log["step"]: log["eval_score"] for log in state["log_history"] if "eval_score" in log}
    assert scores[state["best_global_step"]] == max(scores.values())
    assert moved(weights(best), weights(result.model)) == set()


def test_without_validation_rows_the_last_weights_stay_and_nothing_is_measured(recipe, tmp_path):
    result = run(recipe(data={"validation": None}, train={"keep_checkpoints": True}), tmp_path / "out")

    assert (result.split, result.scores) == (None, {})
    assert result.model.config.results == []
    last = PolyheadModel.from_pretrained(tmp_path / "out" / "checkpoint-10")
    assert moved(weights(last), weights(result.model)) == set()


@pytest.mark.parametrize("train", [{"save_strategy": "no"}, {"eval_strategy": "no"}])
def test_a_run_that_saves_or_measures_nothing_on_the_way_still_ends_with_scores(recipe, tmp_path, train):
    result = run(recipe(train=train), tmp_path / "out")

    assert set(result.scores) == {"pets", "loud", "number"}


def test_a_recipe_with_a_stream_trains_by_steps_on_what_its_first_rows_tell(recipe, tmp_path):
    lines = (tmp_path / "train.jsonl").read_text().splitlines()
    later = json.dumps({**json.loads(lines[0]), "text": "zzz"})
    (tmp_path / "train.jsonl").write_text("\n".join([*lines[:30], later, *lines[30:]]))
    train = {"num_train_epochs": None, "max_steps": 7, "eval_steps": 5, "logging_steps": 1}  # saved as often
    stream = {"streaming": True, "first_rows": 20, "buffer_rows": 16}
    result = run(recipe(train=train, data=stream), tmp_path / "out")
    log = [json.loads(line) for line in (tmp_path / "out" / "run" / "metrics.jsonl").read_text().splitlines()]

    numbers = [json.loads(line)["number"] for line in lines[:20]]
    assert result.model.config.task("number").target_mean == [sum(numbers) / 20]
    assert "z" not in result.model.tokenizer.get_vocab()  # the tokenizer has learned from the first rows
    assert set(result.scores) == {"pets", "loud", "number"}
    assert [entry["step"] for entry in log if "loss" in entry] == list(range(1, 8))
    assert [entry["step"] for entry in log if "eval_score" in entry] == [5, 7]
    assert evaluate_recipe(tmp_path / "out", recipe(), "validation")[1] == result.scores


def test_a_run_on_a_stream_goes_on_after_a_later_row_was_mended(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(row_stream, "CHUNK_ROWS", 10)
    lines = (tmp_path / "train.jsonl").read_text().splitlines()
    wrong = json.dumps({**json.loads(lines[30]), "loud": "maybe"})
    (tmp_path / "train.jsonl").write_text("\n".join([*lines[:30], wrong, *lines[31:]]))
    train = {"num_train_epochs": None, "max_steps": 6, "save_steps": 1, "logging_steps": 1}
    made = recipe(train=train, data={"streaming": True, "first_rows": 20, "buffer_rows": 8, "validation": None})

    with pytest.raises(ValueError, match=r"train\.jsonl:31 column 'loud': 'maybe' is not a label of task 'loud'"):
        run(made, tmp_path / "out")
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    run(made, tmp_path / "out", resume=True)

    log = [json.loads(line) for line in (tmp_path / "out" / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry] == [1, 2, 3, 4, 5, 6]


def test_the_same_seed_gives_the_same_model_and_another_seed_another(recipe, tmp_path):
    runs = {
        name: run(recipe(), tmp_path / name, overrides=[f"train.seed={seed}"]).output / "model.safetensors"
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    }

    assert runs["first"].read_bytes() == runs["again"].read_bytes()
    assert runs["first"].read_bytes() != runs["other"].read_bytes()


def test_a_run_that_was_stopped_goes_on_to_the_same_model(recipe, tmp_path):
    whole = run(recipe(), tmp_path / "whole")
    run(recipe(train={"keep_checkpoints": True}), tmp_path / "stopped")
    shutil.rmtree(tmp_path / "stopped" / "checkpoint-10")
    (tmp_path / "stopped" / "model.safetensors").unlink()
    torch.manual_seed(99)

    resumed = run(recipe(), tmp_path / "stopped", resume=True)
    assert moved(weights(whole.model), weights(resumed.model)) == set()
    assert resumed.scores == whole.scores
    assert (tmp_path / "stopped" / "model.safetensors").is_file()


def test_other_splits_and_chosen_tasks_can_be_measured(recipe, tmp_path):
    run(recipe(), tmp_path / "out")
    model, scores = evaluate_recipe(tmp_path / "out", recipe(), "test", tasks=["loud"])

    assert list(scores) == ["loud"]
    together = evaluate_recipe(model, recipe(), "test")[1]["loud"]
    del together["joint_accuracy"]  # of the rows that it shares with the tasks left out
    assert together == scores["loud"]
    with pytest.raises(ValueError, match=r"no task 'lowd' in this model. Its tasks: pets, loud, number"):
        evaluate_recipe(tmp_path / "out", recipe(), "test", tasks=["lowd"])
    with pytest.raises(ValueError, match=r"no data set of .*recipe.yaml has a 'test' split"):
        evaluate_recipe(tmp_path / "out", recipe(data={"test": None}), "test")


def test_labels_of_the_data_are_mapped_by_name(recipe, tmp_path):
    run(recipe(), tmp_path / "out")
    expected = evaluate_recipe(tmp_path / "out", recipe(), "test", tasks=["loud"])[1]
    path = recipe()
    path.write_text(
        path.read_text().replace(
            "- kind: binary_classification", "- kind: binary_classification\n  labels: ['yes', 'no']"
        )
    )

    assert evaluate_recipe(tmp_path / "out", path, "test", tasks=["loud"])[1] == expected


@pytest.mark.parametrize(
    ("prepare", "resume", "message"),
    [
        (lambda out: out.write_text("x"), False, r"output '.*out' is a file; name a folder"),
        (
            lambda out: (out.mkdir(), (out / "notes").touch()),
            False,
            r"'.*out' is not empty. Name a new one\.$",
        ),
        (
            lambda out: (out / "checkpoint-3").mkdir(parents=True),
            False,
            r"'.*out' is not empty. Name a new one, or go on with --resume\.$",
        ),
        (lambda out: None, True, r"nothing to resume: folder '.*out' is empty or missing. Start without --resume"),
        (lambda out: out.mkdir(), True, r"nothing to resume: folder '.*out' is empty or missing"),
        (lambda out: (out.mkdir(), (out / "notes").touch()), True, r"folder '.*out' holds no checkpoint-N. Name a new"),
    ],
    ids=["a file", "not empty", "stopped", "missing", "empty", "no checkpoint"],
)
def test_an_output_folder_that_does_not_fit_is_refused_before_the_work(recipe, tmp_path, prepare, resume, message):
    prepare(tmp_path / "out")

    with pytest.raises(ValueError, match=message):
        run(recipe(data={"train": "absent.jsonl"}), tmp_path / "out", resume=resume)


def test_an_empty_folder_may_be_the_output(recipe, tmp_path):
    (tmp_path / "out").mkdir()
    run(recipe(train={"max_steps": 1}), tmp_path / "out")

    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_what_the_trainer_refuses_names_recipe_and_section(recipe, tmp_path):
    with pytest.raises(ValueError, match=r"correct section train of .*recipe.yaml: label_smoothing_factor"):
        run(recipe(train={"label_smoothing_factor": 0.1}), tmp_path / "out")
    with pytest.raises(ValueError, match=r"correct section train of .*recipe.yaml: .*save and eval strategy"):
        run(recipe(train={"save_strategy": "steps"}), tmp_path / "out")


def test_a_validation_split_without_rows_is_refused_before_the_work(recipe, tmp_path):
    (tmp_path / "validation.jsonl").write_text("")

    with pytest.raises(ValueError, match=r"validation.jsonl"):
        run(recipe(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_with_lora_ends_with_an_ordinary_model_of_the_best_epoch(recipe, tmp_path):
    train = {"lora": {"rank": 4, "dropout": 0.1}, "thaw_every_epochs": 0.5, "learning_rate": 1e-2}
    train |= {"keep_checkpoints": True}
    result = run(recipe(train=train), tmp_path / "out")
    loaded, scores = evaluate_recipe(tmp_path / "out", recipe(), "validation")

    assert scores == result.scores
    assert moved(weights(result.model), weights(loaded)) == set()
    assert not [name for name in weights(loaded) if "lora" in name]
    assert list((tmp_path / "out").glob("checkpoint-*/model.safetensors"))
