"""Measured scores, kept in a checkpoint's config and shown on its card."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..configuration.configuration_polyhead import PolyheadConfig
from ..modeling.card_polyhead import CARD, MARK, TEMPLATE, render_card
from ..modeling.manifest_polyhead import update_manifest

CONFIG = "config.json"


def check_folder(checkpoint: str | Path) -> None:
    """Refuse what cannot be written to, before anything is measured.

    Raises:
        ValueError: Not a folder, or not a writable one.
    """
    folder = Path(checkpoint)
    if not folder.is_dir():
        raise ValueError(f"'{checkpoint}' is no folder, so scores cannot be stored in it; download the model first.")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"folder '{checkpoint}' is not writable, so scores cannot be stored in it; copy it first.")


def store_scores(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Add scores to a checkpoint, in place of earlier ones of the same tasks on the same split, and render its card.

    Each file is replaced as a whole: whoever reads or interrupts finds the old one or the new one. A card that was
    written by hand stays.

    Args:
        folder: The checkpoint.
        rows: As in `PolyheadConfig.results`.
    """
    fields = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    measured = {(row["task"], row["split"]) for row in rows}
    kept = [row for row in fields["polyhead"].get("results") or [] if (row["task"], row["split"]) not in measured]
    fields["polyhead"]["results"] = [*kept, *rows]
    replace_text(folder / CONFIG, json.dumps(fields, indent=2, sort_keys=True) + "\n")
    update_manifest(folder, [CONFIG])
    card = folder / CARD
    if not card.is_file() or MARK in card.read_text(encoding="utf-8"):
        config = PolyheadConfig.from_pretrained(folder)
        replace_text(card, render_card(TEMPLATE.read_text(encoding="utf-8"), config))


def replace_text(file: Path, text: str) -> None:
    """Write a text file so that it is never seen half written."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    with unfinished.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(file)
