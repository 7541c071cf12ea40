"""How a model leaves: model card, ONNX, head surgery, Hub push."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .encoder_export import export_encoder
    from .head_surgery import add_heads, drop_head, merge_heads, rename_head, replace_head
    from .onnx_export import export_onnx
    from .trained_head import TrainedHead, load_head, save_head, take_heads

__all__ = [
    "TrainedHead",
    "add_heads",
    "drop_head",
    "export_encoder",
    "export_onnx",
    "load_head",
    "merge_heads",
    "rename_head",
    "replace_head",
    "save_head",
    "take_heads",
]
# Imported at first use: the command line must not wait for torch.
_HOMES = {
    "TrainedHead": "trained_head",
    "add_heads": "head_surgery",
    "drop_head": "head_surgery",
    "export_encoder": "encoder_export",
    "export_onnx": "onnx_export",
    "load_head": "trained_head",
    "merge_heads": "head_surgery",
    "rename_head": "head_surgery",
    "replace_head": "head_surgery",
    "save_head": "trained_head",
    "take_heads": "trained_head",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'polyhead.publishing' has no attribute '{name}'; it has {', '.join(__all__)}.")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
