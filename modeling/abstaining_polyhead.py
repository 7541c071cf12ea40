"""Answers that are withheld: the head is not sure of them, or the text is not of the kind that it was trained on."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..configuration.task_kinds_polyhead import ABSTAINING_KINDS
from ..configuration.tasks_polyhead import TaskConfig
from .scope_polyhead import Scope

LOW_CONFIDENCE, OUT_OF_SCOPE = "low confidence", "out of scope"
Answer = dict[str, Any]


def withhold(
    task: TaskConfig, answers: list[Answer], embeddings: np.ndarray, scopes: Mapping[str, Scope]
) -> list[Answer]:
    """Return answers with a `reason`: None, or why their `label` is None; the scores stay.

    Args:
        task: Of a kind that answers with one label; others have nothing to withhold, and come back as they are.
        answers: As `decode` gives them.
        embeddings: Of their texts, shape (batch, dim).
        scopes: By name of the task; for a task that tells what is out of scope, each answer also has that score.
    """
    if task.kind not in ABSTAINING_KINDS:
        return answers
    if task.max_out_of_scope is not None:
        confidence = np.array([answer["score"] for answer in answers])  # (batch,)
        strange = scopes[task.name].score(embeddings, confidence).tolist()
        answers = [{**answer, "out_of_scope": score} for answer, score in zip(answers, strange, strict=True)]
    return [_withheld(answer, _reason(task, answer)) for answer in answers]


def require_thresholds(tasks: Iterable[TaskConfig], scopes: Mapping[str, Scope]) -> None:
    """Refuse to abstain where nothing says when.

    Args:
        tasks: That are going to be answered.
        scopes: Of the model.

    Raises:
        ValueError: None of them answers with one label, or one that does has no threshold; says how to get it.
    """
    tasks = list(tasks)
    able = [task for task in tasks if task.kind in ABSTAINING_KINDS]
    if tasks and not able:
        told = ", ".join(f"{task.name} ({task.kind})" for task in tasks)
        raise ValueError(
            f"abstain=True: none of these tasks has one answer that could be withheld: {told}. Leave it out."
        )
    lacking = [task.name for task in able if not _has_thresholds(task, scopes)]
    if lacking:
        raise ValueError(
            f"abstain=True: nothing says when to withhold the answers of {', '.join(lacking)}. Run `polyhead calibrate DIR "
            "RECIPE --coverage 0.9` (or --precision 0.95), or name other tasks."
        )


def _has_thresholds(task: TaskConfig, scopes: Mapping[str, Scope]) -> bool:
    if task.max_out_of_scope is not None:
        return task.name in scopes
    return task.min_confidence is not None


def _reason(task: TaskConfig, answer: Answer) -> str | None:
    # A score that is no number is neither sure nor in scope.
    if task.max_out_of_scope is not None and not answer["out_of_scope"] <= task.max_out_of_scope:
        return OUT_OF_SCOPE
    return None if answer["score"] >= (task.min_confidence or 0.0) else LOW_CONFIDENCE


def _withheld(answer: Answer, reason: str | None) -> Answer:
    return {**answer, "label": answer["label"] if reason is None else None, "reason": reason}
