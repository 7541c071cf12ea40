"""Answers that are withheld, because the head is not sure enough of them."""

from collections.abc import Sequence
from typing import Any

from ..configuration.task_kinds_polyhead import ABSTAINING_KINDS
from ..configuration.tasks_polyhead import TaskConfig

LOW_CONFIDENCE = "low confidence"
Answer = dict[str, Any]


def withhold(task: TaskConfig, answers: list[Answer]) -> list[Answer]:
    """Return answers with a `reason`: None, or why their `label` is None; the scores stay.

    Args:
        task: Of a kind that answers with one label; others have nothing to withhold, and come back as they are.
        answers: As `decode` gives them.
    """
    if task.kind not in ABSTAINING_KINDS:
        return answers
    return [_withheld(answer, _reason(task, answer)) for answer in answers]


def require_thresholds(tasks: Sequence[TaskConfig]) -> None:
    """Refuse to abstain where nothing says when.

    Args:
        tasks: That are going to be answered.

    Raises:
        ValueError: None of them answers with one label, or one that does has no threshold; says how to get it.
    """
    able = [task for task in tasks if task.kind in ABSTAINING_KINDS]
    if tasks and not able:
        told = ", ".join(f"{task.name} ({task.kind})" for task in tasks)
        raise ValueError(
            f"abstain=True: none of these tasks has one answer that could be withheld: {told}. Leave it out."
        )
    lacking = [task.name for task in able if task.min_confidence is None]
    if lacking:
        raise ValueError(
            f"abstain=True: nothing says when to withhold the answers of {', '.join(lacking)}. Run `polyhead calibrate DIR "
            "RECIPE --coverage 0.9` (or --precision 0.95), or name other tasks."
        )


def _reason(task: TaskConfig, answer: Answer) -> str | None:
    is_sure = answer["score"] >= (task.min_confidence or 0.0)  # a score that is no number is not sure
    return None if is_sure else LOW_CONFIDENCE


def _withheld(answer: Answer, reason: str | None) -> Answer:
    return {**answer, "label": answer["label"] if reason is None else None, "reason": reason}
