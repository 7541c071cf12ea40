"""Losses on the embeddings of two texts: how near each pair lies, also against the other pairs of the batch."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..configuration.tasks_polyhead import TaskConfig
from .losses_polyhead import is_positive, task_loss_items


@dataclass
class EmbeddedPairs:
    """Pairs of texts after the backbone.

    Args:
        first: Embeddings of the first texts, shape (rows, dim), of any length: cosines are taken.
        second: Embeddings of the second texts, shape (rows, dim).
        first_numbers: A number for each first text, shape (rows,); equal texts have equal numbers.
        second_numbers: As `first_numbers`, in the same count.
    """

    first: Tensor
    second: Tensor
    first_numbers: Tensor
    second_numbers: Tensor

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: Tensor | slice) -> "EmbeddedPairs":
        return EmbeddedPairs(self.first[rows], self.second[rows], self.first_numbers[rows], self.second_numbers[rows])

    @classmethod
    def concatenated(cls, batches: list["EmbeddedPairs"]) -> "EmbeddedPairs":
        """Join batches whose texts were numbered together."""
        names = ("first", "second", "first_numbers", "second_numbers")
        return cls(*(torch.cat([getattr(batch, name) for batch in batches]) for name in names))

    def truncated(self, dim: int) -> "EmbeddedPairs":
        """Keep the first dimensions of the embeddings only."""
        return EmbeddedPairs(self.first[:, :dim], self.second[:, :dim], self.first_numbers, self.second_numbers)

    @property
    def cosines(self) -> Tensor:
        """Cosine of each pair, shape (rows,)."""
        return functional.cosine_similarity(self.first, self.second, dim=-1)

    def cosines_with(self, others: "EmbeddedPairs") -> Tensor:
        """Cosine of each first text with each second text of `others`, shape (rows, other rows), float32."""
        with torch.autocast(self.first.device.type, enabled=False):  # bfloat16 has two digits, too few to rank by
            return functional.normalize(self.first.float(), dim=-1) @ functional.normalize(others.second.float()).T

    def rivals(self, others: "EmbeddedPairs") -> Tensor:
        """Whether each second text of `others` is a wrong answer to each first text, shape (rows, other rows).

        It is none where either text of the two pairs is the same, or where it is the first text itself.
        """
        is_same = self.first_numbers[:, None] == others.first_numbers
        is_same |= self.second_numbers[:, None] == others.second_numbers
        return ~(is_same | (self.first_numbers[:, None] == others.second_numbers))


def pair_loss_items(task: TaskConfig, pairs: EmbeddedPairs, labels: Tensor) -> Tensor:
    """Loss of each labelled pair, shape (items,): the mean over the task's Matryoshka dimensions.

    Args:
        task: Of kind `pair_similarity`.
        pairs: The batch.
        labels: Shape (rows,), floats in the data's own unit; NaN where missing.

    Source:
        Matryoshka Representation Learning, https://arxiv.org/abs/2205.13147, section 3, with equal weights.
    """
    dims = task.matryoshka_dims or [pairs.first.shape[-1]]
    return torch.stack([_items(task, pairs.truncated(dim), labels) for dim in dims]).mean(0)


def _items(task: TaskConfig, pairs: EmbeddedPairs, labels: Tensor) -> Tensor:
    if task.loss == "multiple_negatives_ranking":
        return multiple_negatives_items(pairs[is_positive(task, labels)])
    return task_loss_items(task, pairs.cosines, labels)


def multiple_negatives_items(pairs: EmbeddedPairs, scale: float = 20.0) -> Tensor:
    """Cross-entropy of finding each pair's second text among those of all pairs, shape (rows,).

    Args:
        pairs: Texts that belong together; the second texts of the other pairs are the negatives, but for duplicates.
        scale: Inverse temperature.

    Source:
        Efficient Natural Language Response Suggestion, https://arxiv.org/abs/1705.00652, section 4.4; scaled cosines as
        in sentence-transformers' MultipleNegativesRankingLoss.
    """
    own = torch.arange(len(pairs), device=pairs.first.device)
    counted = pairs.rivals(pairs) | (own[:, None] == own)  # (rows, rows)
    logits = (pairs.cosines_with(pairs) * scale).masked_fill(~counted, -torch.inf)
    return logits.logsumexp(-1) - logits.diagonal()


def number_texts(
    first_ids: Tensor | None, first_mask: Tensor, second_ids: Tensor | None, second_mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Number the texts of a batch of pairs, equal texts equally; without token ids all count as different.

    Args:
        first_ids: Token ids of the first texts, shape (batch, seq).
        first_mask: 1 for real tokens, shape (batch, seq).
        second_ids: Token ids of the second texts, shape (batch, seq_2).
        second_mask: As `first_mask`, shape (batch, seq_2).

    Returns:
        Numbers of the first and of the second texts, each of shape (batch,).
    """
    rows = len(first_mask)
    if first_ids is None or second_ids is None:
        numbers = torch.arange(2 * rows, device=first_mask.device)
        return numbers[:rows], numbers[rows:]
    width = max(first_ids.shape[1], second_ids.shape[1])
    padded = [
        functional.pad(ids.masked_fill(mask == 0, -1), (0, width - ids.shape[1]), value=-1)  # (batch, width)
        for ids, mask in ((first_ids, first_mask), (second_ids, second_mask))
    ]
    # On the CPU: not every device can sort rows.
    numbers = torch.cat(padded).cpu().unique(dim=0, return_inverse=True)[1].to(first_ids.device)  # (2 * batch,)
    return numbers[:rows], numbers[rows:]
