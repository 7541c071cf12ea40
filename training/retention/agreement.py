"""How far a model still answers as it did."""

import numpy as np
from torch import Tensor

from ...configuration.tasks_polyhead import TaskConfig
from ...modeling.decoding_polyhead import label_probabilities
from ..metrics.number_metrics import pearson


def agreement(task: TaskConfig, logits: Tensor, earlier: Tensor) -> float:
    """Share of answers that are the same, at most 1; of multi-label rows, those with the same labels.

    Numbers and cosines are hardly ever the same: for them it is Pearson's correlation, the mean over a row's values.

    Args:
        task: The task.
        logits: Of the same examples, packed: shape (items, num_logits).
        earlier: The same from before; where it is NaN there is no answer.
    """
    if task.kind in ("regression", "pair_similarity"):
        columns = zip(logits.double().numpy().T, earlier.double().numpy().T, strict=True)
        return float(np.mean([pearson(now, before) for now, before in columns]))
    has_answer = ~earlier.isnan().any(-1)
    now, before = (_decisions(task, answers[has_answer].numpy()) for answers in (logits, earlier))  # (items, decisions)
    return float((now == before).all(-1).mean())


def _decisions(task: TaskConfig, logits: np.ndarray) -> np.ndarray:
    probabilities = label_probabilities(task, logits)
    if task.kind == "multi_label_classification":
        return probabilities >= np.array(task.thresholds or [0.5], dtype=np.float32)
    if task.kind == "binary_classification":
        return probabilities[:, 1:] >= (task.thresholds or [0.5])[0]
    return probabilities.argmax(-1)[:, None]
