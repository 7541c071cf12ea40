"""Heads: from what a task reads to its logits."""

import torch
from torch import Tensor, nn
from transformers.activations import ACT2FN

from .pooling_polyhead import AttentionPooling


class SentencePooling(nn.Module):
    """Attention pooling of a head's own, then LayerNorm, so that the task is not bound to the shared pooling.

    Args:
        hidden_size: Width of the token embeddings.
        num_attention_heads: Number of attention distributions; divides `hidden_size`.
        layer_norm: Whether a LayerNorm follows.
    """

    def __init__(self, hidden_size: int, num_attention_heads: int, layer_norm: bool) -> None:
        super().__init__()
        self.attention = AttentionPooling(hidden_size, num_attention_heads)
        self.norm = nn.LayerNorm(hidden_size) if layer_norm else nn.Identity()

    def forward(self, token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        """Pool (batch, seq, hidden) under a mask (batch, seq) into (batch, hidden)."""
        return self.norm(self.attention(token_embeddings, attention_mask))


class Head(nn.Module):
    """Dropout and a linear layer, after hidden layers where asked for.

    Args:
        input_size: Width of the features.
        num_logits: Width of the answer.
        dropout: Probability, before each linear layer.
        hidden_size: Width of the hidden layers; None: `input_size`.
        num_hidden_layers: 0 for a linear head.
        activation: Name in `transformers.activations.ACT2FN`.
        layer_norm: Whether a LayerNorm follows each hidden layer.
        pooling: The head's own pooling of token embeddings (attention heads).

    Raises:
        ValueError: The activation is unknown.
    """

    def __init__(
        self,
        input_size: int,
        num_logits: int,
        *,
        dropout: float = 0.1,
        hidden_size: int | None = None,
        num_hidden_layers: int = 0,
        activation: str = "gelu",
        layer_norm: bool = True,
        pooling: SentencePooling | None = None,
    ) -> None:
        super().__init__()
        if num_hidden_layers and activation not in ACT2FN:
            raise ValueError(f"head_activation '{activation}' is unknown; choose from {', '.join(sorted(ACT2FN))}.")
        self.pooling = pooling
        layers: list[nn.Module] = []
        width = input_size
        for _ in range(num_hidden_layers):
            layers += [nn.Dropout(dropout), nn.Linear(width, hidden_size or input_size), ACT2FN[activation]]
            width = hidden_size or input_size
            layers += [nn.LayerNorm(width)] if layer_norm else []
        self.hidden = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, num_logits)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (..., input_size) to logits (..., num_logits); always float32, also in a bfloat16 model."""
        return self.output(self.dropout(self.hidden(features.to(self.output.weight.dtype)))).float()


def pair_features(first: Tensor, second: Tensor) -> Tensor:
    """Combine two vectors of shape (batch, size) into (batch, 4 * size): u, v, |u - v|, u * v.

    Source:
        InferSent, https://arxiv.org/abs/1705.02364, section 3.1, with u and v as there.
    """
    return torch.cat([first, second, (first - second).abs(), first * second], dim=-1)
