"""`pipeline("polyhead")` from the code in the checkpoint, against `predict`."""

import dataclasses
import subprocess
import sys

import pytest
from transformers import pipeline

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.scope_polyhead import Scope

TEXTS = ["the cat sat", "a dog ran far, far away!", "zebra"]
SCRIPT = """
import json, sys
sys.modules["polyhead"] = None  # whoever imports it fails
from transformers import pipeline
answer = pipeline("polyhead", model=sys.argv[1], trust_remote_code=True)
print(json.dumps(answer("the cat sat")))
print([row["topic"]["reason"] for row in answer(["the cat sat", "zebra"], tasks=["topic"], abstain=True)])
"""


@pytest.fixture(scope="module")
def checkpoint(make_model, all_tasks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline") / "checkpoint"
    model = make_model(all_tasks())
    model.config.tasks[0] = dataclasses.replace(model.config.tasks[0], min_confidence=0.0, max_out_of_scope=1e-4)
    model.scopes = {"topic": Scope.of(model.encode(TEXTS[:1]))}
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def answer(checkpoint):
    return pipeline("polyhead", model=str(checkpoint), trust_remote_code=True)


@pytest.fixture(scope="module")
def model(checkpoint):
    return PolyheadModel.from_pretrained(checkpoint)


def by_text(answers):
    return [dict(zip(answers, row, strict=True)) for row in zip(*answers.values(), strict=True)]


def test_all_tasks_answer_in_one_call_as_predict_does(answer, model):
    expected = by_text(model.predict(TEXTS))
    assert answer(TEXTS) == expected
    assert list(answer(text for text in TEXTS)) == expected
    assert answer(TEXTS[0]).keys() == expected[0].keys() == {"topic", "toxic", "tags", "affect", "grade", "slots"}


@pytest.mark.parametrize("option", ["batch_size", "num_workers"])
def test_options_that_every_pipeline_has_reach_predict_too(checkpoint, option):
    answer = pipeline("polyhead", model=str(checkpoint), trust_remote_code=True, **{option: 0})
    with pytest.raises(ValueError, match=f"{option} 0 must be at least 1"):
        answer(TEXTS)
    assert len(answer(TEXTS, **{option: 2})) == len(TEXTS)


def test_pairs_are_answered_by_tasks_on_pairs(answer, model):
    pairs = [("a cat", "a dog"), ("the dog", "zebra")]
    assert answer(pairs) == by_text(model.predict(pairs))
    assert answer(pairs[0]).keys() == {"closeness", "entails"}


def test_options_go_to_predict(answer, checkpoint, model):
    assert answer(TEXTS, tasks=["topic"]) == by_text(model.predict(TEXTS, tasks=["topic"]))
    assert answer(TEXTS, tasks=["topic"], abstain=True) == by_text(model.predict(TEXTS, tasks=["topic"], abstain=True))
    only = pipeline("polyhead", model=str(checkpoint), trust_remote_code=True, tasks=["grade"])
    assert only(TEXTS) == by_text(model.predict(TEXTS, tasks=["grade"]))
    with pytest.raises(ValueError, match="no task 'x'"):
        answer(TEXTS, tasks=["x"])


def test_an_iterable_is_answered_while_it_is_read(answer):
    read = []

    def texts():
        for number in range(600):
            read.append(number)
            yield "the cat"

    first = next(iter(answer(texts(), tasks=["topic"])))
    assert first["topic"]["label"] in ("Science", "Sports", "Arts")
    assert len(read) == 256


def test_it_needs_no_polyhead(checkpoint):
    result = subprocess.run([sys.executable, "-c", SCRIPT, checkpoint], capture_output=True, text=True, check=True)
    assert '"topic": {"label":' in result.stdout
    assert "[None, 'out of scope']" in result.stdout


def test_a_loaded_pipelines_model_can_be_saved(answer, checkpoint, tmp_path):
    answer.model.save_pretrained(tmp_path)
    assert (tmp_path / "config.json").read_bytes() == (checkpoint / "config.json").read_bytes()
