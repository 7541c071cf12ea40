"""The loss of each task is the mean over its own labelled items, however the rows fall into batches."""

import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.data.collation import Collator
from polyhead.training.data.sampling import MultiTaskBatchSampler

from .conftest import COUNT, LOUD, PET, SAME, SLOTS, as_dataset, row, weights

TAGS = TaskConfig(name="tags", kind="multi_label_classification", labels=["x", "y"], weight=0.3)
GRADE = TaskConfig(name="grade", kind="ordinal_regression", labels=["1", "2", "3"])
NEAR = TaskConfig(name="near", kind="pair_similarity", value_range=[0, 5])
TEXTS = ["a cat", "the dog !", "fox", "cat , dog", "no", "the cat .", "dogs", "a b c d"]
# Labels stand unevenly: batches without a label of some task, tasks with one label, rows with none.
POSTS = [
    row(TEXTS[0], 1, pet=0, loud=0, tags=[1.0, 0.0]),
    row(TEXTS[1], 2, pet=1),
    row(TEXTS[2], 3, pet=2, count=3.5),
    row(TEXTS[3], 4),
    row(TEXTS[4], 5, pet=2, grade=0, tags=[0.0, 1.0]),
    row(TEXTS[5], 6, loud=1, grade=2, tags=[1.0, 1.0]),
    row(TEXTS[6], 7, grade=1),
    row(TEXTS[7], 8, pet=0, count=0.0),
]
WORDS = [row(text.split(), 11 + number) for number, text in enumerate(TEXTS)]
PAIRS = [row((text, TEXTS[number - 1]), 21 + number, near=number / 2) for number, text in enumerate(TEXTS)]
for number in (0, 1, 2):
    PAIRS[number]["labels"]["same"] = number % 2
    WORDS[3 * number - 1]["labels"]["slots"] = [number] * len(WORDS[3 * number - 1]["words"])
TASKS = (PET, LOUD, COUNT, TAGS, GRADE, SLOTS, SAME, NEAR)
SETS = {"posts": POSTS, "words": WORDS, "pairs": PAIRS}
PLAIN = {"optim": "sgd", "learning_rate": 1.0, "lr_scheduler_type": "constant", "warmup_steps": 0, "weight_decay": 0.0}
PLAIN |= {"max_grad_norm": 0.0, "train_sampling_strategy": "random", "max_steps": 1}


def weights_after_one_step(model, rows):
    """By hand: one step of gradient descent on the sum of the task losses, each the mean over all its rows."""
    sums, counts = {}, {}
    for examples in (as_dataset(model, source).examples for source in rows.values()):
        for example in examples:
            batch = Collator(model.config.tasks, 0)([example])
            batch.pop("where")
            for name, loss in model(**batch).losses.items():
                num_items = (batch["labels"][name] != -100).sum() if name == "slots" else 1
                sums[name] = sums.get(name, 0.0) + loss * num_items
                counts[name] = counts.get(name, 0) + num_items
    sum(model.config.task(name).weight * sums[name] / counts[name] for name in sums).backward()
    return {
        name: parameter.detach() - (0.0 if parameter.grad is None else parameter.grad)
        for name, parameter in model.named_parameters()
    }


def largest_difference(first, second):
    return max((first[name] - second[name]).abs().max().item() for name in first)


@pytest.mark.parametrize(("batch_size", "steps"), [(8, 1), (4, 2), (2, 4), (3, 3)])
def test_accumulated_batches_of_one_data_set_train_as_one_batch(new_model, trainer_for, batch_size, steps):
    model = new_model(*TASKS)
    expected = weights_after_one_step(model, {"posts": POSTS})
    batches = {"per_device_train_batch_size": batch_size, "gradient_accumulation_steps": steps}
    trainer = trainer_for(model, {"posts": POSTS}, logging_steps=1, **PLAIN, **batches)
    trainer.train()

    assert largest_difference(expected, weights(model)) < 1e-6


