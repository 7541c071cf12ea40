"""New heads of labels that are each true or not begin at how often each is true."""

import math

import pytest
import torch

from polyhead import TaskConfig
from polyhead.training.starting_biases import start_at_log_odds

from .conftest import LOUD, PET, moved, row, weights

MOODS = TaskConfig(name="moods", kind="multi_label_classification", labels=["glad", "sad", "calm"])
ROWS = [
    row("a", moods=[1.0, 0.0, 0.0], loud=1, pet=2),
    row("b", moods=[1.0, 1.0, 0.0], loud=0, pet=2),
    row("c", moods=[0.0, 0.0, 0.0], loud=0, pet=2),
    row("d", loud=0),
    row("e"),
]


def bias(model, task):
    return model.polyhead.heads[task].output.bias.tolist()


def test_each_label_begins_at_the_log_odds_of_its_labelled_rows(new_model):
    model = new_model(MOODS, LOUD)
    start_at_log_odds(model, ["moods", "loud"], ROWS)

    # Half a row of either kind is added: 2 of 3 rows are glad, 1 is sad, none is calm; 1 of 4 is loud.
    assert bias(model, "moods") == pytest.approx([math.log(2.5 / 1.5), math.log(1.5 / 2.5), math.log(0.5 / 3.5)])
    assert bias(model, "loud") == pytest.approx([math.log(1.5 / 3.5)])


def test_a_label_that_every_row_has_begins_at_a_finite_distance(new_model):
    model = new_model(LOUD)
    start_at_log_odds(model, ["loud"], [row("a", loud=1), row("b", loud=1)])

    assert bias(model, "loud") == pytest.approx([math.log(2.5 / 0.5)])


@pytest.mark.parametrize(
    ("pos_weight", "expected"),
    [([4.0, 2.0, 0.0], [8.5 / 1.5, 2.5 / 2.5, 0.5 / 3.5]), ([3.0], [6.5 / 1.5, 3.5 / 2.5, 0.5 / 3.5])],
    ids=["one a label", "one for all"],
)
def test_weighted_labels_begin_where_the_weighted_loss_ends(new_model, pos_weight, expected):
    model = new_model(TaskConfig(name="moods", kind=MOODS.kind, labels=MOODS.labels, pos_weight=pos_weight))
    start_at_log_odds(model, ["moods"], ROWS)

    assert bias(model, "moods") == pytest.approx([math.log(odds) for odds in expected])


def test_the_loss_of_a_new_head_begins_at_the_entropy_of_its_labels(new_model):
    model = new_model(LOUD).eval()
    rows = [row("a cat", loud=int(index == 0)) for index in range(100)]
    start_at_log_odds(model, ["loud"], rows)
    model.polyhead.heads["loud"].output.weight.data.zero_()
    inputs = model.tokenizer(["a cat"] * 100, return_tensors="pt")
    labels = {"loud": torch.tensor([row["labels"]["loud"] for row in rows])}

    entropy = -(0.01 * math.log(0.01) + 0.99 * math.log(0.99))
    assert model(**inputs, labels=labels).loss.item() == pytest.approx(entropy, abs=1e-3)


def test_heads_of_other_losses_and_trained_heads_stay_as_they_are(new_model):
    model = new_model(MOODS, LOUD, PET)
    before = weights(model)
    start_at_log_odds(model, ["loud", "pet"], ROWS)

    assert moved(before, weights(model)) == {"polyhead.heads.loud.output.bias"}


def test_a_head_without_labels_stays_as_it_is(new_model):
    model = new_model(MOODS)
    before = weights(model)
    start_at_log_odds(model, ["moods"], [row("a"), row("b", loud=1)])

    assert moved(before, weights(model)) == set()
