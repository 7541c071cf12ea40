"""The training rows of a data set that is never read as a whole."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...configuration.tasks_polyhead import TaskConfig
from ..recipe.recipe_sections import DataSource
from .data_error import DataError, DataProblems
from .rows import Row, encode_table
from .tables_streamed import stream_tables

CHUNK_ROWS = 1000  # read and encoded at a time


@dataclass(frozen=True)
class RowStream:
    """Each iteration reads the train split from its first row to its last, and holds no more of it than one chunk.

    Args:
        source: The data set.
        tasks: Tasks whose labels are known.
    """

    source: DataSource
    tasks: Sequence[TaskConfig]

    def __iter__(self) -> Iterator[Row]:
        """Yield all rows in their order.

        Raises:
            DataError: Lists what is wrong in one chunk, when the reading comes to it.
        """
        for table in stream_tables(self.source, CHUNK_ROWS):
            problems = DataProblems()
            # A chunk of JSON lines may lack a column that others have; the first rows have shown that it is there.
            complete = dataclasses.replace(table, columns=[*table.columns, *self.source.needed_columns])
            rows = encode_table(complete, self.source, self.tasks, problems)
            try:
                problems.raise_if_any()
            except DataError as error:
                raise DataError([*error.problems, self._hint()], error.total) from None
            yield from rows

    @property
    def buffer_rows(self) -> int:
        """Rows to hold in memory, among which they are shuffled."""
        return self.source.buffer_rows

    def _hint(self) -> str:
        name = self.source.name
        return (
            f"data.{name} is a stream: labels are those of its first {self.source.first_rows:,} rows, or those that the task "
            f"lists; `polyhead check RECIPE --set data.{name}.streaming=false` reads every row"
        )
