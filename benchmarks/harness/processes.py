"""Each subject in a process of its own: clean threads, clean memory, and its failure is its own."""

import importlib
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .rounds import Budget

SLACK_SECONDS = 180.0  # loading and the fewest rounds beyond the budget, before a subject counts as stuck
# Imported once, by a server that forks for every subject: ten times over they took a minute. Where no process can be forked,
# each subject imports them.
PRELOADED = ("polyhead.training.trainer", "polyhead.publishing", "sentence_transformers", "scipy.stats")


def run_subjects(shares: Mapping[str, float], seconds: float, is_quick: bool) -> dict[str, dict[str, Any]]:
    """Run subjects one after another; what one takes too much, the later ones get less.

    Args:
        shares: Of the time, by subject.
        seconds: For all of them.
        is_quick: As in `Budget`.

    Returns:
        By subject, what `run_subject` gives.
    """
    begun = time.monotonic()
    names, subjects = list(shares), {}
    for position, name in enumerate(names):
        left = max(seconds - (time.monotonic() - begun), 0.0)
        share = shares[name] / sum(shares[later] for later in names[position:])
        subjects[name] = run_subject(name, Budget(left * share, is_quick))
        print(f"{name}: {subjects[name]['seconds']:.0f} s{_told(subjects[name])}", flush=True)
    return subjects


def run_subject(name: str, budget: Budget) -> dict[str, Any]:
    """Run a subject and return what it found until it ended, failed or was stopped.

    Args:
        name: Of a module of `subjects`.
        budget: Its own.

    Returns:
        `seconds` that it took, `error` (None: it ended well), and lists of `row`, `rate` and `curve`.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder) / "findings.jsonl", Path(folder) / "log"
        begun = time.monotonic()
        process = _context().Process(target=_measure, args=(name, budget, file, log))
        process.start()
        process.join(1.5 * budget.seconds + SLACK_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
            error = f"stopped after {time.monotonic() - begun:.0f} s; its budget was {budget.seconds:.0f} s"
        else:
            error = None if process.exitcode == 0 else _last_line(log) or f"exit code {process.exitcode}"
        found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    by_kind = {f"{kind}s": [_without_kind(one) for one in found if one["kind"] == kind] for kind in KINDS}
    return {"seconds": round(time.monotonic() - begun, 1), "error": error, **by_kind}


KINDS = ("row", "rate", "curve")


def _measure(name: str, budget: Budget, findings: Path, log: Path) -> None:
    """Run a subject in this process; each finding is a line of the file as soon as it is there."""
    with log.open("wb") as stream:
        for told in (1, 2):
            os.dup2(stream.fileno(), told)
    subject = importlib.import_module(f"subjects.{name}")
    with findings.open("w", encoding="utf-8") as file:
        for finding in subject.measure(budget):
            file.write(json.dumps(finding.as_dict()) + "\n")
            file.flush()


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _without_kind(finding: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in finding.items() if key != "kind"}


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def _told(subject: dict[str, Any]) -> str:
    lines = [""] if subject["error"] is None else [f", failed: {subject['error']}"]
    for row in subject["rows"]:
        measured = "not measured" if row["measured"] is None else f"{row['measured']['median']:.3g} {row['unit']}"
        verdict = {True: "met", False: "MISSED", None: "-"}[row["met"]] if row["is_right"] else "WRONG"
        lines.append(f"  {row['work']} | {row['against']} | {row['target']} | {measured} | {verdict}")
    return "\n".join(lines)
