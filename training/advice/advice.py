"""All that is advised for a planned run."""

from pathlib import Path

from ..planning import RunPlan
from ..processor import PROCESSOR_FACTS
from ..trainer import PolyheadTrainer
from .advice_on_freezing import frozen_cache, lower_half, mixed_layers, moving_embedding, tags_on_frozen_layers
from .advice_on_rates import fast_backbone, heads_alone, slow_backbone
from .advice_on_tasks import gradient_projection, many_labels
from .advice_on_time import bfloat16


def advise(trainer: PolyheadTrainer, plan: RunPlan, processor_facts: Path = PROCESSOR_FACTS) -> list[str]:
    """Return what to set instead, a sentence each, with the section of docs/training.md that holds the measurement.

    Args:
        trainer: Ready to train.
        plan: Of this trainer.
        processor_facts: File in which the system describes the processor.
    """
    return [
        *heads_alone(trainer, plan),
        *slow_backbone(trainer, plan),
        *fast_backbone(trainer, plan),
        *frozen_cache(trainer, plan),
        *lower_half(trainer, plan),
        *tags_on_frozen_layers(trainer, plan),
        *mixed_layers(trainer, plan),
        *moving_embedding(trainer, plan),
        *many_labels(trainer),
        *gradient_projection(trainer),
        *bfloat16(trainer, processor_facts),
    ]
