"""Any number of texts through a model: windows tokenized ahead, batches of similar length, several at once.

No torch here: what runs a batch is a torch model or another runtime, which gives tensors or arrays.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from itertools import chain, islice
from typing import Any

from huggingface_hub.utils import tqdm

from .batching_polyhead import TokenizedText, Window, plan_batches
from .threads_polyhead import in_parallel, one_ahead

logger = logging.getLogger(__name__)

TEXTS_PER_WINDOW = 4096  # tokenized, and sorted by length, together
# A bar or none; or what is told the numbers of texts and tokens of each batch.
Progress = bool | Callable[[int, int], None]


class StreamingMixin:
    """`run_batches` and `run_tokenized`, for a class that can tokenize texts and run one batch of them."""

    config: Any

    @property
    def max_length(self) -> int:
        """Longest input in tokens, special ones included."""
        raise NotImplementedError  # given by `CheckpointMixin`, `OnnxPolyhead`

    @property
    def tokens_per_batch(self) -> int:
        """Padded tokens of a batch where nobody says how many texts it has."""
        raise NotImplementedError  # given by `RunningMixin`, `OnnxPolyhead`

    def tokenize(self, texts: list[str]) -> list[TokenizedText]:
        """Tokenize texts, each cut at the model's maximum."""
        raise NotImplementedError  # given by `RunningMixin`, `OnnxPolyhead`

    def choose_num_workers(self) -> int:
        """Number of threads that each run batches of their own, where the caller names none."""
        raise NotImplementedError  # given by `RunningMixin`, `OnnxPolyhead`

    def ready_to_run(self, num_workers: int) -> AbstractContextManager[Executor | None]:
        """Keep the model ready to answer; gives the threads that shall run its batches, None for one."""
        raise NotImplementedError  # given by `RunningMixin`, `OnnxPolyhead`

    def run_batch(
        self,
        first: list[TokenizedText],
        second: list[TokenizedText] | None,
        tasks: list[str] | None,
        normalize: bool | None,
    ) -> Any:
        """Run the model over one batch; returns a `PolyheadOutput`, or its like."""
        raise NotImplementedError  # given by `RunningMixin`, `OnnxPolyhead`

    def run_batches(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        tasks: list[str] | None = None,
        batch_size: int | None = None,
        progress: Progress = False,
        normalize: bool | None = None,
        num_workers: int | None = None,
    ) -> Iterator[tuple[list[int], list[TokenizedText], Any]]:
        """Tokenize texts and run the model over them in batches of similar length.

        Args:
            texts: Readable texts.
            pairs: Second texts for pair tasks, as many.
            tasks: As in `forward`.
            batch_size: As in `encode`.
            progress: As in `encode`.
            normalize: As in `forward`.
            num_workers: As in `encode`.

        Yields:
            Positions of the batch's texts, their tokens, and the model's output for them.

        Raises:
            ValueError: `batch_size` or `num_workers` is below 1.
        """
        for name, value in (("batch_size", batch_size), ("num_workers", num_workers)):
            if value is not None and value < 1:
                raise ValueError(f"{name} {value} must be at least 1, or None to choose by the machine.")
        num_truncated = 0

        def _tokenize(start: int) -> Window:
            part = slice(start, start + TEXTS_PER_WINDOW)
            second = None if pairs is None else self.tokenize(list(pairs[part]))
            return Window(start, self.tokenize(list(texts[part])), second)

        def _counted(windows: Iterable[Window]) -> Iterator[Window]:
            nonlocal num_truncated
            for window in windows:
                num_truncated += sum(row.is_truncated for row in window.first + (window.second or []))
                yield window

        windows = _counted(one_ahead(_tokenize, range(0, len(texts), TEXTS_PER_WINDOW)))
        with tqdm(total=len(texts), desc="texts", disable=None if progress is True else True) as bar:
            for window, rows, output in self._run_windows(windows, tasks, batch_size, normalize, num_workers):
                tokens = [window.first[row] for row in rows]
                yield [window.start + row for row in rows], tokens, output
                bar.update(len(rows))
                if callable(progress):
                    progress(len(rows), sum(map(len, tokens)))
        if num_truncated:
            num_texts = len(texts) + len(pairs or [])
            logger.warning(
                f"{num_truncated} of {num_texts} texts were longer than {self.max_length} tokens and were cut."
            )

    def run_tokenized(
        self,
        first: list[TokenizedText],
        second: list[TokenizedText] | None = None,
        tasks: list[str] | None = None,
        batch_size: int | None = None,
        normalize: bool | None = None,
    ) -> Iterator[tuple[list[int], Any]]:
        """Run the model, in evaluation mode, over texts that are tokenized already; yields positions and output."""
        for _, rows, output in self._run_windows([Window(0, first, second)], tasks, batch_size, normalize, None):
            yield rows, output

    def _run_windows(
        self,
        windows: Iterable[Window],
        tasks: list[str] | None,
        batch_size: int | None,
        normalize: bool | None,
        num_workers: int | None,
    ) -> Iterator[tuple[Window, list[int], Any]]:
        def _run(batch: tuple[Window, list[int]]) -> tuple[Window, list[int], Any]:
            window, rows = batch
            second = None if window.second is None else [window.second[row] for row in rows]
            return window, rows, self.run_batch([window.first[row] for row in rows], second, tasks, normalize)

        batches = (
            (window, rows)
            for window in windows
            for rows in plan_batches(window.first, window.second, batch_size, self.tokens_per_batch)
        )
        head = list(islice(batches, 2))
        # One batch alone is computed by all of the runtime's threads together.
        wanted = 1 if len(head) < 2 else num_workers or self.choose_num_workers()
        with self.ready_to_run(wanted) as workers:
            if workers is None:
                yield from map(_run, chain(head, batches))
            else:
                yield from in_parallel(workers, wanted, _run, chain(head, batches))
