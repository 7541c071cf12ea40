"""Paths in a recipe: relative to the recipe file, with references to environment variables."""

import os
import re
from pathlib import Path

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def expand_environment(text: str) -> str:
    """Replace `${NAME}` and `${NAME:-default}` by the environment's values; an empty variable counts as not set.

    Raises:
        ValueError: A variable without a default is not set.
    """

    def value_of(reference: re.Match[str]) -> str:
        name, default = reference.groups()
        value = os.environ.get(name) or default
        if value is None:
            raise ValueError(
                f"'{text}' needs the environment variable {name}; run `export {name}=...` or write ${{{name}:-default}}"
            )
        return value

    return _REFERENCE.sub(value_of, text)


def environment_hint(text: str) -> str:
    """Say which environment variables a path depends on and how to set them; empty when there are none."""
    names = [match[1] for match in _REFERENCE.finditer(text)]
    if not names:
        return ""
    example = " ".join(f"{name}=/path/to/it" for name in names)
    return f"it is written '{text}', so `export {example}` can point it elsewhere"


def resolve_file(text: str, folder: Path) -> Path:
    """Return the file that a recipe in `folder` means.

    Raises:
        ValueError: As `expand_environment`.
    """
    return (folder / Path(expand_environment(text)).expanduser()).resolve()


def resolve_name_or_folder(text: str, folder: Path) -> str:
    """Return a folder beside the recipe where there is one, else the name as it stands: a name on the Hub.

    Raises:
        ValueError: As `expand_environment`, or the text can only be a folder and there is none.
    """
    local = resolve_file(text, folder)
    if local.is_dir():
        return str(local)
    expanded = expand_environment(text)
    if expanded.startswith((".", "/", "~")):
        hint = environment_hint(text)
        raise ValueError(
            f"no folder {local}; " + (hint or "give a folder, relative to the recipe, or a name on the Hub")
        )
    return expanded
