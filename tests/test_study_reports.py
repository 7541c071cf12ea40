"""The committed reports of the project's studies, and the documentation, say what the committed results say."""

import sys
from pathlib import Path

import pytest

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.comparison import compare
from polyhead.training.study.report import write_report
from polyhead.training.study.results_file import read_results
from polyhead.training.study.study_file import load_study

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "recipes"))  # scripts, no package
from study_figures import MARKED, fill_in  # noqa: E402

PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if MARKED.search(page.read_text(encoding="utf-8"))]
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


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_documentation_tells_the_figures_of_the_results(page):
    text = page.read_text(encoding="utf-8")

    assert fill_in(text) == text, "run `make study-report`"


def test_training_and_results_tell_figures_of_studies():
    assert {page.stem for page in PAGES} >= {"training", "results"}


def test_a_figure_that_was_changed_by_hand_is_found():
    mark = "<!--study freezing_200; emotion; 200; head alone; score-->"

    assert fill_in(f"{mark}99.9<!--/study-->") != f"{mark}99.9<!--/study-->"


@pytest.mark.parametrize(
    "key",
    [
        "freezing_201; emotion; 200; head alone; score",
        "freezing_200; emotion; 300; head alone; score",
        "freezing_200; emotion; 200; no such variant; score",
        "freezing_200; emotion; 200; head alone; beauty",
        "freezing_200; emotion; 200; head alone; emotion.beauty",
        "freezing_200; emotion",
    ],
)
def test_a_mark_without_a_result_is_refused(key):
    with pytest.raises(ValueError, match=f"<!--study {key}-->: there is no such figure"):
        fill_in(f"<!--study {key}--><!--/study-->")


ORDER = ["pareto", "curves", "sizes", "best"]


def _kind(file, results):
    return file.stem.removeprefix(f"{results.stem}-").partition("-")[0]
