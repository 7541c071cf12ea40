"""A pydantic model with the fields of a dataclass, so that the dataclass stays the only list of options."""

import dataclasses
import enum
import functools
import re
import types
import typing
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError


@functools.cache
def fields_model(dataclass_type: type) -> type[BaseModel]:
    """Build a model that accepts the dataclass's fields, checks their types strictly and refuses other keys.

    Args:
        dataclass_type: Any dataclass. What is said about its fields in `metadata["help"]` or in the `Args:` of its
            docstring becomes their description. Numbers are finite unless `metadata["may_be_infinite"]`. A field whose
            type pydantic does not know accepts anything.
    """
    hints = _type_hints(dataclass_type)
    help_texts = _documented_arguments(dataclass_type.__doc__ or "")
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(dataclass_type):
        if field.init:
            default = ... if _is_required(field) else _plain_default(field)
            description = field.metadata.get("help") or help_texts.get(field.name)
            fields[field.name] = (
                _checkable(hints.get(field.name, Any)),
                Field(default, description=description, allow_inf_nan=field.metadata.get("may_be_infinite")),
            )
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())
    return create_model(dataclass_type.__name__, __config__=config, **fields)


def _type_hints(dataclass_type: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(dataclass_type)
    except NameError:  # an annotation that only type checkers can resolve: take those that need no resolving
        return {
            field.name: field.type for field in dataclasses.fields(dataclass_type) if not isinstance(field.type, str)
        }


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _plain_default(field: dataclasses.Field) -> Any:
    default = field.default if field.default is not dataclasses.MISSING else None
    return default.value if isinstance(default, enum.Enum) else default


def _checkable(hint: Any) -> Any:
    """Replace `SomeEnum | str` by the enum's values, and what pydantic cannot describe by Any."""
    members = (
        typing.get_args(hint) if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union else ()
    )
    enums = [member for member in members if isinstance(member, type) and issubclass(member, enum.Enum)]
    if enums:
        values = tuple(str(item.value) for item in enums[0])
        return Literal[values] | None if type(None) in members else Literal[values]
    try:
        has_classes = "$defs" in TypeAdapter(hint).json_schema()  # classes that YAML cannot write
    except (PydanticSchemaGenerationError, PydanticUserError):
        return Any
    return Any if has_classes else hint


def _documented_arguments(docstring: str) -> dict[str, str]:
    _, _, after = docstring.partition("Args:\n")
    arguments, _, _ = after.partition("\n\n")
    entries = re.split(r"^ {8}(?=\w+:)", arguments, flags=re.MULTILINE)[1:]
    return {name: " ".join(text.split()) for name, _, text in (entry.partition(":") for entry in entries)}
