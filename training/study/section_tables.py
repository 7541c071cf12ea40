"""The tables of a study's report: scores and costs, differences from the baseline, and those of each task."""

from collections.abc import Sequence

from .comparison import Section
from .results_file import Line
from .statistics import Mean, smallest_p
from .variant_result import Difference, VariantResult, has_same_tasks, task_differences, time_share
from .verdict import interval


def scores(section: Section) -> str:
    """Return the table of scores and costs; nothing where nothing was measured."""
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


def differences(section: Section) -> str:
    """Return the table of differences from the baseline, with their tests; nothing where there is none."""
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


def differences_by_task(section: Section) -> str:
    """Return the table of each task's differences from the baseline, of variants with its tasks; nothing where that is one."""
    baseline = section.variant(section.baseline)
    found = {
        v.name: task_differences(v, baseline)
        for v in section.measured
        if v is not baseline and has_same_tasks(v, baseline)
    }
    tasks = list(dict.fromkeys(task for of_variant in found.values() for task in of_variant))
    if len(tasks) < 2:
        return ""
    rows = [
        [name, *(_in_short(of_variant[task]) if task in of_variant else "-" for task in tasks)]
        for name, of_variant in found.items()
    ]
    return (
        "By task, above 0 better than the baseline, with 95% intervals that are not adjusted for the number of comparisons:\n\n"
        + _table(["variant", *tasks], rows)
    )


def _in_short(found: Difference) -> str:
    of_seeds = "" if found.mean.low is None else f" ({interval(found).removeprefix('95% interval ')})"
    return f"{found.mean.value:+.4f}{of_seeds}"


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
