"""What freezing saves: heads alone against the stock Trainer, half a model and gradual unfreezing against all of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from harness.findings import Check, Finding, Rate, Row, Spread, largest_difference
from harness.material import new_model
from harness.rounds import Budget, interleave
from harness.training_runs import (
    classification_tasks,
    labelled_rows,
    our_trainer,
    some_weights,
    stock_trainer,
    training_contender,
    validation_scores,
    warm,
)

CACHE = {"frozen_cache_gb": 1}
HEADS_ALONE, PEER = "heads alone, `frozen_cache_gb`", "stock `Trainer`, backbone frozen"
WHOLE, HALF, HALF_CACHED = "the whole model trains", "bottom half frozen", "bottom half frozen, `frozen_cache_gb`"
GRADUAL, GRADUAL_CACHED = "gradual unfreezing", "gradual unfreezing, `frozen_cache_gb`"


def measure(budget: Budget) -> Iterator[Finding]:
    tasks = classification_tasks(("emotion", "sentiment"))
    warm(tasks, budget)
    yield from _heads_alone(tasks, budget.part(0.4))
    yield from _half(tasks, budget.part(0.25))
    yield from _gradual(tasks, budget.part(0.35))


def _heads_alone(tasks: Any, budget: Budget) -> Iterator[Finding]:
    epochs = budget.choose(20, 3)
    train, validation = _rows(tasks, budget.choose(32, 16)), _rows(tasks, budget.choose(100, 16), "validation")
    settings = {"num_train_epochs": epochs, "learning_rate": 1e-2}

    def _stock(model: Any, seed: int) -> Any:
        model.backbone.requires_grad_(False)
        return stock_trainer(model, train, seed=seed, **settings)

    def _ours(model: Any, seed: int) -> Any:
        return our_trainer(model, train, seed=seed, freeze=[{"part": "backbone"}], **CACHE, **settings)

    def _scores(trainer: Any) -> float:
        return 100 * validation_scores(trainer.model, validation)["score"]

    makers = {HEADS_ALONE: _ours, PEER: _stock}
    rounds = interleave([training_contender(name, tasks, make, _scores) for name, make in makers.items()], budget)
    means = {name: float(np.mean(found)) for name, found in rounds.answers.items()}
    # The stock one keeps dropout in the frozen backbone, so heads learn from other numbers: equal up to scatter.
    points = Check(
        "mean accuracy, points above the stock one",
        means[HEADS_ALONE] - means[PEER],
        at_least=budget.choose(-2.0, -20.0),
    )
    ratios = Spread.of_ratios(rounds.seconds[PEER], rounds.seconds[HEADS_ALONE])
    told = ", ".join(f"{value:.1f} {name}" for name, value in means.items())
    note = f"{len(train)} rows, {epochs} epochs on both sides, batches of 32; mean accuracy: {told}."
    yield Row(f"backbone frozen, {epochs} epochs", PEER, ">= 15", ratios, checks=[points], note=note)
    for name, seconds in rounds.seconds.items():
        yield Rate(f"{epochs} epochs of {len(train)} rows: {name}", Spread.of(seconds).median, "s")


def _half(tasks: Any, budget: Budget) -> Iterator[Finding]:
    epochs, train = budget.choose(4, 2), _rows(tasks, budget.choose(32, 16))
    settings = {"num_train_epochs": epochs, "learning_rate": 1e-4}
    frozen = {"freeze": [{"part": "bottom.3"}]}
    variants = {WHOLE: {}, HALF: frozen, HALF_CACHED: {**frozen, **CACHE}}
    rounds = interleave(
        [
            training_contender(
                name, tasks, _trains(train, {**settings, **fields}), lambda trainer: some_weights(trainer.model)
            )
            for name, fields in variants.items()
        ],
        budget,
    )
    kept = max(
        largest_difference(cached, plain)
        for cached, plain in zip(rounds.answers[HALF_CACHED], rounds.answers[HALF], strict=True)
    )
    check = Check("largest difference of a weight with and without the cache (every 97th)", kept, at_most=1e-4)
    note = f"embeddings and 3 of 6 layers; {epochs} epochs of {len(train)} rows."
    for name in (HALF, HALF_CACHED):
        ratios = Spread.of_ratios(rounds.seconds[WHOLE], rounds.seconds[name])
        yield Row(name, WHOLE, ">= 1.8", ratios, checks=[check], note=note)
    num_steps = epochs * -(-len(train) // 32)
    for name, seconds in rounds.seconds.items():
        yield Rate(f"optimizer steps: {name}", num_steps / Spread.of(seconds).median, "steps/s")


def _gradual(tasks: Any, budget: Budget) -> Iterator[Finding]:
    epochs = budget.choose(16, 2)
    train, validation = _rows(tasks, 16), _rows(tasks, budget.choose(100, 16), "validation")
    settings = {"num_train_epochs": epochs, "learning_rates": {"backbone": 1e-4, "heads": 1e-3}}
    # Seven stages follow the heads: six layers and the embeddings, over the whole run. States are kept within a stage, so that
    # a stage of one epoch or less could keep nothing that it reads again.
    thawing = {"thaw_every_epochs": epochs / 8}
    variants = {WHOLE: {}, GRADUAL: thawing, GRADUAL_CACHED: {**thawing, **CACHE}}

    def _scores(trainer: Any) -> float:
        return 100 * validation_scores(trainer.model, validation)["score"]

    rounds = interleave(
        [
            training_contender(name, tasks, _trains(train, {**settings, **fields}), _scores)
            for name, fields in variants.items()
        ],
        budget,
    )
    told = ", ".join(f"{np.mean(found):.1f} {name}" for name, found in rounds.answers.items())
    note = f"{epochs} epochs of {len(train)} rows, one more layer each {epochs / 8:g} epochs; mean accuracy: {told}."
    for name in (GRADUAL, GRADUAL_CACHED):
        ratios = Spread.of_ratios(rounds.seconds[WHOLE], rounds.seconds[name])
        yield Row(f"{name}, whole run", WHOLE, ">= 1.5", ratios, note=note)
    for name, seconds in rounds.seconds.items():
        yield Rate(f"{epochs} epochs of {len(train)} rows: {name}", Spread.of(seconds).median, "s")


def _rows(tasks: Any, rows_per_task: int, split: str = "train") -> Any:
    return labelled_rows(new_model(tasks), tasks, split, rows_per_task)


def _trains(train: Any, fields: dict[str, Any]) -> Any:
    return lambda model, seed: our_trainer(model, train, seed=seed, **fields)
