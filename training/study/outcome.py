"""What a study leaves beside its results: report, pictures, and the best recipe."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .best_recipe import best_recipe
from .cells import Cell, plan_cells
from .comparison import Section, compare
from .report import section_title, write_report
from .results_file import named_as_now, read_results
from .study_file import Study, load_study
from .verdict import verdict


@dataclass(frozen=True)
class StudyFiles:
    """Where the files of a study lie; several studies may share a folder.

    Args:
        folder: The folder.
        name: Of the study.
    """

    folder: Path
    name: str

    @property
    def results(self) -> Path:
        """One JSON object a line and cell."""
        return self.folder / f"{self.name}.jsonl"

    @property
    def report(self) -> Path:
        """What the results say."""
        return self.folder / f"{self.name}.md"

    def best(self, recipe: str | None) -> Path:
        """The best variant as a recipe; `recipe` names that of several which it is a variant of."""
        return self.folder / f"{self.name}-best{'' if recipe is None else f'-{recipe}'}.yaml"

    @property
    def work(self) -> Path:
        """What runs, while it runs; it is removed, so it must be nobody else's folder, such as `.git` of a study `git`."""
        return self.folder / f".{self.name}.running"


@dataclass(frozen=True)
class Outcome:
    """What a study has found.

    Args:
        files: The report first, then pictures and recipes; none where nothing was measured.
        verdicts: Sentences by recipe and size.
        num_left_out: Cells without a result.
        num_failed: Cells that failed.
    """

    files: list[Path]
    verdicts: dict[str, str]
    num_left_out: int
    num_failed: int


def report_study(path: str | Path, output: str | Path) -> Outcome:
    """Make the report of a study from its results, without running anything.

    Args:
        path: The study file.
        output: Folder of the results.

    Raises:
        ValueError: The study cannot be used, or it has no results there.
    """
    study = load_study(path)
    files = StudyFiles(Path(output), study.name)
    if not files.results.is_file():
        raise ValueError(f"no results: there is no '{files.results}'; run the study first, or correct --output.")
    return write_outcome(study, plan_cells(study, will_run=False), files)


def write_outcome(study: Study, cells: Sequence[Cell], files: StudyFiles) -> Outcome:
    """Write report, pictures and best recipes from the results file.

    Args:
        study: The study.
        cells: All of it.
        files: Where they lie.
    """
    lines = named_as_now(read_results(files.results), cells)
    sections = compare(cells, study.baseline, lines)
    measured = [section for section in sections if section.measured]
    alike = [section for section in measured if not any(map(section.is_partial, section.measured))]  # one score for all
    written = [*_draw(alike, files), *_write_recipes(study, measured, cells, files)]
    files.report.write_text(write_report(study, cells, lines, sections, written), encoding="utf-8")
    variants = [variant for section in sections for variant in section.variants]
    return Outcome(
        [files.report, *written],
        {section_title(section): verdict(section) for section in sections},
        sum(variant.num_absent for variant in variants),
        sum(variant.num_failed for variant in variants),
    )


def _draw(sections: Sequence[Section], files: StudyFiles) -> list[Path]:
    if not sections or importlib.util.find_spec("matplotlib") is None:
        return []
    from .pictures_study import draw_curves, draw_pareto, draw_sizes

    drawn = {"pareto": draw_pareto(sections), "curves": draw_curves(sections), "sizes": draw_sizes(sections)}
    written = []
    for name, figure in drawn.items():
        if figure is not None:
            written.append(files.folder / f"{files.name}-{name}.png")
            figure.savefig(written[-1], dpi=100, metadata={"Software": None})  # the same bytes from the same results
    return written


def _write_recipes(study: Study, sections: Sequence[Section], cells: Sequence[Cell], files: StudyFiles) -> list[Path]:
    """Write the best variant of each recipe, at the largest size that was measured."""
    largest: dict[str, Section] = {}
    for section in (section for section in sections if section.ranked):
        known = largest.get(section.recipe)
        if known is None or _rank(section) > _rank(known):
            largest[section.recipe] = section
    written = []
    for name in [recipe.stem for recipe in study.recipes]:
        file = files.best(name if len(study.recipes) > 1 else None)
        if name in largest:
            written.append(file)
            file.write_text(best_recipe(largest[name], cells, file), encoding="utf-8")
        else:
            file.unlink(missing_ok=True)  # of an earlier report, which these results no longer bear out
    return written


def _rank(section: Section) -> float:
    return float("inf") if section.size is None else section.size
