"""Texts that a command works on, and where each one came from."""

from dataclasses import dataclass
from typing import Any

from .modeling.texts_polyhead import find_bad_texts

_NUM_LISTED = 20


@dataclass(frozen=True)
class GivenTexts:
    """Texts, and where each one came from.

    Args:
        texts: Strings, or tuples of two for pairs; what a file holds instead of a string is kept for the error.
        where: Source and row of each, for messages.
        are_pairs: Whether each is a pair.
        are_default: Whether the user gave none and these are ours.
    """

    texts: list[Any]
    where: list[str]
    are_pairs: bool = False
    are_default: bool = False

    def __len__(self) -> int:
        return len(self.texts)

    def find_unreadable(self) -> dict[int, str]:
        """Return what is wrong with each text that no model can read, by position."""
        sides = list(zip(*self.texts, strict=True)) if self.are_pairs else [self.texts]
        return {position: reason for side in sides for position, reason in find_bad_texts(side).items()}

    def require_readable(self) -> None:
        """Refuse empty and blank texts.

        Raises:
            ValueError: Lists where they stand.
        """
        bad = self.find_unreadable()
        if bad:
            listed = [f"{self.where[position]}: {reason}" for position, reason in sorted(bad.items())[:_NUM_LISTED]]
            more = [f"and {len(bad) - _NUM_LISTED} more"] if len(bad) > _NUM_LISTED else []
            remedy = "repair or remove them, or pass --on-bad flag to get them marked instead"
            count = f"{len(bad)} of {len(self)} texts cannot be read"
            raise ValueError("\n  ".join([f"{count}; {remedy}:", *listed, *more]))

    def checked(self, refuse_unreadable: bool) -> "GivenTexts":
        """Return these, after `require_readable` where that is wanted."""
        if refuse_unreadable:
            self.require_readable()
        return self
