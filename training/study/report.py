"""The report of a study: Markdown that is made from its results alone, the same byte for byte each time."""

from collections.abc import Sequence
from pathlib import Path

from .cells import Cell
from .comparison import Section
from .missing import place_title, what_is_missing
from .results_file import Line
from .section_tables import differences, differences_by_task, scores
from .statistics import LEVEL
from .study_file import Study
from .together import together
from .verdict import verdict


def write_report(
    study: Study, cells: Sequence[Cell], lines: Sequence[Line], sections: Sequence[Section], files: Sequence[Path]
) -> str:
    """Return the report.

    Args:
        study: What was asked.
        cells: All of the study.
        lines: Results, of some of them.
        sections: The results brought together.
        files: Pictures and recipes that lie beside the report.
    """
    told = [f"# Study: {study.name}", _what_was_compared(study, sections), *what_is_missing(cells, lines)]
    for section in (section for section in sections if section.measured):
        told += [f"## {section_title(section)}", verdict(section)]
        told += [part for part in (scores(section), differences(section), differences_by_task(section)) if part]
    for section in together(sections):
        told += [f"## {section_title(section).capitalize()}", _what_is_together(section), differences(section)]
    told += [_how_it_was_measured(lines)] if lines else []
    told += [f"![{file.stem}]({file.name})" for file in files if file.suffix == ".png"]
    told += [f"Ready to train: [{file.name}]({file.name})" for file in files if file.suffix == ".yaml"]
    return "\n\n".join(told) + "\n"


def section_title(section: Section) -> str:
    """Return the recipe and the number of training rows."""
    return place_title(section.recipe, section.size)


def _what_was_compared(study: Study, sections: Sequence[Section]) -> str:
    tasks = {
        name: task["metric"]
        for s in sections
        for v in s.measured
        for line in v.lines.values()
        for name, task in line["tasks"].items()
    }
    metrics = ", ".join(f"{name} ({metric})" for name, metric in tasks.items())
    mean = f"the mean over the tasks of their main metric: {metrics}" if len(tasks) > 1 else f"that of {metrics}"
    drawn = "; each seed draws its own rows" if any(size is not None for size in study.sizes) else ""
    return (
        f"{len(study.variants)} variants, seeds {', '.join(map(str, study.seeds))}{drawn}. The score is {mean}, of the best "
        f"checkpoint on validation, which is therefore a little too high; variants are compared at equal seeds. Intervals are "
        f"{LEVEL:.0%} t intervals over the seeds, which share the validation rows: how other texts would do, they do not tell."
    )


def _what_is_together(section: Section) -> str:
    runs: list[tuple[str, int]] = list(section.variant(section.baseline).lines)
    recipes = dict.fromkeys(recipe for recipe, _ in runs)
    listed = "; ".join(f"{name}: {', '.join(str(seed) for recipe, seed in runs if recipe == name)}" for name in recipes)
    return (
        f"Recipes and seeds at which every variant has a score ({listed}), as {len(runs)} differences; their interval is over "
        "recipes and seeds alike."
    )


def _how_it_was_measured(lines: Sequence[Line]) -> str:
    versions = [line["versions"] for line in lines if "versions" in line]
    keys = ("python", "torch", "transformers", "device", "device_name", "threads")
    known = {key: list(dict.fromkeys(str(v[key]) for v in versions if key in v)) for key in keys}
    told = "; ".join(f"{key.replace('_', ' ')} {' and '.join(values)}" for key, values in known.items() if values)
    return (
        f"Measured with {told}. Seconds are those of the training loop with its evaluations and checkpoints: by the clock, "
        "which other work on the machine stretches, and of the processor, which is what variants are compared by where they "
        "train on it."
    )
