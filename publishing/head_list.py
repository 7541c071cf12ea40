"""What heads a model has, as rows for a table."""

from typing import Any

from ..modeling.modeling_polyhead import PolyheadModel


def describe_heads(model: PolyheadModel) -> list[dict[str, Any]]:
    """Return one row a task: `task`, `kind`, `labels` (how many), `head`, `reads`, `parameters`."""
    rows = []
    for task in model.config.tasks:
        weights = model.polyhead.heads[task.name].parameters() if task.num_logits else ()
        reads = "tokens" if task.is_token or task.head == "attention" else task.head_input
        rows.append(
            {
                "task": task.name,
                "kind": task.kind,
                "labels": task.num_labels,
                "head": task.head if task.num_logits else None,
                "reads": reads,
                "parameters": sum(weight.numel() for weight in weights),
            }
        )
    return rows
