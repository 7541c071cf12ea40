"""How tasks share a model."""

from fnmatch import fnmatchcase
from statistics import mean
from typing import Any

from ...configuration.tasks_polyhead import TaskConfig
from ..optimization.parameter_groups import HEAD_PREFIX
from ..planning import RunPlan
from ..trainer import PolyheadTrainer

MANY_LABELS = 10
SHORT_WAY = (
    2.2  # the longest on which the head of GoEmotions' 28 labels was measured to want a higher rate: `six_tasks`
)
FASTER = 5  # that rate, as a factor


def many_labels(trainer: PolyheadTrainer) -> list[str]:
    """Weigh a loss that is a mean over many labels."""
    args: Any = trainer.args
    model: Any = trainer.model
    tasks = model.config.tasks
    if len(tasks) < 2 or args.balance != "fixed" or not args.heterogeneous_batches:
        return []
    return [
        f"task '{task.name}' may count too little beside the others: its loss is a mean over {task.num_labels} labels; try "
        f"weight: {task.num_labels} (docs/training.md, 'Several data sets')."
        for task in _of_many_labels(tasks)
        if task.weight < task.num_labels / 4
    ]


def slow_labels(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Raise the rate of a new head of many labels that the run is too short for.

    AdamW moves a weight by its rate a step at most, so the sum of the rates is the way that a run leaves it. A rare label's
    bias has a long one, from 0 to the log-odds of the label.
    """
    model: Any = trainer.model
    told = []
    for task in _of_many_labels(model.config.tasks):
        bias = model.polyhead.heads[task.name].output.bias
        way = _way(task, plan)
        if float(bias.detach().abs().max()) < 1 and 0 < way <= SHORT_WAY:
            told.append(
                f"the head of task '{task.name}' can move its weights by {way:.2g} at most in so many steps, and rare ones of "
                f"{task.num_labels} labels lie further away. On GoEmotions {FASTER} times the rate gained six points: "
                f"head_multipliers: {{{task.name}: {FASTER}}} (docs/training.md, 'A head of many labels')."
            )
    return told


def _way(task: TaskConfig, plan: RunPlan) -> float:
    """Return the sum of a head's rates over the run."""
    rates = {group.name.removesuffix("_no_decay"): group.rates for group in plan.groups if group.trainable}
    parameter = f"{HEAD_PREFIX}{task.name}.output.bias"
    names = [name for name in rates if fnmatchcase(parameter, name)] or [f"heads.{task.name}", "heads"]
    own = next((rates[name] for name in names if name in rates), [0.0])
    return plan.num_steps * mean(own)


def _of_many_labels(tasks: list[TaskConfig]) -> list[TaskConfig]:
    return [task for task in tasks if task.kind == "multi_label_classification" and task.num_labels >= MANY_LABELS]


def gradient_projection(trainer: PolyheadTrainer) -> list[str]:
    """Tell what the projection of gradients costs."""
    args: Any = trainer.args
    if args.balance != "pcgrad":
        return []
    return [
        "balance pcgrad takes a backward pass for each task of a batch: more than three times the time on four tasks, where no "
        "balance was ahead of fixed weights (docs/training.md, 'What was measured of sampling and balancing')."
    ]
