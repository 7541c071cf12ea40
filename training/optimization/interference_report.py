"""The interference report: one JSON line a measurement, shown as a table and as a heat map."""

import json
from itertools import combinations
from pathlib import Path

REPORT_FILE = "interference.jsonl"
ALL = "all"


def mean_cosines(path: Path) -> tuple[list[str], dict[str, list[float | None]]]:
    """Return the mean cosine of each pair of tasks at each depth, over all measurements.

    Args:
        path: `interference.jsonl` of a run.

    Returns:
        Depths from below, `all` last; by pair (`pet ~ loud`), one number a depth, None where it was never measured.
    """
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    depths = sorted({depth for line in lines for depth in line["cosines"]}, key=_from_below)
    pairs: dict[str, list[float | None]] = {}
    for first, second in combinations(range(len(lines[0]["tasks"])), 2):
        tables = [[line["cosines"][depth] for line in lines if depth in line["cosines"]] for depth in depths]
        values = [[table[first][second] for table in found] for found in tables]
        name = f"{lines[0]['tasks'][first]} ~ {lines[0]['tasks'][second]}"
        pairs[name] = [_mean([value for value in found if value is not None]) for found in values]
    return depths, pairs


def interference_table(path: Path) -> str:
    """Return the mean cosines as text: a line for each pair of tasks, a column for each depth."""
    depths, pairs = mean_cosines(path)
    width = max([len("tasks"), *map(len, pairs)])
    lines = ["  ".join(["tasks".ljust(width), *(depth.rjust(6) for depth in depths)])]
    for name, values in pairs.items():
        cells = ["" if value is None else f"{value:+.2f}" for value in values]
        lines.append(
            "  ".join([name.ljust(width), *(c.rjust(max(6, len(d))) for c, d in zip(cells, depths, strict=True))])
        )
    return "\n".join(lines)


def draw_interference(path: Path, picture: Path) -> None:
    """Draw the mean cosines as a heat map: pairs of tasks by depth, blue where they agree, red where they conflict.

    Args:
        path: `interference.jsonl` of a run.
        picture: Where to write it; the suffix decides the format.

    Raises:
        ImportError: matplotlib is missing; the message says how to install it.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("the heat map needs matplotlib: pip install 'polyhead[plots]'.") from error
    depths, pairs = mean_cosines(path)
    values = [[float("nan") if value is None else value for value in row] for row in pairs.values()]
    if not values:
        return
    figure, axes = pyplot.subplots(figsize=(3 + 0.8 * len(depths), 1.5 + 0.4 * len(pairs)))
    image = axes.imshow(values, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(depths)), depths, rotation=45, ha="right")
    axes.set_yticks(range(len(pairs)), list(pairs))
    for line, row in enumerate(values):
        for column, value in enumerate(row):
            if value == value:  # not NaN
                axes.text(column, line, f"{value:+.2f}", ha="center", va="center", fontsize="x-small")
    axes.set_title("Cosine between the tasks' gradients")
    figure.colorbar(image)
    figure.tight_layout()
    figure.savefig(picture, dpi=120)
    pyplot.close(figure)


def _from_below(depth: str) -> tuple[int, int]:
    kind, _, number = depth.partition(".")
    return {"layers": 1, "pooling": 2, ALL: 3}.get(kind, 0), int(number or 0)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
