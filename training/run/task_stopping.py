"""Which tasks have stopped alone: read from the log of evaluations, which a resumed run finds in its checkpoint."""

from collections.abc import Iterable, Sequence
from typing import Any

from transformers import TrainerCallback
from transformers.utils import logging

from ...configuration.tasks_polyhead import TaskConfig
from ..data.examples import MultiTaskDataset
from ..metrics.multi_task_score import LOWER_IS_BETTER, primary_metric

logger = logging.get_logger(__name__)


def stopping_step(task: TaskConfig, log_history: Iterable[dict[str, Any]], patience: int) -> int | None:
    """Return the step of the evaluation at which a task ran out of patience, None while it has not.

    Args:
        task: Its main metric counts.
        log_history: Of the Trainer's state.
        patience: Evaluations without a new best value.

    Example:
        >>> task = TaskConfig(name="topic", kind="binary_classification", labels=["no", "yes"])
        >>> values = [0.5, 0.7, 0.7, 0.6, 0.9]
        >>> log = [{"step": 10 * n, "eval_topic_accuracy": value} for n, value in enumerate(values, 1)]
        >>> stopping_step(task, log, patience=2)
        40
    """
    metric = primary_metric(task)
    key, sign = f"eval_{task.name}_{metric}", -1 if metric in LOWER_IS_BETTER else 1
    best, num_without = float("-inf"), 0
    for entry in (entry for entry in log_history if key in entry):
        num_without = 0 if sign * entry[key] > best else num_without + 1
        best = max(best, sign * entry[key])
        if num_without >= patience:
            return entry["step"]
    return None


class TaskStoppingCallback(TrainerCallback):
    """Notice which tasks have stopped, and end the run when all have.

    A task stops with the epoch in which it runs out of patience. The order of an epoch is fixed when it begins: loaders
    read ahead, and a resumed run finds its place by counting batches.

    Args:
        dataset: The training rows.
        patience: Evaluations of a task's main metric without a new best value.
    """

    def __init__(self, dataset: MultiTaskDataset, patience: int) -> None:
        self.patience = patience
        self._tasks_of = {source: {task.name for task in dataset.labelled_tasks(source)} for source in dataset.ranges}
        self._tasks = [task for task in dataset.tasks if any(task.name in names for names in self._tasks_of.values())]
        self.steps: dict[str, int] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Find what had stopped before a resumed run."""
        self.steps = self._read(state.log_history)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note what has just run out of patience."""
        steps = self._read(state.log_history)
        for name in steps.keys() - self.steps.keys():
            logger.warning(
                f"Task '{name}' has not improved for {self.patience} evaluations: it stops after this epoch."
            )
        self.steps = steps
        if self.is_over:
            control.should_training_stop = True

    @property
    def is_over(self) -> bool:
        """Whether no task is left."""
        return len(self.steps) == len(self._tasks)

    def stopped_tasks(self, step: int) -> frozenset[str]:
        """Names of the tasks that had run out of patience by a step."""
        return frozenset(name for name, stopped in self.steps.items() if stopped <= step)

    def stopped_sources(self, step: int) -> frozenset[str]:
        """Names of the data sets that hold labels of such tasks only."""
        stopped = self.stopped_tasks(step)
        return frozenset(source for source, names in self._tasks_of.items() if names and names <= stopped)

    def _read(self, log_history: Sequence[dict[str, Any]]) -> dict[str, int]:
        found = {task.name: stopping_step(task, log_history, self.patience) for task in self._tasks}
        return {name: step for name, step in found.items() if step is not None}
