"""The encoder alone, as a checkpoint of the backbone's own class, for servers that run no code of a checkpoint."""

import shutil
from pathlib import Path

from ..configuration.configuration_polyhead import PolyheadConfig
from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.sentence_transformers_polyhead import POOLING_FLAGS, write_modules
from ..modeling.tokenizing_polyhead import save_tokenizer
from .new_folder import new_folder


def export_encoder(model: PolyheadModel, output: str | Path) -> None:
    """Write backbone, tokenizer and the modules of sentence-transformers into a new folder; no heads, no code.

    Args:
        model: To export; it stays as it is.
        output: Folder.

    Raises:
        ValueError: The folder is not empty, or sentence-transformers has no such pooling.
    """
    _require_known_pooling(model.config)
    with new_folder(output) as folder:
        model.backbone.save_pretrained(folder)
        save_tokenizer(model.tokenizer, folder)
        layer = model.polyhead.projection
        projection = None if layer is None else {"weight": layer.weight.detach(), "bias": layer.bias.detach()}
        write_modules(folder, model.config, model.max_length, projection)
        for weights in folder.rglob("*.safetensors"):
            shutil.copymode(folder / "config.json", weights)  # safetensors lets nobody else read them


def _require_known_pooling(config: PolyheadConfig) -> None:
    unknown = [f"pooling '{name}'" for name in config.poolings if name not in POOLING_FLAGS]
    unknown += [f"mix_last_layers {config.mix_last_layers}"] if config.mix_last_layers > 1 else []
    if unknown:
        raise ValueError(
            f"this model has {' and '.join(unknown)}, which sentence-transformers cannot express, so its embeddings need "
            f"polyhead's code. Export to ONNX instead, or train with one of the poolings {', '.join(POOLING_FLAGS)}."
        )
