"""A folder that is there whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_folder(output: str | Path) -> Iterator[Path]:
    """Give a folder to write in; it gets its name at the end, and leaves nothing behind after an error.

    Args:
        output: Its name. A folder of that name may exist if it is empty.

    Yields:
        A folder beside it, for as long as it is unfinished.

    Raises:
        ValueError: There is a file of that name, or a folder that is not empty.
    """
    target = Path(output)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        came = "is not empty" if target.is_dir() else "is a file"
        raise ValueError(f"output folder '{output}' {came}. Name a new one, or remove it first.")
    unfinished = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
