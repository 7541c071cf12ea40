"""The folder of a run: what may be in it when the run begins, and what goes when it ends.

Imports no torch: a wrong folder is told at once.
"""

import re
import shutil
from pathlib import Path

RECORD = "run"  # what is known about the run, beside the model
STAGING = ".unfinished"  # a checkpoint that is being written
_NAME = re.compile(r"checkpoint-(\d+)")


def check_output(output: Path, resume: bool) -> None:
    """Refuse a folder that a run can neither begin nor go on in.

    Args:
        output: Folder for the model.
        resume: Whether the run goes on from a checkpoint in it.

    Raises:
        ValueError: It is a file, is not empty, or has nothing to go on from.
    """
    if output.is_file():
        raise ValueError(f"output '{output}' is a file; name a folder.")
    found = {path.name for path in output.iterdir()} if output.is_dir() else set()
    is_new = not found - {RECORD, STAGING}  # alone, these are of a run that was killed before its first checkpoint
    if resume and is_new:
        raise ValueError(f"nothing to resume: folder '{output}' is empty or missing. Start without --resume.")
    if not resume and not is_new:
        remedy = ", or go on with --resume" if numbered_checkpoints(output) else ""
        raise ValueError(f"output folder '{output}' is not empty. Name a new one{remedy}.")
    if resume and not numbered_checkpoints(output):
        if "config.json" in found:
            raise ValueError(
                f"nothing to resume: the run in '{output}' is finished, and its model lies there. To train it further, "
                "name it as `model.checkpoint` of a recipe, and another folder as output."
            )
        raise ValueError(
            f"nothing to resume: folder '{output}' holds no checkpoint-N. Name a new folder and start without --resume."
        )


def numbered_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Return step and folder of every checkpoint, newest first, whole or not."""
    named = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir() if path.is_dir()]
    return sorted(((int(match[1]), path) for match, path in named if match), reverse=True)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a finished run."""
    for _, checkpoint in numbered_checkpoints(folder):
        shutil.rmtree(checkpoint)
