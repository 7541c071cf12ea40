"""The one error of a run's data: what is wrong, in which file, row and column."""

from collections.abc import Sequence

_NUM_LISTED = 20


class DataError(ValueError):
    """Everything that is wrong with the data.

    Args:
        problems: One line a problem: `file:row column 'name': what came; how to fix`.
        total: Number of rows and columns concerned; more than are listed when a problem repeats or the list was cut.
    """

    def __init__(self, problems: Sequence[str], total: int | None = None) -> None:
        self.problems = list(problems)
        self.total = total if total is not None else len(self.problems)
        count = "1 problem" if self.total == 1 else f"{self.total} problems"
        listed = f", {len(self.problems)} listed" if self.total > len(self.problems) else ""
        super().__init__("\n  ".join([f"the data have {count}{listed}:", *self.problems]))


class DataProblems:
    """Collects problems over all files; the same complaint about the same column is listed once and counted."""

    def __init__(self) -> None:
        self.total = 0
        self._first: dict[tuple[str, ...], str] = {}
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, where: str, column: str | None, problem: Exception | str) -> None:
        """Note a problem.

        Args:
            where: File and row, `train.jsonl:17`, or the file alone.
            column: The column, None where the whole row is concerned.
            problem: What came and how to fix it. Only those that will be listed are ever turned into text.
        """
        self.total += 1
        file = where.rpartition(":")[0] or where
        what = problem.args if isinstance(problem, Exception) else (problem,)
        key = (file, column or "", *map(repr, what))
        if key in self._counts:
            self._counts[key] += 1
        elif len(self._first) < _NUM_LISTED:
            self._counts[key] = 1
            self._first[key] = f"{where} column '{column}': {problem}" if column else f"{where}: {problem}"

    def extend(self, error: DataError) -> None:
        """Take over the problems of an error that ended the reading of one file."""
        for line in error.problems[: _NUM_LISTED - len(self._first)]:
            self._first[(line,)] = line
            self._counts[(line,)] = 1
        self.total += error.total

    def raise_if_any(self) -> None:
        """Raise what was collected.

        Raises:
            DataError: At least one problem was added.
        """
        if self.total:
            raise DataError([line + self._repeats(key) for key, line in self._first.items()], self.total)

    def _repeats(self, key: tuple[str, ...]) -> str:
        more = self._counts[key] - 1
        return f" (and {more} more {'row' if more == 1 else 'rows'} like it)" if more else ""
