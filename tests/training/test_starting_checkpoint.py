"""A run starts from a trained model with its heads: old tasks stay, new ones are added."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import yaml

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.scope_polyhead import Scope
from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.recipe.recipe_error import RecipeError
from polyhead.training.training import prepare_trainer, train_recipe

from .conftest import COUNT, moved, weights

PET = TaskConfig(name="pet", kind="single_label_classification", labels=["dog", "cat", "none"], head="mlp", weight=0.5)
LOUD = {"name": "loud", "kind": "binary_classification"}
RECORDS = [{"text": "a cat", "loud": "no", "pet": "cat", "count": 1}, {"text": "dog !", "loud": "yes", "pet": "dog"}]
QUIET = {"use_cpu": True, "disable_tqdm": True, "num_train_epochs": 3, "learning_rate": 0.01}


@pytest.fixture
def trained(make_model, tmp_path):
    """A trained model of two tasks, saved beside the recipe."""
    model = make_model([PET, COUNT])
    model.config.results = [{"task": "pet", "dataset": "d", "split": "test", "metric": "accuracy", "value": 1.0}]
    model.save_pretrained(tmp_path / "trained")
    return model


@pytest.fixture
def recipe(tmp_path, trained):
    """Write a recipe that starts from it."""
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))

    def _recipe(*tasks, labels=("loud",), model=None, data=None):
        content = {
            "model": model or {"checkpoint": "trained"},
            "tasks": list(tasks) or [LOUD],
            "data": [
                {"name": "d", "text": "text", "labels": {n: n for n in labels}, **(data or {"train": "rows.jsonl"})}
            ],
            "train": QUIET,
        }
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content))
        return tmp_path / "recipe.yaml"

    return _recipe


def start(path, tmp_path):
    return prepare_trainer(load_recipe(path), tmp_path / "out").model


def test_old_tasks_need_no_data_and_keep_order_labels_and_weights(recipe, trained, tmp_path):
    model = start(recipe(), tmp_path)

    assert [task.name for task in model.config.tasks] == ["pet", "count", "loud"]
    assert model.config.tasks[:2] == trained.config.tasks
    assert model.config.task("loud").labels == ["no", "yes"]
    before, now = weights(trained), weights(model)
    assert set(now) - set(before) == {"polyhead.heads.loud.output.weight", "polyhead.heads.loud.output.bias"}
    assert moved(before, now) == set()
    assert model.predict("a cat", tasks=["pet"]) == trained.predict("a cat", tasks=["pet"])


def test_a_new_head_follows_the_seed(recipe, tmp_path):
    heads = []
    for seed in (1, 1, 2):
        path = recipe()
        path.write_text(path.read_text() + f"  seed: {seed}\n")
        heads.append(start(path, tmp_path).polyhead.heads["loud"].output.weight)

    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_an_old_task_takes_from_the_checkpoint_what_the_recipe_leaves_out(recipe, trained, tmp_path):
    pet = {"name": "pet", "kind": "single_label_classification", "label_smoothing": 0.1}
    model = start(recipe(LOUD, pet, labels=("loud", "pet")), tmp_path)

    task = model.config.task("pet")
    assert (task.labels, task.head, task.weight, task.label_smoothing) == (["dog", "cat", "none"], "mlp", 0.5, 0.1)


def test_a_number_stays_in_the_unit_that_its_head_learned(recipe, trained, tmp_path):
    model = start(recipe({"name": "count", "kind": "regression"}, labels=("count",)), tmp_path)

    assert (model.config.task("count").target_mean, model.config.task("count").target_scale) == ([2.0], [1.5])


def test_a_run_from_a_checkpoint_trains_saves_and_forgets_the_old_scores(recipe, trained, tmp_path):
    train_recipe(recipe(), tmp_path / "out", with_pictures=False)
    loaded = PolyheadModel.from_pretrained(tmp_path / "out")

    assert "polyhead.heads.loud.output.weight" in moved(weights(start(recipe(), tmp_path)), weights(loaded))
    assert set(loaded.predict("a cat")) == {"pet", "count", "loud"}
    assert loaded.config.results == []


def test_what_was_calibrated_for_the_old_weights_is_forgotten(recipe, trained, tmp_path):
    old = {"temperature": 2.0, "min_confidence": 0.7, "max_out_of_scope": 2.0}
    trained.config.tasks[0] = dataclasses.replace(trained.config.tasks[0], **old)
    trained.scopes = {"pet": Scope.of(np.ones((5, 32)))}
    trained.save_pretrained(tmp_path / "trained")
    model = start(recipe(), tmp_path)
    task = model.config.task("pet")
    assert (task.temperature, task.min_confidence, task.max_out_of_scope) == (1.0, None, None)
    assert model.scopes == {}


def test_a_similarity_that_is_only_measured_needs_no_training_rows(recipe, tmp_path):
    records = [{"a": "a cat", "b": "dog", "sts": 1}, {"a": "cat", "b": "cat", "sts": 5}]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    path = recipe(LOUD, {"name": "sts", "kind": "pair_similarity", "value_range": [0, 5]})
    content = yaml.safe_load(path.read_text())
    content["data"].append({"name": "p", "validation": "pairs.jsonl", "text": ["a", "b"], "labels": {"sts": "sts"}})
    content["train"]["guard"] = {"tasks": ["sts"], "max_drift": 0, "action": "stop"}
    content["train"] |= {"retain": {"tasks": ["pet"]}, "warmup_steps": 0}
    path.write_text(yaml.safe_dump(content))
    result = train_recipe(path, tmp_path / "out", with_pictures=False)

    assert set(result.scores) == {"sts"}
    assert result.stopped is not None
    assert result.stopped.startswith("train.guard ended the run: the embedding drifted by ")
    assert "beyond max_drift 0. The model is the last one, beyond its limits. To train past" in result.stopped
    assert (tmp_path / "out" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        (
            {"kind": "binary_classification"},
            "tasks.pet.kind: binary_classification came, but it was trained with single",
        ),
        (
            {"labels": ["cat", "dog", "none"]},
            r"tasks.pet.labels: \['cat', 'dog', 'none'\] came, .* \['dog', 'cat', 'none'\]",
        ),
        ({"head": "linear"}, "tasks.pet.head: linear came, but it was trained with mlp; leave the field out"),
    ],
)
def test_a_task_that_contradicts_its_namesake_is_refused(recipe, tmp_path, task, problem):
    path = recipe(LOUD, {"name": "pet", "kind": "single_label_classification", **task}, labels=("loud", "pet"))

    with pytest.raises(ValueError, match=problem):
        start(path, tmp_path)


def test_a_new_task_still_needs_labels(recipe, tmp_path):
    with pytest.raises(ValueError, match=r"tasks.mood: no usable label in any train split"):
        start(recipe(LOUD, {"name": "mood", "kind": "regression"}), tmp_path)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (
            {"checkpoint": "trained", "backbone": "bert"},
            "backbone and checkpoint came; give exactly one of",
        ),
        ({"checkpoint": "trained", "pooling": "cls"}, "a checkpoint is what it is; leave pooling out"),
        (
            {"checkpoint": "${NOT_SET_ANYWHERE}/x"},
            "model.checkpoint: .* needs the environment variable NOT_SET_ANYWHERE",
        ),
        ({"max_length": 8}, "neither came; give exactly one of"),
    ],
)
def test_a_section_that_asks_for_two_origins_is_refused(recipe, model, problem):
    with pytest.raises(RecipeError, match=problem):
        load_recipe(recipe(model=model))


def test_a_checkpoint_that_is_not_there_is_named_when_it_is_read(recipe, tmp_path):
    path = recipe(model={"checkpoint": "./elsewhere"})

    with pytest.raises(ValueError, match=r"correct model.checkpoint of .*recipe.yaml: no folder .*elsewhere; give a"):
        start(path, tmp_path)


def test_a_folder_that_is_no_polyhead_checkpoint_is_named(recipe, trained, tmp_path):
    trained.backbone.save_pretrained(tmp_path / "plain")

    with pytest.raises(ValueError, match=r"correct model.checkpoint .* is no polyhead checkpoint"):
        start(recipe(model={"checkpoint": "plain"}), tmp_path)


def test_a_checkpoint_that_lacks_old_weights_is_refused(recipe, trained, tmp_path):
    state = {name: weight for name, weight in trained.state_dict().items() if "heads.pet.output" not in name}
    trained.save_pretrained(tmp_path / "trained", state_dict=state)

    with pytest.raises(ValueError, match=r"lacks the weights of polyhead\.heads\.pet\.output\.bias"):
        start(recipe(), tmp_path)


def test_a_new_binary_head_begins_at_its_log_odds_and_a_trained_one_where_it_was(recipe, make_model, tmp_path):
    trained = make_model([TaskConfig(name="calm", kind="binary_classification", labels=["no", "yes"])])
    trained.save_pretrained(tmp_path / "binary")
    records = [{"text": "a cat", "loud": answer, "calm": answer} for answer in ("yes", "no", "no", "no")]
    (tmp_path / "four.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    path = recipe(
        LOUD,
        {**LOUD, "name": "calm"},
        model={"checkpoint": "binary"},
        labels=("loud", "calm"),
        data={"train": "four.jsonl"},
    )
    heads = start(path, tmp_path).polyhead.heads

    assert heads["loud"].output.bias.item() == pytest.approx(np.log(1.5 / 3.5))  # half a row of either kind is added
    assert torch.equal(heads["calm"].output.bias, trained.polyhead.heads["calm"].output.bias)
