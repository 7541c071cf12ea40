"""The files by which sentence-transformers describes a model: read from a backbone, written beside a checkpoint."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from safetensors.torch import save_file
from torch import Tensor
from transformers.utils import cached_file, logging

from ..configuration.configuration_polyhead import PolyheadConfig

logger = logging.get_logger(__name__)

# Our pooling names and theirs.
POOLING_FLAGS = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "mean_sqrt_len": "pooling_mode_mean_sqrt_len_tokens",
    "weighted_mean": "pooling_mode_weightedmean_tokens",
    "last_token": "pooling_mode_lasttoken",
}
MODULES = "sentence_transformers.models"


def read_settings(name: str, **hub_options: Any) -> dict[str, Any]:
    """Return what a sentence-transformers model says of itself, as fields of `PolyheadConfig`; empty for other models.

    Args:
        name: Folder or Hub name.
        **hub_options: `revision`, `token`, `cache_dir`, `local_files_only`.
    """
    modules = _read(name, "modules.json", hub_options)
    if not modules:
        return {}
    kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
    foreign = sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})
    if foreign:
        logger.warning(
            f"'{name}' has layers that are not taken over, so its embeddings will differ: {', '.join(foreign)}."
        )
    elsewhere = [path for module in modules if PurePosixPath(path := module["path"]).name != path]
    if elsewhere:
        raise ValueError(f"'{name}' is not loaded: modules.json names {elsewhere[0]!r}, which is no folder beside it.")
    settings: dict[str, Any] = {"normalize": "Normalize" in kinds}
    for kind, module in zip(kinds, modules, strict=True):
        if kind == "Pooling":
            settings["pooling"] = _read_pooling(_read(name, f"{module['path']}/config.json", hub_options) or {})
    length = (_read(name, "sentence_bert_config.json", hub_options) or {}).get("max_seq_length")
    described = _read(name, "config_sentence_transformers.json", hub_options) or {}
    prompts = {key: text for key, text in (described.get("prompts") or {}).items() if text}
    default = described.get("default_prompt_name")
    return settings | {
        "max_length": length,
        "prompts": prompts,
        "default_prompt_name": default if default in prompts else None,
    }


def write_modules(
    directory: Path, config: PolyheadConfig, max_length: int, projection: dict[str, Tensor] | None
) -> None:
    """Write `modules.json` and its folders, so that `SentenceTransformer(directory)` gives what `encode` gives.

    Where sentence-transformers has no such pooling, the module named there does not exist on purpose: an import error
    is better than embeddings pooled in another way.

    Args:
        directory: Of the checkpoint.
        config: Of the model.
        max_length: Longest input in tokens.
        projection: Weight (projection_dim, pooled_size) and bias (projection_dim,) of the projection, if there is one.
    """
    types = [("", "Transformer"), ("1_Pooling", "Pooling")]
    types += [("2_Dense", "Dense")] if projection is not None else []
    types += [(f"{len(types)}_Normalize", "Normalize")] if config.normalize else []
    if config.mix_last_layers > 1 or "attention" in config.poolings:
        types[1] = ("1_Pooling", "NotInSentenceTransformers_LoadWithPolyhead")
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"{MODULES}.{kind}"} for i, (path, kind) in enumerate(types)
    ]
    _write(directory / "modules.json", modules)
    _write(directory / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    described = {
        "prompts": config.prompts,
        "default_prompt_name": config.default_prompt_name,
        "similarity_fn_name": "cosine",
    }
    _write(directory / "config_sentence_transformers.json", described)
    flags = {flag: kind in config.poolings for kind, flag in POOLING_FLAGS.items()}
    _write(directory / "1_Pooling" / "config.json", {"word_embedding_dimension": config.hidden_size, **flags})
    if projection is not None:
        size = {"in_features": config.pooled_size, "out_features": config.projection_dim, "bias": True}
        _write(
            directory / "2_Dense" / "config.json", {**size, "activation_function": "torch.nn.modules.linear.Identity"}
        )
        save_file(
            {f"linear.{name}": tensor.contiguous() for name, tensor in projection.items()},
            directory / "2_Dense" / "model.safetensors",
        )


def _read_pooling(described: dict[str, Any]) -> str | list[str]:
    mode = described.get("pooling_mode")  # the newer way of writing it
    by_mode = {"weightedmean": "weighted_mean", "lasttoken": "last_token", "mean_sqrt_len_tokens": "mean_sqrt_len"}
    if mode is not None:
        modes = [mode] if isinstance(mode, str) else list(mode)
        return _one_or_many([by_mode.get(name, name) for name in modes])
    return _one_or_many([kind for kind, flag in POOLING_FLAGS.items() if described.get(flag)] or ["mean"])


def _one_or_many(kinds: list[str]) -> str | list[str]:
    return kinds[0] if len(kinds) == 1 else kinds


def _read(name: str, file: str, hub_options: dict[str, Any]) -> Any:
    missing_is_fine = {"_raise_exceptions_for_missing_entries": False, "_raise_exceptions_for_connection_errors": False}
    path = cached_file(name, file, **missing_is_fine, **hub_options)
    return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
