"""The results of a study: one JSON object a cell and line, on the disk before the next cell starts."""

import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers.utils import logging

from .cells import Cell

logger = logging.get_logger(__name__)
Line = dict[str, Any]
PLACE = ("recipe", "size", "variant", "seed")


def place_of(line: Line) -> tuple[Any, ...]:
    """Where a line stands in the study, as `Cell.place` has it."""
    return tuple(line.get(key) for key in PLACE)


def read_results(path: Path) -> list[Line]:
    """Return the lines of a results file; half a line at its end, left by a run that was killed, is none.

    Raises:
        ValueError: Another line is no JSON object; the message says which.
    """
    if not path.is_file():
        return []
    *whole, _ = path.read_bytes().split(
        b"\n"
    )  # what follows the last line's end was not written whole, maybe half a letter
    return [_parse(text, path, number) for number, text in enumerate(whole, start=1)]


def named_as_now(lines: Sequence[Line], cells: Sequence[Cell]) -> list[Line]:
    """Return lines with the variant's name of today where only that has changed: settings tell whose run a line is."""
    own = {(cell.place, cell.settings_hash) for cell in cells}
    names: dict[tuple[Any, Any], str] = {(cell.block, cell.settings_hash): cell.variant for cell in cells}
    named = []
    for line in lines:
        (recipe, size, variant, seed), settings = place_of(line), line.get("settings_hash")
        is_own = ((recipe, size, variant, seed), settings) in own
        name = variant if is_own else names.get(((recipe, size, seed), settings), variant)
        named.append(line | {"variant": name})
    return named


def begin_results(path: Path, cells: Sequence[Cell], is_done: Callable[[Line], bool]) -> dict[tuple[Any, ...], Line]:
    """Make a results file ready for more lines: what is not of this study as it is now moves to `NAME-old.jsonl`, and is told.

    Args:
        path: The file; made, with its folder, where missing.
        cells: Of the study.
        is_done: Says of a line whether its cell need not run again.

    Returns:
        The lines that stay by the place of their cell, the newest of each.
    """
    wanted = {cell.place: cell for cell in cells}
    newest: dict[tuple[Any, ...], Line] = {}
    old = []
    for line in named_as_now(read_results(path), cells):
        place = place_of(line)
        if place in wanted and _is_of(line, wanted[place]) and is_done(line):
            old += [newest.pop(place)] if place in newest else []
            newest[place] = line
        else:
            old.append(line)
    if old:
        aside = path.with_name(f"{path.stem}-old{path.suffix}")
        _write(aside, "a", old)
        what = "1 result is" if len(old) == 1 else f"{len(old)} results are"
        logger.warning(
            f"{what} of other settings, data or starting weights, of no run of the study or to be measured again: "
            f"moved to '{aside}'."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    _write(beside, "w", list(newest.values()))
    beside.replace(path)
    return newest


def _is_of(line: Line, cell: Cell) -> bool:
    """Whether settings, data and starting weights are its cell's of now; older lines have no hash of what was read."""
    return (
        line.get("settings_hash") == cell.settings_hash and line.get("input_hash", cell.input_hash) == cell.input_hash
    )


def append_result(path: Path, line: Line) -> None:
    """Write one line whole, in the place of half a one that a killed run left, and bring it to the disk."""
    content = path.read_bytes() if path.is_file() else b""
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)
    _write(path, "a", [line])


def _parse(text: bytes, path: Path, number: int) -> Line:
    try:
        line = json.loads(text)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        raise ValueError(f"'{path}', line {number}: no JSON object; take the line out, and its cell is trained again.")
    return line


def _write(path: Path, mode: str, lines: Sequence[Line]) -> None:
    text = "".join(json.dumps(_finite(line), ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
    with path.open(mode, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
