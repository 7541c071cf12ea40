"""What a model answers on labelled rows, with the truth beside it: by one process, or shared by several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.decoding_polyhead import label_probabilities, tag_spans, unscale
from ..modeling.encoding_polyhead import as_array
from ..modeling.losses_polyhead import task_loss_items
from ..modeling.outputs_polyhead import PolyheadOutput
from ..modeling.texts_polyhead import joined_word_spans
from .data.collation import stack_labels
from .data.examples import MultiTaskDataset
from .metrics.metrics import compute_task_metrics
from .pair_evaluation import PairCollection


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

    def extend(self, other: "AnswerCollection") -> None:
        """Add what another process has collected."""
        for name, values in vars(other).items():
            vars(self)[name] += values

    def scores(self, task: TaskConfig) -> dict[str, float]:
        """Return `loss` and the metrics of the task's kind."""
        metrics = compute_task_metrics(task, self.predictions, self.references)
        return {"loss": float(torch.cat(self._losses).mean()), **metrics}


Collected = dict[str, AnswerCollection | PairCollection]


def collect_answers(
    model: Any,
    dataset: MultiTaskDataset,
    tasks: list[str] | None = None,
    batch_size: int | None = None,
    process: tuple[int, int] = (0, 1),
) -> Collected:
    """Answer the rows that fall to one of several processes; arguments as in `evaluate_closely`."""
    collected: Collected = {}
    number, num_processes = process
    for source, span in dataset.ranges.items():
        here = [task for task in dataset.labelled_tasks(source) if tasks is None or task.name in tasks]
        positions = span[number::num_processes]
        if here and positions:
            _collect(model, dataset, positions, here, batch_size, collected)
    return collected


def merge_answers(parts: Sequence[Collected]) -> Collected:
    """Join what several processes have collected, in their order."""
    merged: Collected = {}
    for part in parts:
        for task, found in part.items():
            if task in merged:
                merged[task].extend(found)  # type: ignore[arg-type]  # of the same kind, which the task decides
            else:
                merged[task] = found
    return merged


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


def _predictions(task: TaskConfig, logits: np.ndarray, rows: list[Any], tokens: list[Any]) -> list[Any]:
    if task.is_token:
        tagged = []
        for probabilities, row, row_tokens in zip(label_probabilities(task, logits), rows, tokens, strict=True):
            spans = joined_word_spans(row["words"])
            ids = [tag for tag, _ in tag_spans(probabilities, task.known_labels, row_tokens, spans)]
            tagged.append([task.known_labels[tag] if tag >= 0 else "O" for tag in ids])
        return tagged
    if task.kind == "regression":
        return list(unscale(task, logits))
    if task.kind == "ordinal_regression":
        return list(label_probabilities(task, logits))
    return list(logits / task.temperature)


def _reference(task: TaskConfig, row: Any) -> Any:
    label = row["labels"][task.name]
    if task.is_token:
        return [task.known_labels[tag] for tag in label]
    return np.asarray(label) if isinstance(label, list) else label
