"""Writes what the studies found into the documentation, wherever it says so.

    python recipes/study_figures.py README.md docs/training.md docs/results.md

A figure stands between two comments, which a reader of the page does not see:

    <!--study freezing_200; emotion; 200; head alone; score-->39.2<!--/study-->

first the study (its results are `docs/study/NAME.jsonl`), then recipe (or `all recipes`), training rows (a number or `all`),
variant, and what of it: `score` and `difference` (from the baseline, with its 95% interval) in points, `time` (a share of the
baseline's), `minutes` (of training), `memory` (the most that the process held, in MiB), or of one task on validation a metric
(`similarity.spearman`) or the `difference`.

`<!--study hours-->` is what has run and how long it took, `<!--study six_against_single-->` the table of
`recipes/six_against_single.py`; so with the other scripts of `SCRIPTS`. Of such a table one cell is named by how its row
begins, as far as it takes to tell it from others, and by its column:

    <!--study scores_again; tweets; offensive; test; mean-->79.9<!--/study-->
"""

import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import against_setfit
import embedding_changes
import layer_changes
import layer_probes
import many_labels
import out_of_scope
import scores_again
import six_against_single
import study_hours
import task_pairs

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.comparison import Section, compare
from polyhead.training.study.results_file import read_results
from polyhead.training.study.statistics import Mean
from polyhead.training.study.study_file import load_study
from polyhead.training.study.together import together
from polyhead.training.study.variant_result import VariantResult, difference, task_differences, time_share

STUDIES = Path(__file__).resolve().parent / "studies"
RESULTS = six_against_single.RESULTS.parent
SCRIPTS = {
    script.__name__: script
    for script in (
        against_setfit,
        embedding_changes,
        layer_changes,
        layer_probes,
        many_labels,
        out_of_scope,
        scores_again,
        six_against_single,
        task_pairs,
    )
}
MARKED = re.compile(r"<!--study (?P<key>[^>]*)-->.*?<!--/study-->", re.DOTALL)


def main() -> None:
    """Fill in the pages named on the command line."""
    for page in map(Path, sys.argv[1:]):
        page.write_text(fill_in(page.read_text(encoding="utf-8")), encoding="utf-8")


def fill_in(page: str) -> str:
    """Return a page with every marked figure as the results have it.

    Raises:
        ValueError: A mark names what there is not.
    """
    sections = cache(_sections)  # a page has many figures of one study
    return MARKED.sub(lambda mark: f"<!--study {mark['key']}-->{_text(mark['key'], sections)}<!--/study-->", page)


def _text(key: str, sections: Callable[[str], list[Section]]) -> str:
    name, *place = (part.strip() for part in key.split(";"))
    if name == "hours" and not place:
        return f"\n\n{study_hours.report()}\n\n"
    if name in SCRIPTS and not place:
        return f"\n\n{_table(name)}\n\n"
    try:
        if name in SCRIPTS:
            return _cell(_table(name), *place)
        recipe, size, variant, measured = place
        section = next(one for one in sections(name) if (one.recipe, str(one.size or "all")) == (recipe, size))
        return _figure(section, section.variant(variant), measured)
    except (StopIteration, KeyError, ValueError, FileNotFoundError) as error:
        raise ValueError(f"<!--study {key}-->: there is no such figure in {RESULTS.name}/{name}.jsonl.") from error


@cache
def _table(name: str) -> str:
    return str(SCRIPTS[name].report(read_results(SCRIPTS[name].RESULTS)))


def _cell(report: str, *place: str) -> str:
    *begins, column = place
    found = []
    for table in report.split("\n\n"):
        header, *rows = ([cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines())
        found += [row[header.index(column)] for row in rows if column in header and row[: len(begins)] == begins]
    [cell] = found  # two of them are a ValueError, as none is
    return cell


def _sections(name: str) -> list[Section]:
    study, lines = load_study(STUDIES / f"{name}.yaml"), read_results(RESULTS / f"{name}.jsonl")
    sections = compare(plan_cells(study, will_run=False), study.baseline, lines)
    return [*sections, *together(sections)]


def _figure(section: Section, variant: VariantResult, measured: str) -> str:
    if not variant.lines:
        raise ValueError(f"{variant.name} has no results")
    if measured in FIGURES:
        return FIGURES[measured](section, variant)
    task, metric = measured.split(".", 1)
    if metric == "difference":
        return _in_points(task_differences(variant, section.variant(section.baseline))[task].mean)
    value = variant.mean(lambda line: line["validation"][task][metric])
    if value is None:
        raise ValueError(f"{variant.name} has no {measured}")
    return f"{100 * value:.1f}"


def _difference(section: Section, variant: VariantResult) -> str:
    found = difference(variant, section.variant(section.baseline))
    if found is None:
        raise ValueError(f"{variant.name} has no seed in common with the baseline")
    return _in_points(found.mean)


def _in_points(mean: Mean) -> str:
    interval = "" if mean.low is None or mean.high is None else f" ({100 * mean.low:+.1f} to {100 * mean.high:+.1f})"
    return f"{100 * mean.value:+.1f}{interval}"


def _time(section: Section, variant: VariantResult) -> str:
    share = time_share(variant, section.variant(section.baseline))
    if share is None:
        raise ValueError(f"{variant.name} has no training time at a seed that the baseline has")
    return f"{share:.2f}"


FIGURES: dict[str, Callable[[Section, VariantResult], str]] = {
    "score": lambda _, variant: f"{100 * variant.score.value:.1f}",
    "time": _time,
    "minutes": lambda _, variant: f"{variant.cost / 60:.1f}",
    "memory": lambda _, variant: f"{(variant.mean(lambda line: line['memory_bytes']) or 0) / 2**20:.0f}",
    "difference": _difference,
}


if __name__ == "__main__":
    main()
