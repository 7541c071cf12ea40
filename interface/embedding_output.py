"""Embeddings for programs: JSON lines, a NumPy file, or a Parquet file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .json_lines import json_line, print_json
from .modeling.texts_polyhead import clean
from .output_files import whole_file

EMBEDDING_ENDINGS = (".npy", ".jsonl", ".parquet")


# Takes texts and embeddings (texts, dim), as often as there are more.
Writer = Callable[[Sequence[Any], Any], None]


@contextmanager
def embedding_writer(output: Path, size: int) -> Iterator[Writer]:
    """Give what writes embeddings to a new file, which appears under its name when it is whole.

    Args:
        output: Its ending, one of `EMBEDDING_ENDINGS`, says how.
        size: Of each embedding.
    """
    contents = {".npy": _npy, ".jsonl": _json_lines, ".parquet": _parquet}
    with whole_file(output) as stream, contents[output.suffix](stream, size) as writer:
        yield writer


def print_json_embeddings(texts: Sequence[Any], embeddings: Any) -> None:
    """Print one JSON object a text."""
    for record in _records(texts, embeddings):
        print_json(record)


@contextmanager
def _npy(stream: BinaryIO, size: int) -> Iterator[Writer]:
    import numpy as np

    num_rows = 0

    def _header() -> None:
        fields = {"descr": "<f4", "fortran_order": False, "shape": (num_rows, size)}
        np.lib.format.write_array_header_1_0(stream, fields)

    def _write(_: Sequence[Any], embeddings: Any) -> None:
        nonlocal num_rows
        num_rows += len(embeddings)
        stream.write(np.ascontiguousarray(embeddings, dtype="<f4").tobytes())

    _header()
    start = stream.tell()
    yield _write
    stream.seek(0)
    _header()  # NumPy leaves room for a number of rows that grows
    if stream.tell() != start:
        raise RuntimeError(f"the header of {num_rows} rows takes {stream.tell()} bytes, not {start}.")


@contextmanager
def _json_lines(stream: BinaryIO, _: int) -> Iterator[Writer]:
    def _write(texts: Sequence[Any], embeddings: Any) -> None:
        stream.writelines(f"{json_line(record)}\n".encode() for record in _records(texts, embeddings))

    yield _write


@contextmanager
def _parquet(stream: BinaryIO, size: int) -> Iterator[Writer]:
    import numpy as np
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = pa.schema([("text", pa.string()), ("embedding", pa.list_(pa.float32(), size))])
    with ParquetWriter(stream, schema) as file:

        def _write(texts: Sequence[Any], embeddings: Any) -> None:
            flat = pa.array(np.asarray(embeddings, dtype=np.float32).reshape(-1))
            flagged = pa.array(np.isnan(embeddings[:, 0]))
            vectors = pa.FixedSizeListArray.from_arrays(flat, size, mask=flagged)
            strings = pa.array([clean(text) if isinstance(text, str) else None for text in texts], pa.string())
            file.write_table(pa.table([strings, vectors], schema=schema))

        yield _write


def _records(texts: Sequence[Any], embeddings: Any) -> Iterator[dict[str, Any]]:
    for text, vector in zip(texts, embeddings.tolist(), strict=True):
        is_flagged = vector[0] != vector[0]  # NaN
        yield {"text": text, "embedding": None if is_flagged else vector}