@pytest.mark.parametrize(("batch_size", "steps"), [(8, 3), (4, 6), (2, 12)])
def test_accumulated_batches_of_several_data_sets_train_as_one_batch(new_model, trainer_for, batch_size, steps):
    model = new_model(*TASKS)
    expected = weights_after_one_step(model, SETS)
    batches = {"per_device_train_batch_size": batch_size, "gradient_accumulation_steps": steps}
    trainer_for(model, SETS, **PLAIN, **batches).train()

    assert largest_difference(expected, weights(model)) < 1e-6


def test_a_last_step_of_fewer_batches_is_divided_by_its_own_items(new_model, trainer_for):
    model, rows = new_model(PET), [row(text, pet=number % 3) for number, text in enumerate(TEXTS[:6])]
    batches = list(MultiTaskBatchSampler({"toy": range(6)}, [1] * 6, 2, seed=3, group_by_length=False))
    steps = []
    for positions in (batches[0] + batches[1], batches[2]):
        batch = Collator([PET], 0)([as_dataset(model, rows)[position] for position in positions])
        batch.pop("where")
        steps.append(model(**batch).loss.item())
    still = {**PLAIN, "learning_rate": 0.0, "max_steps": 2, "seed": 3, "per_device_train_batch_size": 2}
    trainer = trainer_for(model, rows, logging_steps=1, gradient_accumulation_steps=2, **still)
    trainer.train()

    assert [log["loss"] for log in trainer.state.log_history[:2]] == pytest.approx(steps, abs=1e-6)
    assert [log["loss/pet"] for log in trainer.state.log_history[:2]] == pytest.approx(steps, abs=1e-6)


def test_logs_hold_the_loss_of_each_task_over_the_steps_that_had_it(new_model, trainer_for):
    model = new_model(*TASKS)
    expected = {}
    for task in (PET, LOUD, COUNT, TAGS, GRADE):
        examples = [example for example in as_dataset(model, POSTS).examples if task.name in example.labels]
        batch = Collator([task], 0)(examples)
        batch.pop("where")
        expected[f"loss/{task.name}"] = model(**batch).losses[task.name].item()
    still = {**PLAIN, "learning_rate": 0.0, "max_steps": 3}
    batches = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    trainer = trainer_for(model, POSTS, logging_steps=3, **still, **batches)
    trainer.train()

    log = trainer.state.log_history[0]
    assert {name: log[name] for name in log if name.startswith("loss/")} == pytest.approx(expected, abs=1e-6)
    weighed = sum(value * model.config.task(name[5:]).weight for name, value in expected.items())
    assert log["loss"] == pytest.approx(weighed, abs=1e-6)


def test_a_task_without_a_label_since_the_last_log_is_not_logged(new_model, trainer_for):
    trainer = trainer_for(new_model(PET, LOUD), [row("cat", pet=0)], logging_steps=1, **PLAIN)
    trainer.train()

    assert [name for name in trainer.state.log_history[0] if name.startswith("loss/")] == ["loss/pet"]


def test_logged_rates_are_those_of_the_step(new_model, trainer_for):
    rates = {"learning_rates": {"backbone": 1e-3, "heads": 1e-2}, "warmup_steps": 4, "lr_scheduler_type": "linear"}
    trainer = trainer_for(new_model(PET), POSTS, max_steps=4, logging_steps=1, per_device_train_batch_size=4, **rates)
    trainer.train()

    logged = [(log["lr/embeddings"], log["lr/backbone"], log["lr/heads"]) for log in trainer.state.log_history[:4]]
    # Warm-up over four steps: 0, 1/4, 2/4 and 3/4 of the full rate.
    for step, found in enumerate(logged):
        assert found == pytest.approx((step / 4 * 1e-3, step / 4 * 1e-3, step / 4 * 1e-2))


def test_a_batch_without_any_label_changes_nothing(new_model, trainer_for):
    model = new_model(PET, LOUD)
    before = weights(model)
    trainer_for(model, [row("cat"), row("dog", 2)], logging_steps=1, **PLAIN).train()

    assert largest_difference(before, weights(model)) == 0.0
    assert not any(torch.isnan(parameter).any() for parameter in model.parameters())
