"""Where a new head of labels that are each true or not begins: at how often each is true in training, not at one half."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.modeling_polyhead import PolyheadModel
from .data.rows import Row


def start_at_log_odds(model: PolyheadModel, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Set the output biases of new heads of binary cross-entropy to the log-odds of their labels; others stay as they are.

    AdamW moves a weight by its rate a step at most. The log-odds of a label that one text in a hundred has are -4.6, which a
    bias that begins at 0 does not reach in a run of a thousand steps at a rate of 2e-3.

    Args:
        model: With its tasks complete.
        names: Tasks whose heads are new.
        rows: Training rows; a task without labels in them stays as it is.

    Source:
        Focal loss, https://arxiv.org/abs/1708.02002, section 3.3, with the measured share of each label for its prior.
    """
    labels: dict[str, list[list[float] | int]] = {name: [] for name in names if _is_binary(model.config.task(name))}
    for row in rows:
        for name in labels.keys() & row["labels"].keys():
            labels[name].append(row["labels"][name])
    for name, values in labels.items():
        if values:
            _start(model, model.config.task(name), torch.tensor(values, dtype=torch.float64).reshape(len(values), -1))


def _is_binary(task: TaskConfig) -> bool:
    return task.loss == "binary_cross_entropy"


def _start(model: PolyheadModel, task: TaskConfig, labels: torch.Tensor) -> None:
    true = labels.sum(0)  # (num_labels,)
    # The loss counts each true label so many times.
    weight = torch.tensor(task.label_factors("pos_weight") or [1.0], dtype=labels.dtype)
    # Half a row of either kind, so that a label that no row, or every row, has lies at a finite distance.
    log_odds = ((weight * true + 0.5) / (len(labels) - true + 0.5)).log()
    head: Any = model.polyhead.heads[task.name]
    with torch.no_grad():
        head.output.bias.copy_(log_odds)
