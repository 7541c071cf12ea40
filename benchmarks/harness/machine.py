"""The machine that measured, as far as figures depend on it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "transformers", "sentence-transformers", "onnxruntime", "tokenizers", "accelerate", "numpy")
# Vector width, 8-bit and bfloat16 arithmetic: what decides how fast which weights are.
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def machine() -> dict[str, Any]:
    """Return processor, flags, cores, threads and memory."""
    import torch

    facts = _processor_facts()
    return {
        "processor": facts.get("model name", platform.processor() or platform.machine()),
        "flags": {flag: flag in facts.get("flags", "").split() for flag in FLAGS},
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of Python, of polyhead and of what it is compared with."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("polyhead", *PACKAGES)}}


def _processor_facts() -> dict[str, str]:
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return {}
    first = file.read_text(encoding="utf-8").partition("\n\n")[0]
    return {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in first.splitlines()}
