"""Rates that were measured to be too low, or too high."""

from typing import Any

from ..planning import RunPlan
from ..trainer import PolyheadTrainer
from .advice_on_freezing import is_frozen, is_pretrained

HEADS_ALONE_RATE = 1e-2  # of linear heads, in the studies `freezing_200` and `quick`
# Rate, width of the backbone and number of steps at which `default_rates` found the whole model to learn too slowly.
SLOW_RATE, NARROW, SHORT_RUN = 5e-5, 384, 252
FAST_RATE = 8e-4  # of the backbone at every depth, in the study `decay`


def heads_alone(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Raise the rate of linear heads that learn alone."""
    model: Any = trainer.model
    peak = max((group.peak for group in plan.groups if group.name.startswith("heads") and group.trainable), default=0.0)
    is_slow = 0 < peak < HEADS_ALONE_RATE / 2 and all(task.head == "linear" for task in model.config.tasks)
    if not is_slow or not all(is_frozen(trainer, plan, "backbone", step) for step in (0, plan.num_steps - 1)):
        return []
    return [
        f"heads alone train, at {peak:g} at most. With few rows, linear heads alone want about {HEADS_ALONE_RATE:g} and "
        "several times the epochs of a whole model: learning_rates, num_train_epochs (docs/training.md, 'Which way to train')."
    ]


def slow_backbone(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Raise the rate of a narrow pretrained backbone in a short run."""
    config: Any = trainer.model.config
    peak = _backbone_peak(plan)
    is_like_measured = is_pretrained(trainer) and config.hidden_size <= NARROW and not trainer.args.lora
    if not 0 < peak <= SLOW_RATE or plan.num_steps > SHORT_RUN or not is_like_measured:
        return []
    return [
        f"the backbone learns at {peak:g} at most. In so few steps one as narrow as all-MiniLM-L6-v2 gained two points or "
        "more from 2e-4: learning_rates: {backbone: 2e-4, heads: 2e-3} (docs/training.md, 'What was measured of rates')."
    ]


def fast_backbone(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Lower the rate of a pretrained backbone that learns as fast at every depth as was measured to cost score."""
    args: Any = trainer.args
    peak = _backbone_peak(plan)
    if peak < FAST_RATE or args.layer_decay not in (None, 1.0) or args.lora or not is_pretrained(trainer):
        return []
    return [
        f"the backbone learns at {peak:g} at every depth. At {FAST_RATE:g} all-MiniLM-L6-v2 lost four points and more: "
        "learning_rates: {backbone: 2e-4, heads: 2e-3}, or layer_decay: 0.8, which loses least of it (docs/training.md, 'What "
        "was measured of rates')."
    ]


def _backbone_peak(plan: RunPlan) -> float:
    names = ("backbone", "layers")
    return max((group.peak for group in plan.groups if group.name.startswith(names) and group.trainable), default=0.0)
