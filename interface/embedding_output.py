"""Embeddings for programs: JSON lines, or a NumPy file."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .json_lines import json_line, print_json

ENDINGS = (".npy", ".jsonl")


def check_output(output: Path | None, endings: Sequence[str] = ENDINGS) -> None:
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


def write_embeddings(output: Path, texts: Sequence[Any], embeddings: Any) -> None:
    """Write embeddings (texts, dim) as a float32 array or as JSON lines; the file appears when it is whole."""
    import numpy as np

    with whole_file(output) as stream:
        if output.suffix == ".npy":
            np.save(stream, embeddings, allow_pickle=False)
        else:
            stream.writelines(f"{json_line(record)}\n".encode() for record in _records(texts, embeddings))


@contextmanager
def whole_file(output: Path) -> Iterator[BinaryIO]:
    """Give a stream to write a file with, which appears under its name when it is whole."""
    unfinished = output.with_name(f".{output.name}.unfinished")
    with unfinished.open("wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(output)


def print_json_embeddings(texts: Sequence[Any], embeddings: Any) -> None:
    """Print one JSON object a text."""
    for record in _records(texts, embeddings):
        print_json(record)


def _records(texts: Sequence[Any], embeddings: Any) -> Iterator[dict[str, Any]]:
    for text, vector in zip(texts, embeddings.tolist(), strict=True):
        is_flagged = vector[0] != vector[0]  # NaN
        yield {"text": text, "embedding": None if is_flagged else vector}
