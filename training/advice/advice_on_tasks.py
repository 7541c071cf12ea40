"""How tasks share a model."""

from typing import Any

from ..trainer import PolyheadTrainer

MANY_LABELS = 10


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
        for task in tasks
        if task.kind == "multi_label_classification" and task.num_labels >= MANY_LABELS
        if task.weight < task.num_labels / 4
    ]


def gradient_projection(trainer: PolyheadTrainer) -> list[str]:
    """Tell what the projection of gradients costs."""
    args: Any = trainer.args
    if args.balance != "pcgrad":
        return []
    return [
        "balance pcgrad takes a backward pass for each task of a batch: more than three times the time on four tasks, where no "
        "balance was ahead of fixed weights (docs/training.md, 'What was measured of sampling and balancing')."
    ]
