"""New files: nothing is overwritten, and none stands under its name before it is whole."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def check_output(output: Path | None, endings: Sequence[str]) -> None:
    """Refuse a file that cannot be written, before any work is done.

    Args:
        output: The file; None: there will be none.
        endings: Which it may have.

    Raises:
        ValueError: It exists, its folder does not, or it has another ending.
    """
    if output is None:
        return
    if output.suffix not in endings:
        raise ValueError(f"--output {output} ends in '{output.suffix}'; name a {' or '.join(endings)} file.")
    if output.exists():
        raise ValueError(f"--output {output} exists and is not overwritten; name a new file.")
    if not output.parent.is_dir():
        raise ValueError(f"--output {output}: there is no folder {output.parent}; make it first.")


@contextmanager
def whole_file(output: Path) -> Iterator[BinaryIO]:
    """Give a stream to write a file with, which appears under its name when it is whole, and not at all after an error.

    Raises:
        ValueError: Another command has written the file in the meantime; the message says where this one's is.
    """
    # Its own name: two commands that were told the same file must not write into one another's.
    unfinished = output.with_name(f".{output.name}.{secrets.token_hex(4)}.unfinished")
    try:
        with unfinished.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if output.exists():
        raise ValueError(
            f"--output {output} was written by another command meanwhile and is not overwritten; what this one wrote, whole, "
            f"is in {unfinished}: rename it."
        )
    unfinished.replace(output)
