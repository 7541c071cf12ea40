"""The same training in less time."""

from pathlib import Path
from typing import Any

from ..processor import processor_has_bfloat16
from ..trainer import PolyheadTrainer


def bfloat16(trainer: PolyheadTrainer, processor_facts: Path) -> list[str]:
    """Use bfloat16 where the processor multiplies it."""
    args: Any = trainer.args
    if args.bf16 or args.fp16 or args.device.type != "cpu" or not processor_has_bfloat16(processor_facts):
        return []
    return [
        "this processor multiplies bfloat16 itself: with bf16: true the same run took half to two thirds of the "
        "time (docs/training.md, 'What was measured of bfloat16')."
    ]
