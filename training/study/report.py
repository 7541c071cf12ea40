"""The report of a study: Markdown that is made from its results alone, the same byte for byte each time."""

from collections.abc import Sequence
from pathlib import Path

from .cells import Cell
from .comparison import Section
from .missing import place_title, what_is_missing
from .results_file import Line
from .statistics import LEVEL, Mean, smallest_p
from .study_file import Study
from .together import together
from .variant_result import VariantResult, time_share
from .verdict import interval, verdict


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
        told += [part for part in (_scores(section), _differences(section)) if part]
    for section in together(sections):
        told += [f"## {section_title(section).capitalize()}", _what_is_together(section), _differences(section)]
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


def _scores(section: Section) -> str:
    if not section.measured:
        return ""
    tasks = list(dict.fromkeys(name for v in section.measured for line in v.lines.values() for name in line["tasks"]))
    tasks = tasks if len(tasks) > 1 else []
    has_test = any("test" in line for v in section.measured for line in v.lines.values())
    headings = ["variant", "seeds", "score", "95% interval", *tasks, *(["test"] if has_test else [])]
    rows = []
    for variant in section.variants:
        means = [_task_score(variant, task) for task in tasks]
        means += [variant.mean(_test_score)] if has_test else []
        is_ranked = variant.lines and not section.is_partial(variant)  # else a mean of fewer tasks, beside means of all
        score = _with_interval(variant.score) if is_ranked else ["-", "-"]
        rows.append([_name(variant, section), _seeds(variant), *score, *map(_number, means), *_cost(variant)])
    return _table([*headings, "seconds", "processor", "examples/s", "memory, MiB"], rows)


def _task_score(variant: VariantResult, task: str) -> float | None:
    return variant.mean(lambda line: line["tasks"].get(task, {}).get("value"))


def _test_score(line: Line) -> float | None:
    values = [
        line["test"][name][task["metric"]] for name, task in line["tasks"].items() if name in line.get("test", {})
    ]
    return sum(values) / len(values) if values else None


def _cost(variant: VariantResult) -> list[str]:
    memory = variant.mean(lambda line: line["memory_bytes"])
    seconds = variant.mean(lambda line: line["seconds"])
    processor = variant.mean(lambda line: line["processor_seconds"])
    speed = variant.mean(lambda line: line["examples_per_second"])
    return [
        "-" if seconds is None else f"{seconds:.1f}",
        "-" if processor is None else f"{processor:.1f}",
        "-" if speed is None else f"{speed:.1f}",
        "-" if memory is None else f"{memory / 2**20:.0f}",
    ]


def _what_is_together(section: Section) -> str:
    runs: list[tuple[str, int]] = list(section.variant(section.baseline).lines)
    recipes = dict.fromkeys(recipe for recipe, _ in runs)
    listed = "; ".join(f"{name}: {', '.join(str(seed) for recipe, seed in runs if recipe == name)}" for name in recipes)
    return (
        f"Recipes and seeds at which every variant has a score ({listed}), as {len(runs)} differences; their interval is over "
        "recipes and seeds alike."
    )


def _differences(section: Section) -> str:
    found = section.differences()
    if not found:
        return ""
    baseline = section.variant(section.baseline)
    rows = [
        [
            name,
            f"{d.mean.value:+.4f}",
            interval(d).removeprefix("95% interval "),
            f"{d.p:.3g}",
            f"{d.holm_p:.3g}",
            "-" if (share := time_share(section.variant(d.variant), baseline)) is None else f"{share:.2f}",
        ]
        for name, d in found.items()
    ]
    least = smallest_p(max(d.mean.num_values for d in found.values()))
    reach = "which one seed leaves at 1" if least == 1 else f"which with so many seeds is {least:.3g} or more"
    return (
        f"Against **{section.baseline}**, at equal seeds; p of the paired permutation test, {reach}, then adjusted for "
        f"{len(found)} comparisons (Holm); the time of training as a share of the baseline's:\n\n"
        + _table(["variant", "difference", "95% interval", "p", "p, adjusted", "time"], rows)
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


def _name(variant: VariantResult, section: Section) -> str:
    name = f"{variant.name} (baseline)" if variant.name == section.baseline else variant.name
    return f"**{name}**" if section.ranked and section.ranked[0].name == variant.name else name


def _seeds(variant: VariantResult) -> str:
    return str(len(variant.lines)) + (f", {variant.num_failed} failed" if variant.num_failed else "")


def _with_interval(mean: Mean) -> list[str]:
    if mean.low is None or mean.high is None:
        return [_number(mean.value), "-"]
    return [_number(mean.value), f"{mean.low:.4f} to {mean.high:.4f}"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
