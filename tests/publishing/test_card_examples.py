"""Which examples of a card a page offers."""

import pytest

from polyhead.modeling.card_polyhead import INVITATION
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.publishing.card_examples import card_examples


def test_a_new_card_has_none(saved):
    assert card_examples(str(saved)) == []


def test_metadata_and_the_list_under_examples_are_read_in_order(saved):
    card = saved / "README.md"
    text = card.read_text().replace("library_name:", "widget:\n- text: 'A: cat'\n- text: 5\n- 7\nlibrary_name:")
    card.write_text(
        text.replace(INVITATION, "About.\n- no example\n\n## Examples\n\nTry:\n\n- A `dog`.\n* ü\n\n## More\n\n- no\n")
    )
    assert card_examples(str(saved)) == ["A: cat", "A `dog`.", "ü"]


def test_the_list_is_still_there_when_the_model_is_saved_again(saved):
    card = saved / "README.md"
    card.write_text(card.read_text().replace(INVITATION, "## Examples\n\n- A dog.\n"))
    PolyheadModel.from_pretrained(saved).save_pretrained(saved)
    assert card_examples(str(saved)) == ["A dog."]


def test_a_folder_without_a_card_has_none(saved):
    (saved / "README.md").unlink()
    assert card_examples(str(saved)) == []


@pytest.mark.parametrize("content", [b"---\nwidget: [\n---\nx", b"\xff"])
def test_a_card_that_cannot_be_read_is_named(content, saved):
    (saved / "README.md").write_bytes(content)
    with pytest.raises(ValueError, match=r"README.md: its metadata cannot be read. Mend the YAML"):
        card_examples(str(saved))
