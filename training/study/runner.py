"""Running the cells of a study: one after another or several at a time, until they are done or time is up."""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .cell_run import CellRun
from .cells import Cell
from .results_file import Line, append_result
from .time_left import TimeLeft

_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Progress:
    """Where a study stands when a cell has begun or ended.

    Args:
        cell: The cell.
        line: Its result; None where it has begun.
        num_done: Cells that have ended, in this run and before.
        num_cells: Of the study.
        seconds_left: Expected for the rest, or what is left of the budget; None where nothing like it has run yet.
    """

    cell: Cell
    line: Line | None
    num_done: int
    num_cells: int
    seconds_left: float | None


class Runner:
    """Runs cells and writes a line for each.

    Args:
        results: The results file.
        work: Folder for what runs.
        tell: Receives the progress.
        jobs: Cells at a time.
        budget_seconds: No cell starts that is not expected to end within it; None: no limit.
        with_test: Measure on the test split too.
    """

    def __init__(
        self,
        results: Path,
        work: Path,
        tell: Callable[[Progress], None],
        jobs: int = 1,
        budget_seconds: float | None = None,
        with_test: bool = False,
    ) -> None:
        self.results, self.work, self.tell = results, work, tell
        self.jobs, self.with_test = jobs, with_test
        self.deadline = None if budget_seconds is None else time.monotonic() + budget_seconds
        # Side by side, all would want all cores. What the environment says goes first.
        is_told = jobs == 1 or "OMP_NUM_THREADS" in os.environ
        self.num_threads = None if is_told else max(1, (os.cpu_count() or 1) // jobs)
        self._running: list[CellRun] = []

    def run(self, cells: Sequence[Cell], lines: Sequence[Line]) -> None:
        """Run cells in their order, but for those for which there is no time.

        Once a cell does not fit, the other variants at its recipe, size and seed are left out as well, since there would be
        nothing to compare them with.

        Args:
            cells: Those that have no line yet.
            lines: Of the cells that have.
        """
        self._times, self._num_done = TimeLeft(lines), len(lines)
        self._num_cells = len(cells) + len(lines)
        waiting, closed = deque(cells), set[tuple[str, int | None, int]]()
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self.jobs:
                    cell = waiting.popleft()
                    if cell.block in closed or not self._fits(cell):
                        closed.add(cell.block)
                    else:
                        self._running.append(CellRun(cell, self.work, self.with_test, self.num_threads))
                        self._report(cell, None, waiting)
                self._collect(waiting)
                time.sleep(_PAUSE_SECONDS)
        finally:
            for run in self._running:
                run.stop()

    def _fits(self, cell: Cell) -> bool:
        now = time.monotonic()
        return self.deadline is None or now + (self._times.seconds(cell) or 0) <= self.deadline

    def _collect(self, waiting: Sequence[Cell]) -> None:
        for run in [run for run in self._running if run.has_ended]:
            line = run.take_result()
            append_result(self.results, line)
            self._running.remove(run)
            self._times.add(line)
            self._num_done += 1
            self._report(run.cell, line, waiting)

    def _report(self, cell: Cell, line: Line | None, waiting: Sequence[Cell]) -> None:
        rest = self._times.total([*waiting, *(run.cell for run in self._running)])
        if rest is not None:
            ran = sum(time.monotonic() - run.started for run in self._running)
            rest = max(0.0, rest - ran) / self.jobs
            if self.deadline is not None:
                rest = min(rest, max(0.0, self.deadline - time.monotonic()))
        self.tell(Progress(cell, line, self._num_done, self._num_cells, rest))
