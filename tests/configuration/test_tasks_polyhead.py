import dataclasses
import json

import numpy as np
import pytest
from torch import nn

from polyhead.configuration.task_kinds_polyhead import KINDS_OF_FIELD, LOSSES, RESERVED_TASK_NAMES, TASK_KINDS
from polyhead.configuration.tasks_polyhead import TaskConfig

AB = ["a", "b"]
TAGS = ["O", "B-x", "I-x"]
SINGLE = "single_label_classification"
LABELS = {"regression": None, "pair_similarity": None, "token_classification": TAGS}


def test_reserved_names_are_the_attributes_of_the_module_that_holds_the_heads():
    attributes = {name for name in dir(nn.ModuleDict()) if not name.startswith("_")}
    assert attributes | {"smart_apply"} == RESERVED_TASK_NAMES  # which transformers adds once a model has been built


@pytest.mark.parametrize("name", ["", "1st", "my task", "a-b", "a.b", "__class__", "_hidden", "naïve", None, 3])
def test_a_task_name_is_a_plain_identifier(name):
    with pytest.raises(ValueError, match=r"must be a plain identifier: letters, digits and _, a letter first"):
        TaskConfig(name=name, kind="regression")


@pytest.mark.parametrize("name", ["keys", "forward", "type", "training", "smart_apply"])
def test_a_task_name_does_not_hide_an_attribute_of_torch_modules(name):
    with pytest.raises(ValueError, match=f"'{name}' is an attribute of torch modules; choose another, .* 'my_{name}'"):
        TaskConfig(name=name, kind="regression")


