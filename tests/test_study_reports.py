"""The committed reports of the project's studies say what the committed results say."""

from pathlib import Path

import pytest

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.comparison import compare
from polyhead.training.study.report import write_report
from polyhead.training.study.results_file import read_results
from polyhead.training.study.study_file import load_study

ROOT = Path(__file__).parent.parent
REPORTS = [
    (results, study)
    for results in sorted((ROOT / "docs" / "study").glob("*.jsonl"))
    if (study := ROOT / "recipes" / "studies" / f"{results.stem}.yaml").is_file()
]


@pytest.mark.parametrize(("results", "path"), REPORTS, ids=[results.stem for results, _ in REPORTS])
def test_report_is_that_of_the_results(results, path):
    study, lines = load_study(path), read_results(results)
    cells = plan_cells(study, will_run=False)
    beside = sorted(results.parent.glob(f"{results.stem}-*"), key=lambda file: ORDER.index(_kind(file, results)))

    report = write_report(study, cells, lines, compare(cells, study.baseline, lines), beside)

    assert (results.parent / f"{results.stem}.md").read_text(encoding="utf-8") == report, "run `make study-report`"


ORDER = ["pareto", "curves", "sizes", "best"]


def _kind(file, results):
    return file.stem.removeprefix(f"{results.stem}-").partition("-")[0]
