"""How fast polyhead is, as ratios of one interleaved run: writes a JSON file from which the report is made.

    POLYHEAD_DATA=folder python benchmarks/performance.py                 # docs/performance.json, a budget of 26 minutes
    POLYHEAD_DATA=folder python benchmarks/performance.py --quick         # runs/performance/, little of each
    POLYHEAD_DATA=folder python benchmarks/performance.py --only encoding --quick
    python benchmarks/performance.py --only growth --output docs/performance.json  # one subject anew
    python benchmarks/performance.py --report                             # docs/performance.md from the JSON

Each subject runs in a process of its own, one after another. Leave the machine alone meanwhile.
"""

import argparse
import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any

from harness.machine import machine, versions
from harness.material import ROOT, data_folder
from harness.processes import run_subjects

COMMITTED = ROOT / "docs" / "performance.json"
QUICK = ROOT / "runs" / "performance" / "performance.json"
# Their shares of the time. What has a fixed amount of work comes early; those that can take fewer rounds get what is left.
SUBJECTS = {
    "encoding": 13,
    "bfloat16": 0.5,
    "freezing": 28,
    "streaming": 32,
    "training_epoch": 22,
    "trainer_overhead": 17,
    "exported": 10,
    "arithmetic": 5,
    "predicting": 15,
    "latency": 5,
    "startup": 5,
    "operators": 3,
    "growth": 14,
}
MINUTES, QUICK_MINUTES = 26.0, 2.2  # with start and report, less than 30 and 3


def main() -> None:
    options = _options()
    output = options.output or (QUICK if options.quick or options.only else COMMITTED)
    if not options.report:
        data_folder()  # told now, not by every subject
        names = options.only or list(SUBJECTS)
        share = sum(map(SUBJECTS.__getitem__, names)) / sum(SUBJECTS.values())
        minutes = options.minutes or share * (QUICK_MINUTES if options.quick else MINUTES)
        results = run(names, 60 * minutes, options.quick)
        if options.only and output.is_file():
            results = join(json.loads(output.read_text(encoding="utf-8")), results)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    from report.report import write_files

    print(f"-> {write_files(output)}")


def run(names: list[str], seconds: float, is_quick: bool) -> dict[str, Any]:
    """Return what the report is made from."""
    begun = time.monotonic()
    shares = {name: SUBJECTS[name] for name in names}
    subjects = run_subjects(shares, seconds, is_quick)
    return {
        "date": str(datetime.date.today()),
        "is_quick": is_quick,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "machine": machine(),
        "versions": versions(),
        "subjects": subjects,
    }


def join(earlier: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    """Return earlier results with some subjects measured anew, on the same machine."""
    if any(earlier[key] != results[key] for key in ("machine", "versions", "is_quick")):
        return results
    minutes = round(earlier["minutes"] + results["minutes"], 1)
    return {**results, "minutes": minutes, "subjects": {**earlier["subjects"], **results["subjects"]}}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="One round of little work a subject.")
    parser.add_argument("--only", action="append", choices=list(SUBJECTS), help="A subject; may come several times.")
    parser.add_argument("--minutes", type=float, help=f"{MINUTES:.0f} for all subjects, {QUICK_MINUTES} if quick.")
    parser.add_argument("--output", type=Path, help="JSON file of the results.")
    parser.add_argument("--report", action="store_true", help="Make the report anew, without measuring.")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(str(error))