def test_a_task_name_does_not_hide_the_embeddings_that_predict_adds():
    with pytest.raises(ValueError, match="'embeddings' is a key of predict's answers"):
        TaskConfig(name="embeddings", kind="regression")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "sentiment"}, r"'topic', field 'kind': 'sentiment' is not one of single_label_classification, "),
        ({"head": "rnn"}, "field 'head': 'rnn' is not one of linear, mlp, attention"),
        ({"head_input": "raw"}, "field 'head_input': 'raw' is not one of pooled, projected, normalized"),
        ({"loss": "mse"}, "field 'loss': 'mse' is not one of cross_entropy"),
        ({"label_smoothing": 1.0}, r"field 'label_smoothing': 1.0 is not in \[0, 1\)"),
        ({"label_smoothing": float("nan")}, r"field 'label_smoothing': nan is not in \[0, 1\)"),
        ({"head_dropout": -0.1}, r"field 'head_dropout': -0.1 is not in \[0, 1\)"),
        ({"weight": -1}, "field 'weight': -1 is negative or not finite; 0 switches the task's loss off"),
        ({"weight": float("nan")}, "field 'weight': nan is negative or not finite"),
        ({"head_num_layers": 0}, "field 'head_num_layers': 0 must be at least 1"),
        ({"head_num_attention_heads": 0}, "field 'head_num_attention_heads': 0 must be at least 1"),
        ({"head_hidden_size": 0}, "field 'head_hidden_size': 0 must be at least 1"),
        ({"class_weights": [1.0, -2.0]}, r"field 'class_weights': \[1.0, -2.0\] holds a negative"),
        ({"class_weights": [1.0, float("nan")]}, "field 'class_weights': .*nan.* holds a negative or infinite factor"),
        ({"class_weights": ["1", "2"]}, r"field 'class_weights': \['1', '2'\] must be a list of numbers, or a mapping"),
        ({"class_weights": {"a": "2"}}, r"field 'class_weights': .* or a mapping of texts to numbers, or left out"),
        ({"class_weights": 5}, "field 'class_weights': 5 must be a list of numbers"),
        ({"class_weights": 0}, "field 'class_weights': 0 must be a list of numbers"),
        ({"weight": "high"}, "field 'weight': 'high' must be a number"),
        ({"weight": True}, "field 'weight': True must be a number"),
        ({"head_num_layers": 1.5}, "field 'head_num_layers': 1.5 must be a whole number"),
        ({"head_hidden_size": "wide"}, "field 'head_hidden_size': 'wide' must be a whole number, or left out"),
        ({"head_layer_norm": "no"}, "field 'head_layer_norm': 'no' must be True or False"),
        ({"head_activation": 3}, "field 'head_activation': 3 must be a text"),
        ({"metric": ["f1"]}, r"field 'metric': \['f1'\] must be a text, or left out"),
        ({"class_weights": [1.0]}, "field 'class_weights': 1 numbers given, 2 needed for labels"),
        ({"class_weights": {"a": -2.0}}, r"field 'class_weights': \{'a': -2.0\} holds a negative"),
        (
            {"class_weights": {"c": 2.0}},
            r"field 'class_weights': \['c'\] are no labels of the task; there are \['a', 'b'\]",
        ),
        ({"labels": "abc"}, "field 'labels': 'abc' must be a list of names"),
        ({"labels": [0, 1]}, r"field 'labels': \[0, 1\] must be strings: quote numbers and yes/no in YAML"),
        ({"labels": [True, False]}, "field 'labels': .* must be strings"),
        ({"labels": ["a", " "]}, "field 'labels': .* hold an empty name"),
        ({"labels": ["a", "b", "a"]}, r"field 'labels': \['a'\] stand twice"),
        ({"labels": ["a"]}, r"field 'labels': \['a'\] are too few: at least 2 needed"),
    ],
)
def test_a_field_out_of_range_is_refused_with_task_field_and_reason(fields, message):
    with pytest.raises(ValueError, match=message):
        TaskConfig(**{"name": "topic", "kind": SINGLE, "labels": AB, **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "binary_classification", "labels": ["a", "b", "c"]}, r"must be two: \[negative, positive\]"),
        ({"kind": "binary_classification", "labels": AB, "pos_weight": [1.0, 2.0]}, "2 numbers given, 1 needed"),
        ({"kind": "binary_classification", "labels": AB, "thresholds": [1.5]}, r"'thresholds': .* lie in \[0, 1\]"),
        ({"kind": "multi_label_classification", "labels": ["a", "b", "c"], "thresholds": [0.1, 0.2]}, "3 needed"),
        ({"kind": "multi_label_classification", "labels": AB, "pos_weight": [float("inf")]}, "infinite factor"),
        ({"kind": "regression", "target_mean": [0.0, 1.0]}, "2 numbers given, 1 needed for labels None"),
        ({"kind": "regression", "labels": AB, "target_scale": [1.0]}, "'target_scale': 1 numbers given, 2 needed"),
        ({"kind": "regression", "target_scale": [0.0]}, r"'target_scale': \[0.0\] must be positive"),
        ({"kind": "ordinal_regression", "labels": ["one"]}, "are too few"),
        ({"kind": "token_classification", "labels": TAGS, "head": "attention"}, "answers per word; use 'linear' or"),
        ({"kind": "token_classification", "labels": ["PER", "O"]}, "must be BIO tags: 'O', and 'B-name' and 'I-name'"),
        ({"kind": "token_classification", "labels": ["B-x", "I-x"]}, "must be BIO tags"),
        ({"kind": "pair_similarity", "labels": AB}, "answers with a number and has no labels"),
        ({"kind": "pair_similarity", "head": "mlp"}, "is the cosine of two embeddings and has no head"),
        ({"kind": "pair_similarity", "value_range": [5, 0]}, r"\[5, 0\] must be \[lowest, highest\]"),
        ({"kind": "pair_similarity", "value_range": [1]}, r"\[1\] must be \[lowest, highest\]"),
        ({"kind": "pair_similarity", "value_range": [float("nan"), 1]}, r"must be \[lowest, highest\]"),
        (
            {"kind": "pair_similarity", "matryoshka_dims": []},
            r"'matryoshka_dims': \[\] must be different whole numbers",
        ),
        ({"kind": "pair_similarity", "matryoshka_dims": [8, 0]}, r"\[8, 0\] must be different whole numbers from 1 on"),
        ({"kind": "pair_similarity", "matryoshka_dims": [8, 8]}, r"\[8, 8\] must be different whole numbers"),
        ({"kind": "pair_similarity", "matryoshka_dims": [8.0]}, r"\[8.0\] must be a list of whole numbers"),
        (
            {"kind": "pair_classification", "labels": AB, "loss": "multiple_negatives_ranking"},
            "not one of cross_entropy",
        ),
    ],
)
def test_a_field_that_contradicts_the_kind_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        TaskConfig(name="topic", **fields)


@pytest.mark.parametrize(
    ("field", "kind"),
    [(field, kind) for field, kinds in KINDS_OF_FIELD.items() for kind in TASK_KINDS if kind not in kinds],
)
def test_a_field_that_the_kind_never_reads_is_refused_rather_than_ignored(field, kind):
    numbers = dict.fromkeys(("label_smoothing", "min_confidence", "max_out_of_scope"), 0.5)
    value = {**numbers, "value_range": [0.0, 5.0], "matryoshka_dims": [8]}.get(field, [0.5])
    with pytest.raises(ValueError, match=f"'topic', field '{field}': {kind} does not read it; leave it out"):
        TaskConfig(name="topic", kind=kind, labels=LABELS.get(kind, AB), **{field: value})


