"""The example texts of a model's card: what visitors of its page may try first."""

import re
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard
from transformers.utils import cached_file

from ..modeling.card_polyhead import CARD

_SECTION = re.compile(r"^#+ Examples?\s*\n(.*?)(?=^#|^<!--|\Z)", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^[-*] +(\S.*?)\s*$", re.MULTILINE)


def card_examples(name: str, **hub_options: Any) -> list[str]:
    """Return the examples of a model's card; none where it has none, or cannot be reached.

    Two places hold them: `widget` in the metadata, as on any card of the Hub (`- text: ...`), and the items of a list
    under a heading `Examples`. What stands there between the card's own marks is kept when the card is rendered again.

    Args:
        name: Folder, or name on the Hub.
        **hub_options: Of the Hub: `revision`, `local_files_only`.

    Raises:
        ValueError: The card's metadata are not YAML.
    """
    kinds = ("missing_entries", "connection_errors", "gated_repo")
    quiet = {f"_raise_exceptions_for_{kind}": False for kind in kinds}
    found = cached_file(name, CARD, **quiet, **hub_options)
    return [] if found is None else read_examples(Path(found))


def read_examples(card: Path) -> list[str]:
    """Return the examples of a card, as `card_examples`."""
    try:
        read = ModelCard(card.read_text(encoding="utf-8"), ignore_metadata_errors=True)
        widget = read.data.to_dict().get("widget")
    except Exception as error:  # of whatever reads YAML there
        raise ValueError(f"{card}: its metadata cannot be read. Mend the YAML between the two lines `---`.") from error
    entries = widget if isinstance(widget, list) else []
    from_metadata = [entry.get("text") for entry in entries if isinstance(entry, dict)]
    from_list = [item for section in _SECTION.findall(read.text) for item in _ITEM.findall(section)]
    return [text for text in (*from_metadata, *from_list) if isinstance(text, str) and text.strip()]
