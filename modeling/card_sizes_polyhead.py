"""How large a saved model is, read from its files."""

import math
from pathlib import Path

from safetensors import safe_open

_HEADS = "polyhead.heads."


def describe_sizes(folder: Path) -> str:
    """Tell parameters and bytes of the model in a folder in one sentence; nothing where no weights lie there.

    Args:
        folder: Of the checkpoint.
    """
    files = sorted(folder.glob("model*.safetensors"))
    counts: dict[str, int] = {}
    types = set()
    for file in files:
        with safe_open(file, "np") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - safetensors' handle has keys, but is no dict
                tensor = tensors.get_slice(name)
                counts[name] = math.prod(tensor.get_shape())
                types.add(tensor.get_dtype())
    if not files:
        return ""
    in_heads = sum(count for name, count in counts.items() if name.startswith(_HEADS))
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    return (
        f"{sum(counts.values()):,} parameters, {in_heads:,} of them in the heads: "
        f"{megabytes:,.1f} MB of safetensors ({', '.join(sorted(types))})."
    )
