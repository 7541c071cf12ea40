"""Training that broke, told by task and row: a loss or a weight that is NaN or infinite."""

from collections.abc import Sequence

from torch import Tensor, nn

from ...configuration.task_kinds_polyhead import RANKING_LOSSES
from ...configuration.tasks_polyhead import TaskConfig
from ...modeling.losses_polyhead import task_loss_items
from ...modeling.outputs_polyhead import PolyheadOutput

MOST_ROWS = 10  # named in one message


def refuse_loss(
    tasks: Sequence[TaskConfig], outputs: PolyheadOutput, labels: dict[str, Tensor], where: Sequence[str], step: int
) -> None:
    """Say which tasks and rows gave a loss that is NaN or infinite.

    Args:
        tasks: Of the model.
        outputs: Of the batch.
        labels: Of the batch, by task.
        where: File and line of each of its rows.
        step: Number of the training step, from 1.

    Raises:
        FloatingPointError: Always.
    """
    broken = {name: loss.item() for name, loss in outputs.losses.items() if not loss.isfinite()}
    parts = []
    for task in tasks:
        if task.name in broken:
            rows = _broken_rows(task, outputs.logits[task.name], labels[task.name]) or range(len(where))
            places = ", ".join([where[row] for row in rows][:MOST_ROWS])
            more = f" and {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else ""
            parts.append(f"task '{task.name}': loss {broken[task.name]} on {places}{more}")
    names = {task.name for task in tasks}
    parts += [
        f"loss '{name}': {loss} on {', '.join(where[:MOST_ROWS])}" for name, loss in broken.items() if name not in names
    ]
    raise FloatingPointError(
        f"training step {step} stopped before it changed the weights. {'; '.join(parts)}. Where single rows are named, "
        "check their labels; where whole batches break, lower train.learning_rate or train in float32 or bfloat16. "
        "Checkpoints already written are sound."
    )


def refuse_weights(model: nn.Module, moment: str) -> None:
    """Refuse to save a model that is broken.

    Raises:
        FloatingPointError: A weight is NaN or infinite; the message names it.
    """
    broken = [name for name, weight in model.named_parameters() if not weight.isfinite().all()]
    if broken:
        raise FloatingPointError(
            f"{len(broken)} weights are NaN or infinite {moment}, such as {broken[0]}; the model was not saved. Lower "
            "train.learning_rate, or train in float32 or bfloat16. Checkpoints already written are sound."
        )


def _broken_rows(task: TaskConfig, logits: Tensor, labels: Tensor) -> list[int]:
    """Return the rows that break alone; none where only the batch as a whole does."""
    if task.loss in RANKING_LOSSES:  # a row alone has nothing to rank, but its cosine tells
        return (~logits.isfinite()).nonzero().flatten().tolist()
    losses = [task_loss_items(task, logits[row : row + 1], labels[row : row + 1]) for row in range(len(labels))]
    return [row for row, items in enumerate(losses) if not items.isfinite().all()]
