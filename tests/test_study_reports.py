"""The committed reports of the project's studies, and the documentation, say what the committed results say."""

import json
import sys
from pathlib import Path
from statistics import fmean

import pytest

from polyhead.training.study.best_recipe import best_recipe
from polyhead.training.study.cells import plan_cells
from polyhead.training.study.comparison import compare
from polyhead.training.study.report import write_report
from polyhead.training.study.results_file import read_results
from polyhead.training.study.study_file import load_study

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "recipes"))  # scripts, no package
from study_figures import MARKED, fill_in  # noqa: E402 - found only on the path of the line above

FREEZING_200 = [  # of its two recipes the one of emotions
    line
    for line in map(json.loads, (ROOT / "docs" / "study" / "freezing_200.jsonl").read_text().splitlines())
    if line["recipe"] == "emotion"
]
TEXTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PAGES = [page for page in TEXTS if MARKED.search(page.read_text(encoding="utf-8"))]
REPORTS = [
    (results, study)
    for results in sorted((ROOT / "docs" / "study").glob("*.jsonl"))
    if (study := ROOT / "recipes" / "studies" / f"{results.stem}.yaml").is_file()
]


@pytest.mark.parametrize(("results", "path"), REPORTS, ids=[results.stem for results, _ in REPORTS])
def test_report_is_that_of_the_results(results, path):
    study, lines = load_study(path), read_results(results)
    cells = plan_cells(study, will_run=False)
    recipes = [recipe.stem for recipe in study.recipes]
    beside = sorted(results.parent.glob(f"{results.stem}-*"), key=lambda file: _place(file, results, recipes))

    report = write_report(study, cells, lines, compare(cells, study.baseline, lines), beside)

    assert (results.parent / f"{results.stem}.md").read_text(encoding="utf-8") == report, "run `make study-report`"


@pytest.mark.parametrize(("results", "path"), REPORTS, ids=[results.stem for results, _ in REPORTS])
def test_best_recipes_are_those_of_the_results_wherever_the_data_and_models_lie(results, path, monkeypatch):
    monkeypatch.delenv("POLYHEAD_DATA", raising=False)  # nor has a clone the quickstart's model
    study = load_study(path)
    cells = plan_cells(study, will_run=False)
    sections = [section for section in compare(cells, study.baseline, read_results(results)) if section.ranked]
    written = list(results.parent.glob(f"{results.stem}-best*.yaml"))

    assert written
    for file in written:
        recipe = file.stem.removeprefix(f"{results.stem}-best").removeprefix("-") or study.recipes[0].stem
        largest = max((section for section in sections if section.recipe == recipe), key=_size)
        assert file.read_text(encoding="utf-8") == best_recipe(largest, cells, file), "run `make study-report`"


def _size(section):
    return section.size or float("inf")


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_documentation_tells_the_figures_of_the_results(page):
    text = page.read_text(encoding="utf-8")

    assert fill_in(text) == text, "run `make study-report`"


def test_training_and_results_tell_figures_of_studies():
    assert {page.stem for page in PAGES} == {"README", "training", "results"}


@pytest.mark.parametrize(
    ("what", "of_line"),
    [
        ("score", lambda line: line["score"]),
        ("emotion.accuracy", lambda line: line["validation"]["emotion"]["accuracy"]),
        ("difference", lambda line: line["score"] - _of_baseline(line)["score"]),
    ],
)
def test_a_figure_is_the_mean_over_the_seeds_in_points(what, of_line):
    lines = [line for line in FREEZING_200 if line["variant"] == "head alone"]
    mark = f"<!--study freezing_200; emotion; 200; head alone; {what}-->"

    filled = fill_in(f"{mark}99.9<!--/study-->").removeprefix(mark).removesuffix("<!--/study-->")

    assert len(lines) == 3
    assert float(filled.split()[0]) == round(100 * fmean(map(of_line, lines)), 1)


def test_time_is_a_share_of_the_baselines():
    variant, baseline = (
        fmean(line["processor_seconds"] for line in FREEZING_200 if line["variant"] == name)
        for name in ("head alone", "everything learns")
    )

    filled = fill_in("<!--study freezing_200; emotion; 200; head alone; time--><!--/study-->")

    assert f"-->{variant / baseline:.2f}<!--" in filled


def test_a_figure_of_a_scripts_table_is_found_by_its_row_and_column():
    table = fill_in("<!--study six_against_single--><!--/study-->")
    row = next(line for line in table.splitlines() if line.startswith("| emotion (test) |"))

    filled = fill_in("<!--study six_against_single; emotion (test); difference--><!--/study-->")

    assert f"-->{row.strip('| ').split('|')[-1].strip()}<!--" in filled


@pytest.mark.parametrize(
    "key",
    [
        "scores_again; tweets; emotion; test; beauty",
        "scores_again; tweets; beauty; mean",
        "scores_again; tweets; emotion; mean",  # of validation or of test?
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


def _of_baseline(line):
    at = (line["seed"], "everything learns")
    return next(other for other in FREEZING_200 if (other["seed"], other["variant"]) == at)


ORDER = ["pareto", "curves", "sizes", "best"]


def _place(file, results, recipes):
    kind, _, recipe = file.stem.removeprefix(f"{results.stem}-").partition("-")
    return ORDER.index(kind), recipes.index(recipe) if recipe else 0
