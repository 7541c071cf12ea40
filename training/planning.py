"""What a run will do, before it runs: rates and freezing of every group over time, steps, tokens, memory and duration."""

import math
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from .arguments import FOLLOW_SCORES
from .data.streaming_dataset import known_rows
from .expected_tokens import expected_tokens
from .optimization.depth import depth_map
from .optimization.freezing import frozen_parameters, parameters_of
from .optimization.lora import base_weights
from .optimization.thaw_warmup import group_thaws, num_warmup_steps, thaw_factor
from .trainer import PolyheadTrainer

_CURVE_POINTS = 200


@dataclass(frozen=True)
class GroupPlan:
    """One optimizer group.

    Args:
        name: As in the logs (`lr/<name>`).
        depth: 0 for embeddings, layers from 1; None where a group spans several.
        depths: All of them, lowest first; empty where the model has no list of layers.
        num_parameters: How many numbers it holds.
        weight_decay: Of the group.
        start: Rate at the first step.
        peak: Highest rate.
        end: Rate at the last step.
        trainable: Spans of steps, first and last inclusive and counted from 1, in which some of it trains.
        rates: Rate at each of `RunPlan.curve_steps`.
    """

    name: str
    depth: int | None
    depths: list[int]
    num_parameters: int
    weight_decay: float
    start: float
    peak: float
    end: float
    trainable: list[tuple[int, int]]
    rates: list[float]


