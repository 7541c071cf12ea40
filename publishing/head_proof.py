"""The proof that surgery left a head as it was: its logits on fixed texts, before and after, equal to the last bit."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.tokenizing_polyhead import pad, tokenize

# Short and long, questions and statements, in several scripts; each forms a pair with the next.
TEXTS = (
    "Where is my order?",
    "The match went to extra time, and nobody in the stadium sat down until the very last penalty was saved.",
    "Book a table for two at seven tomorrow evening, please, somewhere quiet near the harbour.",
    "Not bad at all.",
    "El tren sale a las ocho y media.",
    "明日の天気はどうですか。",
    "Version 3.1 breaks the import of CSV files with a byte order mark 🙁",
    "ok",
)


@dataclass(frozen=True)
class HeadProof:
    """One head's logits before and after.

    Args:
        name: Of the task, afterwards.
        shape: Of the logits on the fixed texts.
        before: sha256 of the logits before.
        after: sha256 of the logits after.
    """

    name: str
    shape: tuple[int, ...]
    before: str
    after: str

    @property
    def holds(self) -> bool:
        """Whether all logits are bit-equal."""
        return self.before == self.after


def fixed_logits(model: PolyheadModel) -> dict[str, Tensor]:
    """Return the logits of every task on the fixed texts, those of pair tasks on each text with its next."""
    rows = tokenize(model.tokenizer, list(TEXTS), model.max_length)
    inputs = pad(rows, model.tokenizer.pad_token_id)
    if any(task.is_pair for task in model.config.tasks):
        inputs |= pad([*rows[1:], rows[0]], model.tokenizer.pad_token_id, prefix="pair_")
    was_training = model.training
    model.eval()
    with torch.no_grad():
        outputs = model(**{name: tensor.to(model.device) for name, tensor in inputs.items()})
    model.train(was_training)
    return {name: logits.cpu() for name, logits in (outputs.logits or {}).items()}


def compare_logits(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> list[HeadProof]:
    """Compare the logits of heads that stand in both, by name, in the order of `before`."""
    return [
        HeadProof(name, tuple(logits.shape), _sha256(logits), _sha256(after[name]))
        for name, logits in before.items()
        if name in after
    ]


def _sha256(logits: Tensor) -> str:
    return hashlib.sha256(logits.contiguous().numpy().tobytes()).hexdigest()
