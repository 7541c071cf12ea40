"""Texts as they come in: what is refused, what is repaired, where words begin and end."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

# One word, or one mark that is neither word nor space: token tasks give one tag to each.
_WORD = re.compile(r"\w+|[^\w\s]")


def find_bad_texts(texts: Sequence[Any]) -> dict[int, str]:
    """Return what is wrong with each text that no model can read, by position.

    A text is bad when it is no string, or when nothing in it is visible (blank, control or zero-width characters only).
    """
    bad = {}
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            bad[position] = f"is {_describe(text)}, not a string"
        elif not _is_visible(text):
            bad[position] = "is empty or blank"
    return bad


def refuse(bad: dict[int, str], number_of_texts: int) -> None:
    """Raise one error that lists the bad positions.

    Raises:
        ValueError: Always.
    """
    shown = "; ".join(f"text {position} {reason}" for position, reason in list(bad.items())[:20])
    more = f"; and {len(bad) - 20} more" if len(bad) > 20 else ""
    raise ValueError(
        f"{len(bad)} of {number_of_texts} texts cannot be read: {shown}{more}. "
        "Remove or repair them, or pass on_bad='flag' to get a marked answer for each."
    )


def clean(text: str) -> str:
    """Replace lone surrogates, which no tokenizer takes, by U+FFFD; character positions stay."""
    return (
        "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text) if _has_surrogate(text) else text
    )


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return start and end of each word and each mark; an accent or vowel sign belongs to the letter before it.

    >>> word_spans("Hi, you")
    [(0, 2), (2, 3), (4, 7)]
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    if text.isascii():
        return spans
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and joined[-1][1] == start and _continues(text, joined[-1][0], start):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def joined_word_spans(words: Sequence[str]) -> list[tuple[int, int]]:
    """Return start and end of each given word in `" ".join(words)`.

    >>> joined_word_spans(["Hi,", "you"])
    [(0, 3), (4, 7)]
    """
    spans, start = [], 0
    for word in words:
        spans.append((start, start + len(word)))
        start += len(word) + 1
    return spans


def first_pieces(offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return for each span the index of the first token that overlaps it; -1 where truncation left none.

    Args:
        offsets: Start and end of each token; special tokens are empty.
        spans: In ascending order.
    """
    pieces, token = [], 0
    for start, end in spans:
        while token < len(offsets) and (offsets[token][1] <= start or offsets[token][0] == offsets[token][1]):
            token += 1
        pieces.append(token if token < len(offsets) and offsets[token][0] < end else -1)
    return pieces


def _describe(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, float) and value != value:
        return "NaN"
    return f"of type {type(value).__name__}"


def _is_visible(text: str) -> bool:
    # str.isalnum settles almost every text at its first character. Categories Z and C cover spaces, controls, zero-width;
    # but Cn is what this Python's tables do not know yet, such as new emoji. U+FFFD stands for what could not be read.
    return any(char.isalnum() or not _is_invisible(char) for char in text)


def _is_invisible(char: str) -> bool:
    category = unicodedata.category(char)
    return char == "\ufffd" or (category[0] in "ZC" and category != "Cn")


def _continues(text: str, word_start: int, start: int) -> bool:
    # A combining mark (category M) goes on with what stands before it, and a word goes on after its mark.
    if unicodedata.category(text[start])[0] == "M":
        return True
    return text[start].isalnum() and text[word_start].isalnum() and unicodedata.category(text[start - 1])[0] == "M"


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