@dataclass(frozen=True)
class RunPlan:
    """A whole run.

    Args:
        groups: In the optimizer's order.
        num_rows: Training rows by data set, of a stream the first ones.
        streams: Names of the data sets that are streams.
        num_steps: Optimizer steps.
        steps_per_epoch: Optimizer steps of one pass over the data; None with streams, which have no epochs.
        num_epochs: Passes over the data, None likewise.
        num_tokens: Tokens of the training texts that the run reads, padding not counted; the first rows of a stream stand
            for all of them.
        num_truncated: Training texts, among the rows counted above, that are longer than the model reads.
        memory_bytes: Weights, gradients and optimizer state when most of the model trains; activations come on top.
        seconds: Expected duration of the training steps, from timed ones, which keep no states of frozen layers; None where
            none was timed.
        curve_steps: Steps at which `GroupPlan.rates` were taken.
        depends_on_scores: The scheduler lowers the rates by what the evaluations show, which nobody knows before; they are
            shown as if it never did.
    """

    groups: list[GroupPlan]
    num_rows: dict[str, int]
    streams: list[str]
    num_steps: int
    steps_per_epoch: int | None
    num_epochs: float | None
    num_tokens: int
    num_truncated: int
    memory_bytes: int
    seconds: float | None
    curve_steps: list[int]
    depends_on_scores: bool

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain data."""
        return asdict(self)


def plan_run(trainer: PolyheadTrainer, num_timed_steps: int = 4) -> RunPlan:
    """Work out what a trainer is going to do; its model is left as it was.

    Args:
        trainer: Ready to train.
        num_timed_steps: Batches to run forward and backward for the duration; the first is not counted. 0: none.
    """
    args, dataset = trainer.args, known_rows(trainer.train_dataset)
    streams = list(getattr(trainer.train_dataset, "streams", ()))
    per_epoch = math.ceil(len(trainer.get_train_dataloader()) / args.gradient_accumulation_steps)
    num_steps = args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * per_epoch)
    trainer.create_optimizer_and_scheduler(num_training_steps=num_steps)
    curve_steps = sorted({round(index * (num_steps - 1) / _CURVE_POINTS) for index in range(_CURVE_POINTS + 1)})
    curves = _rate_curves(trainer, num_steps, per_epoch, set(curve_steps))
    num_epochs = num_steps / per_epoch
    spans = _trainable_spans(trainer, num_steps, max(num_epochs, 1e-9))
    return RunPlan(
        groups=_group_plans(trainer, curves, spans),
        num_rows={source: len(rows) for source, rows in dataset.ranges.items()},
        streams=streams,
        num_steps=num_steps,
        steps_per_epoch=None if streams else per_epoch,
        num_epochs=None if streams else num_epochs,
        num_tokens=expected_tokens(dataset, trainer.sampler, num_epochs),
        num_truncated=dataset.num_truncated,
        memory_bytes=_memory(trainer, spans),
        seconds=_time_steps(trainer, num_timed_steps, spans) * num_steps if num_timed_steps else None,
        curve_steps=[step + 1 for step in curve_steps],
        depends_on_scores=args.lr_scheduler_type in FOLLOW_SCORES,
    )


def _rate_curves(trainer: PolyheadTrainer, num_steps: int, per_epoch: int, wanted: set[int]) -> list[list[float]]:
    # A stand-in optimizer with the same rates: stepping the real one would change the model.
    groups = trainer.optimizer.param_groups
    stand_in = torch.optim.SGD(
        [{"params": [torch.zeros(1, requires_grad=True)], "lr": _base(group)} for group in groups]
    )
    real, trainer.lr_scheduler = trainer.lr_scheduler, None
    scheduler = trainer.create_scheduler(num_steps, stand_in)
    trainer.lr_scheduler = real
    thaws = group_thaws(trainer.model, groups, trainer.freeze_rules if trainer.args.thaw_warmup_steps else [])
    length = num_warmup_steps(trainer.args.thaw_warmup_steps, num_steps)
    curves: list[list[float]] = [[] for _ in groups]
    for step in range(num_steps):
        if step in wanted:
            for curve, group, rules in zip(curves, stand_in.param_groups, thaws, strict=True):
                curve.append(float(group["lr"]) * thaw_factor(rules, step, per_epoch, length))
        stand_in.step()
        if trainer.args.lr_scheduler_type not in FOLLOW_SCORES:
            scheduler.step()
    return curves


def _base(group: dict[str, Any]) -> float:
    return group.get("initial_lr", group["lr"])


def _trainable_spans(trainer: PolyheadTrainer, num_steps: int, num_epochs: float) -> dict[str, list[tuple[int, int]]]:
    model: Any = trainer.model
    parts = [(rule, parameters_of(model, rule.part)) for rule in trainer.freeze_rules]
    steps_per_epoch = num_steps / num_epochs
    edges = {0, num_steps}
    for rule in trainer.freeze_rules:
        edges |= {math.ceil(edge) for edge in rule.bounds(steps_per_epoch) if edge < num_steps}
    names = [name for name, _ in model.named_parameters()]
    spans: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
    ordered = sorted(edges)
    for start, end in pairwise(ordered):
        for name in set(names) - base_weights(model) - frozen_parameters(parts, start, steps_per_epoch):
            known = spans[name]
            if known and known[-1][1] == start:
                known[-1] = (known[-1][0], end)
            else:
                known.append((start + 1, end))
    return spans


def _group_plans(
    trainer: PolyheadTrainer, curves: list[list[float]], spans: dict[str, list[tuple[int, int]]]
) -> list[GroupPlan]:
    model: Any = trainer.model
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    try:
        depths: dict[str, int] = depth_map(model)
    except ValueError:  # no list of layers: depths are unknown, and nothing in this run needs them
        depths = {}
    plans = []
    for group, curve in zip(trainer.optimizer.param_groups, curves, strict=True):
        members = [names[id(parameter)] for parameter in group["params"] if id(parameter) in names]
        if not members:
            continue  # log variances of the tasks: no part of the model
        found = sorted({depths[name] for name in members if name in depths})
        longest = max((spans[name] for name in members), key=lambda span: sum(end - start + 1 for start, end in span))
        plans.append(
            GroupPlan(
                name=group["name"],
                depth=found[0] if len(found) == 1 else None,
                depths=found,
                num_parameters=sum(parameter.numel() for parameter in group["params"]),
                weight_decay=group["weight_decay"],
                start=curve[0],
                peak=max(curve),
                end=curve[-1],
                trainable=longest,
                rates=curve,
            )
        )
    return plans


def _memory(trainer: PolyheadTrainer, spans: dict[str, list[tuple[int, int]]]) -> int:
    sizes = {name: parameter.numel() * parameter.element_size() for name, parameter in trainer.model.named_parameters()}
    trained = sum(size for name, size in sizes.items() if spans[name])
    return sum(sizes.values()) + 3 * trained  # a gradient and AdamW's two moments for what trains at some time


def _time_steps(trainer: PolyheadTrainer, num_steps: int, spans: dict[str, list[tuple[int, int]]]) -> float:
    model: Any = trainer.model
    was_training = model.training
    model.train()
    idle = [parameter for name, parameter in model.named_parameters() if parameter.requires_grad and not spans[name]]
    for parameter in idle:  # what never trains costs no backward pass
        parameter.requires_grad_(False)
    seconds = []
    for batch, _ in zip(trainer.get_train_dataloader(), range(num_steps + 1), strict=False):
        started = time.perf_counter()
        with trainer.accelerator.autocast():  # what `bf16` and `fp16` are; training has it in the prepared model
            loss = trainer.compute_loss(model, trainer._prepare_inputs(batch))
        if loss.requires_grad:
            loss.backward()
        seconds.append(time.perf_counter() - started)
        model.zero_grad()
    for parameter in idle:
        parameter.requires_grad_(True)
    model.train(was_training)
    timed = sorted(seconds[1:] or seconds)
    return timed[len(timed) // 2] * trainer.args.gradient_accumulation_steps


def draw_rates(plan: RunPlan, path: Path) -> None:
    """Draw the rate of each group over the steps, a gap where it is frozen.

    Raises:
        ImportError: matplotlib is missing; the message says how to install it.
    """
    try:
        from .run.pictures_rates import plot_rates
    except ImportError as error:
        raise ImportError("the picture needs matplotlib: pip install 'polyhead[plots]'.") from error
    curves = {}
    for group in plan.groups:
        if not group.name.endswith("_no_decay"):
            is_trained = [any(start <= step <= end for start, end in group.trainable) for step in plan.curve_steps]
            rates = [rate if on else math.nan for rate, on in zip(group.rates, is_trained, strict=True)]
            curves[group.name] = (plan.curve_steps, rates)
    plot_rates(curves).savefig(path, dpi=110)
