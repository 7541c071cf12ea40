"""What the pictures show is what was logged."""

import math
from itertools import pairwise

import numpy as np
import pytest

from polyhead.training.metrics.confusion import Confusion
from polyhead.training.run.pictures import draw_pictures
from polyhead.training.run.pictures_confusion import draw_confusion
from polyhead.training.run.pictures_curves import draw_losses, draw_scores
from polyhead.training.run.pictures_rates import draw_rates
from polyhead.training.run.pictures_shares import draw_shares

from ..conftest import COUNT, LOUD, PET

ENTRIES = [
    {
        "step": 2,
        "loss/pet": 4.0,
        "loss/loud": 1.0,
        "share/pet": 0.75,
        "share/loud": 0.25,
        "lr/low": 0.0,
        "lr/heads": 0.1,
    },
    {"step": 4, "loss/pet": 2.0, "share/pet": 1.0, "lr/low": 0.01, "lr/heads": 0.2},
    {"step": 4, "eval_score": 0.6, "eval_pet_accuracy": 0.5, "eval_pet_loss": 3.0, "eval_loud_accuracy": 0.7},
]


def lines(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def test_each_task_with_a_loss_has_a_panel_with_training_and_validation():
    panels = {panel.get_title(): lines(panel) for panel in draw_losses(ENTRIES, [PET, LOUD, COUNT]).axes}

    assert set(panels) == {"pet", "loud"}
    assert [[2, 4.0], [4, 2.0]] in panels["pet"].values()
    assert panels["pet"]["training"] == [[2, 3.0], [4, 3.0]]  # a running mean
    assert panels["pet"]["validation"] == [[4, 3.0]]
    assert "validation" not in panels["loud"]


def test_scores_are_the_main_metrics_and_the_multi_task_score():
    (axes,) = draw_scores(ENTRIES, [PET, LOUD]).axes

    expected = {"pet (accuracy)": [[4, 0.5]], "loud (accuracy)": [[4, 0.7]], "multi-task score": [[4, 0.6]]}
    assert lines(axes) == expected


def test_a_frozen_group_leaves_a_gap_in_the_rates():
    (axes,) = draw_rates(ENTRIES).axes
    found = lines(axes)

    assert found["heads"] == [[2, 0.1], [4, 0.2]]
    assert math.isnan(found["low"][0][1])
    assert found["low"][1] == [4, 0.01]


def test_shares_are_stacked_over_the_steps_that_they_are_about():
    (axes,) = draw_shares(ENTRIES, [PET, LOUD]).axes
    bars = [(bar.get_x(), bar.get_width(), bar.get_y(), bar.get_height()) for bar in axes.patches]

    assert bars == [(0, 2, 0.0, 0.75), (2, 2, 0.0, 1.0), (0, 2, 0.75, 0.25), (2, 2, 1.0, 0.0)]


def test_a_loss_that_was_not_finite_leaves_a_gap():
    (panel,) = draw_losses([{"step": 1, "loss/pet": None}, {"step": 2, "loss/pet": 2.0}], [PET]).axes
    (first, second) = panel.lines[0].get_xydata().tolist()

    assert math.isnan(first[1])
    assert second == [2, 2.0]


def test_the_bar_of_a_long_run_shows_the_mean_of_its_entries():
    entries = [{"step": step, "share/pet": 1.0 if step % 2 else 0.0} for step in range(1, 81)]
    (axes,) = draw_shares(entries, [PET]).axes

    assert [(bar.get_width(), bar.get_height()) for bar in axes.patches] == [(2, 0.5)] * 40


def test_a_label_in_a_script_that_the_font_lacks_is_drawn_without_a_warning(tmp_path):
    (tmp_path / "metrics.jsonl").touch()
    files = draw_pictures(tmp_path, [PET], {"pet": Confusion(["猫", "犬"], np.eye(2, dtype=int))})

    assert files == [tmp_path / "confusion_pet.png"]
    assert files[0].read_bytes().startswith(b"\x89PNG")


def test_a_confusion_matrix_shows_shares_of_each_true_label():
    figure = draw_confusion("pet", Confusion(["cat", "dog", "$"], np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])))
    axes = figure.axes[0]

    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "0.75", (1, 0): "0.25", (1, 1): "1.00"}  # column, row
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat (4)", "dog (2)", r"\$ (0)"]
    assert axes.get_title() == "pet: 5 of 6 right"
    assert np.isnan(np.ma.filled(axes.images[0].get_array(), np.nan)[2]).all()  # no row is truly "$"


def test_labels_of_large_tasks_stay_apart():
    labels = [f"a_long_name_of_an_intent_{number}" for number in range(77)]
    figure = draw_confusion("intent", Confusion(labels, np.eye(77, dtype=int)))
    figure.draw_without_rendering()

    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(boxes))
    assert not figure.axes[0].texts


@pytest.mark.parametrize("draw", [draw_losses, draw_scores, draw_shares])
def test_what_was_never_logged_is_not_drawn(draw):
    assert draw([{"step": 1}], [PET]) is None
    assert draw_rates([{"step": 1}]) is None
