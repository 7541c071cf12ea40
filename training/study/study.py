"""A study from its file to its results."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .cells import plan_cells
from .data_checks import check_sizes, require_test_split
from .outcome import Outcome, StudyFiles, write_outcome
from .results_file import Line, begin_results
from .runner import Progress, Runner
from .study_file import load_study


def run_study(
    path: str | Path,
    output: str | Path,
    tell: Callable[[Progress], None],
    jobs: int = 1,
    budget_seconds: float | None = None,
    with_test: bool = False,
    retry_failed: bool = False,
) -> Outcome:
    """Run the cells of a study that have no result yet, and report on all that have one.

    Args:
        path: The study file.
        output: Folder of the results.
        tell: Receives the progress.
        jobs: Cells at a time.
        budget_seconds: No cell starts that is not expected to end within it; None: no limit.
        with_test: Measure on the test split too; cells that were not are trained again.
        retry_failed: Run again what has failed.

    Raises:
        DataError: A data set cannot be read.
        ValueError: The study cannot be used, or another process runs it in the same folder.
        KeyboardInterrupt: Ctrl-C was pressed; what had ended is in the results and in the report.
    """
    study = load_study(path)
    cells = plan_cells(study)
    check_sizes(study, cells)
    if with_test:
        require_test_split(cells)
    files = StudyFiles(Path(output), study.name)
    with _alone(files):
        lines = begin_results(files.results, cells, lambda line: _is_done(line, with_test, retry_failed))
        waiting = [cell for cell in cells if cell.place not in lines]
        runner = Runner(files.results, files.work, tell, jobs, budget_seconds, with_test)
        try:
            runner.run(waiting, list(lines.values()))
        except KeyboardInterrupt:
            write_outcome(study, cells, files)
            raise
        return write_outcome(study, cells, files)


def _is_done(line: Line, with_test: bool, retry_failed: bool) -> bool:
    return not retry_failed if "error" in line else not with_test or "test" in line


@contextmanager
def _alone(files: StudyFiles) -> Iterator[None]:
    """Hold the study's lock, which the system takes back from a process that is killed, and clear away what one has left."""
    files.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(files.folder / f".{files.name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ValueError(
            f"study '{files.name}' runs in '{files.folder}' already; wait for it, or name another folder with --output."
        ) from error
    try:
        shutil.rmtree(files.work, ignore_errors=True)
        files.work.mkdir()
        yield
    finally:
        shutil.rmtree(files.work, ignore_errors=True)
        lock.release()
