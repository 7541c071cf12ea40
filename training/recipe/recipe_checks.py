"""What no section can see alone: tasks, data sets and their columns must fit together."""

from collections.abc import Iterator, Sequence
from typing import Any

from ...configuration.tasks_polyhead import TaskConfig
from ..closest_name import suggest_name
from ..metrics.multi_task_score import primary_metric
from ..stream_settings import stream_conflicts
from .recipe_paths import expand_environment
from .recipe_sections import SPLITS, DataSource, ModelSection

_NUMBER_KINDS = ("regression", "pair_similarity")


def check_fit(task_names: Sequence[str], tasks: Sequence[TaskConfig], data: Sequence[DataSource]) -> Iterator[str]:
    """Yield one line for each contradiction between tasks and data sets.

    Args:
        task_names: Names of all tasks, also of those that are wrong in themselves.
        tasks: The tasks that are right in themselves.
        data: The data sets.
    """
    by_name = {task.name: task for task in tasks}
    if tasks and not any(task.score_weight for task in tasks):
        yield "tasks: score_weight of all tasks is 0, so nothing ranks the checkpoints; give one of them a weight above 0"
    for task in tasks:
        if task.max_out_of_scope is not None:
            yield f"tasks.{task.name}.max_out_of_scope: `polyhead calibrate --coverage` fits it after training; leave it out"
    for source in data:
        key = f"data.{source.name}"
        for name in source.labels:
            if name not in task_names:
                yield f"{key}.labels.{name}: no task has this name; {suggest_name(name, task_names)}"
            elif name in by_name:
                yield from _check_input(key, source, by_name[name])
                yield from _check_columns(key, source, by_name[name])
        for name, mapping in source.label_names.items():
            yield from _check_label_names(key, name, mapping, source, by_name.get(name))


def check_metrics(tasks: Sequence[TaskConfig]) -> Iterator[str]:
    """Yield one line for each task whose metric it does not have."""
    for task in tasks:
        try:
            primary_metric(task)
        except ValueError as error:
            yield f"tasks.{task.name}.metric: {str(error).partition(': ')[2]}"


def check_coverage(
    task_names: Sequence[str], data: Sequence[DataSource], has_checkpoint: bool = False
) -> Iterator[str]:
    """Yield one line for each task that no data set trains; all of `data` must be right in itself.

    What a checkpoint has learned needs no rows, and which tasks these are is known when it is read.
    """
    if not any(source.train or source.dataset for source in data):
        yield "data: no data set has a train split; give one of them `train: file`"
    for name in () if has_checkpoint else dict.fromkeys(task_names):
        labelled_by = [source for source in data if name in source.labels]
        if not labelled_by:
            yield f"tasks.{name}: no data set labels it; add `labels: {{{name}: column}}` to one of them"
        elif not any(source.train or source.dataset for source in labelled_by):
            sources = ", ".join(source.name for source in labelled_by)
            yield f"tasks.{name}: no data set that labels it ({sources}) has a train split; add `train: file`"


def check_paths(data: Sequence[DataSource], model: ModelSection | None) -> Iterator[str]:
    """Yield one line for each path that cannot be resolved; whether a file or checkpoint exists is seen when it is read."""
    for source in data:
        for split in SPLITS:
            try:
                source.file(split)
            except ValueError as error:
                yield f"data.{source.name}.{split}: {error}"
    for key in ("backbone", "tokenizer") if model else ():
        try:
            getattr(model, f"{key}_location")()
        except ValueError as error:
            yield f"model.{key}: {error}"
    try:
        expand_environment((model and model.checkpoint) or "")
    except ValueError as error:
        yield f"model.checkpoint: {error}"


def check_streams(data: Sequence[DataSource], train: Any) -> list[str]:
    """Return one line for each key of `train` that needs the length of a data set that is streamed."""
    trained = [source.name for source in data if source.train or source.dataset]
    settings = train if isinstance(train, dict) else {}
    return [f"train.{line}" for line in stream_conflicts(settings, trained, [s.name for s in data if s.streaming])]


def check_duplicates(section: str, names: Sequence[str]) -> Iterator[str]:
    """Yield one line for each name that stands more than once in a section."""
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{section}.{name}: {names.count(name)} items have this name; give each its own"


def _check_input(key: str, source: DataSource, task: TaskConfig) -> Iterator[str]:
    if task.is_pair and not source.is_pair:
        yield f"{key}.text: one text came, but {task.kind} '{task.name}' reads two; write `text: [column1, column2]`"
    if source.is_pair and not task.is_pair:
        yield f"{key}.text: two texts came, but {task.kind} '{task.name}' reads one; name one column"
    if task.is_token and source.words is None:
        yield f"{key}.words: missing, but {task.kind} '{task.name}' labels words; write `words: column` instead of text"


def _check_columns(key: str, source: DataSource, task: TaskConfig) -> Iterator[str]:
    columns = source.labels[task.name]
    if isinstance(columns, str):
        return
    where = f"{key}.labels.{task.name}"
    if columns is None:
        if task.loss != "multiple_negatives_ranking":
            yield f"{where}: no column came; name one, or train the task with `loss: multiple_negatives_ranking`"
    elif task.kind != "regression":
        yield f"{where}: {len(columns)} columns came, but only a regression has several; name one column"
    elif task.labels is not None and len(task.labels) != len(columns):
        yield f"{where}: {len(columns)} columns came for {len(task.labels)} labels {task.labels}; make them equal"
    elif not columns:
        yield f"{where}: no columns came; name at least one"


def _check_label_names(
    key: str, name: str, mapping: dict[str, str], source: DataSource, task: TaskConfig | None
) -> Iterator[str]:
    where = f"{key}.label_names.{name}"
    if name not in source.labels:
        yield f"{where}: this data set does not label such a task; {suggest_name(name, source.labels)}"
    elif task is not None and task.kind in _NUMBER_KINDS:
        yield f"{where}: {task.kind} reads numbers, which have no names; leave it out"
    elif task is not None and task.labels is not None:
        for value, label in mapping.items():
            if label not in task.labels:
                yield f"{where}.{value}: '{label}' is not a label of the task; {suggest_name(label, task.labels)}"
