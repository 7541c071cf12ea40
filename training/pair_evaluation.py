"""Scores of tasks that compare embeddings: they need all pairs of a split, not one batch after another."""

import math
from typing import Any

import numpy as np
import torch

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.outputs_polyhead import PolyheadOutput
from ..modeling.pair_losses_polyhead import EmbeddedPairs, pair_loss_items
from .data.examples import MultiTaskDataset
from .metrics.metrics import compute_task_metrics
from .metrics.retrieval_metrics import retrieval_ranks

RANKED_TOGETHER = 64  # rows; evaluation batches are cut by length and device, and a ranking loss depends on its batch


class PairCollection:
    """Embedded pairs of one task, over batches and data sets."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._labels: list[float] = []
        self._batches: list[EmbeddedPairs] = []
        self._numbers: dict[tuple[int, ...], int] = {}

    def add(
        self, task: TaskConfig, output: PolyheadOutput, numbers: list[int], rows: list[int], dataset: MultiTaskDataset
    ) -> None:
        """Add labelled rows of a batch, given by their numbers in the batch and in the data set."""
        examples = [dataset.examples[row] for row in rows]
        self._rows += rows
        self._labels += [example.labels[task.name] for example in examples]
        self._batches.append(
            EmbeddedPairs(
                output.sentence_embedding[numbers].float().cpu(),
                output.pair_sentence_embedding[numbers].float().cpu(),
                self._numbered([example.first for example in examples]),
                self._numbered([example.second for example in examples]),
            )
        )

    def extend(self, other: "PairCollection") -> None:
        """Add what another process has collected; it has numbered the texts in an order of its own."""
        numbers = torch.tensor([self._numbers.setdefault(key, len(self._numbers)) for key in other._numbers])
        self._rows += other._rows
        self._labels += other._labels
        for pairs in other._batches:
            renumbered = (numbers[pairs.first_numbers], numbers[pairs.second_numbers])
            self._batches.append(EmbeddedPairs(pairs.first, pairs.second, *renumbered))

    def scores(self, task: TaskConfig) -> dict[str, float]:
        """Return `loss` and the metrics of the task, those at smaller Matryoshka sizes as `spearman_64`."""
        order = np.argsort(self._rows)
        labels = np.asarray(self._labels)[order]
        pairs = EmbeddedPairs.concatenated(self._batches)[torch.from_numpy(order)]
        scores = {"loss": pair_loss(task, pairs, labels), **_metrics(task, pairs, labels)}
        for dim in task.matryoshka_dims or []:
            if dim < pairs.first.shape[1]:
                smaller = _metrics(task, pairs.truncated(dim), labels)
                scores |= {f"{name}_{dim}": value for name, value in smaller.items()}
        return scores

    def _numbered(self, texts: list[Any]) -> torch.Tensor:
        keys = [tuple(text.inputs["input_ids"]) for text in texts]
        return torch.tensor([self._numbers.setdefault(key, len(self._numbers)) for key in keys])


def pair_loss(task: TaskConfig, pairs: EmbeddedPairs, labels: np.ndarray) -> float:
    """Mean loss of pairs in the order of their file, in equal parts of at most `RANKED_TOGETHER` rows.

    A ranking loss compares the rows of one part. The parts depend on nothing but the rows, so that the value does not
    change with the device, the batch size or the length of texts.
    """
    parts = torch.arange(len(pairs)).tensor_split(math.ceil(len(pairs) / RANKED_TOGETHER))
    targets = torch.from_numpy(labels).float()
    return float(torch.cat([pair_loss_items(task, pairs[part], targets[part]) for part in parts]).mean())


def _metrics(task: TaskConfig, pairs: EmbeddedPairs, labels: np.ndarray) -> dict[str, float]:
    if task.loss == "multiple_negatives_ranking":
        return compute_task_metrics(task, retrieval_ranks(pairs), np.ones(len(pairs)))
    return compute_task_metrics(task, pairs.cosines.numpy(), labels)
