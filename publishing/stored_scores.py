"""Measured scores, kept in a checkpoint's config and shown on its card."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..configuration.configuration_polyhead import PolyheadConfig
from ..modeling.card_polyhead import CARD, new_card
from ..modeling.manifest_polyhead import update_manifest

CONFIG = "config.json"


def check_folder(checkpoint: str | Path) -> None:
    """Refuse what cannot be written to, before anything is measured.

    Raises:
        ValueError: Not a folder, or not a writable one.
    """
    folder = Path(checkpoint)
    if not folder.is_dir():
        raise ValueError(f"'{checkpoint}' is no folder, so nothing can be stored in it; download the model first.")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"folder '{checkpoint}' is not writable, so nothing can be stored in it; copy it first.")


def store_scores(folder: Path, rows: Sequence[dict[str, Any]], speed: dict[str, Any] | None = None) -> None:
    """Add scores to a checkpoint, in place of earlier ones of the same task, split and metric, and render its card.

    Args:
        folder: The checkpoint.
        rows: As in `PolyheadConfig.results`.
        speed: As in `PolyheadConfig.speed`; None: what is stored stays.
    """
    fields = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    results = replaced_scores(fields["polyhead"].get("results") or [], rows)
    update_config(folder, {"results": results, **({"speed": speed} if speed else {})})


def replaced_scores(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the old rows that no new one measures again, then the new ones."""
    measured = {(row["task"], row["split"], row["metric"]) for row in new}
    return [*(row for row in old if (row["task"], row["split"], row["metric"]) not in measured), *new]


def update_config(folder: Path, own_fields: dict[str, Any], changed: Sequence[str] = ()) -> None:
    """Put other values into the `polyhead` block of a saved model's config, and render its card.

    Each file is replaced as a whole, and the manifest takes note. A card that was written by hand stays.

    Args:
        folder: Of the model.
        own_fields: New values of fields of `PolyheadConfig`.
        changed: Names of other files in it that were changed, made or removed for the same reason.
    """
    fields = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    fields["polyhead"] |= own_fields
    replace_text(folder / CONFIG, json.dumps(fields, indent=2, sort_keys=True) + "\n")
    update_manifest(folder, [CONFIG, *changed])
    card = new_card(folder / CARD, PolyheadConfig.from_pretrained(folder))
    if card is not None:
        replace_text(folder / CARD, card)


def replace_text(file: Path, text: str) -> None:
    """Write a text file so that it is never seen half written."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    with unfinished.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(file)
