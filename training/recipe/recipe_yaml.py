"""Reading a recipe's YAML strictly: plain data only, no key twice, numbers as people write them; and writing it."""

import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from .recipe_error import RecipeError

_MAX_NODES = 100_000


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, which builds no Python objects; it also refuses duplicate keys and reads `1e-5` as a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first_line: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in first_line:
                    problem = f"key '{key.value}' stands twice, first in line {first_line[key.value]}; keep one"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                first_line[key.value] = line
        return super().construct_mapping(node, deep)


# YAML 1.2 has two booleans. PyYAML follows 1.1, where a label `no` or a task `off` would become one too.
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


class _Dumper(yaml.SafeDumper):
    """Writes what `_StrictLoader` reads back as it was; YAML 1.1's own readers do too."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# YAML 1.1 asks for a dot and a signed exponent, so PyYAML reads 1e-5 as text: https://github.com/yaml/pyyaml/issues/173
for _reader_or_writer in (_StrictLoader, _Dumper):
    _reader_or_writer.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"),
        list("-+.0123456789"),
    )


def parse_yaml(text: str, origin: str) -> Any:
    """Parse YAML into dicts, lists and scalars, none of them shared.

    Args:
        text: The YAML.
        origin: What the text is, for the error: a file name or a `--set` option.

    Raises:
        RecipeError: Not YAML, a tag, a duplicate key, or an alias inside itself; with line and column.
    """
    loader = None
    try:
        loader = _StrictLoader(text)  # inside the try: the constructor already reads the first characters
        return _unshare(loader.get_single_data(), [])
    except yaml.MarkedYAMLError as error:
        raise RecipeError(
            origin, [f"{_place(error)}: {error.problem or error.context}; write plain YAML there"]
        ) from error
    except yaml.YAMLError as error:
        raise RecipeError(
            origin, [f"not text: {' '.join(str(error).split())}; write the recipe as plain YAML"]
        ) from error
    except (ValueError, RecursionError) as error:
        raise RecipeError(origin, [f"cannot be read as YAML: {error}; write plain mappings and lists"]) from error
    finally:
        if loader is not None:
            loader.dispose()


def format_yaml(content: dict[str, Any]) -> str:
    """Write plain data as YAML that `parse_yaml` reads back as it was."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)


def format_value(value: Any) -> str:
    """Write plain data on one line of YAML, as `--set` takes it.

    >>> format_value({"rank": 8, "rate": 1e-05})
    '{rank: 8, rate: 1.0e-05}'
    """
    text = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=True, width=math.inf
    )
    return str(text).removesuffix("\n").removesuffix("\n...")


def read_recipe_file(path: str | Path, sections: str = "model, tasks, data and train") -> dict[str, Any]:
    """Read a recipe file into a mapping.

    Args:
        path: The file.
        sections: What it should hold, for the message where it holds nothing.

    Raises:
        RecipeError: No such file, a directory, not UTF-8 text, not YAML, empty, or not a mapping.
    """
    file = Path(path)
    if file.is_dir():
        raise RecipeError(str(path), ["is a directory; name the recipe file inside it"])
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise RecipeError(str(path), [f"no such file, looked for {file.resolve()}; check the path"]) from error
    except UnicodeDecodeError as error:
        raise RecipeError(str(path), [f"byte {error.start} is not UTF-8; save the recipe as UTF-8 text"]) from error
    except OSError as error:
        raise RecipeError(str(path), [f"cannot be read: {error.strerror}; check its permissions"]) from error
    content = parse_yaml(text, str(path))
    if content is None:
        raise RecipeError(str(path), [f"is empty; write the sections {sections}"])
    if not isinstance(content, dict):
        raise RecipeError(str(path), [f"holds a {type(content).__name__}; write the sections {sections}"])
    return content


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"


def _unshare(value: Any, nodes: list[None]) -> Any:
    """Copy what aliases share, so that setting one key changes one place; the count ends aliases inside aliases."""
    nodes.append(None)
    if len(nodes) > _MAX_NODES:
        raise ValueError(f"its aliases unfold into more than {_MAX_NODES} values")
    if isinstance(value, dict):
        return {key: _unshare(item, nodes) for key, item in value.items()}
    return [_unshare(item, nodes) for item in value] if isinstance(value, list) else value
