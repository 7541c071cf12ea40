"""`predict` with eight heads: against `encode` alone, and against eight fine-tuned models one after another."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from harness.findings import Check, Finding, Rate, Row, Spread, largest_difference
from harness.material import backbone_folder, new_model, real_texts
from harness.rounds import Budget, Contender, fastest, interleave
from transformers import pipeline

from polyhead import PolyheadForSequenceClassification, TaskConfig

NUM_LABELS = (2, 3, 4, 5, 7, 10, 28, 77)  # as tasks have them
BATCH_SIZES = (1, 8, 16, 32, 64)
WORK = "`predict` with 8 heads"


def measure(budget: Budget) -> Iterator[Finding]:
    tasks = [classification(f"task{count}", count) for count in NUM_LABELS]
    model = new_model(tasks)
    yield from _against_encode(model, real_texts(budget.choose(500, 64)), budget.part(0.4))
    yield from _against_many(model, tasks, real_texts(budget.choose(200, 16)), budget.part(0.6))


def classification(name: str, num_labels: int) -> TaskConfig:
    """Return a task with so many labels."""
    return TaskConfig(name=name, kind="single_label_classification", labels=[f"label {n}" for n in range(num_labels)])


def _against_encode(model: Any, texts: list[str], budget: Budget) -> Iterator[Finding]:
    contenders = [
        Contender("predict", lambda _: model.predict(texts, include_embeddings=True)["embeddings"]),
        Contender("encode", lambda _: model.encode(texts)),
    ]
    rounds = interleave(contenders, budget)
    difference = largest_difference(rounds.answers["predict"], rounds.answers["encode"])
    check = Check("largest difference of an embedding", difference, at_most=1e-5)
    cost = Spread.of_ratios(rounds.seconds["predict"], rounds.seconds["encode"])
    yield Row(WORK, "`encode` alone, time", "<= 1.05", cost, checks=[check])
    yield Rate(WORK, len(texts) / Spread.of(rounds.seconds["predict"]).median, "texts/s")


def _against_many(model: Any, tasks: list[TaskConfig], texts: list[str], budget: Budget) -> Iterator[Finding]:
    singles = {task.name: _single(model, task) for task in tasks}
    pipelines = {
        name: pipeline("text-classification", model=single, tokenizer=single.tokenizer, top_k=None, truncation=True)
        for name, single in singles.items()
    }
    first = next(iter(pipelines.values()))
    best = fastest(
        budget.choose(BATCH_SIZES, BATCH_SIZES[1:3]), lambda size: first(texts, batch_size=size), budget.choose(2, 1)
    )
    stock = f"8 models, transformers pipelines one after another, batches of {best}"
    contenders = [
        Contender("polyhead", lambda _: model.predict(texts), finish=_answered),
        Contender(
            "8 models, our `predict` one after another",
            lambda _: {name: single.predict(texts)[name] for name, single in singles.items()},
            finish=_answered,
        ),
        Contender(
            stock,
            lambda _: {name: pipe(texts, batch_size=best) for name, pipe in pipelines.items()},
            finish=lambda answers: _answered({name: map(_as_scores, found) for name, found in answers.items()}),
        ),
    ]
    rounds = interleave(contenders, budget)
    for contender in contenders[1:]:
        difference = largest_difference(rounds.answers["polyhead"], rounds.answers[contender.name])
        check = Check("largest difference of a probability", difference, at_most=1e-5)
        ratios = Spread.of_ratios(rounds.seconds[contender.name], rounds.seconds["polyhead"])
        yield Row(WORK, contender.name, ">= 8", ratios, checks=[check])
        rate = len(texts) / Spread.of(rounds.seconds[contender.name]).median
        yield Rate(f"all 8 answers: {contender.name}", rate, "texts/s")


def _single(model: Any, task: TaskConfig) -> Any:
    single = PolyheadForSequenceClassification.from_backbone(backbone_folder(), tasks=[task])
    single.polyhead.heads[task.name].load_state_dict(model.polyhead.heads[task.name].state_dict())
    return single


def _answered(answers: dict[str, Any]) -> np.ndarray:
    """Return all probabilities, shape (texts, labels of all tasks)."""
    by_task = [[list(answer["scores"].values()) for answer in found] for found in answers.values()]
    return np.concatenate([np.array(scores) for scores in by_task], axis=1)


def _as_scores(answer: list[dict[str, Any]]) -> dict[str, Any]:
    in_order = sorted(answer, key=lambda one: int(one["label"].split()[1]))  # a pipeline sorts by score
    return {"scores": {one["label"]: one["score"] for one in in_order}}
