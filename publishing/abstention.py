"""When a task answers: thresholds chosen by how many of its answers are to be given, or are to be right."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..configuration.task_kinds_polyhead import ABSTAINING_KINDS
from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.decoding_polyhead import chosen_labels, label_probabilities

FEWEST_ROWS = 60  # half of them are fitted on, half are told of
IN_SCOPE = 0.95  # of the rows, where a precision is asked for: the usual operating point of out-of-scope detection
FEWEST_ANSWERED = 20  # that a share of right answers may stand on
Strange = Callable[[np.ndarray], np.ndarray]
_WHY_NOT = {
    "token_classification": "it answers each word, also with `O`",
    "multi_label_classification": "each label has a threshold of its own, and no label is an answer too",
}


@dataclass(frozen=True)
class Target:
    """What is asked for; one of the two.

    Args:
        coverage: Share of rows to be answered, in (0, 1].
        precision: Share of the answered rows to be right, in (0, 1).

    Raises:
        ValueError: Both, none, or out of range.
    """

    coverage: float | None = None
    precision: float | None = None

    def __post_init__(self) -> None:
        if (self.coverage is None) == (self.precision is None):
            raise ValueError("coverage and precision are two ways to choose one threshold; give one of them.")
        if self.coverage is not None and not 0 < self.coverage <= 1:
            raise ValueError(f"coverage {self.coverage} is a share of the rows: above 0 and at most 1, such as 0.9.")
        if self.precision is not None and not 0 < self.precision < 1:
            raise ValueError(f"precision {self.precision} is a share of the answers: between 0 and 1, such as 0.95.")

    @property
    def out_of_scope(self) -> float:
        """Share of rows that may be withheld as out of scope: half of those that may be withheld, or `1 - IN_SCOPE`."""
        return 1 - IN_SCOPE if self.coverage is None else (1 - self.coverage) / 2


@dataclass(frozen=True)
class Abstention:
    """What withholding answers brings, on rows that its thresholds were not fitted on.

    Args:
        min_confidence: Answers with a lower score are withheld.
        max_out_of_scope: Answers to texts with a higher out-of-scope score are withheld; None: it is not looked at.
        coverage: Share of rows that are answered.
        precision: Share of the answered rows that are right; NaN where none is answered.
        accuracy: Share of all rows that would be right.
        out_of_scope: Share of rows that are withheld as out of scope, though they are not.
    """

    min_confidence: float
    max_out_of_scope: float | None
    coverage: float
    precision: float
    accuracy: float
    out_of_scope: float


def fit_abstention(
    task: TaskConfig, logits: np.ndarray, labels: np.ndarray, target: Target, strange: Strange | None = None
) -> Abstention:
    """Choose a task's thresholds on every second row, and measure them on the others.

    Args:
        task: Of `ABSTAINING_KINDS`, calibrated.
        logits: Shape (items, num_logits).
        labels: Ids (items,).
        target: What to reach.
        strange: Gives the out-of-scope scores (items,) for confidences (items,); None: there are none.

    Raises:
        ValueError: The kind has no one answer to withhold, there are too few rows, or no threshold reaches the target.
    """
    if reason := why_not(task):
        raise ValueError(f"task '{task.name}' cannot abstain: {reason}; leave it out of --tasks.")
    if len(labels) < FEWEST_ROWS:
        raise ValueError(f"task '{task.name}' has {len(labels)} labelled rows; abstention needs {FEWEST_ROWS}.")
    probabilities = label_probabilities(task, logits)
    chosen = chosen_labels(task, probabilities)
    score = probabilities[np.arange(len(chosen)), chosen]
    is_right = chosen == labels
    far = np.zeros(len(score)) if strange is None else strange(score)
    strange_rows = 0 if strange is None else _may_go(target.out_of_scope, len(far[::2]))
    most = _rounded_up(np.sort(far[::2])[-strange_rows]) if strange_rows else math.inf
    within = far[::2] <= most
    if target.precision is not None:
        least = _least_for_precision(task, score[::2][within], is_right[::2][within], target.precision)
    else:
        unsure_rows = _may_go(1 - (target.coverage or 1), len(within)) - strange_rows
        least = _rounded_down(np.sort(score[::2][within])[unsure_rows - 1]) if unsure_rows else 0.0
    return _measured(score[1::2], is_right[1::2], far[1::2], least, most)


def why_not(task: TaskConfig) -> str | None:
    """Return why a task has no one answer that could be withheld, or None."""
    return None if task.kind in ABSTAINING_KINDS else _WHY_NOT.get(task.kind, "it answers with numbers")


def with_abstention(task: TaskConfig, found: Abstention | None) -> TaskConfig:
    """Return the task with what was found, or with no thresholds."""
    least, most = (None, None) if found is None else (found.min_confidence, found.max_out_of_scope)
    return dataclasses.replace(task, min_confidence=least, max_out_of_scope=most)


def _measured(score: np.ndarray, is_right: np.ndarray, far: np.ndarray, least: float, most: float) -> Abstention:
    is_answered = (score >= least) & (far <= most)
    return Abstention(
        min_confidence=least,
        max_out_of_scope=most if math.isfinite(most) else None,
        coverage=float(is_answered.mean()),
        precision=float(is_right[is_answered].mean()) if is_answered.any() else math.nan,
        accuracy=float(is_right.mean()),
        out_of_scope=float((far > most).mean()),
    )


def _may_go(share: float, rows: int) -> int:
    # So many of n rows that of new ones, in the mean, no larger share goes: one row's place among the n + 1 is as likely as
    # another's (split conformal prediction, https://arxiv.org/abs/2107.07511).
    return math.floor((rows + 1) * share + 1e-9)


def _least_for_precision(task: TaskConfig, score: np.ndarray, is_right: np.ndarray, wanted: float) -> float:
    order = np.argsort(-score, kind="stable")
    ranked, precision = score[order], is_right[order].cumsum() / np.arange(1, len(order) + 1)
    ends = np.append(ranked[:-1] != ranked[1:], True)  # no threshold lies between equal scores
    ends[: FEWEST_ANSWERED - 1] = False
    reached = np.flatnonzero(ends & (precision >= wanted))
    if not len(reached):
        raise ValueError(
            f"task '{task.name}': no threshold gives a precision of {wanted} on {len(score)} rows; the best that "
            f"{FEWEST_ANSWERED} or more answers reach is {precision[ends].max():.3f}. Ask for less."
        )
    last = int(reached[-1])
    return 0.0 if last == len(order) - 1 else _rounded_down(ranked[last])


def _rounded_down(score: float) -> float:
    return math.floor(float(score) * 1e6) / 1e6  # so that the row itself is answered, by any runtime


def _rounded_up(far: float) -> float:
    return float(f"{far * 1.0001 + 1e-6:.6g}")  # likewise; a fine-tuned embedding has distances of a thousandth
