"""Losses: one value per labelled item, so that the mean can be taken over a batch, accumulated batches, or ranks."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..configuration.tasks_polyhead import TaskConfig

IGNORED = -100  # label of an item without a label, in integer labels; NaN in float labels


def task_loss_items(task: TaskConfig, logits: Tensor, labels: Tensor) -> Tensor:
    """Loss of each labelled item of one task, shape (items,).

    Args:
        task: Says which loss, and its options.
        logits: As in `PolyheadOutput.logits`.
        labels: Integer kinds: shape (batch,), tokens (batch, seq), binary (batch,), multi-label (batch, num_labels) of
            0 and 1; -100 where missing. Regression (batch, values) or (batch,) and pair similarity (batch,): floats in
            the data's own unit; NaN where missing.

    `multiple_negatives_ranking` and Matryoshka dimensions read embeddings, not cosines: see `pair_loss_items`.
    """
    if task.loss == "cross_entropy":
        return cross_entropy_items(logits, labels, task.label_factors("class_weights"), task.label_smoothing)
    if task.loss == "binary_cross_entropy":
        return binary_cross_entropy_items(logits, labels, task.label_factors("pos_weight"))
    if task.loss == "corn":
        return corn_items(logits, labels)
    if task.kind == "pair_similarity":
        lowest, highest = task.value_range or (0.0, 1.0)
        labels = (labels.to(logits.dtype) - lowest) / (highest - lowest)
        if task.loss == "cosent":
            return cosent_items(logits, labels)
        return regression_items(logits[:, None], labels, task.loss or "mse")
    labels = labels.to(logits.dtype).reshape(logits.shape)
    mean = logits.new_tensor(task.target_mean or [0.0])
    scale = logits.new_tensor(task.target_scale or [1.0])
    return regression_items(logits, (labels - mean) / scale, task.loss or "mse")


def count_labelled(task: TaskConfig, labels: Tensor) -> Tensor:
    """Number of items of one task that have a label, a scalar; as many as `task_loss_items` gives losses."""
    if task.loss in ("cross_entropy", "corn"):
        return (labels != IGNORED).sum()
    if task.loss == "multiple_negatives_ranking":
        return is_positive(task, labels).sum()
    rows = labels.reshape(len(labels), -1)
    return (rows >= 0).all(-1).sum() if task.loss == "binary_cross_entropy" else (~rows.isnan()).any(-1).sum()


def is_positive(task: TaskConfig, labels: Tensor) -> Tensor:
    """Whether each pair's label (batch,) stands at the top of the task's range: texts that belong together."""
    return labels >= (task.value_range or (0.0, 1.0))[1]  # a comparison with NaN is False


def cross_entropy_items(
    logits: Tensor, labels: Tensor, class_weights: list[float] | None, label_smoothing: float
) -> Tensor:
    """Cross-entropy of each labelled item, shape (items,).

    Args:
        logits: Shape (..., num_labels).
        labels: Class ids, shape (...); `IGNORED` where there is none.
        class_weights: Factor per class, or None.
        label_smoothing: Share of the target spread evenly, in [0, 1).
    """
    labelled = labels != IGNORED
    weight = None if class_weights is None else logits.new_tensor(class_weights)
    return functional.cross_entropy(
        logits[labelled], labels[labelled].long(), weight=weight, label_smoothing=label_smoothing, reduction="none"
    )


def binary_cross_entropy_items(logits: Tensor, labels: Tensor, pos_weight: list[float] | None) -> Tensor:
    """Binary cross-entropy of each labelled row, averaged over its labels, shape (items,).

    Args:
        logits: Shape (batch, num_labels).
        labels: 0 or 1, shape (batch, num_labels) or (batch,); negative or NaN where there is none.
        pos_weight: Factor of the positive class per label, or None.
    """
    labels = labels.to(logits.dtype).reshape(logits.shape)
    labelled = (labels >= 0).all(-1)  # a comparison with NaN is False
    weight = None if pos_weight is None else logits.new_tensor(pos_weight)
    losses = functional.binary_cross_entropy_with_logits(
        logits[labelled], labels[labelled], pos_weight=weight, reduction="none"
    )  # (items, num_labels)
    return losses.mean(-1)


def regression_items(predictions: Tensor, targets: Tensor, loss: str) -> Tensor:
    """Distance of each labelled row, averaged over its labelled values, shape (items,).

    Args:
        predictions: Shape (batch, values).
        targets: Shape (batch, values) or (batch,); NaN where there is none.
        loss: `mse`, `huber` (delta 1) or `mae`.
    """
    targets = targets.to(predictions.dtype).reshape(predictions.shape)
    labelled = ~targets.isnan()
    rows = labelled.any(-1)
    functions: dict[str, Any] = {"mse": functional.mse_loss, "huber": functional.huber_loss, "mae": functional.l1_loss}
    distances = functions[loss](predictions[rows], targets[rows].nan_to_num(), reduction="none")  # (items, values)
    return (distances * labelled[rows]).sum(-1) / labelled[rows].sum(-1)


def corn_items(logits: Tensor, labels: Tensor) -> Tensor:
    """Conditional ordinal loss of each labelled row, shape (items,).

    Logit k says whether the label lies above k, given that it lies above k - 1: it learns from those rows only.

    Args:
        logits: Shape (batch, num_labels - 1).
        labels: Ranks, shape (batch,); `IGNORED` where there is none.

    Source:
        CORN, https://arxiv.org/abs/2111.08851, equation 7.
    """
    labelled = labels != IGNORED
    logits, ranks = logits[labelled], labels[labelled].long().unsqueeze(-1)  # (items, steps), (items, 1)
    steps = torch.arange(logits.shape[-1], device=logits.device)
    above, reached = (ranks > steps).to(logits.dtype), (ranks >= steps).to(logits.dtype)  # (items, steps)
    losses = functional.binary_cross_entropy_with_logits(logits, above, reduction="none") * reached
    return losses.sum(-1)


def corn_probabilities(logits: Tensor) -> Tensor:
    """Turn CORN's logits (batch, num_labels - 1) into label probabilities (batch, num_labels)."""
    above = logits.sigmoid().cumprod(-1)  # (batch, steps): P(label > k)
    ones, zeros = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
    return torch.cat([ones, above], -1) - torch.cat([above, zeros], -1)


def cosent_items(cosines: Tensor, targets: Tensor, scale: float = 20.0) -> Tensor:
    """Ranking loss over all pairs of labelled rows, spread evenly over them, shape (items,).

    Args:
        cosines: Shape (batch,).
        targets: Similarity labels, shape (batch,); NaN where there is none.
        scale: Inverse temperature.

    Source:
        CoSENT (Jianlin Su, https://kexue.fm/archives/8847).
    """
    labelled = ~targets.isnan()
    cosines, targets = cosines[labelled] * scale, targets[labelled]
    wrong = cosines.unsqueeze(1) - cosines.unsqueeze(0)  # [i, j]: how far i lies above j
    counted = targets.unsqueeze(1) < targets.unsqueeze(0)  # where i should lie below j
    zero = cosines.new_zeros(1)
    loss = torch.cat([zero, wrong[counted]]).logsumexp(0)
    return loss.expand(len(cosines))
