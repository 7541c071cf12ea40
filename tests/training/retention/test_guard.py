"""The guard: scores and drift against the start of the run, by hand; and what happens beyond a limit."""

import json
import logging

import pytest
import torch
from safetensors.torch import load_file

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.evaluation import evaluate_model
from polyhead.training.retention.agreement import agreement

from ..conftest import COUNT, LOUD, PET, SAME, SLOTS, as_dataset, row
from ..test_trainer_losses import GRADE, NEAR, TAGS, TEXTS

TRAIN = [row(text, number, loud=number % 2) for number, text in enumerate(TEXTS)]
UNLABELLED = [row(text, number, loud=number % 2) for number, text in enumerate(TEXTS[:5])]
LABELLED = [row(text, number, loud=number % 2, pet=number % 3) for number, text in enumerate(TEXTS[:5])]
RUN = {
    "learning_rate": 3e-3,
    "max_steps": 6,
    "per_device_train_batch_size": 4,
    "eval_strategy": "steps",
    "eval_steps": 2,
}
RUN |= {"warmup_steps": 0}


@pytest.fixture
def guarded(new_model, trainer_for):
    """Train under a guard; return the trainer and its lines about the guard."""

    def _guarded(guard, validation=LABELLED, model=None, resume=None, **options):
        model = model or new_model(PET, LOUD, seed=1)
        trainer = trainer_for(model, TRAIN, validation, guard=guard, **{**RUN, **options})
        trainer.train(resume_from_checkpoint=resume and str(resume))
        return trainer, [log for log in trainer.state.log_history if "guard/drift" in log]

    return _guarded


def test_drift_is_one_minus_the_mean_cosine_to_the_start(guarded, new_model):
    model = new_model(PET, LOUD, seed=1).eval()
    start = torch.tensor(model.encode(TEXTS[:5])).double()
    trainer, lines = guarded({}, model=model)
    now = torch.tensor(trainer.model.eval().encode(TEXTS[:5])).double()

    cosines = [float(a @ b / a.norm() / b.norm()) for a, b in zip(start, now, strict=True)]
    assert [line["step"] for line in lines] == [0, 2, 4, 6]
    assert lines[0]["guard/drift"] == 0.0
    assert lines[-1]["guard/drift"] == pytest.approx(1 - sum(cosines) / 5, abs=1e-6)
    assert lines[-1]["guard/drift"] > 1e-4


def test_a_labelled_task_is_watched_by_its_main_metric(guarded, new_model):
    model = new_model(PET, LOUD, seed=1).eval()
    start = evaluate_model(model, as_dataset(model, LABELLED))["pet"]["accuracy"]
    _, lines = guarded({"tasks": ["pet"]}, model=model)

    assert lines[0]["guard/pet"] == start
    assert [line["guard/pet"] for line in lines[1:]] == [line["eval_pet_accuracy"] for line in lines[1:]]


def test_a_task_without_labels_is_watched_by_its_own_answers_at_the_start(guarded, new_model):
    model = new_model(PET, LOUD, seed=1).eval()
    start = [answer["label"] for answer in model.predict(TEXTS[:5])["pet"]]
    trainer, lines = guarded({"tasks": ["pet"]}, UNLABELLED, model=model, learning_rate=0.03)
    now = [answer["label"] for answer in trainer.model.predict(TEXTS[:5])["pet"]]

    assert lines[0]["guard/pet"] == 1.0
    assert lines[-1]["guard/pet"] == sum(a == b for a, b in zip(start, now, strict=True)) / 5
    assert lines[-1]["guard/pet"] < 1.0


def test_a_similarity_task_needs_no_training_rows_to_be_watched(new_model, trainer_for):
    pairs = [row((text, TEXTS[number - 1]), number, near=number) for number, text in enumerate(TEXTS)]
    model = new_model(LOUD, NEAR, seed=1)
    trainer = trainer_for(model, TRAIN, {"pairs": pairs}, guard={"tasks": ["near"]}, **RUN)
    start = evaluate_model(model, as_dataset(model, {"pairs": pairs}))["near"]["spearman"]
    trainer.train()

    assert trainer.state.log_history[0]["guard/near"] == start


