"""The code that travels with a checkpoint, laid flat beside `config.json`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..configuration.configuration_polyhead import AUTO_MAP

if TYPE_CHECKING:
    # transformers fetches the files that it finds in import lines: without this one, a re-save would lose the file.
    from .single_head_polyhead import PolyheadForSequenceClassification  # noqa: F401

_RELATIVE_IMPORT = re.compile(r"^(\s*from )\.{1,2}(?:\w+\.)?(\w+_polyhead)( import )", re.MULTILINE)


def copy_code(directory: Path) -> None:
    """Copy every file that the classes of `AUTO_MAP` reach by relative imports.

    transformers wants these files flat, so `from ..configuration.x import` becomes `from .x import`; in a flat copy
    this changes nothing, so a model that was loaded from its checkpoint saves the same bytes again.
    """
    folders = [Path(__file__).parent, Path(__file__).parent.parent / "configuration"]
    waiting = [reference.split(".")[0] for reference in AUTO_MAP.values()]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        source = next(folder / f"{name}.py" for folder in folders if (folder / f"{name}.py").is_file())
        text = source.read_text(encoding="utf-8")
        waiting += [match[2] for match in _RELATIVE_IMPORT.finditer(text)]
        (directory / f"{name}.py").write_text(_RELATIVE_IMPORT.sub(r"\1.\2\3", text), encoding="utf-8")
