"""One epoch of fine-tuning on three tasks, against the stock Trainer."""

from collections.abc import Iterator
from functools import partial
from statistics import mean

from harness.findings import Check, Finding, Rate, Row, Spread
from harness.material import new_model
from harness.rounds import Budget, interleave
from harness.training_runs import (
    classification_tasks,
    labelled_rows,
    our_trainer,
    stock_trainer,
    training_contender,
    validation_scores,
    warm,
)

OURS, PEER, BEST = "polyhead", "stock `Trainer`", "stock `Trainer`, `group_by_length`"
SETTINGS = {"num_train_epochs": 1, "learning_rate": 3e-4}


def measure(budget: Budget) -> Iterator[Finding]:
    tasks = classification_tasks()
    reader = new_model(tasks)
    train = labelled_rows(reader, tasks, "train", budget.choose(320, 16))
    validation = labelled_rows(reader, tasks, "validation", budget.choose(300, 16))
    makers = {
        OURS: our_trainer,
        PEER: stock_trainer,
        BEST: partial(stock_trainer, train_sampling_strategy="group_by_length"),
    }
    contenders = [
        training_contender(
            name,
            tasks,
            lambda model, seed, make=make: make(model, train, seed=seed, **SETTINGS),
            lambda trainer: validation_scores(trainer.model, validation),
        )
        for name, make in makers.items()
    ]
    warm(tasks, budget)
    rounds = interleave(contenders, budget)
    scores = {name: mean(found["score"] for found in rounds.answers[name]) for name in makers}
    note = (
        f"{len(train)} rows, batches of 32, float32, AdamW, the same rates, {len(rounds.answers[OURS])} seeds; "
        + "; ".join(f"{name}: {_told(rounds.answers[name])}" for name in makers)
        + "."
    )
    for peer, target in ((PEER, ">= 1.5"), (BEST, "")):
        # Few steps on few rows scatter by points; what must not be is a model that has learned less.
        points = 100 * (scores[OURS] - scores[peer])
        check = Check(
            "mean accuracy over tasks and seeds, points above the stock one",
            points,
            at_least=budget.choose(-2.0, -20.0),
        )
        ratios = Spread.of_ratios(rounds.seconds[peer], rounds.seconds[OURS])
        yield Row("fine-tuning epoch, 3 tasks", peer, target, ratios, checks=[check], note=note if target else "")
    for name, seconds in rounds.seconds.items():
        yield Rate(f"fine-tuning, 3 tasks: {name}", len(train) / Spread.of(seconds).median, "rows/s")


def _told(found: list[dict[str, float]]) -> str:
    means = {name: 100 * mean(scores[name] for scores in found) for name in found[0]}
    return ", ".join(f"{'mean' if name == 'score' else name} {value:.1f}" for name, value in means.items())
