"""Models by the name that the user gave, loaded with the installed code and never with a checkpoint's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import PreTrainedConfig

from .mistakes import is_ours
from .modeling.backbone_polyhead import hub_is_reachable, resolve_backbone
from .modeling.modeling_polyhead import PolyheadModel
from .quiet import quiet_transformers


def load_checkpoint(name: str) -> PolyheadModel:
    """Load a polyhead checkpoint from a folder or the Hub.

    Raises:
        ValueError: There is none, it is damaged, or it lacks weights.
    """
    quiet_transformers()
    _refuse_onnx_export(name)
    remedy = "Give the folder that `polyhead train` wrote, or the name of a polyhead checkpoint on the Hub."
    if Path(name).is_dir() and not (Path(name) / "config.json").is_file():
        if any(Path(name).glob("checkpoint-*")):
            raise ValueError(
                f"model '{name}': training has not finished in this folder. Wait for it, go on with `polyhead train RECIPE "
                f"--output {name} --resume`, or name one of its checkpoint-N folders."
            )
        raise ValueError(f"model '{name}': there is no config.json in this folder. {remedy}")
    with _named(name, remedy):
        model: PolyheadModel = PolyheadModel.from_pretrained(name, **hub_options(name))
        _ = model.tokenizer  # read now: a damaged one is told before any work
        return model


def load_encoder(name: str) -> PolyheadModel:
    """Load a polyhead checkpoint, or any backbone as a model without tasks.

    Raises:
        ValueError: The name cannot be reached, it is damaged, or no text encoder.
    """
    quiet_transformers()
    _refuse_onnx_export(name)
    with _named(name, "Give a checkpoint's folder, a backbone's folder, or a name on the Hub."):
        source = resolve_backbone(name, **hub_options(name))
        fields, _ = PreTrainedConfig.get_config_dict(source, **hub_options(source))
    if "polyhead" in fields:
        return load_checkpoint(source)
    with _named(name, "Give another backbone."):
        model: PolyheadModel = PolyheadModel.from_backbone(name)
        return model


def hub_options(name: str) -> dict[str, Any]:
    """Return how to ask the Hub: without a connection, what is in the cache loads at once, not after many retries."""
    return {} if Path(name).is_dir() or hub_is_reachable() else {"local_files_only": True}


def _refuse_onnx_export(name: str) -> None:
    if (Path(name) / "polyhead.json").is_file() and not (Path(name) / "config.json").is_file():
        raise ValueError(
            f"model '{name}' is an ONNX export, which runs in Python alone: OnnxPolyhead.from_pretrained({name!r}). Give "
            "the folder that it was exported from."
        )


@contextmanager
def _named(name: str, remedy: str) -> Iterator[None]:
    """Put the model's name and a remedy to what libraries say about files that cannot be loaded."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError, json.JSONDecodeError) as error:
        if isinstance(error, ValueError) and is_ours(error):
            raise
        reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        what = f"model '{name}'" if Path(name).exists() else f"model '{name}' is no folder here, and on the Hub it"
        raise ValueError(f"{what} cannot be loaded: {reason.rstrip('.')}. {remedy}") from error
