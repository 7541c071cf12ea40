"""What the Trainer costs beside a bare loop, and what one more task costs."""

from collections.abc import Iterator
from typing import Any

import torch
from harness.findings import Check, Finding, Rate, Row, Spread, largest_difference
from harness.material import new_model, read_split
from harness.rounds import Budget, Contender, interleave
from harness.training_runs import (
    BATCH_SIZE,
    classification_tasks,
    labelled_rows,
    our_trainer,
    some_weights,
    training_contender,
    warm,
)
from torch.utils.data import DataLoader
from transformers import get_linear_schedule_with_warmup, set_seed

from polyhead import TaskConfig
from polyhead.training.batch_sampler import build_sampler
from polyhead.training.data.collation import Collator
from polyhead.training.data.examples import MultiTaskDataset
from polyhead.training.optimization.parameter_groups import parameter_groups

OURS, BARE = "`PolyheadTrainer`", "bare torch loop on equal batches"
RATE, WEIGHT_DECAY, WARM_UP = 3e-4, 0.01, 0.06
# Three views of a review's stars, so that every row is labelled for every task.
STARS = {
    "stars": TaskConfig(name="stars", kind="single_label_classification", labels=list("01234")),
    "good": TaskConfig(name="good", kind="binary_classification", labels=["no", "yes"]),
    "mean": TaskConfig(name="mean", kind="regression", target_mean=[2.0], target_scale=[1.3]),
}


def measure(budget: Budget) -> Iterator[Finding]:
    yield from _loops(budget.part(0.75))
    yield from _more_tasks(budget.part(0.25))


def _loops(budget: Budget) -> Iterator[Finding]:
    tasks = classification_tasks()
    rows = labelled_rows(new_model(tasks), tasks, "train", budget.choose(448, 16))
    contenders = [
        training_contender(name, tasks, make, lambda trainer: some_weights(trainer.model))
        for name, make in (
            (OURS, lambda model, seed: _without_dropout(_ours(model, rows, seed))),
            (BARE, _Bare.of(rows)),
        )
    ]
    warm(tasks, budget)
    rounds = interleave(contenders, budget)
    difference = max(
        largest_difference(ours, bare) for ours, bare in zip(rounds.answers[OURS], rounds.answers[BARE], strict=True)
    )
    check = Check("largest difference of a weight after the run (every 97th)", difference, at_most=1e-5)
    ratios = Spread.of_ratios(rounds.seconds[OURS], rounds.seconds[BARE])
    num_steps = -(-len(rows) // BATCH_SIZE)
    note = f"{num_steps} steps with the same batches, optimizer, schedule and clipping; dropout off."
    yield Row("`PolyheadTrainer`, a run", BARE, "<= 1.03", ratios, checks=[check], note=note)
    for name, seconds in rounds.seconds.items():
        yield Rate(f"optimizer steps: {name}", num_steps / Spread.of(seconds).median, "steps/s")


def _ours(model: Any, rows: MultiTaskDataset, seed: int) -> Any:
    return our_trainer(model, rows, num_train_epochs=1, learning_rate=RATE, seed=seed)


def _without_dropout(trainer: Any) -> Any:
    for module in trainer.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return trainer


class _Bare:
    """The shortest loop that trains the same: our batches and groups, no Trainer."""

    def __init__(self, model: Any, rows: MultiTaskDataset, seed: int) -> None:
        self.model = model
        self._args = _without_dropout(_ours(model, rows, seed)).args
        self._rows = rows

    @classmethod
    def of(cls, rows: MultiTaskDataset) -> Any:
        return lambda model, seed: cls(model, rows, seed)

    def train(self) -> None:
        sampler = build_sampler(self._rows, self._args, BATCH_SIZE, 1)
        collate = Collator(self.model.config.tasks, self.model.tokenizer.pad_token_id)
        optimizer = torch.optim.AdamW(parameter_groups(self.model, RATE, WEIGHT_DECAY), lr=RATE, fused=True)
        num_steps = len(sampler)
        schedule = get_linear_schedule_with_warmup(optimizer, -int(-WARM_UP * num_steps // 1), num_steps)
        self.model.train()
        for batch in DataLoader(self._rows, batch_sampler=sampler, collate_fn=collate):
            del batch["where"]
            self.model(**batch, tasks=list(batch["labels"])).loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()


def _more_tasks(budget: Budget) -> Iterator[Finding]:
    num_rows = budget.choose(2 * BATCH_SIZE, 8)
    models = {"3 tasks": new_model(STARS.values()), "2 tasks": new_model(list(STARS.values())[:2])}
    shared = list(STARS)[:2]
    for name in shared:
        models["2 tasks"].polyhead.heads[name].load_state_dict(models["3 tasks"].polyhead.heads[name].state_dict())
    batches = {name: _star_batches(model, num_rows) for name, model in models.items()}
    losses = {name: _losses(models[name], batches[name], shared) for name in models}
    check = Check("largest difference of the shared tasks' losses", _apart(losses), at_most=1e-6)
    contenders = [Contender(name, _Steps(model, batches[name])) for name, model in models.items()]
    rounds = interleave(contenders, budget)
    ratios = Spread.of_ratios(rounds.seconds["3 tasks"], rounds.seconds["2 tasks"])
    work = "one more task on the same rows (2 to 3), a training step"
    yield Row(work, "without it", "<= 1.01", ratios, checks=[check])


class _Steps:
    def __init__(self, model: Any, batches: list[dict[str, Any]]) -> None:
        self._model = model.train()
        self._batches = batches
        self._optimizer = torch.optim.AdamW(parameter_groups(model, 1e-5, WEIGHT_DECAY), lr=1e-5, fused=True)

    def __call__(self, _: Any) -> None:
        for batch in self._batches:
            self._model(**batch).loss.backward()
            self._optimizer.step()
            self._optimizer.zero_grad()


def _star_batches(model: Any, num_rows: int) -> list[dict[str, Any]]:
    read = read_split("sst", "train")[:num_rows]
    labels = [{"stars": row["label5"], "good": int(row["label5"] > 2), "mean": row["label5"]} for row in read]
    known = [task.name for task in model.config.tasks]
    rows = [
        {"text": row["text"], "labels": {name: all_[name] for name in known}}
        for row, all_ in zip(read, labels, strict=True)
    ]
    dataset = MultiTaskDataset({"sst": rows}, model.config.tasks, model.tokenizer, model.max_length)
    collate = Collator(model.config.tasks, model.tokenizer.pad_token_id)
    batches = [collate(dataset.examples[start : start + BATCH_SIZE]) for start in range(0, len(rows), BATCH_SIZE)]
    return [{name: value for name, value in batch.items() if name != "where"} for batch in batches]


def _losses(model: Any, batches: list[dict[str, Any]], tasks: list[str]) -> list[float]:
    set_seed(0)
    with torch.no_grad():
        return [float(model(**batch).losses[name]) for batch in batches for name in tasks]


def _apart(losses: dict[str, list[float]]) -> float:
    first, second = losses.values()
    return largest_difference([first], [second])
