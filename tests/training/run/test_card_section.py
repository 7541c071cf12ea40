"""What a run tells of itself on the card, beyond what a whole training shows in tests/training/test_training.py."""

import pytest

from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.run.card_section import write_card_section

RECIPE = """\
model: {from_scratch: {model_type: bert}}
tasks: [{name: mood, kind: regression}]
data: [{name: tiny, train: train.jsonl, text: text, labels: {mood: mood}}]
"""


@pytest.mark.parametrize("train", ["hub_token: hf_secret", "hub_token: hf_secret, seed: 1"])
def test_a_token_never_stands_on_the_card(tmp_path, train):
    (tmp_path / "recipe.yaml").write_text(f"{RECIPE}train: {{{train}}}\n")
    (tmp_path / "metrics.jsonl").touch()
    write_card_section(tmp_path, load_recipe(tmp_path / "recipe.yaml"), tmp_path / "metrics.jsonl", [])
    section = (tmp_path / "run" / "card.md").read_text()
    assert "kind: regression" in section
    assert "token" not in section
