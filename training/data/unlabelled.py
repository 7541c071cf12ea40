"""Tasks that are to be measured, but for which no row has a label."""

from collections.abc import Mapping, Sequence

from ..recipe.recipe_sections import DataSource
from .data_error import DataProblems
from .rows import Row


def refuse_unlabelled(
    tasks: Sequence[str], sources: Sequence[DataSource], rows: Mapping[str, Sequence[Row]], must_have_all: bool
) -> None:
    """Refuse to measure on rows without labels.

    Args:
        tasks: Names of the tasks to measure.
        sources: The data sets.
        rows: Of one split, by data set.
        must_have_all: Every task needs a label; else one of them is enough.

    Raises:
        DataError: Names file, first row and column of each such task.
    """
    labelled = {task for found in rows.values() for row in found for task in row["labels"]}
    silent = [task for task in tasks if task not in labelled]
    problems = DataProblems()
    for task in silent if must_have_all or len(silent) == len(tasks) else []:
        holders = [source for source in sources if source.name in rows and task in source.labels]
        for source in holders:
            where = f"data.{source.name}.labels.{task}"
            problem = (
                f"task '{task}' has no label here, nor in any other row; fill the column in, name another one under "
            )
            problem += f"{where}, or choose another split"
            for row in rows[source.name]:
                problems.add(row["where"], ", ".join(source.label_columns[task]), problem)
        if not holders:
            problems.add(task, None, "no data set labels this task; add it to `labels` of one, or leave it out")
    problems.raise_if_any()
