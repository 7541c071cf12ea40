"""What the forward pass returns, and what its heads read."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers.utils import ModelOutput


@dataclass
class Encoded:
    """Texts after the backbone: what heads can read."""

    input_ids: Tensor | None  # (batch, seq)
    token_embeddings: Any  # Tensor (batch, seq, hidden); None where only the pooled vector was kept
    attention_mask: Tensor  # (batch, seq)
    pooled: Tensor  # (batch, pooled_size), float32
    projected: Tensor  # (batch, embedding_size)
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class PolyheadOutput(ModelOutput):
    """Answers of all tasks for one batch.

    Args:
        loss: Weighted sum of `losses`, a scalar; None without labels.
        losses: Unweighted loss of each task that has at least one label in the batch, scalars.
        logits: Per task. Classification kinds: (batch, num_labels), binary (batch, 1), ordinal (batch, num_labels - 1);
            regression: (batch, values), standardised by the task's `target_mean` and `target_scale`; tokens: (batch,
            seq, num_labels); pair similarity: the cosine, (batch,).
        sentence_embedding: Of the first text, shape (batch, embedding_size).
        last_hidden_state: Token embeddings of the first text, shape (batch, seq, hidden).
        hidden_states: States of all layers, each (batch, seq, hidden), when asked for.
        attentions: Attention weights of all layers, each (batch, heads, seq, seq), when asked for.
        pair_sentence_embedding: Of the second text, shape (batch, embedding_size), where there is one.
    """

    loss: Tensor | None = None
    losses: Any = None
    logits: Any = None
    sentence_embedding: Any = None
    last_hidden_state: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    pair_sentence_embedding: Any = None
