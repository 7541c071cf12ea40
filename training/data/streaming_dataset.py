"""Training rows of which not all are known before: some data sets are streams."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from torch.utils.data import Dataset

from .examples import Example, MultiTaskDataset, tokenize_rows
from .row_stream import RowStream
from .rows import Row


class StreamingDataset(Dataset):
    """All data sets of the train split, at least one of them a stream.

    It has no length, and its index is a row itself, as `StreamBatchSampler` reads them.

    Args:
        known: The first rows of each stream, all rows of the other data sets.
        streams: By name of the data set.
        tokenizer: Of the model.
        max_length: Longest input in tokens.
    """

    def __init__(
        self, known: MultiTaskDataset, streams: Mapping[str, RowStream], tokenizer: Any, max_length: int
    ) -> None:
        self.known = known
        self.streams = streams
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.sources: dict[str, Sequence[Row] | RowStream] = {
            name: streams.get(name) or known.rows[span.start : span.stop] for name, span in known.ranges.items() if span
        }

    def __getitem__(self, row: Row) -> Example:
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: list[Row]) -> list[Example]:
        return tokenize_rows("", rows, self.known.tasks, self.tokenizer, self.max_length)

    @property
    def fingerprint(self) -> str:
        """Checksum of what is known before training, and of the buffers, which decide the order.

        Later rows are not in it: one that has ended a run may be mended before the run goes on.
        """
        buffers = sorted((name, stream.buffer_rows) for name, stream in self.streams.items())
        return hashlib.sha256(f"{self.known.fingerprint} {buffers}".encode()).hexdigest()


def known_rows(dataset: Any) -> Any:
    """Return the rows that can be looked at before training: of a stream its first."""
    return dataset.known if isinstance(dataset, StreamingDataset) else dataset
