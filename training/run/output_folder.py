"""The folder of a run: what may be in it when the run begins. Imports no torch: a wrong folder is told at once."""

import re
from pathlib import Path

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
    is_empty = not output.is_dir() or not any(output.iterdir())
    if resume and is_empty:
        raise ValueError(f"nothing to resume: folder '{output}' is empty or missing. Start without --resume.")
    if not resume and not is_empty:
        raise ValueError(f"output folder '{output}' is not empty. Name a new one, or go on with --resume.")
    if resume and not numbered_checkpoints(output):
        raise ValueError(
            f"nothing to resume: folder '{output}' holds no checkpoint-N. Name a new folder and start without --resume."
        )


def numbered_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Return step and folder of every checkpoint, newest first, whole or not."""
    named = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir() if path.is_dir()]
    return sorted(((int(match[1]), path) for match, path in named if match), reverse=True)
