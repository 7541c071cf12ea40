"""What to freeze, and how to spare the time of what is frozen."""

from typing import Any

from ..argument_checks import WITHOUT_CACHE
from ..optimization.freezing import frozen_parameters, parameters_of
from ..planning import RunPlan
from ..trainer import PolyheadTrainer

_MIXED = 3  # layers, in `frozen_layers`
FEW_ROWS = 3257  # the most on which freezing the lower half was measured at three seeds, in `freezing_all`


def frozen_cache(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Keep what frozen layers give, where they run again in every epoch."""
    args: Any = trainer.args
    if args.frozen_cache_gb or args.lora or any(getattr(args, name) for name in WITHOUT_CACHE):
        return []
    if plan.num_epochs is None or plan.num_epochs < 2 or not is_frozen(trainer, plan, "bottom.1", 0):
        return []
    return [
        "the lowest layers are frozen, and are run again in every epoch: frozen_cache_gb keeps what they give "
        "(docs/training.md, 'Freezing')."
    ]


def lower_half(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Freeze the lower half, where a whole pretrained backbone learns from few rows."""
    config: Any = trainer.model.config
    num_rows = sum(plan.num_rows.values())
    if not is_pretrained(trainer) or plan.streams or num_rows > FEW_ROWS or trainer.args.lora or trainer.freeze_rules:
        return []
    if _tagging_tasks(trainer, plan):  # it cost these four points
        return []
    half = config.num_hidden_layers // 2
    if not half:
        return []
    return [
        f"the whole backbone learns from {num_rows:,} rows. With so few, freezing its lower half took seven tenths of the time "
        f"or less, and moved the score by -1.7 to +1.2 points, by set: freeze: [{{part: bottom.{half}}}], frozen_cache_gb: 1 "
        "(docs/training.md, 'Which way to train'). Where the backbone knows the subject, heads alone may do as well."
    ]


def tags_on_frozen_layers(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Let lower layers learn where words are tagged, which no head makes up for."""
    if not is_pretrained(trainer) or plan.streams or not is_frozen(trainer, plan, "bottom.1", plan.num_steps - 1):
        return []
    return [
        f"task '{name}' tags words above frozen layers: with 1,000 rows a frozen lower half cost four points of F1, a frozen "
        "backbone more than twenty (docs/training.md, 'Which way to train')."
        for name in _tagging_tasks(trainer, plan)
    ]


def mixed_layers(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Let heads on a frozen backbone read more than its top layer, where the embedding need not stay as it is."""
    config: Any = trainer.model.config
    is_new = is_pretrained(trainer) and not config._name_or_path  # heads of a trained one read what they have learnt to
    if not is_new or plan.streams or config.mix_last_layers > 1 or config.num_hidden_layers < _MIXED:
        return []
    if any(rule.part in ("encoder", "everything") for rule in trainer.freeze_rules):  # the embedding is to stay
        return []
    if not all(is_frozen(trainer, plan, "backbone", step) for step in (0, plan.num_steps - 1)):
        return []
    return [
        f"heads read the top layer of a frozen backbone. A mix of the last {_MIXED} gained eight points on sentiment with 200 "
        f"rows and lost none on topics, where the embedding may become another: model: mix_last_layers: {_MIXED} "
        "(docs/training.md, 'What frozen layers hold')."
    ]


def moving_embedding(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    """Freeze projection and pooling too, where tasks without rows are to stay as they are on a frozen backbone."""
    if plan.streams:  # what its rows will be labelled for is not known
        return []
    data: Any = trainer.train_dataset
    model: Any = trainer.model
    labelled = {task.name for source in plan.num_rows for task in data.labelled_tasks(source)}
    untrained = [task.name for task in model.config.tasks if task.name not in labelled]
    moments = (0, plan.num_steps - 1)
    if not untrained or not all(is_frozen(trainer, plan, "backbone", step) for step in moments):
        return []
    if all(is_frozen(trainer, plan, "encoder", step) for step in moments):
        return []
    return [
        "the backbone is frozen, but projection, pooling or layer mix learns above it: the sentence embedding changes, and "
        f"with it what tasks without rows answer ({', '.join(untrained)}). To keep both: freeze: [{{part: encoder}}] "
        "(docs/training.md, 'Freezing')."
    ]


def _tagging_tasks(trainer: PolyheadTrainer, plan: RunPlan) -> list[str]:
    data: Any = trainer.train_dataset
    return list(
        dict.fromkeys(task.name for source in plan.num_rows for task in data.labelled_tasks(source) if task.is_token)
    )


def is_pretrained(trainer: PolyheadTrainer) -> bool:
    """Whether the backbone was loaded, not built with random weights."""
    config: Any = trainer.model.config
    return bool(config.text_config._name_or_path)  # transformers fills it in where weights were loaded


def is_frozen(trainer: PolyheadTrainer, plan: RunPlan, part: str, step: int) -> bool:
    """Whether a part is frozen as a whole in one step."""
    model: Any = trainer.model
    try:
        parts = [(rule, parameters_of(model, rule.part)) for rule in trainer.freeze_rules]
        wanted = set(parameters_of(model, part))
    except ValueError:  # a backbone without a list of layers has no lowest ones
        return False
    steps_per_epoch = plan.num_steps / plan.num_epochs if plan.num_epochs else 1.0
    return wanted <= set(frozen_parameters(parts, step, steps_per_epoch))
