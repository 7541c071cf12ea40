import enum
from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from polyhead.training.recipe.dataclass_fields import fields_model


class Pace(enum.Enum):
    SLOW = "slow"
    FAST = "fast"


class Opaque:
    pass


@dataclass
class Options:
    """Options.

    Args:
        name: What it is called,
            over two lines.
        rate: How much.

    Raises:
        ValueError: Never.
    """

    name: str
    rate: float = 0.5
    pace: Pace | str = Pace.SLOW
    opaque: Opaque | None = None
    share: float = field(default=1.0, metadata={"may_be_infinite": True})
    size: int = field(default=1, metadata={"help": "How many."})
    derived: int = field(init=False, default=0)


def test_only_fields_that_were_given_are_set():
    assert fields_model(Options)(name="a", rate=1).model_dump(exclude_unset=True) == {"name": "a", "rate": 1.0}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": 1},
        {"name": "a", "rate": True},
        {"name": "a", "rate": "0.5"},
        {"name": "a", "size": 1.0},
        {"name": "a", "derived": 1},
        {"name": "a", "pace": "quick"},
        {"name": "a", "other": 1},
    ],
)
def test_wrong_types_unknown_fields_and_unknown_choices_are_refused(values):
    with pytest.raises(ValidationError):
        fields_model(Options)(**values)


def test_a_choice_may_be_written_as_its_value():
    assert fields_model(Options)(name="a", pace="fast").pace == "fast"


def test_descriptions_come_from_the_docstring_and_the_metadata():
    properties = fields_model(Options).model_json_schema()["properties"]

    assert properties["name"]["description"] == "What it is called, over two lines."
    assert properties["rate"]["description"] == "How much."
    assert properties["size"]["description"] == "How many."
    assert properties["pace"]["enum"] == ["slow", "fast"]
    assert properties["pace"]["default"] == "slow"


def test_numbers_are_finite_unless_the_field_says_otherwise():
    model = fields_model(Options)
    assert model.model_validate({"name": "a", "share": float("inf")}).share == float("inf")
    with pytest.raises(ValidationError, match="rate"):
        model.model_validate({"name": "a", "rate": float("inf")})
