"""Which data sets share batches."""

from collections.abc import Collection

from ...configuration.task_kinds_polyhead import RANKING_LOSSES
from .examples import MultiTaskDataset


def batch_groups(dataset: MultiTaskDataset, batch_sizes: Collection[str]) -> list[list[str]]:
    """Return the data sets that share batches: those of single texts, and those of pairs.

    A data set has batches of its own where it has a batch size of its own, or a loss that ranks the rows of a batch, which
    would have fewer rows to rank.

    Args:
        dataset: The training rows.
        batch_sizes: Names of the data sets that have a batch size of their own.
    """
    groups: dict[str, list[str]] = {}
    for name, rows in dataset.ranges.items():
        ranks = any(task.loss in RANKING_LOSSES for task in dataset.labelled_tasks(name))
        is_pair = bool(rows) and dataset.examples[rows.start].second is not None
        key = f"alone {name}" if ranks or name in batch_sizes else f"pairs {is_pair}"
        groups.setdefault(key, []).append(name)
    return list(groups.values())