def test_only_so_many_texts_are_looked_at_spread_over_all(guarded):
    trainer, _ = guarded({"num_texts": 3}, max_steps=2)

    assert [example.where for example in trainer.guard.sample] == [f"toy.jsonl:{number}" for number in (0, 2, 4)]


def test_beyond_a_limit_it_warns_and_goes_on(guarded, caplog):
    logging.getLogger("transformers").propagate = True
    trainer, lines = guarded({"max_drift": 1e-6})
    logging.getLogger("transformers").propagate = False

    assert trainer.state.global_step == 6
    told = [record.message for record in caplog.records if "beyond max_drift 1e-06" in record.message]
    assert len(told) == 3
    assert told[-1] == f"guard: the embedding drifted by {lines[-1]['guard/drift']:.4f}, beyond max_drift 1e-06."


def test_beyond_a_limit_it_stops_where_told_so(guarded):
    trainer, lines = guarded({"max_drift": 1e-6, "action": "stop"})

    assert trainer.state.global_step == 2
    assert len(lines) == 2
    assert trainer.guard.broken


def test_inside_its_limits_it_stops_nothing(guarded):
    trainer, _ = guarded({"tasks": ["pet"], "max_drift": 2.0, "max_drop": 1.0, "action": "stop"})

    assert trainer.state.global_step == 6
    assert trainer.guard.broken == []


def test_a_drop_counts_downwards_and_for_errors_upwards(new_model, trainer_for):
    count = TaskConfig(name="count", kind="regression", target_mean=[2.0], target_scale=[1.5], metric="mae")
    rows = [row(text, number, loud=0, pet=0, count=1.0) for number, text in enumerate(TEXTS)]
    trainer = trainer_for(
        new_model(PET, LOUD, count), rows, rows, guard={"tasks": ["pet", "count"], "max_drop": 0.1}, **RUN
    )
    guard = trainer.guard
    guard._start_numbers = {"pet": 0.9, "count": 0.5}

    assert guard._drops({"pet": 0.85, "count": 0.3}) == []
    assert guard._drops({"pet": 0.75, "count": 0.65}) == [
        "accuracy of 'pet' went from 0.9000 to 0.7500, beyond max_drop 0.1",
        "mae of 'count' went from 0.5000 to 0.6500, beyond max_drop 0.1",
    ]


def test_what_it_refuses_is_not_what_the_run_ends_with(guarded, new_model):
    options = {"save_strategy": "steps", "save_steps": 2, "load_best_model_at_end": True, "save_total_limit": 3}
    trainer, _ = guarded({"max_drift": 1e-6, "action": "stop"}, **options)

    assert trainer.state.best_model_checkpoint is None
    drifts = [line["guard/drift"] for line in guarded({}, **options)[1]]
    trainer, _ = guarded({"max_drift": drifts[1] + 1e-9, "action": "stop"}, **options)
    assert drifts[2] > drifts[1]
    assert trainer.state.global_step == 4
    assert trainer.state.best_model_checkpoint.endswith("checkpoint-2")


def test_a_resumed_run_compares_with_the_start_of_the_run(guarded, tmp_path):
    options = {"save_strategy": "steps", "save_steps": 2, "save_total_limit": None}
    _, whole = guarded({"tasks": ["pet"]}, UNLABELLED, **options)
    _, resumed = guarded({"tasks": ["pet"]}, UNLABELLED, resume=tmp_path / "run" / "checkpoint-4", **options)

    assert [line["guard/drift"] for line in resumed] == [line["guard/drift"] for line in whole]
    file = tmp_path / "run" / "guard.safetensors"
    assert {name: tensor.shape[0] for name, tensor in load_file(file).items()} == {"pet": 5, "embedding ": 5}
    file.unlink()
    with pytest.raises(ValueError, match=r"cannot resume: .*guard.safetensors' is missing"):
        guarded({"tasks": ["pet"]}, UNLABELLED, resume=tmp_path / "run" / "checkpoint-4", **options)


