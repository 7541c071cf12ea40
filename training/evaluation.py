"""Scores of a model on labelled rows, by task."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.decoding_polyhead import label_probabilities, softmax, tag_spans, unscale
from ..modeling.encoding_polyhead import as_array
from ..modeling.losses_polyhead import task_loss_items
from ..modeling.outputs_polyhead import PolyheadOutput
from ..modeling.texts_polyhead import joined_word_spans
from .data.collation import stack_labels
from .data.examples import MultiTaskDataset
from .metrics.confusion import Confusion, count_confusion
from .metrics.joint_accuracy import joint_accuracies, right_rows
from .metrics.metrics import compute_task_metrics
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


class AnswerCollection:
    """Answers, references and losses of one task, over batches and data sets."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.predictions: list[Any] = []
        self.references: list[Any] = []
        self._losses: list[Tensor] = []

    def add(
        self, task: TaskConfig, output: PolyheadOutput, numbers: list[int], rows: list[int], dataset: MultiTaskDataset
    ) -> None:
        """Add labelled rows of a batch, given by their numbers in the batch and in the data set."""
        logits = output.logits[task.name][numbers].cpu()
        examples, originals = [dataset.examples[row] for row in rows], [dataset.rows[row] for row in rows]
        labels = stack_labels(task, examples, logits.shape[1] if task.is_token else 0)
        self._losses.append(task_loss_items(task, logits, labels))
        self.rows += rows
        self.predictions += _predictions(task, as_array(logits), originals, [example.first for example in examples])
        self.references += [_reference(task, row) for row in originals]

    def scores(self, task: TaskConfig) -> dict[str, float]:
        """Return `loss` and the metrics of the task's kind."""
        metrics = compute_task_metrics(task, self.predictions, self.references)
        return {"loss": float(torch.cat(self._losses).mean()), **metrics}


Collected = dict[str, AnswerCollection | PairCollection]


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
    model: Any, dataset: MultiTaskDataset, tasks: list[str] | None = None, batch_size: int | None = None
) -> Evaluation:
    """Measure as `evaluate_model` does, and count which label was taken for which."""
    collected: Collected = {}
    for source, positions in dataset.ranges.items():
        here = [task for task in dataset.labelled_tasks(source) if tasks is None or task.name in tasks]
        if here:
            _collect(model, dataset, positions, here, batch_size, collected)
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


def _collect(
    model: Any,
    dataset: MultiTaskDataset,
    positions: range,
    tasks: list[TaskConfig],
    batch_size: int | None,
    collected: Collected,
) -> None:
    examples = [dataset.examples[position] for position in positions]
    first = [example.first for example in examples]
    second = [example.second for example in examples] if examples[0].second is not None else None
    for rows, output in model.run_tokenized(first, second, [task.name for task in tasks], batch_size):
        for task in tasks:
            labelled = [number for number, row in enumerate(rows) if task.name in examples[row].labels]
            if labelled:
                store = collected.setdefault(
                    task.name, PairCollection() if task.kind == "pair_similarity" else AnswerCollection()
                )
                store.add(task, output, labelled, [positions[rows[number]] for number in labelled], dataset)


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


def _predictions(task: TaskConfig, logits: np.ndarray, rows: list[Any], tokens: list[Any]) -> list[Any]:
    if task.is_token:
        tagged = []
        for probabilities, row, row_tokens in zip(softmax(logits), rows, tokens, strict=True):
            spans = joined_word_spans(row["words"])
            ids = [tag for tag, _ in tag_spans(probabilities, task.known_labels, row_tokens, spans)]
            tagged.append([task.known_labels[tag] if tag >= 0 else "O" for tag in ids])
        return tagged
    if task.kind == "regression":
        return list(unscale(task, logits))
    if task.kind == "ordinal_regression":
        return list(label_probabilities(task, logits))
    return list(logits)


def _reference(task: TaskConfig, row: Any) -> Any:
    label = row["labels"][task.name]
    if task.is_token:
        return [task.known_labels[tag] for tag in label]
    return np.asarray(label) if isinstance(label, list) else label
