"""How far a long job is: rows and tokens a second, time left."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub.utils import tqdm

from .file_texts import PARQUET

_FORMAT = "{percentage:3.0f}%|{bar}| {n_fmt} rows, {rate_fmt}{postfix}, {remaining} left"


def count_rows(file: Path) -> int:
    """Return the number of rows of a Parquet file, of others that of their lines: at least the number of their rows."""
    if file.suffix.lower() == PARQUET:
        from pyarrow.parquet import ParquetFile

        return int(ParquetFile(file).metadata.num_rows)
    with file.open("rb") as content:
        return sum(block.count(b"\n") for block in iter(lambda: content.read(1 << 20), b"")) + 1


class RateBar:
    """A bar on standard error, where that is a terminal.

    Args:
        bar: Shows it.
    """

    def __init__(self, bar: tqdm) -> None:
        self._bar = bar
        self._tokens = 0
        self._start = time.monotonic()

    def advance(self, num_texts: int, num_tokens: int) -> None:
        """Tell of one more batch."""
        self._tokens += num_tokens
        rate = self._tokens / max(1e-9, time.monotonic() - self._start)
        self._bar.set_postfix_str(f"{rate:.0f} tokens/s", refresh=False)
        self._bar.update(num_texts)


@contextmanager
def rate_bar(num_rows: int) -> Iterator[RateBar]:
    """Show a bar while texts are answered.

    Args:
        num_rows: Expected, at most.
    """
    with tqdm(total=num_rows, unit=" rows", bar_format=_FORMAT, disable=None) as bar:
        yield RateBar(bar)
        bar.total = bar.n  # blank lines are no rows
