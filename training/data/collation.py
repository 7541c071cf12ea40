"""Examples to one batch of tensors: padded texts, and labels by task with a filler where one is missing."""

from typing import Any

import torch
from torch import Tensor

from ...configuration.tasks_polyhead import TaskConfig
from ...modeling.losses_polyhead import IGNORED
from ...modeling.tokenizing_polyhead import pad
from ..retention.answers import stack_answers
from .examples import Example

_FLOAT_KINDS = ("regression", "pair_similarity", "multi_label_classification")


class Collator:
    """Collate examples of data sets that share batches: all texts, or all pairs.

    Args:
        tasks: All tasks of the model.
        pad_token_id: Of the tokenizer.
    """

    def __init__(self, tasks: list[TaskConfig], pad_token_id: int | None) -> None:
        self.tasks = tasks
        self.pad_token_id = pad_token_id

    def __call__(self, examples: list[Example]) -> dict[str, Any]:
        """Return the arguments of `PolyheadModel.forward`, `where`, each example's file and line, and `earlier` answers.

        `labels` has the tasks that some example is labelled for.
        """
        batch: dict[str, Any] = pad([example.first for example in examples], self.pad_token_id)
        if examples[0].second is not None:
            batch |= pad([example.second for example in examples if example.second], self.pad_token_id, prefix="pair_")
        length = batch["input_ids"].shape[1]
        labelled = [task for task in self.tasks if any(task.name in example.labels for example in examples)]
        batch["labels"] = {task.name: stack_labels(task, examples, length) for task in labelled}
        batch["where"] = [example.where for example in examples]
        if examples[0].earlier:
            batch["earlier"] = stack_answers([example.earlier for example in examples])
        return batch


def stack_labels(task: TaskConfig, examples: list[Example], length: int) -> Tensor:
    """Stack one task's labels, shapes as in `task_loss_items`; a missing one is -100, or NaN for a number."""
    missing: Any = IGNORED
    if task.is_token:
        missing = []
    elif task.kind in _FLOAT_KINDS:
        filler = float(IGNORED) if task.kind == "multi_label_classification" else float("nan")
        is_list = task.kind == "multi_label_classification" or task.num_labels > 1
        missing = [filler] * task.num_labels if is_list else filler
    values = [example.labels.get(task.name, missing) for example in examples]
    if task.is_token:
        values = [tags + [IGNORED] * (length - len(tags)) for tags in values]
    return torch.tensor(values, dtype=torch.float32 if task.kind in _FLOAT_KINDS else torch.long)
