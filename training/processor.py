"""What the processor is, and what it can, as far as training and inference choose by it."""

import platform
from pathlib import Path

from transformers.utils import logging

logger = logging.get_logger(__name__)

PROCESSOR_FACTS = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last is ARM's


def processor_name(facts: Path = PROCESSOR_FACTS) -> str:
    """Return what the processor calls itself; where the system does not tell, its architecture."""
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()  # the first is empty on Linux


def processor_has_bfloat16(facts: Path = PROCESSOR_FACTS) -> bool:
    """Whether the processor multiplies bfloat16 itself; False where the system does not tell."""
    if not facts.is_file():
        return False
    lines = facts.read_text(encoding="utf-8").splitlines()
    flags = {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split()}
    return bool(flags & _BFLOAT16_FLAGS)


def warn_of_slow_bfloat16(facts: Path = PROCESSOR_FACTS) -> None:
    """Warn where training in bfloat16 on the processor is slower than in float32."""
    if not processor_has_bfloat16(facts):
        logger.warning(
            "bf16: training runs on the processor, which does not say that it multiplies bfloat16 itself; without that, "
            "training is slower than in float32. Leave bf16 out here."
        )
