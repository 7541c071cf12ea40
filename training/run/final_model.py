"""The model at the end of a run: written beside, then moved, so that what bears its names is whole."""

import os
import shutil
from pathlib import Path
from typing import Any

from transformers.utils import CONFIG_NAME

from ...modeling.card_polyhead import CARD
from .full_disk import tell_full_disk
from .output_folder import STAGING


def save_model(model: Any, output: Path) -> None:
    """Save a trained model in the folder of its run.

    Args:
        model: A `PolyheadModel`.
        output: The folder; what else lies in it stays.

    Raises:
        OSError: There is no room, or it cannot be written; the folder is as it was.
    """
    staged = output / STAGING
    shutil.rmtree(staged, ignore_errors=True)  # left by a run that was killed
    try:
        with tell_full_disk(output, "the model"):
            staged.mkdir(parents=True)
            if (output / CARD).is_file():
                shutil.copy(output / CARD, staged)  # one that was written by hand is kept
            model.save_pretrained(staged)
            _bring_to_disk(staged)
    except OSError:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    # The config last: where it lies, a run is finished.
    for path in sorted(staged.iterdir(), key=lambda path: path.name == CONFIG_NAME):
        target = output / path.name
        if target.is_dir():  # of a model that lay here before; a file is replaced as it is
            shutil.rmtree(target)
        path.replace(target)
    staged.rmdir()


def _bring_to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
