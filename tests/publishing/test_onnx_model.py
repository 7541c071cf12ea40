"""An exported model answers as the model does, without torch."""

import dataclasses
import json
import subprocess
import sys
import threading

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from polyhead import OnnxPolyhead
from polyhead.configuration.configuration_polyhead import POOLINGS
from polyhead.configuration.task_kinds_polyhead import ABSTAINING_KINDS, HEAD_KINDS, TASK_KINDS
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.publishing.onnx_export import export_onnx

TEXTS = ["the cat", "A dog ran far, far away!", "b", "  naïve \ud800 zebra\n", "the " * 100]
PAIRS = [("the cat", "a dog ran far away"), ("the " * 100, "b"), ("b", "b")]
WORDS = [["New", "U.S.", "don't"], ["the"], ["a", "cat", "ran", "far"]]
TOLERANCE = 1e-5
SETTINGS = {
    **{pooling: {"pooling": pooling} for pooling in POOLINGS},
    "several": {"pooling": ["cls", "mean"]},
    "projection": {"projection_dim": 8},
    "mix": {"mix_last_layers": 2},
    "unnormalized": {"normalize": False},
    "short": {"max_length": 5},
}


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """Return a function that exports a model and loads the result."""

    def _export(model, **options):
        folder = tmp_path_factory.mktemp("onnx") / "model"
        export_onnx(model, folder, **options)
        return OnnxPolyhead.from_pretrained(folder, num_threads=1)

    return _export


@pytest.fixture(scope="module")
def model(make_model, make_tokenizer, all_tasks):
    """Return a model with all eight kinds of task, prompts, and segments in its input, as BERT's are."""
    model = make_model(all_tasks(), projection_dim=8, prompts={"query": "the: ", "other": "a: "})
    model.tokenizer = make_tokenizer(model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    return model


@pytest.fixture(scope="module")
def exported(model, export):
    return export(model)


def close(value):
    """The same answers, their numbers within the tolerance."""
    if isinstance(value, dict):
        return {key: close(item) for key, item in value.items()}
    if isinstance(value, list):
        return [close(item) for item in value]
    if isinstance(value, np.ndarray):
        return pytest.approx(value, abs=TOLERANCE, nan_ok=True)
    return pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE) if isinstance(value, float) else value


def require_same_answers(model, exported):
    kinds = {task.is_pair for task in model.config.tasks}
    for texts in [PAIRS if is_pair else TEXTS for is_pair in kinds]:
        assert exported.predict(texts, include_embeddings=True) == close(model.predict(texts, include_embeddings=True))


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_embeddings_are_those_of_the_model_for_every_pooling(make_model, export, settings):
    model = make_model(**settings)
    np.testing.assert_allclose(export(model).encode(TEXTS), model.encode(TEXTS), rtol=TOLERANCE, atol=TOLERANCE)


def test_answers_are_those_of_the_model_for_every_kind_and_head(make_model, export):
    labels = {"regression": ["v", "w"], "pair_similarity": None, "token_classification": ["O", "B-x", "I-x"]}
    cases = [(kind, head) for kind in TASK_KINDS for head in HEAD_KINDS]
    refused = {("token_classification", "attention"), ("pair_similarity", "mlp"), ("pair_similarity", "attention")}
    tasks = [
        TaskConfig(name=f"{kind}_{head}", kind=kind, head=head, labels=labels.get(kind, ["no", "yes"]))
        for kind, head in cases
        if (kind, head) not in refused
    ]
    model = make_model(tasks)
    require_same_answers(model, export(model))


def test_answers_are_those_of_the_model_in_any_architecture(make_model, all_tasks, export, backbone_name):
    model = make_model(all_tasks(), backbone=backbone_name)
    require_same_answers(model, export(model))


def test_answers_are_withheld_as_the_model_withholds_them(make_model, all_tasks, export):
    able = [dataclasses.replace(task, min_confidence=0.6) for task in all_tasks() if task.kind in ABSTAINING_KINDS]
    model = make_model(able)
    exported = export(model)
    for texts in (TEXTS, PAIRS):
        told = exported.predict(texts, abstain=True)
        assert told == close(model.predict(texts, abstain=True))
        assert {answer["reason"] for answers in told.values() for answer in answers} > {"low confidence"}


def test_words_given_are_tagged_as_the_model_tags_them(model, exported):
    answers = exported.predict(WORDS, is_split_into_words=True)
    assert answers == close(model.predict(WORDS, is_split_into_words=True))


@pytest.mark.parametrize(
    "options",
    [
        {"prompt_name": "query"},
        {"prompt": "cat "},
        {"normalize": False},
        {"truncate_dim": 4},
        {"truncate_dim": 4, "normalize": False},
        {"batch_size": 1},
        {"batch_size": 100},
    ],
    ids=str,
)
def test_every_option_of_encode_does_what_it_does_in_the_model(model, exported, options):
    np.testing.assert_allclose(exported.encode(TEXTS, **options), model.encode(TEXTS, **options), atol=TOLERANCE)


def test_the_default_prompt_travels(make_model, export):
    model = make_model(prompts={"query": "the: "}, default_prompt_name="query")
    np.testing.assert_allclose(export(model).encode("a cat"), model.encode("the: a cat", prompt=""), atol=TOLERANCE)


