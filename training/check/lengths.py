"""How long texts are in tokens, and how many are longer than the model reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...modeling.texts_polyhead import clean
from ..data.examples import Example, row_text
from ..data.rows import Row


@dataclass(frozen=True)
class TextLengths:
    """Lengths in tokens, special ones included; each text of a pair counts for itself.

    Args:
        limit: Tokens that the model reads; what is beyond is cut off.
        num_texts: How many texts were counted.
        num_longer: How many are longer than `limit`.
        median: Of all lengths; None where texts were not counted beyond `limit`.
        percentile_95: Not exceeded by 95 of 100 texts.
        longest: Of all texts.
    """

    limit: int
    num_texts: int
    num_longer: int
    median: int | None = None
    percentile_95: int | None = None
    longest: int | None = None

    @property
    def share_longer(self) -> float:
        """Share of the texts that are cut, 0 to 1."""
        return self.num_longer / self.num_texts if self.num_texts else 0.0


def measure_lengths(rows: Sequence[Row], tokenizer: Any, limit: int) -> TextLengths:
    """Tokenize the texts of rows without cutting them."""
    texts = [text for row in rows for text in _texts(row)]
    encoded = tokenizer(
        texts, truncation=False, return_attention_mask=False, return_token_type_ids=False, verbose=False
    )
    lengths = sorted(len(ids) for ids in encoded["input_ids"])
    longer = sum(length > limit for length in lengths)
    return TextLengths(limit, len(lengths), longer, _at(lengths, 50), _at(lengths, 95), lengths[-1])


def count_cut(examples: Iterable[Example], limit: int) -> TextLengths:
    """Count texts that are tokenized, and cut, already."""
    cut = [text.is_truncated for example in examples for text in (example.first, example.second) if text]
    return TextLengths(limit, len(cut), sum(cut))


def _texts(row: Row) -> list[str]:
    second = [clean(row["text"][1])] if isinstance(row.get("text"), tuple) else []
    return [row_text(row), *second]


def _at(ordered: list[int], percent: int) -> int:
    """Return the smallest length that so many of 100 do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
