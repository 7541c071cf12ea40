"""What is out of scope: distances by hand, and training rows that travel with the model."""

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import save_file

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.scope_polyhead import SCOPE, Scope, read_scopes, write_scopes

ROWS = "topic.training_rows"
TEXTS = ["the cat", "a dog!", "the dog, the cat"]


def scope_of(seed=0):
    """Rows as wide as a tiny model's embedding, whose numbers stand for nothing."""
    return Scope.of(np.random.default_rng(seed).normal(size=(5, 32)))


@pytest.fixture
def scoped(tiny_model):
    """A model whose first task tells what is out of scope."""
    topic = tiny_model.config.task("topic")
    tiny_model.scopes = {"topic": scope_of()}
    told = dataclasses.replace(topic, min_confidence=0.0, max_out_of_scope=1e6)
    tiny_model.config.tasks = [told, *tiny_model.config.tasks[1:]]
    return tiny_model


def set_most(model, most):
    model.config.tasks[0] = dataclasses.replace(model.config.tasks[0], max_out_of_scope=most)


def test_the_score_is_the_distance_to_the_nearest_training_row_over_the_confidence():
    # (3, 4) is (0.6, 0.8) at length 1: cosines 0.6 and 0.8 with the rows, and the nearer one counts.
    scope = Scope.of(np.array([[5.0, 0.0], [0.0, 0.5]]))
    texts = np.array([[3.0, 4.0], [3.0, 4.0], [0.0, 7.0], [-1.0, -1.0]])
    found = scope.score(texts, np.array([1.0, 0.5, 0.5, 1.0]))
    assert found.tolist() == pytest.approx([0.2, 0.4, 0.0, 1 + 0.5**0.5], abs=1e-6)


def test_many_texts_at_once_are_far_as_one_alone():
    scope, texts = scope_of(), np.random.default_rng(1).normal(size=(700, 32))
    found = scope.distances(texts)
    assert found.shape == (700,)
    assert [scope.distances(text[None])[0] for text in texts[::99]] == pytest.approx(found[::99].tolist(), abs=1e-6)


def test_strange_texts_are_withheld_and_say_so(scoped):
    embeddings, answers = scoped.encode(TEXTS), scoped.predict(TEXTS, tasks=["topic"])["topic"]
    scores = scoped.scopes["topic"].score(embeddings, np.array([answer["score"] for answer in answers]))
    low, _, high = np.sort(scores)
    set_most(scoped, (low + high) / 2)
    found = scoped.predict(TEXTS, tasks=["topic"], abstain=True)["topic"]
    assert [answer["out_of_scope"] for answer in found] == pytest.approx(scores.tolist(), rel=1e-5)
    for before, after, score in zip(answers, found, scores, strict=True):
        is_strange = score > (low + high) / 2
        assert after["reason"] == ("out of scope" if is_strange else None)
        assert after["label"] == (None if is_strange else before["label"])
        assert after["scores"] == before["scores"]
    assert "out_of_scope" not in scoped.predict(TEXTS, tasks=["topic"])["topic"][0]


def test_what_is_out_of_scope_is_told_before_what_is_not_sure(scoped):
    scoped.config.tasks[0] = dataclasses.replace(scoped.config.tasks[0], min_confidence=1.0, max_out_of_scope=0.0)
    assert scoped.predict("the cat", tasks=["topic"], abstain=True)["topic"]["reason"] == "out of scope"


def test_training_rows_travel_with_the_model_and_go_with_the_threshold(scoped, tmp_path):
    scoped.save_pretrained(tmp_path)
    loaded = PolyheadModel.from_pretrained(tmp_path)
    assert loaded.predict(TEXTS, tasks=["topic"], abstain=True) == scoped.predict(TEXTS, tasks=["topic"], abstain=True)
    assert (tmp_path / SCOPE).stat().st_mode == (tmp_path / "config.json").stat().st_mode
    loaded.config.tasks[0] = dataclasses.replace(loaded.config.tasks[0], max_out_of_scope=None)
    loaded.save_pretrained(tmp_path)
    assert not (tmp_path / SCOPE).exists()
    assert PolyheadModel.from_pretrained(tmp_path).scopes == {}


def test_a_threshold_without_its_training_rows_is_refused(scoped):
    scoped.scopes = {}
    with pytest.raises(ValueError, match="nothing says when to withhold the answers of topic"):
        scoped.predict("the cat", tasks=["topic"], abstain=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "there is no such file"),
        (lambda file: file.write_bytes(b"x" * 100), "header"),
        (lambda file: save_file({"other": np.zeros(3)}, file), "must be float16 .* but nothing came"),
        (lambda file: save_file({ROWS: np.zeros((5, 31), np.float16)}, file), r"\(rows, 32\), but float16 \(5, 31\)"),
        (lambda file: save_file({ROWS: np.zeros((5, 32))}, file), "but float64"),
        (lambda file: save_file({ROWS: np.zeros((0, 32), np.float16)}, file), r"but float16 \(0, 32\)"),
        (lambda file: save_file({ROWS: np.full((5, 32), np.nan, np.float16)}, file), "what is no number"),
    ],
)
def test_damaged_training_rows_are_refused_when_the_model_is_loaded(scoped, tmp_path, damage, message):
    scoped.save_pretrained(tmp_path)
    damage(tmp_path / SCOPE)
    with pytest.raises(ValueError, match=f"by which topic tells what is out of scope, cannot be read.*{message}"):
        PolyheadModel.from_pretrained(tmp_path)


def test_several_tasks_share_one_file(all_tasks, tmp_path):
    topic = dataclasses.replace(all_tasks()[0], max_out_of_scope=1.0)
    other = dataclasses.replace(topic, name="other", labels=["a", "b"])
    scopes = {task.name: scope_of(seed) for seed, task in enumerate([topic, other])}
    write_scopes(tmp_path, scopes)
    found = read_scopes(tmp_path / SCOPE, [topic, other], 32)
    assert all((found[name].training_rows == scopes[name].training_rows).all() for name in scopes)
    write_scopes(tmp_path, {})
    assert not list(tmp_path.iterdir())
