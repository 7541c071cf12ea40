"""The README of a checkpoint: rendered from `model_card.md` and what lies in the folder; what people wrote is kept."""

from pathlib import Path
from typing import Any

from transformers.utils import cached_file, logging

from ..configuration.configuration_polyhead import PolyheadConfig
from .card_metadata_polyhead import FENCE, render_metadata, split_metadata
from .card_sizes_polyhead import describe_sizes
from .card_text_polyhead import MARK, PLACEHOLDER, TITLE, render_card

logger = logging.get_logger(__name__)

TEMPLATE = Path(__file__).parent.parent / "model_card.md"
CARD = "README.md"
RUN_CARD = "run/card.md"  # what a training run tells of itself, with metadata of its own
YOURS = "<!-- yours: what stands from here on is kept when the card is rendered again -->\n"
END_OF_YOURS = "<!-- end of yours -->\n"
INVITATION = "Write here what the model is for, what it was trained on, who made it, and its licence.\n"


def write_card(directory: Path, config: PolyheadConfig, source: tuple[str, dict[str, Any]] | None) -> None:
    """Write the card of a checkpoint; a README that was written by hand stays.

    Args:
        directory: Of the checkpoint.
        config: What the card tells.
        source: Folder or Hub name that the model was loaded from, and options of the Hub. Code that runs from a
            checkpoint has no template beside it and takes the card along from there.
    """
    target = directory / CARD
    if TEMPLATE.is_file():
        text = new_card(target, config)
    else:
        card = None if source is None or _is_by_hand(target) else _card_of(*source)
        text = None if card is None or card.resolve() == target.resolve() else card.read_text(encoding="utf-8")
    if text is not None:
        target.write_text(text, encoding="utf-8")


def take_card(directory: Path, source: tuple[str, dict[str, Any]] | None) -> None:
    """Bring the card of the checkpoint that a model was loaded from, so that what people wrote is kept on saving.

    Args:
        directory: Where the model is going to be saved.
        source: As in `write_card`.
    """
    card = None if source is None else _card_of(*source)
    if card is not None:
        (directory / CARD).write_bytes(card.read_bytes())


def new_card(card: Path, config: PolyheadConfig) -> str | None:
    """Return what a card should say now; None where all of it is by hand, or its metadata cannot be read and so not kept.

    People's own part is kept, and so is every field of the metadata that polyhead does not write (`license`, `language`).

    Args:
        card: The file, which need not exist; the folder around it is that of the checkpoint.
        config: What the card tells.
    """
    if _is_by_hand(card):
        return None
    old = card.read_text(encoding="utf-8") if card.is_file() else ""
    metadata, _ = split_metadata(old)
    if old.startswith(FENCE) and not metadata:
        logger.warning(f"'{card}' stays as it is: its metadata are not YAML. Mend them between the two lines `---`.")
        return None
    run = card.parent / RUN_CARD
    run_metadata, training = split_metadata(run.read_text(encoding="utf-8") if run.is_file() else "")
    _, _, after = old.partition(YOURS)
    yours, end, _ = after.partition(END_OF_YOURS)
    text = render_card(
        TEMPLATE.read_text(encoding="utf-8"),
        config,
        yours=f"{YOURS}{yours if end else INVITATION}{END_OF_YOURS}",
        training=training,
        sizes=describe_sizes(card.parent),
    )
    return render_metadata(config, {**run_metadata, **metadata}) + text


def name_card(text: str, repo_id: str) -> str:
    """Return a card that tells how to load the model from its repository; one that was written by hand stays as it is.

    Args:
        text: Of the card.
        repo_id: `owner/name`.
    """
    if MARK not in text:
        return text
    return text.replace(PLACEHOLDER, repo_id).replace(f"\n# {TITLE}\n", f"\n# {repo_id.split('/')[-1]}\n")


def _is_by_hand(card: Path) -> bool:
    return card.is_file() and MARK.encode() not in card.read_bytes()  # a card by hand may be no UTF-8


def _card_of(name: str, hub_options: dict[str, Any]) -> Path | None:
    kinds = ("missing_entries", "connection_errors", "gated_repo")
    quiet = {f"_raise_exceptions_for_{kind}": False for kind in kinds}  # a model without its card can still be saved
    found = cached_file(name, CARD, **quiet, **hub_options)
    return None if found is None else Path(found)
