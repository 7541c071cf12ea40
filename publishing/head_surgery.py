"""Heads come and go on a trained model, and not a bit of the others moves."""

import dataclasses
from collections.abc import Sequence

from torch import nn

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.sentence_layers_polyhead import build_head
from .head_dependencies import Fingerprint
from .trained_head import TrainedHead, take_heads


def drop_head(model: PolyheadModel, name: str) -> None:
    """Remove a task with its head and scores.

    Raises:
        ValueError: The model has no task of that name.
    """
    model.config.task(name)
    _arrange(model, [task for task in model.config.tasks if task.name != name])


def rename_head(model: PolyheadModel, name: str, new_name: str) -> None:
    """Give a task another name; head, place and scores stay.

    Raises:
        ValueError: The model has no task of that name, has one of the new name, or the new name is no plain identifier.
    """
    task = model.config.task(name)
    _refuse_taken(model, new_name)
    renamed = dataclasses.replace(task, name=new_name)
    if task.num_logits:
        model.polyhead.heads[new_name] = model.polyhead.heads[name]
    if name in model.scopes:
        model.scopes[new_name] = model.scopes[name]
    for row in model.config.results:
        row["task"] = new_name if row["task"] == name else row["task"]
    _arrange(model, [renamed if other is task else other for other in model.config.tasks])


def add_heads(model: PolyheadModel, heads: Sequence[TrainedHead]) -> None:
    """Put trained heads on a model, behind its own.

    Raises:
        ValueError: A name is taken, a head was trained on other weights or settings than this model has (the message
            names them), or its tensors do not fit its task.
    """
    for head in heads:
        _refuse_taken(model, head.task.name)
    fingerprint = Fingerprint(model)
    for head in heads:
        if differences := head.dependencies.differences(fingerprint.dependencies(head.task)):
            raise ValueError(
                f"head '{head.task.name}' was trained on another model than the one that is to take it: they differ in "
                f"{'; '.join(differences)}. Its answers would be wrong here. Train it on this model instead "
                "(`model.checkpoint` in a recipe)."
            )
    built = [_build(model, head) for head in heads]  # before anything changes: all or none
    for head, module in zip(heads, built, strict=True):
        if module is not None:
            model.polyhead.heads[head.task.name] = module
        if head.scope is not None:
            model.scopes[head.task.name] = head.scope
        model.config.results += [dict(row) for row in head.results]
    _arrange(model, [*model.config.tasks, *(head.task for head in heads)])


def replace_head(model: PolyheadModel, name: str, head: TrainedHead) -> None:
    """Put a trained head in the place of a task, under the task's name.

    Raises:
        ValueError: As `drop_head` and `add_heads`; the model is then as it was.
    """
    order = [task.name for task in model.config.tasks]
    [old] = take_heads(model, [name])
    drop_head(model, name)
    try:
        add_heads(model, [head.renamed(name)])
    except ValueError:
        add_heads(model, [old])
        raise
    finally:
        _arrange(model, sorted(model.config.tasks, key=lambda task: order.index(task.name)))


def merge_heads(model: PolyheadModel, other: PolyheadModel, names: Sequence[str] | None = None) -> None:
    """Put heads of a second model with the same backbone on the first; the second stays as it is.

    Args:
        model: Takes them.
        other: Gives copies.
        names: Tasks of `other`; None: all.

    Raises:
        ValueError: As `add_heads`; what the heads read must be bit-equal in both models.
    """
    add_heads(model, take_heads(other, [task.name for task in other.config.tasks] if names is None else names))


def _refuse_taken(model: PolyheadModel, name: str) -> None:
    taken = [task.name for task in model.config.tasks]
    if name in taken:
        raise ValueError(f"the model has a task '{name}' already, beside {taken}; rename or drop one of the two first.")


def _build(model: PolyheadModel, head: TrainedHead) -> nn.Module | None:
    if not head.task.num_logits:
        return None
    module = build_head(head.task, model.config).to(device=model.device, dtype=model.dtype)
    try:
        module.load_state_dict(head.weights)
    except RuntimeError as error:
        problems = " ".join(line.strip().rstrip(".") for line in str(error).splitlines()[1:])
        raise ValueError(f"head '{head.task.name}' does not fit its task: {problems}. Extract it again.") from error
    return module.train(model.training)


def _arrange(model: PolyheadModel, tasks: list[TaskConfig]) -> None:
    names = [task.name for task in tasks]
    heads = model.polyhead.heads
    model.polyhead.heads = nn.ModuleDict({task.name: heads[task.name] for task in tasks if task.num_logits})
    model.scopes = {name: scope for name, scope in model.scopes.items() if name in names}
    model.config.tasks = tasks
    model.config.results = [row for row in model.config.results if row["task"] in names]
