"""Which metric speaks for a task, and the one number that ranks checkpoints over all tasks."""

import math
from collections.abc import Sequence

from ...configuration.tasks_polyhead import TaskConfig

_CLASSIFICATION = ("accuracy", "f1_macro", "f1_micro", "mcc")
# Metrics by kind; the first is the default.
METRIC_NAMES = {
    "single_label_classification": _CLASSIFICATION,
    "binary_classification": (*_CLASSIFICATION, "f1", "precision", "recall"),
    "multi_label_classification": ("f1_macro", "f1_micro", "accuracy"),
    "regression": ("pearson", "spearman", "mae"),
    "ordinal_regression": ("accuracy", "f1_macro", "qwk", "ordinal_mae", "spearman"),
    "token_classification": ("f1", "precision", "recall", "accuracy"),
    "pair_similarity": ("spearman", "pearson"),
    "pair_classification": _CLASSIFICATION,
}
# Of pairs that are only known to belong together: without scores that differ, nothing correlates.
RETRIEVAL_METRICS = ("mrr", "recall_at_1")
LOWER_IS_BETTER = frozenset({"loss", "mae", "ordinal_mae"})


def metric_names(task: TaskConfig) -> tuple[str, ...]:
    """Names of a task's metrics, its default first."""
    return RETRIEVAL_METRICS if task.loss == "multiple_negatives_ranking" else METRIC_NAMES[task.kind]


def primary_metric(task: TaskConfig) -> str:
    """Name of the metric that enters the multi-task score: the task's own choice, else its default.

    Raises:
        ValueError: The task asks for a metric that it does not have.
    """
    allowed = (*metric_names(task), "loss")
    if task.metric is None:
        return allowed[0]
    if task.metric not in allowed:
        raise ValueError(
            f"task '{task.name}', field 'metric': '{task.metric}' is no metric of {task.kind} with loss {task.loss}. "
            f"Choose one of {', '.join(allowed)}."
        )
    return task.metric


def multi_task_score(tasks: Sequence[TaskConfig], metrics: dict[str, dict[str, float]]) -> float:
    """Mean over the tasks of each one's primary metric, weighted by their `score_weight`; higher is better.

    By default every task counts the same, whatever its loss weight and number of rows. A metric where lower is better enters
    as `1 / (1 + value)`: 1 when perfect, falling towards 0. Plain negation would let one task's large errors drown the
    others. `mae` is first divided by the task's `target_scale` (mean over its values), if it has one, so that the unit
    of the data does not matter; `ordinal_mae` is in label steps, `loss` is taken as it is.

    Args:
        tasks: The tasks to rank by.
        metrics: Values by task name, then by metric name, as `compute_task_metrics` returns them.

    Returns:
        At most 1; correlations can make it negative. A task of weight 0 is not looked at.

    Raises:
        ValueError: A task's primary metric is missing or not finite, or there is no task with a weight.

    Example:
        >>> tasks = [TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b"]),
        ...          TaskConfig(name="stars", kind="regression", metric="mae")]
        >>> multi_task_score(tasks, {"topic": {"accuracy": 0.7}, "stars": {"mae": 1.0}})
        0.6
    """
    if not tasks:
        raise ValueError("multi-task score: no tasks given. Pass the tasks that were evaluated.")
    total = sum(task.score_weight for task in tasks)
    if not total:
        raise ValueError(
            f"multi-task score: 'score_weight' of all measured tasks ({', '.join(task.name for task in tasks)}) is 0. Give "
            "one of them a weight above 0."
        )
    counted = [task for task in tasks if task.score_weight]
    return sum(task.score_weight * _contribution(task, metrics.get(task.name, {})) for task in counted) / total


def _contribution(task: TaskConfig, values: dict[str, float]) -> float:
    name = primary_metric(task)
    value = values.get(name, math.nan)
    if not math.isfinite(value):
        raise ValueError(
            f"multi-task score: metric '{name}' of task '{task.name}' is {value if name in values else 'missing'}; "
            f"there are {sorted(values)}. Evaluate the task on labelled rows, or leave it out of the score."
        )
    if name not in LOWER_IS_BETTER:
        return value
    unit = sum(task.target_scale) / len(task.target_scale) if name == "mae" and task.target_scale else 1.0
    return 1 / (1 + value / unit)