@pytest.mark.parametrize(
    ("kind", "labels", "num_logits"),
    [
        (SINGLE, ["a", "b", "c"], 3),
        ("binary_classification", AB, 1),
        ("multi_label_classification", ["a", "b", "c"], 3),
        ("multi_label_classification", ["a"], 1),
        ("regression", None, 1),
        ("regression", ["valence", "arousal"], 2),
        ("ordinal_regression", ["low", "mid", "high"], 2),  # one per step between neighbours
        ("token_classification", TAGS, 3),
        ("pair_similarity", None, 0),  # the cosine needs no head
        ("pair_classification", AB, 2),
    ],
)
def test_the_kind_decides_how_many_logits_a_head_gives(kind, labels, num_logits):
    assert TaskConfig(name="topic", kind=kind, labels=labels).num_logits == num_logits


@pytest.mark.parametrize("kind", TASK_KINDS)
def test_the_first_loss_of_a_kind_is_its_default_and_stays_unwritten(kind):
    task = TaskConfig(name="topic", kind=kind)
    assert task.loss == LOSSES[kind][0]
    assert task.to_dict() == {"name": "topic", "kind": kind}


@pytest.mark.parametrize(
    ("kind", "is_pair", "is_token"), [(SINGLE, False, False), ("token_classification", False, True)]
)
def test_the_kind_tells_what_a_task_reads(kind, is_pair, is_token):
    task = TaskConfig(name="topic", kind=kind)
    assert (task.is_pair, task.is_token) == (is_pair, is_token)
    assert TaskConfig(name="topic", kind="pair_similarity").is_pair
    assert TaskConfig(name="topic", kind="pair_classification").is_pair


def test_a_label_is_numbered_by_its_position():
    task = TaskConfig(name="topic", kind=SINGLE, labels=["zebra", "ant", "10", "9"])
    assert task.label2id == {"zebra": 0, "ant": 1, "10": 2, "9": 3}


def test_labels_may_be_left_out_until_the_data_are_read():
    task = TaskConfig(name="topic", kind=SINGLE, class_weights=[1.0, 2.0, 3.0])
    assert (task.labels, task.known_labels, task.label2id, task.num_labels) == (None, [], {}, 1)


def test_class_weights_by_label_wait_for_the_labels_that_the_data_hold():
    task = TaskConfig(name="topic", kind=SINGLE, class_weights={"rare": 3.0})
    assert dataclasses.replace(task, labels=["often", "rare"]).label_factors("class_weights") == [1.0, 3.0]
    with pytest.raises(ValueError, match=r"field 'class_weights': \['rare'\] are no labels of the task"):
        dataclasses.replace(task, labels=["often", "seldom"])


def test_class_weights_may_come_as_an_array():
    task = TaskConfig(name="topic", kind=SINGLE, labels=AB, class_weights=np.array([0.5, 2.0], dtype=np.float32))
    assert json.loads(json.dumps(task.to_dict()))["class_weights"] == [0.5, 2.0]


def test_positive_weights_may_be_given_by_label_but_not_to_a_binary_task():
    task = TaskConfig(name="t", kind="multi_label_classification", labels=["a", "b", "c"], pos_weight={"b": 2.0})
    assert task.label_factors("pos_weight") == [1.0, 2.0, 1.0]
    with pytest.raises(ValueError, match="field 'pos_weight': a binary task has one positive class"):
        TaskConfig(name="t", kind="binary_classification", labels=["no", "yes"], pos_weight={"yes": 2.0})


def test_one_threshold_and_one_positive_weight_may_serve_all_labels():
    task = TaskConfig(
        name="t", kind="multi_label_classification", labels=["a", "b", "c"], thresholds=[0.3], pos_weight=[2.0]
    )
    assert (task.thresholds, task.pos_weight) == ([0.3], [2.0])


def test_a_task_survives_json():
    task = TaskConfig(
        name="topic", kind=SINGLE, labels=("b", "a"), head="mlp", head_hidden_size=8, class_weights=(0.5, 2.0), weight=3
    )
    fields = json.loads(json.dumps(task.to_dict()))
    assert fields == {
        "name": "topic",
        "kind": SINGLE,
        "labels": ["b", "a"],
        "head": "mlp",
        "head_hidden_size": 8,
        "class_weights": [0.5, 2.0],
        "weight": 3,
    }
    assert TaskConfig(**fields) == task
