"""Whatever a user gets wrong with models, texts and commands: exit code 2, and what came, where, and how to mend it."""

import shutil

import pytest
from safetensors.torch import load_file, save_file

from .conftest import RECIPE, recipe, rows

TRAIN = "train recipe.yaml --output out"
# Pairs for ALL_KINDS, whose task compares scores; all scores are missing.
CLOSE = """\
model: {from_scratch: {model_type: bert, num_hidden_layers: 1, hidden_size: 32, num_attention_heads: 2, intermediate_size: 32}}
tasks: [{name: closeness, kind: pair_similarity, loss: multiple_negatives_ranking}]
data: [{name: tiny, train: train.jsonl, text: [a, b], labels: {closeness: score}}]
"""
SCORELESS = '{"a": "x", "b": "y", "score": null}\n{"a": "z", "b": "w", "score": null}\n'


# Name of the mistake: files that differ from the sound ones, the command, and parts of the message:
# what came, where it came, how to mend it. TRAINED and ALL_KINDS stand for the folders of two models.
# fmt: off
MISTAKES = {
    # Folders and models.
    "output not empty": ({"out/notes": ""}, TRAIN, "not empty", "'out'", "Name a new one"),
    "output of a stopped run": (
        {"out/checkpoint-3/notes": ""}, TRAIN, "not empty", "'out'", "go on with --resume"),
    "output is a file": ({"out": ""}, TRAIN, "is a file", "'out'", "name a folder"),
    "nothing to resume": ({}, f"{TRAIN} --resume", "nothing to resume", "'out'", "without --resume"),
    "no checkpoint to resume": ({"out/notes": ""}, f"{TRAIN} --resume", "no checkpoint", "'out'", "Name a new folder"),
    "no such model": ({}, "predict no/model hello", "cannot be loaded", "'no/model' is no folder", "Give the folder"),
    "a folder without a model": ({}, "predict . hello", "no config.json", "model '.'", "Give the folder"),
    "a plain backbone": (
        {"plain/config.json": '{"model_type": "bert"}'},
        "predict plain hello", "no polyhead checkpoint", "'plain'", "use PolyheadModel.from_backbone"),
    "a config that is not JSON": (
        {"model/config.json": "{"}, "predict model hello", "cannot be loaded", "model 'model'", "Give the folder"),
    "unknown backbone to encode": ({}, "encode me/bertt hello", "'me/bertt' cannot be loaded", "backbone", "Check the"),
    "a folder that encodes nothing": ({}, "encode . hello", "'.' cannot be loaded", "backbone", "Check the spelling"),
    "unknown task": ({}, "predict TRAINED hello --tasks tpoic", "no task 'tpoic'", "in this model", "Its tasks: topic"),
    "unknown prompt": ({}, "encode TRAINED hello --prompt-name no", "no prompt 'no'", "this model", "prompts: ['q"),
    "too many dimensions": ({}, "encode TRAINED hello --truncate-dim 99", "99", "truncate_dim", "between 1 and"),
    "pairs for a model without": (
        {}, "predict TRAINED --pair one other",
        "pairs came", "TRAINED", "give single texts. Its tasks: topic, mood"),
    "one text for a pair task": (
        {}, "predict ALL_KINDS hello --tasks closeness",
        "tuples of two texts", "task 'closeness'", "Choose other tasks"),
    "evaluate: no such split": (
        {}, "evaluate TRAINED recipe.yaml --split dev", "'dev'", "--split", "'train', 'validation'"),
    "evaluate: a split without file": (
        {}, "evaluate TRAINED recipe.yaml --split test", "no data set", "recipe.yaml has a 'test' split", "--split"),
    "evaluate: a label of other data": (
        recipe(", labels: [science, sport]}", "}") | rows(topic="arts"),
        "evaluate TRAINED recipe.yaml --split train", "'arts' is not a label", "train.jsonl:2", "known: science"),
    "evaluate: unknown task": (
        {}, "evaluate TRAINED recipe.yaml --split train --tasks no",
        "no task 'no'", "in this model", "Its tasks: topic"),
    "evaluate: pairs without a column of scores": (
        {"recipe.yaml": CLOSE.replace("closeness: score", "closeness: null"), "train.jsonl": SCORELESS},
        "evaluate ALL_KINDS recipe.yaml --split train", "is null, so no column came",
        "train.jsonl:1: data.tiny.labels.closeness", "name the column (columns: a, b, score)"),
    "evaluate: pairs without scores": (
        {"recipe.yaml": CLOSE, "train.jsonl": SCORELESS},
        "evaluate ALL_KINDS recipe.yaml --split train", "no label here, nor in any other row",
        "train.jsonl:1 column 'score': task 'closeness'", "name another one under data.tiny.labels.closeness"),
    "evaluate: a task without labels": (
        {"train.jsonl": '{"text": "a", "topic": "sport", "mood": null}\n'},
        "evaluate TRAINED recipe.yaml --split train --tasks mood", "task 'mood' has no label", "train.jsonl:1 column 'mood'",
        "fill the column in"),
    "evaluate: a task that no data set labels": (
        {"recipe.yaml": RECIPE.replace("  - {name: mood, kind: regression}\n", "").replace(", mood: mood}", "}")},
        "evaluate TRAINED recipe.yaml --split train --tasks mood", "no data set labels this task", "mood:", "add it to"),
    "evaluate: --save without a folder": (
        {}, "evaluate me/model recipe.yaml --split train --save",
        "'me/model'", "no folder", "download the model first"),
    "an export to encode with": ({"onnx/polyhead.json": "{}"}, "encode onnx a", "is an ONNX export", "'onnx'", "OnnxPolyhead"),
    "an ONNX export": ({"onnx/polyhead.json": "{}"}, "predict onnx a", "is an ONNX export", "'onnx'", "OnnxPolyhead"),
    # The texts.
    "blank sentence": ({}, "predict TRAINED ' '", "is empty or blank", "TEXT 1", "--on-bad flag"),
    "blank line": ({"t.txt": "a\n\nb\n"}, "encode TRAINED --file t.txt", "empty or blank", "t.txt:2", "--on-bad flag"),
    "half a pair": ({}, "predict ALL_KINDS --pair one", "1 TEXT arguments", "--pair", "two by two"),
    "texts and a file": ({"t.txt": "a"}, "predict TRAINED a --file t.txt", "TEXT came", "--file t.txt", "give one"),
    "no such file": ({}, "predict TRAINED --file no.txt", "does not exist", "--file no.txt", "give a .txt"),
    "a .json file": ({"t.json": '["a"]'}, "predict TRAINED --file t.json", "line by line", "t.json", "save it as .jsonl"),
    "an empty file": ({"t.txt": ""}, "predict TRAINED --file t.txt", "is empty", "t.txt", "give at least one line"),
    "not text": ({"t.txt": b"\xff\xfe"}, "predict TRAINED --file t.txt", "byte 0xff", "t.txt:1", "saved as UTF-8"),
    "no such column": (
        {}, "predict TRAINED --file train.jsonl --column txt", "no such column", "txt: train.jsonl", "is 'text'"),
    "semicolons in --file": (
        {"t.csv": "text;b\nx;y\n"}, "predict TRAINED --file t.csv", "one column", "t.csv:1", "save t.csv as that"),
    "a column without a file": ({}, "predict TRAINED a --column b", "--column b", "without --file", "name the file"),
    "output that exists": (
        {"e.npy": ""}, "encode TRAINED a --output e.npy", "exists", "--output e.npy", "name a new file"),
    "output of another kind": ({}, "encode TRAINED a --output e.txt", "'.txt'", "--output e.txt", "name a .npy or"),
    # Heads.
    "no such head": ({}, "heads drop TRAINED nix --output out", "no task", "'nix'", "topic, mood"),
    "head's name is taken": ({}, "heads rename TRAINED topic mood --output out", "already", "'mood'", "rename or drop"),
    "head's name is no identifier": ({}, "heads rename TRAINED topic a/b --output out", "plain identifier", "'a/b'", "_"),
    "no such head file": ({}, "heads add TRAINED x.safetensors --output out", "no such", "x.safetensors", "heads extract"),
    "no head file": ({"a.safetensors": "x"}, "heads add TRAINED a.safetensors --output out", "", "a.safetensors", "heads"),
    "head of another kind": ({}, "heads extract TRAINED topic --output h.bin", "safetensors", "h.bin", "name a file"),
    "head file is there": (
        {"h.safetensors": ""}, "heads extract TRAINED topic --output h.safetensors", "exists", "h.safetensors", "new"),
    "heads clash": ({}, "heads merge TRAINED TRAINED --output out", "already", "'topic'", "rename or drop"),
    "heads of another model": (
        {}, "heads merge TRAINED ALL_KINDS --tasks toxic --output out", "another model", "'toxic'", "Train it on this"),
    # Calibration.
    "too few rows to calibrate": (
        {}, "calibrate TRAINED recipe.yaml --tasks topic", "labelled items", "'topic'", "needs 30"),
    "numbers cannot be calibrated": (
        {}, "calibrate TRAINED recipe.yaml --tasks mood", "answers with numbers", "'mood'", "leave it out"),
    "no folder to calibrate": ({}, "calibrate nowhere recipe.yaml", "no folder", "'nowhere'", "download"),
    "coverage and precision": (
        {}, "calibrate TRAINED recipe.yaml --coverage 0.9 --precision 0.9", "two ways", "coverage and precision", "give one"),
    "coverage in percent": (
        {}, "calibrate TRAINED recipe.yaml --coverage 90", "90.0", "coverage 90.0", "such as 0.9"),
    "abstaining without a threshold": (
        {}, "predict TRAINED a --abstain --tasks topic", "nothing says when", "answers of topic", "--coverage 0.9"),
    "a number cannot be withheld": (
        {}, "predict TRAINED a --abstain --tasks mood", "one answer", "mood (regression)", "Leave it out"),
    # The command.
    "no such command": ({}, "trian", "No such command", "'trian'", "for help"),
    "no such option": ({}, f"{TRAIN} --outputs x", "No such option", "--outputs", "for help"),
    "missing argument": ({}, "train --output out", "Missing argument", "RECIPE", "for help"),
    "missing option": ({}, "train recipe.yaml", "Missing option", "--output", "for help"),
    "a batch of no text": ({}, "predict TRAINED a --batch-size 0", "Invalid value", "--batch-size", "for help"),
}
# fmt: on


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_ends_with_exit_code_2_and_what_where_and_how(name, assert_mistake):
    assert_mistake(*MISTAKES[name])


