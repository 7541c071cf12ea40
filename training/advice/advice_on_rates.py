"""Rates that were measured to learn too slowly, or not to help."""

from typing import Any

from ..planning import RunPlan
from ..trainer import PolyheadTrainer
from .advice_on_freezing import is_frozen, is_pretrained

HEADS_ALONE_RATE = 1e-2  # of linear heads, in the studies `freezing_200` and `quick`
# Rate, width of the backbone and number of steps at which `default_rates` found the whole model to learn too slowly.
SLOW_RATE, NARROW, SHORT_RUN = 5e-5, 384, 252


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
    names = ("backbone", "layers")
    peak = max((group.peak for group in plan.groups if group.name.startswith(names) and group.trainable), default=0.0)
    is_like_measured = is_pretrained(trainer) and config.hidden_size <= NARROW and not trainer.args.lora
    if not 0 < peak <= SLOW_RATE or plan.num_steps > SHORT_RUN or not is_like_measured:
        return []
    return [
        f"the backbone learns at {peak:g} at most. In so few steps one as narrow as all-MiniLM-L6-v2 gained two points or "
        "more from 2e-4: learning_rates: {backbone: 2e-4, heads: 2e-3} (docs/training.md, 'What was measured of rates')."
    ]


def falling_rates(trainer: PolyheadTrainer) -> list[str]:
    """Leave out rates that fall with depth, of which no gain was measured."""
    args: Any = trainer.args
    if args.layer_decay in (None, 1.0) or not is_pretrained(trainer):
        return []
    return [
        f"rates fall to {args.layer_decay:g} of themselves with each layer below the top. No decay was ahead of one rate for "
        "all layers, each at its best of three rates: leave layer_decay out, or compare (docs/training.md, 'What was "
        "measured of rates')."
    ]
