"""Each subject in a process of its own: clean threads, clean memory, and its failure is its own."""

import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .rounds import Budget

SLACK_SECONDS = 180.0  # imports, loading and the fewest rounds beyond the budget, before a subject counts as stuck


def run_subjects(
    shares: Mapping[str, float], seconds: float, is_quick: bool, command: Callable[[str], list[str]]
) -> dict[str, dict[str, Any]]:
    """Run subjects one after another; what one takes too much, the later ones get less.

    Args:
        shares: Of the time, by subject.
        seconds: For all of them.
        is_quick: As in `Budget`.
        command: Gives the command of a subject.

    Returns:
        By subject, what `run_subject` gives.
    """
    begun = time.monotonic()
    names, subjects = list(shares), {}
    for position, name in enumerate(names):
        left = max(seconds - (time.monotonic() - begun), 0.0)
        share = shares[name] / sum(shares[later] for later in names[position:])
        subjects[name] = run_subject(command(name), left * share, is_quick)
        print(f"{name}: {subjects[name]['seconds']:.0f} s{_told(subjects[name])}", flush=True)
    return subjects


def run_subject(command: list[str], seconds: float, is_quick: bool) -> dict[str, Any]:
    """Run a subject and return what it found until it ended, failed or was stopped.

    Args:
        command: That runs it; the seconds, `--quick` and the file for its findings are added.
        seconds: Its budget.
        is_quick: As in `Budget`.

    Returns:
        `seconds` that it took, `error` (None: it ended well), and lists of `row`, `rate` and `curve`.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder) / "findings.jsonl", Path(folder) / "log"
        arguments = ["--seconds", str(seconds), "--findings", str(file), *(["--quick"] if is_quick else [])]
        begun = time.monotonic()
        with log.open("wb") as stream:
            try:
                process = subprocess.run(
                    [*command, *arguments], stdout=stream, stderr=stream, timeout=1.5 * seconds + SLACK_SECONDS
                )
                error = None if process.returncode == 0 else _last_line(log) or f"exit code {process.returncode}"
            except subprocess.TimeoutExpired:
                error = f"stopped after {time.monotonic() - begun:.0f} s; its budget was {seconds:.0f} s"
        found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    by_kind = {f"{kind}s": [_without_kind(one) for one in found if one["kind"] == kind] for kind in KINDS}
    return {"seconds": round(time.monotonic() - begun, 1), "error": error, **by_kind}


KINDS = ("row", "rate", "curve")


def measure_here(name: str, budget: Budget, findings: Path) -> None:
    """Run a subject in this process; each finding is a line of the file as soon as it is there."""
    subject = importlib.import_module(f"subjects.{name}")
    with findings.open("w", encoding="utf-8") as file:
        for finding in subject.measure(budget):
            file.write(json.dumps(finding.as_dict()) + "\n")
            file.flush()


def this_script(*arguments: str) -> list[str]:
    """Return the command that starts the running script anew."""
    return [sys.executable, sys.argv[0], *arguments]


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