def test_checkpoint_without_the_weights_of_a_head_is_refused_by_name(polyhead, trained, tmp_path):
    damaged = shutil.copytree(trained, tmp_path / "damaged", ignore=shutil.ignore_patterns("checkpoint-*"))
    tensors = load_file(damaged / "model.safetensors")
    removed = [name for name in tensors if name.startswith("polyhead.heads.mood")]
    kept = {name: tensor for name, tensor in tensors.items() if name not in removed}
    save_file(kept, damaged / "model.safetensors", {"format": "pt"})

    result = polyhead("predict", damaged, "hello")

    assert removed
    assert result.exit_code == 2
    for part in (f"'{damaged}' lacks the weights of", removed[0], "Load a complete checkpoint"):
        assert part in result.stderr


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_file_cut_in_half_is_a_mistake_that_names_the_model(file, polyhead, trained, tmp_path):
    damaged = shutil.copytree(trained, tmp_path / "damaged", ignore=shutil.ignore_patterns("checkpoint-*"))
    content = (damaged / file).read_bytes()
    (damaged / file).write_bytes(content[: len(content) // 2])

    result = polyhead("predict", damaged, "hello")

    assert result.exit_code == 2, result.output
    assert f"model '{damaged}' cannot be loaded" in result.stderr
    assert "Give the folder" in result.stderr
