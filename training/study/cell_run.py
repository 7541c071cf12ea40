"""A cell that runs: its process, its folder, and what it leaves."""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from .cell_process import LOG, RESULT, work_on_cell
from .cells import Cell
from .results_file import PLACE, Line

_TOLD = 2000  # characters of the log that are kept with an error
_PATIENCE_SECONDS = 5.0
# What takes seconds to import is imported once, by a server that forks for every cell; on Windows every process imports it.
_PRELOADED = ("training", "recipe_evaluation")


class CellRun:
    """Starts a cell in a process of its own.

    Args:
        cell: What to run.
        work: Folder in which the cell has one of its own until it has ended.
        with_test: Measure on the test split too.
        num_threads: Of torch; None: as torch does.
    """

    def __init__(self, cell: Cell, work: Path, with_test: bool, num_threads: int | None) -> None:
        self.cell = cell
        self.started = time.monotonic()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{cell.settings_hash}-", dir=work))
        order = (cell.recipe, list(cell.overrides), with_test, num_threads, self._folder)
        self._process = _context().Process(target=work_on_cell, args=order)
        self._process.start()

    @property
    def has_ended(self) -> bool:
        """Whether the process is over."""
        return not self._process.is_alive()

    def take_result(self) -> Line:
        """Return the line of a cell that has ended, and remove its folder."""
        wall = time.monotonic() - self.started
        line: Line = dict(zip(PLACE, self.cell.place, strict=True))
        line |= {"settings_hash": self.cell.settings_hash, "input_hash": self.cell.input_hash}
        line |= {"overrides": list(self.cell.overrides)}
        line |= {"wall_seconds": round(wall, 1), **self._result()}
        shutil.rmtree(self._folder, ignore_errors=True)
        return line

    def stop(self) -> None:
        """End the process, whatever it is doing, and remove what it has written."""
        self._process.terminate()
        self._process.join(_PATIENCE_SECONDS)
        self._process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            os.killpg(self._process.pid or 0, signal.SIGKILL)  # what loads data for it; no groups on Windows
        self._process.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _result(self) -> dict[str, Any]:
        file, log = self._folder / RESULT, self._folder / LOG
        code = self._process.exitcode or 0
        ended = f"by signal {-code}, as when memory runs out" if code < 0 else f"with code {code}"
        result: dict[str, Any] = {"error": f"the process ended {ended}, without a result"}
        if file.is_file():
            result = json.loads(file.read_text(encoding="utf-8"))
        if "error" in result and log.is_file():
            result["log"] = log.read_text(encoding="utf-8", errors="replace")[-_TOLD:]
        return result


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    training = __package__.rpartition(".")[0]
    context.set_forkserver_preload([f"{training}.{name}" for name in _PRELOADED])
    return context
