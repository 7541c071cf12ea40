"""Pooling: from token embeddings to one vector per sentence."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def cls_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Take the first real token, wherever the padding stands. Shapes as in `mean_pool`."""
    first = attention_mask.long().argmax(dim=1)  # (batch,)
    return _take(token_embeddings, first, attention_mask)


def last_token_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Take the last real token, wherever the padding stands. Shapes as in `mean_pool`."""
    last = attention_mask.shape[1] - 1 - attention_mask.long().flip(1).argmax(dim=1)  # (batch,)
    return _take(token_embeddings, last, attention_mask)


def mean_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Average the embeddings of the real tokens.

    Args:
        token_embeddings: Backbone states, shape (batch, seq, hidden).
        attention_mask: 1 for real tokens, 0 for padding, shape (batch, seq).

    Returns:
        Shape (batch, hidden). A row with no real token is all zeros.

    Source:
        Sentence-BERT, https://arxiv.org/abs/1908.10084, section 3.
    """
    mask = attention_mask.unsqueeze(-1).to(token_embeddings.dtype)  # (batch, seq, 1)
    return (token_embeddings * mask).sum(1) / mask.sum(1).clamp(min=1)


def mean_sqrt_len_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Sum the real tokens and divide by the square root of their number. Shapes as in `mean_pool`.

    Source:
        Universal Sentence Encoder, https://arxiv.org/abs/1803.11175, section 3.1.
    """
    mask = attention_mask.unsqueeze(-1).to(token_embeddings.dtype)  # (batch, seq, 1)
    return (token_embeddings * mask).sum(1) / mask.sum(1).clamp(min=1).sqrt()


def max_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Take the largest value of each dimension over the real tokens. Shapes as in `mean_pool`."""
    mask = attention_mask.unsqueeze(-1).bool()  # (batch, seq, 1)
    lowest = torch.finfo(token_embeddings.dtype).min
    largest = token_embeddings.masked_fill(~mask, lowest).amax(dim=1)  # (batch, hidden)
    return largest * mask.any(dim=1)


def weighted_mean_pool(token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
    """Average the real tokens, the n-th with weight n. Shapes as in `mean_pool`.

    Source:
        SGPT, https://arxiv.org/abs/2202.08904, equation 2.
    """
    weights = (attention_mask.cumsum(1) * attention_mask).unsqueeze(-1).to(token_embeddings.dtype)  # (batch, seq, 1)
    return (token_embeddings * weights).sum(1) / weights.sum(1).clamp(min=1)


PARAMETER_FREE = {
    "cls": cls_pool,
    "mean": mean_pool,
    "max": max_pool,
    "mean_sqrt_len": mean_sqrt_len_pool,
    "weighted_mean": weighted_mean_pool,
    "last_token": last_token_pool,
}


class AttentionPooling(nn.Module):
    """Average the real tokens by learned weights, one distribution per slice of the hidden size.

    It starts as the mean: the scores are linear in the token and begin at zero.

    Args:
        hidden_size: Width of the token embeddings.
        num_attention_heads: Number of distributions; divides `hidden_size`.

    Raises:
        ValueError: `hidden_size` is not a multiple of `num_attention_heads`.

    Source:
        A structured self-attentive sentence embedding, https://arxiv.org/abs/1703.03130, section 2.1.
    """

    def __init__(self, hidden_size: int, num_attention_heads: int = 1) -> None:
        super().__init__()
        if hidden_size % num_attention_heads:
            raise ValueError(
                f"hidden size {hidden_size} is not a multiple of {num_attention_heads} attention heads; "
                "choose head_num_attention_heads so that it divides the hidden size."
            )
        self.num_attention_heads = num_attention_heads
        # No nn.Linear: transformers would fill it with random numbers. No bias: a softmax over tokens cancels it.
        self.scores = nn.Parameter(torch.zeros(num_attention_heads, hidden_size))

    def forward(self, token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        """Pool (batch, seq, hidden) under a mask (batch, seq) into (batch, hidden)."""
        batch, seq, hidden = token_embeddings.shape
        padding = ~attention_mask.bool().unsqueeze(-1)  # (batch, seq, 1)
        scores = functional.linear(token_embeddings, self.scores).float()  # (batch, seq, heads)
        weights = scores.masked_fill(padding, torch.finfo(scores.dtype).min).softmax(dim=1).masked_fill(padding, 0.0)
        slices = token_embeddings.view(batch, seq, self.num_attention_heads, -1)  # (batch, seq, heads, slice)
        return torch.einsum("bsh,bshd->bhd", weights.to(slices.dtype), slices).reshape(batch, hidden)


class LayerMix(nn.Module):
    """Mix the last k layers by learned weights that sum to one.

    Args:
        num_layers: How many layers are mixed.

    Source:
        ELMo's scalar mix, https://arxiv.org/abs/1802.05365, equation 1.
    """

    def __init__(self, num_layers: int) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.weights = nn.Parameter(torch.zeros(num_layers))

    def forward(self, hidden_states: tuple[Tensor, ...]) -> Tensor:
        """Mix the last of all layers' states, each (batch, seq, hidden), into one of the same shape."""
        layers = torch.stack(hidden_states[-self.num_layers :])  # (layers, batch, seq, hidden)
        return torch.einsum("l,lbsh->bsh", self.weights.softmax(0).to(layers.dtype), layers)


class Pooling(nn.Module):
    """Pool in one or several ways and concatenate the results.

    Args:
        kinds: Names of `PARAMETER_FREE`, or `attention`.
        hidden_size: Width of the token embeddings.
    """

    def __init__(self, kinds: list[str], hidden_size: int) -> None:
        super().__init__()
        self.kinds = kinds
        self.attention = AttentionPooling(hidden_size) if "attention" in kinds else nn.Identity()

    def forward(self, token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        """Pool (batch, seq, hidden) under a mask (batch, seq) into (batch, hidden * number of kinds), float32."""
        pooled = [self._pool(kind, token_embeddings, attention_mask) for kind in self.kinds]
        return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=-1)

    def _pool(self, kind: str, token_embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        if kind == "attention":
            return self.attention(token_embeddings, attention_mask).float()
        # float32 also under bfloat16 weights: a sum over many tokens needs the digits.
        return PARAMETER_FREE[kind](token_embeddings.float(), attention_mask)


def _take(token_embeddings: Tensor, positions: Tensor, attention_mask: Tensor) -> Tensor:
    rows = torch.arange(token_embeddings.shape[0], device=token_embeddings.device)
    return token_embeddings[rows, positions] * attention_mask.bool().any(dim=1, keepdim=True)
