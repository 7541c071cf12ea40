"""What may be a text: something to see in it, and nothing that a tokenizer cannot read."""

import re
import unicodedata
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


def checked_text(value: Any) -> str:
    """Return a text that says something.

    Raises:
        ValueError: Missing, not text, nothing to see in it, or half a surrogate pair, which no tokenizer can read.
    """
    if value is None:
        raise ValueError("no text came; fill it in or remove the row")
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} {repr(value)[:60]} came; write text, numbers in quotes")
    if not value[:1].isalnum() and _is_blank(value):
        raise ValueError(f"empty or blank text {value[:20]!r} came; fill it in or remove the row")
    if not value.isascii() and _SURROGATE.search(value):
        raise ValueError("half a surrogate pair came (\\ud800 to \\udfff); write the whole character")
    return value


def _is_blank(value: str) -> bool:
    # Control characters, zero-width marks and the like are blank too: such texts all have the same embedding.
    return all(unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp") for character in value)


def checked_words(value: Any) -> list[str]:
    """Return a list of words that together say something.

    Raises:
        ValueError: Missing, not a list of texts, or blank as a whole.
    """
    if value is None:
        raise ValueError("no words came; fill them in or remove the row")
    if not isinstance(value, list):
        raise ValueError(f"{type(value).__name__} {repr(value)[:60]} came; write a list of words")
    for word in value:
        if not isinstance(word, str):
            raise ValueError(f"word {repr(word)[:60]} is {type(word).__name__}; write text, numbers in quotes")
    checked_text(" ".join(value))
    return value


def words_of_cell(cell: str) -> list[str]:
    """Return the words of a CSV cell, which blanks separate.

    Raises:
        ValueError: As `checked_words`.
    """
    return checked_words(cell.split())
