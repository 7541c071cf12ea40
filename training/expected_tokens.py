"""How many tokens of the training texts a run reads."""

from typing import Any

from .data.examples import MultiTaskDataset
from .data.stream_sampling import StreamBatchSampler


def expected_tokens(dataset: MultiTaskDataset, sampler: Any, num_epochs: float) -> int:
    """Count tokens, padding not counted.

    Args:
        dataset: The rows that are known; of a stream they stand for the others.
        sampler: Of the run.
        num_epochs: Passes over rows that are all known.
    """
    if not isinstance(sampler, StreamBatchSampler):
        return round(_num_tokens(dataset, range(len(dataset))) * num_epochs)
    drawn = {name: share * len(sampler) * sampler.rows_per_batch[name] for name, share in sampler.shares.items()}
    means = {name: _num_tokens(dataset, rows) / len(rows) for name, rows in dataset.ranges.items()}
    return round(sum(drawn[name] * means[name] for name in drawn))


def _num_tokens(dataset: MultiTaskDataset, rows: range) -> int:
    examples = dataset.examples[rows.start : rows.stop]
    return sum(len(example.first) + len(example.second or ()) for example in examples)
