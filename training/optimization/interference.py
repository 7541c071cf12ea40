"""Whether tasks pull the shared weights in the same direction: cosines between their gradients, by depth."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback
from transformers.utils import logging

from ...configuration.tasks_polyhead import TaskConfig
from ..data.collation import Collator
from ..data.examples import MultiTaskDataset
from .depth import depth_map, num_depths
from .gradient_row import gradient_row
from .interference_report import ALL, REPORT_FILE, draw_interference, interference_table
from .parameter_groups import HEAD_PREFIX

logger = logging.get_logger(__name__)
ROWS_PER_TASK = 16


class InterferenceCallback(TrainerCallback):
    """Measure the cosines after each so many optimizer steps; write them down, and show them at the end of the run.

    Each task is measured on one small batch of its own, the same each time and without dropout: steps often hold one task
    only, and gradients of other rows or earlier weights would differ for reasons of their own. It draws no random number
    and leaves gradients alone, so the run ends with the same weights as without it.

    Args:
        every_steps: Optimizer steps from one measurement to the next.
        dataset: Its rows, spread evenly, make the batches.
        collator: As in training.
    """

    def __init__(self, every_steps: int, dataset: MultiTaskDataset, collator: Collator) -> None:
        self.every_steps = every_steps
        self.dataset = dataset
        self.collator = collator
        self._batches: dict[str, dict[str, Any]] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Keep what was written until the step that the run goes on from, and choose the batches."""
        if state.is_world_process_zero:
            path = Path(args.output_dir) / REPORT_FILE
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() and state.global_step else []
            known = [line for line in lines if _step_of(line) <= state.global_step]
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".unfinished")
            beside.write_text("".join(f"{line}\n" for line in known), encoding="utf-8")
            beside.replace(path)
            self._batches = task_batches(self.dataset, model.config.tasks, self.collator)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Measure when it is due; every process has the same weights, so the first alone does."""
        if state.global_step % self.every_steps or not state.is_world_process_zero:
            return
        cosines = gradient_cosines(model, self._batches)
        line = {"step": state.global_step, "tasks": list(self._batches), "cosines": cosines}
        with (Path(args.output_dir) / REPORT_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Print the table, and draw the heat map where matplotlib is installed."""
        path = Path(args.output_dir) / REPORT_FILE
        if len(self._batches) < 2 or not path.stat().st_size:
            return
        logger.warning("Cosine between the tasks' gradients, mean of the run:\n" + interference_table(path))
        try:
            draw_interference(path, path.with_suffix(".png"))
        except ImportError as error:
            logger.warning(str(error))


def task_batches(
    dataset: MultiTaskDataset, tasks: Sequence[TaskConfig], collator: Collator
) -> dict[str, dict[str, Any]]:
    """Return one batch for each task that has labels: rows spread evenly over those of one data set."""
    batches = {}
    for task in tasks:
        for rows in dataset.ranges.values():
            labelled = [position for position in rows if task.name in dataset.examples[position].labels]
            if labelled:
                chosen = labelled[:: max(1, len(labelled) // ROWS_PER_TASK)][:ROWS_PER_TASK]
                batches[task.name] = collator([dataset.examples[position] for position in chosen])
                break
    return batches


def gradient_cosines(model: Any, batches: dict[str, dict[str, Any]]) -> dict[str, list[list[float | None]]]:
    """Return the cosines between the tasks' gradients on what they share, for each depth and for all depths as one.

    Args:
        model: A `PolyheadModel`; it is left as it was, gradients included.
        batches: As collated, by task.

    Returns:
        By depth (`embeddings`, `layers.0`, ..., `pooling`, `all`), from below: a table of tasks by tasks, None where a task
        has no gradient. Frozen depths are left out.
    """
    shared = _shared_parameters(model)
    if not shared or not batches:
        return {}
    gradients = _task_gradients(
        model, batches, [parameter for parameters in shared.values() for parameter in parameters]
    )
    products, start = {}, 0
    for name, parameters in shared.items():
        rows = gradients[:, start : start + sum(parameter.numel() for parameter in parameters)]
        products[name] = (rows @ rows.T).double()
        start += rows.shape[1]
    products[ALL] = torch.stack(list(products.values())).sum(0)
    return {name: _cosines(product) for name, product in products.items()}


def _shared_parameters(model: Any) -> dict[str, list[Tensor]]:
    try:
        depths, top = depth_map(model), num_depths(model) - 1
    except ValueError:  # no list of layers: all depths as one
        depths, top = {}, 1
    shared: dict[int, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not name.startswith(HEAD_PREFIX):
            shared.setdefault(depths.get(name, 0), []).append(parameter)
    names = {0: "embeddings" if depths else "backbone", top: "pooling"}
    return {names.get(depth, f"layers.{depth - 1}"): shared[depth] for depth in sorted(shared)}


def _task_gradients(model: Any, batches: dict[str, dict[str, Any]], parameters: list[Tensor]) -> Tensor:
    was_training = model.training
    model.eval()
    rows = []
    for name, batch in batches.items():
        inputs = {key: value.to(model.device) for key, value in batch.items() if isinstance(value, Tensor)}
        labels = {name: batch["labels"][name].to(model.device)}
        with torch.enable_grad():
            loss = model(**inputs, labels=labels, tasks=[name]).losses[name]
        none = [None] * len(parameters)
        found = torch.autograd.grad(loss, parameters, allow_unused=True) if loss.requires_grad else none
        rows.append(gradient_row(parameters, found))
    model.train(was_training)
    return torch.stack(rows)  # (tasks, numbers)


def _cosines(products: Tensor) -> list[list[float | None]]:
    lengths = products.diagonal().sqrt()
    cosines = products / (lengths[:, None] * lengths)
    return [[value if value == value else None for value in row] for row in cosines.tolist()]  # NaN: 0 by 0


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):  # cut while it was written
        return float("inf")
