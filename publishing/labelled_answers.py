"""What a model says of labelled rows, beside their labels: what calibration reads."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.encoding_polyhead import as_array
from ..modeling.losses_polyhead import IGNORED
from ..modeling.modeling_polyhead import PolyheadModel
from ..training.data.collation import stack_labels
from ..training.data.examples import MultiTaskDataset


class Labelled(NamedTuple):
    """Labelled items of one task: rows, or words of token tasks.

    Args:
        logits: Shape (items, num_logits).
        labels: As `calibrate_task` reads them.
        embeddings: Of the rows' (first) texts, shape (rows, dim).
    """

    logits: np.ndarray
    labels: np.ndarray
    embeddings: np.ndarray


def gives_labels(task: TaskConfig) -> bool:
    """Whether a task answers with labels, which have probabilities."""
    return task.kind not in ("regression", "pair_similarity")


def labelled_answers(
    model: PolyheadModel,
    dataset: MultiTaskDataset,
    tasks: Sequence[str] | None = None,
    most_rows: int | None = None,
) -> dict[str, Labelled]:
    """Return what the model says of the labelled items of every task that answers with labels.

    Args:
        model: In any mode; it answers without dropout.
        dataset: Labelled rows.
        tasks: Names of those to answer; None: all.
        most_rows: Of each data set, taken at equal distances; None: all.
    """
    parts: dict[str, list[Labelled]] = {}
    for source, positions in dataset.ranges.items():
        here = [task for task in dataset.labelled_tasks(source) if gives_labels(task)]
        here = [task for task in here if tasks is None or task.name in tasks]
        if not here:
            continue
        step = math.ceil(len(positions) / (most_rows or len(positions)))
        examples = [dataset.examples[position] for position in positions[::step]]
        second = [example.second for example in examples if example.second is not None] or None
        names = [task.name for task in here]
        for rows, output in model.run_tokenized([example.first for example in examples], second, names):
            for task in here:
                labelled = [number for number, row in enumerate(rows) if task.name in examples[row].labels]
                if labelled:
                    logits = as_array(output.logits[task.name][labelled])
                    labels = _labels(task, [examples[rows[number]] for number in labelled], logits)
                    embeddings = as_array(output.sentence_embedding[labelled])
                    parts.setdefault(task.name, []).append(Labelled(*_items(task, logits, labels), embeddings))
    return {name: Labelled(*map(np.concatenate, zip(*found, strict=True))) for name, found in parts.items()}


def _labels(task: TaskConfig, examples: list[Any], logits: np.ndarray) -> np.ndarray:
    return stack_labels(task, examples, logits.shape[1] if task.is_token else 0).numpy()


def _items(task: TaskConfig, logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if task.is_token:
        counted = labels != IGNORED  # (rows, seq)
        return logits[counted], labels[counted]
    if task.kind == "multi_label_classification":
        return logits, labels
    return logits.reshape(len(labels), -1), labels.astype(int)
