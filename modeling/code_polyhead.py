"""The code that travels with a checkpoint, laid flat beside `config.json`."""

import re
from pathlib import Path

from ..configuration.configuration_polyhead import AUTO_MAP, CUSTOM_PIPELINES

_RELATIVE_IMPORT = re.compile(r"^(\s*from )\.{1,2}(?:\w+\.)?(\w+_polyhead)( import )", re.MULTILINE)
# transformers learns from the text of import lines which files to fetch; 5.6 reads only the file it starts with when
# the checkpoint is a folder.
_INVENTORY = "\n\nif False:  # never run: these lines tell transformers which files belong to the model\n"


def copy_code(directory: Path) -> None:
    """Write the code beside a checkpoint; whoever was loaded from such code writes the same bytes again."""
    for name, text in flat_code().items():
        (directory / name).write_text(text, encoding="utf-8")


def flat_code() -> dict[str, str]:
    """Return every file that the classes of `AUTO_MAP` and the pipeline reach by relative imports, by its name.

    transformers wants these files flat, so `from ..configuration.x import` becomes `from .x import`, and the files it
    starts with name all others. In a flat copy both change nothing.
    """
    references = [*AUTO_MAP.values(), *(pipeline["impl"] for pipeline in CUSTOM_PIPELINES.values())]
    entries = {str(reference).split(".")[0] for reference in references}
    texts: dict[str, str] = {}
    waiting = sorted(entries)
    while waiting:
        name = waiting.pop()
        if name not in texts:
            texts[name] = _RELATIVE_IMPORT.sub(r"\1.\2\3", _source(name).read_text(encoding="utf-8"))
            waiting += [match[2] for match in _RELATIVE_IMPORT.finditer(texts[name].split(_INVENTORY)[0])]
    for name in entries:
        others = [f"    from .{other} import __doc__ as _\n" for other in sorted(texts) if other != name]
        texts[name] = texts[name].split(_INVENTORY)[0] + _INVENTORY + "".join(others)
    return {f"{name}.py": text for name, text in texts.items()}


def _source(name: str) -> Path:
    here = Path(__file__).parent
    candidates = [folder / f"{name}.py" for folder in (here, here.parent / "configuration")]
    return next(path for path in candidates if path.is_file())
