"""polyhead: one pretrained transformer, one sentence embedding, many named task heads, one checkpoint."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .configuration.configuration_polyhead import PolyheadConfig
    from .configuration.tasks_polyhead import TaskConfig
    from .modeling.modeling_polyhead import PolyheadModel
    from .modeling.outputs_polyhead import PolyheadOutput
    from .modeling.single_head_polyhead import PolyheadForSequenceClassification, PolyheadForTokenClassification
    from .publishing.onnx_model import OnnxPolyhead
    from .training.arguments import PolyheadTrainingArguments
    from .training.trainer import PolyheadTrainer

__version__ = "0.1.0"
__all__ = [
    "OnnxPolyhead",
    "PolyheadConfig",
    "PolyheadForSequenceClassification",
    "PolyheadForTokenClassification",
    "PolyheadModel",
    "PolyheadOutput",
    "PolyheadTrainer",
    "PolyheadTrainingArguments",
    "TaskConfig",
]
# Imported at first use: `import polyhead` and `polyhead --help` must not wait for torch.
_HOMES = {
    "PolyheadConfig": "configuration.configuration_polyhead",
    "TaskConfig": "configuration.tasks_polyhead",
    "PolyheadModel": "modeling.modeling_polyhead",
    "PolyheadOutput": "modeling.outputs_polyhead",
    "PolyheadForSequenceClassification": "modeling.single_head_polyhead",
    "PolyheadForTokenClassification": "modeling.single_head_polyhead",
    "OnnxPolyhead": "publishing.onnx_model",
    "PolyheadTrainer": "training.trainer",
    "PolyheadTrainingArguments": "training.arguments",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'polyhead' has no attribute '{name}'; it has {', '.join(__all__)}.")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
