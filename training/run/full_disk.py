"""A disk without room for a checkpoint or a model."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .output_folder import numbered_checkpoints

_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# safetensors (in two ways, by its version) and torch set no errno: what they say instead.
_SAID = (
    *(f"os error {number}" for number in _ERRNOS),
    *(f"Os {{ code: {number}," for number in _ERRNOS),
    *("PytorchStreamWriter failed", "inline_container"),
)


@contextmanager
def tell_full_disk(folder: Path, what: str) -> Iterator[None]:
    """Say what could not be written, and what is whole.

    Args:
        folder: Of the run.
        what: That was being written.

    Raises:
        OSError: In place of whatever the writing library raised.
    """
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        reason = str(error).strip().split("\n")[0]
        whole = ", ".join(path.name for _, path in numbered_checkpoints(folder))
        remedy = "Free some space, or keep fewer checkpoints with train.save_total_limit"
        left = (
            f"Whole as before: {whole}. {remedy}, and go on with --resume"
            if whole
            else f"Nothing was saved before. {remedy}"
        )
        raise OSError(f"no room to write {what} in '{folder}' ({reason}). {left}.") from error


def is_full(error: BaseException | None) -> bool:
    """Say whether an error, or one that it came from, is about room on the disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _ERRNOS:
            return True
        if any(words in str(error) for words in _SAID):
            return True
        error = error.__cause__ or error.__context__
    return False
