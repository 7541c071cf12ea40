"""One trained head alone: taken out of a model, kept in a small safetensors file, read back."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.scope_polyhead import Scope
from .head_dependencies import Fingerprint, HeadDependencies

_KEY = "polyhead_head"  # of the file's metadata
_SCOPE = "out_of_scope.training_rows"  # beside the head's tensors


@dataclass(frozen=True)
class TrainedHead:
    """A head with all that it takes to answer on another model with the same backbone.

    Args:
        task: What it answers.
        weights: Tensors of the head, by their names within it; none for `pair_similarity`.
        results: Measured scores of the task, as in `PolyheadConfig.results`.
        dependencies: What it was trained to read.
        scope: By what it tells what is out of scope, where it does.
    """

    task: TaskConfig
    weights: dict[str, Tensor]
    results: list[dict[str, Any]]
    dependencies: HeadDependencies
    scope: Scope | None = None

    def renamed(self, name: str) -> "TrainedHead":
        """Return the same head under another name.

        Raises:
            ValueError: The name is no plain identifier.
        """
        results = [row | {"task": name} for row in self.results]
        return dataclasses.replace(self, task=dataclasses.replace(self.task, name=name), results=results)


def take_heads(model: PolyheadModel, names: Sequence[str]) -> list[TrainedHead]:
    """Copy heads out of a model, which stays as it is.

    Raises:
        ValueError: The model has no task of such a name.
    """
    tasks = [model.config.task(name) for name in names]
    fingerprint = Fingerprint(model)
    return [_take(model, task, fingerprint) for task in tasks]


def save_head(head: TrainedHead, file: Path) -> None:
    """Write a head to one safetensors file; task, scores and dependencies stand in its metadata.

    Raises:
        ValueError: The file exists, or is not called `*.safetensors`.
    """
    if file.suffix != ".safetensors":
        raise ValueError(
            f"output '{file}': a head is kept as safetensors; name a file such as {head.task.name}.safetensors."
        )
    if file.exists():
        raise ValueError(f"output '{file}' exists; name a new file.")
    content = {
        "task": head.task.to_dict(),
        "results": head.results,
        "dependencies": dataclasses.asdict(head.dependencies),
    }
    file.touch()
    mode = file.stat().st_mode  # safetensors lets nobody else read what it writes
    rows = {} if head.scope is None else {_SCOPE: torch.from_numpy(head.scope.training_rows)}
    save_file({**head.weights, **rows}, file, metadata={"format": "pt", _KEY: json.dumps(content)})
    file.chmod(mode)


def load_head(file: Path) -> TrainedHead:
    """Read what `save_head` wrote.

    Raises:
        ValueError: It is no such file, or it is damaged.
    """
    remedy = "Give a file that `polyhead heads extract` wrote."
    if file.is_dir():
        raise ValueError(
            f"head '{file}' is a folder, no head file. {remedy} `polyhead heads merge` takes heads from models."
        )
    if not file.is_file():
        raise ValueError(f"head '{file}': there is no such file. {remedy}")
    try:
        with safe_open(file, framework="pt") as tensors:
            content = json.loads((tensors.metadata() or {})[_KEY])
            weights = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118 - it has no iterator
        dependencies = HeadDependencies(**content["dependencies"])
        scope = Scope(weights.pop(_SCOPE).numpy()) if _SCOPE in weights else None
        return TrainedHead(TaskConfig(**content["task"]), weights, content["results"], dependencies, scope)
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"head '{file}' cannot be read: {type(error).__name__}: {error}. {remedy}") from error


def _take(model: PolyheadModel, task: TaskConfig, fingerprint: Fingerprint) -> TrainedHead:
    weights = model.polyhead.heads[task.name].state_dict() if task.num_logits else {}
    return TrainedHead(
        task=dataclasses.replace(task),
        weights={name: tensor.detach().cpu().clone() for name, tensor in weights.items()},
        results=[dict(row) for row in model.config.results if row["task"] == task.name],
        dependencies=fingerprint.dependencies(task),
        scope=model.told_scopes.get(task.name),
    )
