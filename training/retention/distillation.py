"""How far answers are from earlier ones, by kind of task: one value per item, as for losses."""

import torch
from torch import Tensor
from torch.nn import functional

from ...configuration.tasks_polyhead import TaskConfig


def distillation_items(task: TaskConfig, logits: Tensor, earlier: Tensor, temperature: float) -> Tensor:
    """Distance of each item's answer from its earlier one; 0 where they are equal.

    Label kinds: the Kullback-Leibler divergence of softened probabilities, times temperature ** 2, so that the gradient's
    size does not depend on the temperature; multi-label rows are averaged over their labels. Numbers and cosines: the
    squared difference (of standardised values), averaged over a row's values.

    Args:
        task: Says which distance.
        logits: As in `PolyheadOutput.logits`.
        earlier: The same from before, pair similarity (batch, 1); tokens without an answer are NaN.
        temperature: Divides the logits of label kinds.

    Returns:
        Shape (items,): rows, or tokens that have an answer.

    Source:
        Learning without forgetting, https://arxiv.org/abs/1606.09282, section 3; the factor from
        https://arxiv.org/abs/1503.02531, section 2.
    """
    if task.kind in ("regression", "pair_similarity"):
        return (logits.float().reshape(earlier.shape) - earlier).square().mean(-1)
    has_answer = ~earlier.isnan().any(-1)  # (batch,), tokens: (batch, seq)
    now, before = logits[has_answer].float() / temperature, earlier[has_answer] / temperature  # (items, num_logits)
    if task.kind in ("binary_classification", "multi_label_classification"):
        distances = binary_divergence(now, before).mean(-1)
    elif task.kind == "ordinal_regression":
        distances = corn_divergence(now, before)
    else:
        logs = functional.log_softmax(now, -1), functional.log_softmax(before, -1)
        distances = functional.kl_div(*logs, reduction="none", log_target=True).sum(-1)
    return distances * temperature**2


def binary_divergence(logits: Tensor, earlier: Tensor) -> Tensor:
    """Kullback-Leibler divergence of yes/no answers, of the shape of the logits."""
    positive = earlier.sigmoid()
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, positive, reduction="none")
    return cross_entropy - functional.binary_cross_entropy_with_logits(earlier, positive, reduction="none")


def corn_divergence(logits: Tensor, earlier: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the label probabilities that CORN's logits stand for, shape (batch,).

    By the chain rule it is the sum over the steps of that step's divergence, times the earlier probability of reaching it:
    no logarithm of a product that has come to 0.

    Args:
        logits: Shape (batch, num_labels - 1).
        earlier: Of the same shape.
    """
    above = earlier.sigmoid().cumprod(-1)  # (batch, steps): P(label > k)
    reached = torch.cat([torch.ones_like(above[:, :1]), above[:, :-1]], -1)
    return (reached * binary_divergence(logits, earlier)).sum(-1)
