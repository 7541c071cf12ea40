"""What this project's measurements say of a planned run: settings that were found to cost score or time."""

from pathlib import Path
from typing import Any

from .argument_checks import WITHOUT_CACHE
from .optimization.freezing import frozen_parameters, parameters_of
from .planning import RunPlan
from .processor import PROCESSOR_FACTS, processor_has_bfloat16
from .trainer import PolyheadTrainer

HEADS_ALONE_RATE = 1e-2  # of linear heads, in the studies `freezing_200` and `quick`
FEW_ROWS = (
    1000  # the most of a set on which freezing the lower half was measured: `freezing_200`, `freezing_1000`, `quick`
)
MANY_LABELS = 10
# Rate, width of the backbone and number of steps at which `default_rates` found the whole model to learn too slowly.
SLOW_RATE, NARROW, SHORT_RUN = 5e-5, 384, 252


def advise(trainer: PolyheadTrainer, plan: RunPlan, processor_facts: Path = PROCESSOR_FACTS) -> list[str]:
    """Return what to set instead, a sentence each, with the section of docs/training.md that holds the measurement.

    Args:
        trainer: Ready to train.
        plan: Of this trainer.
        processor_facts: File in which the system describes the processor.
    """
    return [
        *_heads_alone(trainer, plan),
        *_slow_backbone(trainer, plan),
        *_frozen_cache(trainer, plan),
        *_lower_half(trainer, plan),
        *_many_labels(trainer),
        *_bfloat16(trainer, processor_facts),
    ]


def _heads_alone(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    model: Any = trainer.model
    peak = max((group.peak for group in plan.groups if group.name.startswith("heads") and group.trainable), default=0.0)
    is_slow = 0 < peak < HEADS_ALONE_RATE / 2 and all(task.head == "linear" for task in model.config.tasks)
    if not is_slow or not all(_is_frozen(trainer, plan, "backbone", step) for step in (0, plan.num_steps - 1)):
        return []
    return [
        f"heads alone train, at {peak:g} at most. With few rows, linear heads alone want about {HEADS_ALONE_RATE:g} and "
        "several times the epochs of a whole model: learning_rates, num_train_epochs (docs/training.md, 'Which way to train')."
    ]


def _slow_backbone(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    config: Any = trainer.model.config
    names = ("backbone", "layers")
    peak = max((group.peak for group in plan.groups if group.name.startswith(names) and group.trainable), default=0.0)
    is_like_measured = _is_pretrained(trainer) and config.hidden_size <= NARROW and not trainer.args.lora
    if not 0 < peak <= SLOW_RATE or plan.num_steps > SHORT_RUN or not is_like_measured:
        return []
    return [
        f"the backbone learns at {peak:g} at most. In so few steps one as narrow as all-MiniLM-L6-v2 gained two points or "
        "more from 2e-4: learning_rates: {backbone: 2e-4, heads: 2e-3} (docs/training.md, 'What was measured of rates')."
    ]


def _frozen_cache(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    args: Any = trainer.args
    if args.frozen_cache_gb or args.lora or any(getattr(args, name) for name in WITHOUT_CACHE):
        return []
    if plan.num_epochs is None or plan.num_epochs < 2 or not _is_frozen(trainer, plan, "bottom.1", 0):
        return []
    return [
        "the lowest layers are frozen, and are run again in every epoch: frozen_cache_gb keeps what they give "
        "(docs/training.md, 'Freezing')."
    ]


def _lower_half(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    config: Any = trainer.model.config
    num_rows = sum(plan.num_rows.values())
    if not _is_pretrained(trainer) or plan.streams or num_rows > FEW_ROWS or trainer.args.lora or trainer.freeze_rules:
        return []
    half = config.num_hidden_layers // 2
    if not half:
        return []
    return [
        f"the whole backbone learns from {num_rows:,} rows. With so few, freezing its lower half took seven tenths of the time "
        f"or less, and cost no score that could be told from chance: freeze: [{{part: bottom.{half}}}], frozen_cache_gb: 1 "
        "(docs/training.md, 'Which way to train'). Where the backbone knows the subject, heads alone may do as well or better."
    ]


def _many_labels(trainer: PolyheadTrainer) -> list[str]:
    args: Any = trainer.args
    model: Any = trainer.model
    tasks = model.config.tasks
    if len(tasks) < 2 or args.balance != "fixed" or not args.heterogeneous_batches:
        return []
    many = [task for task in tasks if task.kind == "multi_label_classification" and task.num_labels >= MANY_LABELS]
    return [
        f"task '{task.name}' may count too little beside the others: its loss is a mean over {task.num_labels} labels; try "
        f"weight: {task.num_labels} (docs/training.md, 'Several data sets')."
        for task in many
        if task.weight < task.num_labels / 4
    ]


def _bfloat16(trainer: PolyheadTrainer, processor_facts: Path) -> list[str]:
    args: Any = trainer.args
    if args.bf16 or args.fp16 or args.device.type != "cpu" or not processor_has_bfloat16(processor_facts):
        return []
    return [
        "this processor multiplies bfloat16 itself: with bf16: true the same run took half to two thirds of the "
        "time (docs/training.md, 'What was measured of bfloat16')."
    ]


def _is_pretrained(trainer: PolyheadTrainer) -> bool:
    config: Any = trainer.model.config
    return bool(config.text_config._name_or_path)  # transformers fills it in where weights were loaded


def _is_frozen(trainer: PolyheadTrainer, plan: RunPlan, part: str, step: int) -> bool:
    model: Any = trainer.model
    try:
        parts = [(rule, parameters_of(model, rule.part)) for rule in trainer.freeze_rules]
        wanted = set(parameters_of(model, part))
    except ValueError:  # a backbone without a list of layers has no lowest ones
        return False
    steps_per_epoch = plan.num_steps / plan.num_epochs if plan.num_epochs else 1.0
    return wanted <= set(frozen_parameters(parts, step, steps_per_epoch))
