"""What is out of scope: distances by hand, and statistics that travel with the model."""

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.scope_polyhead import SCOPE, Scope, read_scopes, write_scopes

TEXTS = ["the cat", "a dog!", "the dog, the cat"]


def scope_of(task, size=32, seed=0):
    """Statistics as wide as a tiny model's embedding, whose numbers stand for nothing."""
    generator = np.random.default_rng(seed)
    whitening, means = generator.normal(size=(size, size)), generator.normal(size=(task.num_labels, size))
    return Scope(whitening.astype(np.float32), means.astype(np.float32))


@pytest.fixture
def scoped(tiny_model):
    """A model whose first task tells what is out of scope."""
    topic = tiny_model.config.task("topic")
    tiny_model.scopes = {"topic": scope_of(topic)}
    told = dataclasses.replace(topic, min_confidence=0.0, max_out_of_scope=1e6)
    tiny_model.config.tasks = [told, *tiny_model.config.tasks[1:]]
    return tiny_model


def set_most(model, most):
    model.config.tasks[0] = dataclasses.replace(model.config.tasks[0], max_out_of_scope=most)


def test_the_score_is_the_mean_distance_under_the_heads_probabilities():
    # (3, 4) has the direction (0.6, 0.8), whitened to (1.2, 0.8): 1.44 - 2.4 + 1 + 0.64 = 0.68 from (1, 0), 2.08 from 0.
    scope = Scope(np.diag([2.0, 1.0]).astype(np.float32), np.array([[1, 0], [0, 0]], dtype=np.float32))
    assert scope.distances(np.array([[3.0, 4.0]])) == pytest.approx(np.array([[0.68, 2.08]]))
    found = scope.score(np.array([[3.0, 4.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.5, 0.5]]))
    assert found.tolist() == pytest.approx([0.68, 1.38])


def test_strange_texts_are_withheld_and_say_so(scoped):
    embeddings, answers = scoped.encode(TEXTS), scoped.predict(TEXTS, tasks=["topic"])["topic"]
    probabilities = np.array([list(answer["scores"].values()) for answer in answers])
    scores = scoped.scopes["topic"].score(embeddings, probabilities)
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


def test_statistics_travel_with_the_model_and_go_with_the_threshold(scoped, tmp_path):
    scoped.save_pretrained(tmp_path)
    loaded = PolyheadModel.from_pretrained(tmp_path)
    assert loaded.predict(TEXTS, tasks=["topic"], abstain=True) == scoped.predict(TEXTS, tasks=["topic"], abstain=True)
    assert (tmp_path / SCOPE).stat().st_mode == (tmp_path / "config.json").stat().st_mode
    loaded.config.tasks[0] = dataclasses.replace(loaded.config.tasks[0], max_out_of_scope=None)
    loaded.save_pretrained(tmp_path)
    assert not (tmp_path / SCOPE).exists()
    assert PolyheadModel.from_pretrained(tmp_path).scopes == {}


def test_a_threshold_without_its_statistics_is_refused(scoped):
    scoped.scopes = {}
    with pytest.raises(ValueError, match="nothing says when to withhold the answers of topic"):
        scoped.predict("the cat", tasks=["topic"], abstain=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "there is no such file"),
        (lambda file: file.write_bytes(b"x" * 100), "header"),
        (lambda file: save_file({"other": np.zeros(3)}, file), "topic.whitening must be .* but nothing came"),
        (lambda file: save_file(load_file(file) | {"topic.means": np.zeros((2, 32), np.float32)}, file), r"\(2, 32\)"),
        (lambda file: save_file(load_file(file) | {"topic.means": np.full((3, 32), np.nan)}, file), "must be finite"),
    ],
)
def test_damaged_statistics_are_refused_when_the_model_is_loaded(scoped, tmp_path, damage, message):
    scoped.save_pretrained(tmp_path)
    damage(tmp_path / SCOPE)
    with pytest.raises(ValueError, match=f"by which topic tells what is out of scope, cannot be read.*{message}"):
        PolyheadModel.from_pretrained(tmp_path)


def test_several_tasks_share_one_file(all_tasks, tmp_path):
    topic = dataclasses.replace(all_tasks()[0], max_out_of_scope=1.0)
    other = dataclasses.replace(topic, name="other", labels=["a", "b"])
    scopes = {task.name: scope_of(task, seed=seed) for seed, task in enumerate([topic, other])}
    write_scopes(tmp_path, scopes)
    found = read_scopes(tmp_path / SCOPE, [topic, other], 32)
    assert all((found[name].means == scopes[name].means).all() for name in scopes)
    write_scopes(tmp_path, {})
    assert not list(tmp_path.iterdir())
