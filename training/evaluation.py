"""Scores of a model on labelled rows, by task."""

from dataclasses import dataclass
from typing import Any

from accelerate.utils import gather_object

from ..configuration.tasks_polyhead import TaskConfig
from .answer_collection import AnswerCollection, Collected, collect_answers, merge_answers
from .data.examples import MultiTaskDataset
from .metrics.confusion import Confusion, count_confusion
from .metrics.joint_accuracy import joint_accuracies, right_rows
from .metrics.multi_task_score import multi_task_score
from .pair_evaluation import PairCollection

Scores = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Evaluation:
    """What was found on labelled rows.

    Args:
        scores: By task, as `evaluate_model` gives them.
        confusions: By task, of those that have one.
    """

    scores: Scores
    confusions: dict[str, Confusion]


def evaluate_model(
    model: Any, dataset: MultiTaskDataset, tasks: list[str] | None = None, batch_size: int | None = None
) -> Scores:
    """Measure every task on the rows that have a label for it.

    Args:
        model: A `PolyheadModel`.
        dataset: Labelled rows.
        tasks: Names; None: all for which there is a label.
        batch_size: As in `encode`.

    Returns:
        By task: `loss`, the metrics of its kind, and `joint_accuracy` where rows are labelled for several tasks: the
        share of them on which all answers with labels are right.

    Raises:
        ValueError: A named task has no label in the data.
    """
    return evaluate_closely(model, dataset, tasks, batch_size).scores


def evaluate_closely(
    model: Any,
    dataset: MultiTaskDataset,
    tasks: list[str] | None = None,
    batch_size: int | None = None,
    process: tuple[int, int] = (0, 1),
) -> Evaluation:
    """Measure as `evaluate_model` does, and count which label was taken for which.

    Args:
        model: As there.
        dataset: As there.
        tasks: As there.
        batch_size: As there.
        process: Number of this process and of all: each reads its share of the rows, and all get the same scores. By
            default this process reads all rows.
    """
    collected = collect_answers(model, dataset, tasks, batch_size, process)
    if process[1] > 1:
        collected = merge_answers(gather_object([collected]))
    absent = [name for name in tasks or [] if name not in collected]
    if absent or not collected:
        raise ValueError(
            f"no labelled row for {absent or 'any task'} in data sets {list(dataset.ranges)}; choose another split."
        )
    measured = [task for task in model.config.tasks if task.name in collected]
    scores = {task.name: collected[task.name].scores(task) for task in measured}
    for name, value in joint_accuracies(_right_by_row(measured, collected)).items():
        scores[name]["joint_accuracy"] = value
    return Evaluation(scores, _confusions(measured, collected))


def flat_metrics(tasks: list[TaskConfig], scores: Scores, prefix: str = "eval") -> dict[str, float]:
    """Flatten scores for logs: `eval_topic_accuracy`, and `eval_score`, the multi-task score."""
    flat = {f"{prefix}_{task}_{name}": value for task, values in scores.items() for name, value in values.items()}
    measured = [task for task in tasks if task.name in scores]
    total = sum(task.weight * scores[task.name]["loss"] for task in measured)
    return {f"{prefix}_loss": total, f"{prefix}_score": multi_task_score(measured, scores), **flat}


def _confusions(tasks: list[TaskConfig], collected: Collected) -> dict[str, Confusion]:
    confusions = {}
    for task in tasks:
        found = collected[task.name]
        counted = None
        if isinstance(found, AnswerCollection):
            counted = count_confusion(task, found.predictions, found.references)
        if counted is not None:
            confusions[task.name] = counted
    return confusions


def _right_by_row(tasks: list[TaskConfig], collected: Collected) -> dict[str, dict[int, bool]]:
    right = {}
    for task in tasks:
        found = collected[task.name]
        if isinstance(found, PairCollection):
            continue
        answers = right_rows(task, found.predictions, found.references)
        if answers is not None:
            right[task.name] = dict(zip(found.rows, answers, strict=True))
    return right
