"""How long cells will take, from those that have run."""

from collections.abc import Iterable
from statistics import median

from .cells import Cell
from .results_file import Line

# From the most alike to the least: what two cells must share. Failed ones tell nothing.
_ALIKE = (("recipe", "size", "variant"), ("recipe", "size"), ("recipe", "variant"), ("recipe",), ())


class TimeLeft:
    """Expected durations.

    Args:
        lines: Of cells that have run.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = list(lines)

    def add(self, line: Line) -> None:
        """Take one more cell into account."""
        self._lines.append(line)

    def seconds(self, cell: Cell) -> float | None:
        """Return the median of the cells most alike, None where none has run.

        Example:
            >>> from pathlib import Path
            >>> known = {"recipe": "a", "size": 200, "variant": "x", "seed": 42, "wall_seconds": 12.0}
            >>> TimeLeft([known]).seconds(Cell(Path("a.yaml"), 200, "x", 43, (), ""))
            12.0
        """
        own = {"recipe": cell.recipe.stem, "size": cell.size, "variant": cell.variant}
        for keys in _ALIKE:
            alike = [
                line["wall_seconds"]
                for line in self._lines
                if "error" not in line and all(line.get(key) == own[key] for key in keys)
            ]
            if alike:
                return float(median(alike))
        return None

    def total(self, cells: Iterable[Cell]) -> float | None:
        """Return the sum over cells, None where any is unknown."""
        each = [self.seconds(cell) for cell in cells]
        return sum(value for value in each if value is not None) if None not in each else None
