"""One cell in a process of its own: it trains, measures, and leaves a file."""

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

RESULT, LOG = "result.json", "log.txt"
_MODEL = "model"


def work_on_cell(recipe: Path, overrides: list[str], with_test: bool, num_threads: int | None, folder: Path) -> None:
    """Be the process of a cell: leave `result.json` with the numbers or the error, and what was printed in `log.txt`.

    Args:
        recipe: The recipe file.
        overrides: The settings of the cell.
        with_test: Measure on the test split too.
        num_threads: Of torch; None: as torch does.
        folder: Empty, for this cell alone.
    """
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C reaches the study alone, which then ends this process
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # cleans up, which a process that is simply ended does not
    threading.Thread(target=_end_with_study, daemon=True).start()
    _redirect_output(folder / LOG)
    if num_threads is not None:
        import torch

        torch.set_num_threads(num_threads)
    try:
        result = run_cell(recipe, overrides, folder / _MODEL, with_test)
    except Exception as error:
        traceback.print_exc()
        lines = [line.strip() for line in str(error).splitlines()]
        result = {"error": f"{type(error).__name__}: {' '.join(filter(None, lines)) or 'no message'}"}
    beside = folder / f".{RESULT}"
    beside.write_text(json.dumps(result), encoding="utf-8")
    beside.replace(folder / RESULT)


def run_cell(recipe: Path, overrides: list[str], output: Path, with_test: bool) -> dict[str, Any]:
    """Train one cell and measure it.

    Args:
        recipe: The recipe file.
        overrides: Its settings.
        output: Folder for the model.
        with_test: Read the test split too, after training.

    Returns:
        `score` (the multi-task score of the saved model on validation), `tasks` (each one's main metric), `validation` and
        `test` (all metrics), `seconds` and `processor_seconds` (of the training loop, its evaluations and checkpoints
        included), `examples_per_second`, `memory_bytes` (the most that was held), `curve` (step and score of every evaluation),
        `versions`.
    """
    from ..metrics.multi_task_score import multi_task_score, primary_metric
    from ..recipe_evaluation import evaluate_recipe
    from ..run.metrics_file import METRICS, read_metrics
    from ..run.record import VERSIONS
    from ..training import train_recipe

    trained = train_recipe(recipe, output, [*overrides, "train.disable_tqdm=true"], with_pictures=False)
    tasks = [task for task in trained.model.config.tasks if task.name in trained.scores]
    entries = read_metrics(trained.record / METRICS)
    result = {
        "score": multi_task_score(tasks, trained.scores),
        "tasks": {task.name: _main_metric(primary_metric(task), trained.scores[task.name]) for task in tasks},
        "validation": trained.scores,
        "seconds": round(trained.seconds, 2),
        "processor_seconds": round(trained.processor_seconds, 2),
        "examples_per_second": round(trained.num_examples / trained.seconds, 2) if trained.num_examples else None,
        "memory_bytes": _peak_memory(),
        "curve": [[entry["step"], entry["eval_score"]] for entry in entries if "eval_score" in entry],
        "versions": json.loads((trained.record / VERSIONS).read_text(encoding="utf-8")),
    }
    if with_test:
        result["test"] = evaluate_recipe(trained.model, recipe, "test", overrides)[1]
    return result


def _main_metric(name: str, scores: dict[str, float]) -> dict[str, Any]:
    return {"metric": name, "value": scores[name]}


def _peak_memory() -> int | None:
    """Return the most memory this process has held, in bytes: of the GPU where it trains there, else of the machine."""
    import torch

    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _end_with_study() -> None:
    """Wait for the end of the process that runs the study, and follow it, together with what loads data here."""
    study = multiprocessing.parent_process()
    if study is not None:
        wait([study.sentinel])
        with contextlib.suppress(AttributeError):  # Windows
            os.killpg(0, signal.SIGKILL)
        os._exit(1)


def _redirect_output(file: Path) -> None:
    """Send all output of this process, that of libraries included, to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    with file.open("wb") as log:
        for number in (1, 2):
            os.dup2(log.fileno(), number)
