import json
from pathlib import Path

import transformers

from polyhead.training.recipe.recipe_schema import recipe_json_schema, schema_text

SCHEMA_FILE = Path(__file__).parents[3] / "recipes" / "schema.json"


def test_the_schema_file_is_current():
    current, on_disk = recipe_json_schema(), json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    if on_disk["$comment"] == f"made with transformers {transformers.__version__}":
        assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), (
            "run `python -m polyhead.training.recipe.recipe_schema recipes/schema.json`"
        )
    for section in ("model", "tasks", "data"):
        assert on_disk["properties"][section]["properties" if section == "model" else "items"]
        assert set(_keys(on_disk, section)) == set(_keys(current, section))


def test_the_schema_knows_the_choices_and_what_fields_mean():
    task = recipe_json_schema()["properties"]["tasks"]["items"]

    assert "ordinal_regression" in task["properties"]["kind"]["enum"]
    assert task["properties"]["weight"]["description"] == "Factor of this task's loss in the sum."
    assert task["additionalProperties"] is False
    assert sorted(task["required"]) == ["kind", "name"]


def test_the_schema_stands_alone():
    # A reference inside a nested schema would point to the wrong root.
    assert "$ref" not in schema_text()


def test_the_schema_covers_the_training_arguments():
    train = recipe_json_schema()["properties"]["train"]

    assert train["properties"]["learning_rate"]["type"] == "number"
    assert "learning_rates" in train["properties"]


def _keys(schema, section):
    part = schema["properties"][section]
    return part["properties"] if section == "model" else part["items"]["properties"]