def test_single_texts_iterables_and_bad_texts_are_taken_as_the_model_takes_them(model, exported):
    assert exported.predict("a cat") == close(model.predict("a cat"))
    assert exported.predict(("a cat", "b")) == close(model.predict(("a cat", "b")))
    assert exported.encode(text for text in TEXTS).shape == (5, 8)
    assert exported.encode([]).shape == (0, 8)
    bad = ["a cat", None, " "]
    np.testing.assert_allclose(
        exported.encode(bad, on_bad="flag"), model.encode(bad, on_bad="flag"), atol=TOLERANCE, equal_nan=True
    )
    assert exported.predict(bad, on_bad="flag") == close(model.predict(bad, on_bad="flag"))
    with pytest.raises(ValueError, match="1 of 2 texts cannot be read: text 1 is None"):
        exported.predict(["a", None])
    with pytest.raises(ValueError, match="no task 'topics' in this model"):
        exported.predict(["a"], tasks=["topics"])
    assert isinstance(exported.encode(["a cat"], to="torch"), torch.Tensor)


def test_texts_that_were_cut_are_counted(exported, caplog):
    exported.predict([("the " * 39, "a"), ("b", "the " * 38)])
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 4 texts were longer than 40 tokens and were cut."
    ]


def test_threads_that_share_an_exported_model_get_their_own_answers(exported):
    expected = {text: exported.encode(text) for text in TEXTS}
    wrong = []

    def work(text):
        wrong.extend(text for _ in range(20) if np.abs(exported.encode(text) - expected[text]).max() > 1e-6)

    threads = [threading.Thread(target=work, args=[text]) for text in TEXTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_neither_torch_nor_transformers_is_imported(exported, model, tmp_path):
    export_onnx(model, tmp_path / "out")
    code = (
        "import sys, polyhead\n"
        "model = polyhead.OnnxPolyhead.from_pretrained('out')\n"
        "assert model.encode(['a cat', 'b']).shape == (2, 8)\n"
        "assert model.predict('a cat')['topic'] and model.predict(('a cat', 'b'))['closeness']\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout.strip() == "[]"


def test_the_graph_alone_gives_the_embedding_and_every_head_by_name(model, tmp_path):
    export_onnx(model, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "model.onnx",
        "polyhead.json",
        "tokenizer.json",
    ]
    onnx.checker.check_model(str(tmp_path / "out" / "model.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "model.onnx"))
    shapes = {node.name: node.shape for node in session.get_inputs()}
    texts = ["texts", "tokens"]
    assert shapes == {"input_ids": texts, "attention_mask": texts, "token_type_ids": texts, "pairs": ["pairs", 2]}
    tasks = [task.name for task in model.config.tasks]
    names = ["sentence_embedding", "unnormalized_embedding", *(f"logits_{name}" for name in tasks)]
    assert [node.name for node in session.get_outputs()] == names

    inputs = model.tokenizer(["the cat", "a dog ran far"], padding=True, return_tensors="np")
    outputs = dict(zip(names, session.run(None, {**inputs, "pairs": np.array([[1, 0]])}), strict=True))
    np.testing.assert_allclose(
        outputs["sentence_embedding"], model.encode(["the cat", "a dog ran far"]), atol=TOLERANCE
    )
    assert outputs["logits_closeness"] == pytest.approx(
        [model.predict(("a dog ran far", "the cat"))["closeness"]["value"]], abs=TOLERANCE
    )
    assert outputs["logits_slots"].shape == (*inputs["input_ids"].shape, 5)
    described = json.loads((tmp_path / "out" / "polyhead.json").read_text())
    assert {task["name"]: task.get("labels") for task in described["tasks"]} == {
        task.name: task.labels for task in model.config.tasks
    }


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "polyhead.json").unlink(), "has no polyhead.json that can be read: No such file"),
        (lambda folder: (folder / "polyhead.json").write_text("{"), r"polyhead\.json is damaged or of another version"),
        (lambda folder: (folder / "polyhead.json").write_text("{}"), "damaged or of another version: 'tasks'"),
        (
            lambda folder: (folder / "polyhead.json").write_text('{"tasks": [], "a": 1}'),
            "unexpected keyword argument 'a'",
        ),
        (lambda folder: (folder / "model.onnx").write_bytes(b"onnx"), r"cannot be loaded: .*Export the model again"),
        (
            lambda folder: (folder / "tokenizer.json").unlink(),
            r"cannot be loaded: No such file.*Export the model again",
        ),
    ],
)
def test_a_folder_that_cannot_be_read_says_so(make_model, tmp_path, damage, message):
    export_onnx(make_model(), tmp_path / "out")
    damage(tmp_path / "out")
    with pytest.raises(ValueError, match=message):
        OnnxPolyhead.from_pretrained(tmp_path / "out")


def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r"OnnxPolyhead needs onnxruntime: pip install 'polyhead\[onnx\]'"):
        OnnxPolyhead.from_pretrained(tmp_path)


@pytest.mark.parametrize("normalize", [None, True, False])
def test_pairs_run_through_the_graph_as_through_the_model(model, exported, normalize):
    first, second = (model.tokenize(list(side)) for side in zip(*PAIRS, strict=True))
    ((rows, expected),) = model.run_tokenized(first, second, batch_size=3, normalize=normalize)
    ((same_rows, found),) = exported.run_tokenized(first, second, batch_size=3, normalize=normalize)
    assert same_rows == rows
    for name in ("sentence_embedding", "pair_sentence_embedding"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=TOLERANCE)
    assert list(found.logits) == list(expected.logits)
    for name, logits in expected.logits.items():
        for row, position in enumerate(rows):
            # The second text may have padded the first one further.
            answers = [
                side[row, : len(first[position])] if name == "slots" else side[row]
                for side in (found.logits[name], logits)
            ]
            np.testing.assert_allclose(*answers, atol=TOLERANCE)
