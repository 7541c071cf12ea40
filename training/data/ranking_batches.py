"""Batches for losses that compare rows with each other."""

from ...configuration.task_kinds_polyhead import RANKING_LOSSES
from .examples import MultiTaskDataset


def refuse_single_rows(dataset: MultiTaskDataset, rows_per_batch: dict[str, int]) -> None:
    """Refuse batches of one row for a ranking loss: it would be 0 in every step, and nothing would be learned.

    Args:
        dataset: The training rows.
        rows_per_batch: Rows per batch, by data set.

    Raises:
        ValueError: Names the task and the data set.
    """
    for source, rows in rows_per_batch.items():
        for task in dataset.labelled_tasks(source):
            if task.loss in RANKING_LOSSES and rows == 1:
                raise ValueError(
                    f"task '{task.name}': loss {task.loss} compares the rows of a batch, but data set '{source}' has "
                    "batches of 1 row. Raise train.per_device_train_batch_size, or train.batch_sizes of this data set; "
                    "gradient_accumulation_steps does not help, each forward batch is ranked alone."
                )
