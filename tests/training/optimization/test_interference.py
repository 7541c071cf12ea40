import json

import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.optimization.interference import gradient_cosines, task_batches
from polyhead.training.optimization.interference_report import draw_interference, interference_table, mean_cosines

from ..conftest import LOUD, PET, SLOTS, moved, row, weights

UP, DOWN = (TaskConfig(name=name, kind="regression") for name in ("up", "down"))
ROWS = [row("a cat", up=1.0, down=-1.0), row("the dog", up=2.0, down=-2.0)]
SETS = {
    "posts": [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2)],
    "words": [row(["a", "cat"], slots=[0, 1]), row(["the", "dog"], slots=[0, 1])],
}


def batches_of(trainer_for, model, rows):
    trainer = trainer_for(model, rows)
    return task_batches(trainer.train_dataset, model.config.tasks, trainer.data_collator)


def test_tasks_that_want_the_opposite_have_cosine_minus_one(new_model, trainer_for):
    model = new_model(UP, DOWN)
    heads = model.polyhead.heads
    for parameter in heads["up"].parameters():
        parameter.data.fill_(0.0 if parameter.ndim == 1 else 1e-3)
    heads["down"].load_state_dict(
        heads["up"].state_dict()
    )  # both answer about 0: one should rise, the other fall as much
    cosines = gradient_cosines(model, batches_of(trainer_for, model, ROWS))

    assert list(cosines) == ["embeddings", "layers.0", "layers.1", "all"]
    assert cosines["all"][0][1] == pytest.approx(-1.0, abs=1e-3)
    assert cosines["layers.1"][0][0] == pytest.approx(1.0)


def test_cosines_are_those_of_the_gradients_that_backward_gives(new_model, trainer_for):
    model = new_model(PET, LOUD, SLOTS)
    batches = batches_of(trainer_for, model, SETS)
    found = gradient_cosines(model, batches)
    vectors = []
    for name, batch in batches.items():
        inputs = {key: value for key, value in batch.items() if key not in ("where", "labels")}
        model.zero_grad()
        model.eval()(**inputs, labels={name: batch["labels"][name]}).loss.backward()
        layer = model.backbone.encoder.layer[1]
        vectors.append(torch.cat([parameter.grad.flatten() for parameter in layer.parameters()]))

    for first in range(3):
        for second in range(3):
            expected = torch.cosine_similarity(vectors[first], vectors[second], dim=0).item()
            assert found["layers.1"][first][second] == pytest.approx(expected, abs=1e-5)


def test_what_is_frozen_has_no_cosine(new_model, trainer_for):
    model = new_model(PET, LOUD, projection_dim=8)
    for parameter in model.backbone.parameters():
        parameter.requires_grad_(False)

    assert list(gradient_cosines(model, batches_of(trainer_for, model, SETS))) == ["pooling", "all"]


def test_a_run_that_is_measured_ends_bit_equal_and_leaves_its_report(new_model, trainer_for, tmp_path):
    ends = []
    for every in (None, 2):
        model = new_model(PET, LOUD, SLOTS, dropout=0.3)
        options = {"max_steps": 5, "per_device_train_batch_size": 2, "learning_rate": 1e-2, "balance": "famo"}
        freeze = [{"part": "embeddings", "until_step": 3}]
        trainer_for(model, SETS, interference_every_steps=every, freeze=freeze, **options).train()
        ends.append(weights(model))

    assert moved(*ends) == set()
    report = tmp_path / "run" / "interference.jsonl"
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert lines[0]["tasks"] == ["pet", "loud", "slots"]
    assert ("embeddings" in lines[0]["cosines"], "embeddings" in lines[1]["cosines"]) == (False, True)
    assert report.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_a_resumed_run_goes_on_with_the_report_where_it_was_cut(new_model, trainer_for, tmp_path):
    options = {"max_steps": 4, "per_device_train_batch_size": 2, "interference_every_steps": 1}
    trainer_for(new_model(PET, LOUD, SLOTS), SETS, save_strategy="steps", save_steps=1, **options).train()
    report = tmp_path / "run" / "interference.jsonl"
    whole = report.read_text()
    report.write_text(whole + '{"step": 5, "tas')  # a line that a kill has cut
    trainer = trainer_for(new_model(PET, LOUD, SLOTS, seed=7), SETS, **options)
    trainer.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-3"))

    assert report.read_text() == whole


def test_the_table_has_means_over_the_run_by_pair_and_depth(tmp_path):
    report = tmp_path / "interference.jsonl"
    lines = [
        {"step": 1, "tasks": ["a", "b"], "cosines": {"layers.10": [[1, 0.5], [0.5, 1]], "all": [[1, 0.2], [0.2, 1]]}},
        {
            "step": 2,
            "tasks": ["a", "b"],
            "cosines": {"layers.9": [[1, None], [None, 1]], "all": [[1, -0.4], [-0.4, 1]]},
        },
    ]
    report.write_text("".join(json.dumps(line) + "\n" for line in lines))

    depths, pairs = mean_cosines(report)
    assert depths == ["layers.9", "layers.10", "all"]
    assert pairs == {"a ~ b": [None, 0.5, pytest.approx(-0.1)]}
    assert [line.split() for line in interference_table(report).splitlines()] == [
        ["tasks", "layers.9", "layers.10", "all"],
        ["a", "~", "b", "+0.50", "-0.10"],
    ]
    draw_interference(report, tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
