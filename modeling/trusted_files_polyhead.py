"""What the files of a checkpoint may not hold: looked at before transformers opens them."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from transformers.utils import cached_file

SHARDS = "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
LARGEST_JSON_BYTES = 200_000_000  # the largest tokenizers have 35 MB
LARGEST_MISSING = 200_000_000  # numbers; new heads have far fewer, and memory for more is not to be had by a small file


def refuse_untrusted_files(name: str, hub_options: dict[str, Any]) -> None:
    """Refuse a checkpoint that leads elsewhere, or whose JSON files are too large to read.

    Args:
        name: Folder or Hub name.
        hub_options: `revision`, `token`, `cache_dir`, `local_files_only`, `subfolder`.

    Raises:
        ValueError: Says which file holds what.
    """
    for path in Path(name).glob("*.json") if Path(name).is_dir() else ():
        _refuse_large(name, path)
    if find_file(name, ADAPTER, hub_options) is not None:
        raise ValueError(
            f"'{name}' is not loaded: {ADAPTER} lies beside the model, and transformers would load the base model that it "
            "names instead. Remove it, or merge the adapter."
        )
    index = find_file(name, SHARDS, hub_options)
    if index is None:
        return
    try:
        files = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        wrong = [file for file in files if not isinstance(file, str) or PurePosixPath(file).name != file]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"'{name}' is not loaded: {SHARDS} has no weight_map of tensors to files.") from None
    if wrong:
        raise ValueError(f"'{name}' is not loaded: {SHARDS} names {wrong[0]!r}, which is no file beside it.")


def refuse_missing(name: str, missing: int) -> None:
    """Refuse before memory is taken for weights that a config promises and the files do not hold.

    Raises:
        ValueError: More numbers are missing than new heads could have.
    """
    if missing > LARGEST_MISSING:
        raise ValueError(
            f"'{name}' is not loaded: its config promises {missing:,} numbers more than its weights hold; the two do not "
            "belong together."
        )


def refuse_incomplete(name: str, missing: list[str]) -> None:
    """Refuse weights without which answers would be random.

    Raises:
        ValueError: Names the first of them.
    """
    if missing:
        shown = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        raise ValueError(
            f"'{name}' lacks the weights of: {shown}. Their answers would be random. Load a complete checkpoint, or pass "
            "allow_missing=True if you are going to train them."
        )


def find_file(name: str, file: str, hub_options: dict[str, Any]) -> Path | None:
    """Return the path of a checkpoint's file, fetched where it lies on the Hub; None where there is none."""
    kinds = ("missing_entries", "connection_errors", "gated_repo")
    quiet = {f"_raise_exceptions_for_{kind}": False for kind in kinds}  # transformers will say it when it loads
    found = cached_file(name, file, **quiet, **hub_options)
    return None if found is None else Path(found)


def _refuse_large(name: str, path: Path) -> None:
    size = path.stat().st_size
    if size > LARGEST_JSON_BYTES:
        raise ValueError(f"'{name}' is not loaded: {path.name} has {size:,} bytes, more than {LARGEST_JSON_BYTES:,}.")