def test_a_run_that_it_ended_goes_on_only_with_other_limits(guarded, tmp_path):
    options = {"save_strategy": "steps", "save_steps": 2, "save_total_limit": None}
    stopping = {"max_drift": 1e-6, "action": "stop"}
    stopped, _ = guarded(stopping, **options)
    newest = tmp_path / "run" / "checkpoint-2"

    again, _ = guarded(stopping, resume=newest, **options)
    assert (again.state.global_step, again.guard.broken) == (2, stopped.guard.broken)
    assert stopped.guard.broken
    further, _ = guarded({**stopping, "max_drift": 2.0}, resume=newest, **options)
    assert (further.state.global_step, further.guard.broken) == (6, [])
    warned, _ = guarded({"max_drift": 1e-6}, resume=newest, **options)
    assert warned.state.global_step == 6


def test_the_guard_changes_nothing_of_the_run(guarded):
    plain, _ = guarded(None)
    watched, _ = guarded({"tasks": ["pet"]})
    first, second = plain.model.state_dict(), watched.model.state_dict()

    assert all(torch.equal(first[name], second[name]) for name in first)
    assert "guard" in json.loads(watched.args.to_json_string())


@pytest.mark.parametrize(
    ("guard", "problem"),
    [
        ({"tasks": ["pte"]}, "train.guard.tasks: no task 'pte' in this model. Its tasks: pet, loud"),
        ({"max_drfit": 0.1}, "guard.max_drfit: unknown key; closest is 'max_drift'"),
        ({"action": "halt"}, "guard.action: 'halt' came; write 'warn' or 'stop'"),
        ({"action": "stop"}, "guard.action: stop came without a limit"),
        ({"max_drop": 0.1}, "guard.max_drop: no task is watched; name `tasks`"),
        ({"max_drift": -0.1}, "guard.max_drift: -0.1 is negative"),
        ({"num_texts": 0}, "guard.num_texts: 0 came; give 1 or more"),
        ({"tasks": ["drift"]}, "guard.tasks: 'drift' is how the log calls"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(guarded, guard, problem):
    with pytest.raises(ValueError, match=problem):
        guarded(guard)


def test_without_anything_to_measure_on_it_is_refused(guarded, new_model):
    with pytest.raises(ValueError, match=r"train.guard: there are no validation rows to measure on; add `validation`"):
        guarded({}, validation=[])
    with pytest.raises(ValueError, match=r"guard: eval_strategy is 'no', as it is without validation rows"):
        guarded({}, eval_strategy="no")
    with pytest.raises(ValueError, match=r"no validation row can be answered for same; add such rows"):
        guarded({"tasks": ["same"]}, model=new_model(PET, LOUD, SAME))


def test_agreement_is_the_share_of_equal_answers():
    old, new = torch.tensor([[2.0, 1.0, 0.0], [0.0, 5.0, 1.0]]), torch.tensor([[9.0, 1.0, 0.0], [3.0, 2.0, 1.0]])
    assert agreement(PET, new, old) == 0.5
    assert agreement(SLOTS, new, torch.cat([old[:1], torch.full((1, 3), torch.nan)])) == 1.0
    assert agreement(LOUD, torch.tensor([[1.0], [-1.0], [2.0]]), torch.tensor([[0.1], [1.0], [3.0]])) == 2 / 3
    # Both labels must be as they were.
    assert agreement(TAGS, torch.tensor([[1.0, 1.0], [1.0, -1.0]]), torch.tensor([[2.0, 3.0], [1.0, 1.0]])) == 0.5
    # Probabilities of the ranks: (0.27, 0.53, 0.20), then (0.50, 0.36, 0.13).
    assert agreement(GRADE, torch.tensor([[0.0, -1.0]]), torch.tensor([[1.0, -1.0]])) == 0.0
    assert agreement(COUNT, torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [4.0], [6.0]])) == pytest.approx(
        1
    )
    assert agreement(NEAR, torch.tensor([[0.3], [0.2]]), torch.tensor([[0.1], [0.2]])) == pytest.approx(-1)
