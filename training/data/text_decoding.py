"""The text of a CSV file in the encoding that the recipe names, at once or line by line; errors name the row."""

import io
from collections.abc import Iterator
from pathlib import Path

from .data_error import DataError

_BLOCK = 2**20


def decode_file(file: Path, encoding: str) -> str:
    """Return the whole text of a file; a UTF-8 byte order mark is not part of it.

    Raises:
        DataError: It cannot be read, or is not in this encoding.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from error
    try:
        return content.decode(_codec(file, encoding, content[:2]))
    except UnicodeDecodeError as error:
        raise _undecodable(file, content.count(b"\n", 0, error.start) + 1, encoding, error) from error
    except LookupError as error:
        raise _unknown(file, encoding) from error


def decode_lines(file: Path, encoding: str) -> Iterator[str]:
    r"""Yield the lines of a file with their ends (`\n`, `\r` or `\r\n`), without reading ahead more than a few kilobytes.

    Raises:
        DataError: As `decode_file`, when the reading comes to it.
    """
    try:
        with file.open("rb") as content:
            codec = _codec(file, encoding, content.peek(2)[:2])
            with io.TextIOWrapper(content, codec, newline="") as lines:
                try:
                    yield from lines
                except UnicodeDecodeError as error:
                    start = content.tell() - len(error.object) + error.start
                    raise _undecodable(file, _row_at(file, start), encoding, error) from error
    except LookupError as error:
        raise _unknown(file, encoding) from error
    except OSError as error:
        raise _unreadable(file, error) from error


def _codec(file: Path, encoding: str, first_bytes: bytes) -> str:
    is_utf_8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    if is_utf_8 and first_bytes in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError([f"{file.name}:1: begins with the mark of UTF-16; write `encoding: utf-16` in the data set"])
    return "utf-8-sig" if is_utf_8 else encoding


def _row_at(file: Path, position: int) -> int:
    row = 1
    with file.open("rb") as content:
        while position > 0 and (block := content.read(min(position, _BLOCK))):
            row += block.count(b"\n")
            position -= len(block)
    return row


def _undecodable(file: Path, row: int, encoding: str, error: UnicodeDecodeError) -> DataError:
    byte = error.object[error.start]
    reason = f"byte 0x{byte:02x} is not {encoding}; name the file's encoding, e.g. `encoding: latin-1`"
    return DataError([f"{file.name}:{row}: {reason}"])


def _unknown(file: Path, encoding: str) -> DataError:
    return DataError([f"{file.name}: encoding '{encoding}' is unknown to Python; write for example utf-8 or latin-1"])


def _unreadable(file: Path, error: OSError) -> DataError:
    return DataError([f"{file.name}: cannot be read: {error.strerror}; check its permissions"])
