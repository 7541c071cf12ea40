"""What a task's answers say about the colour of each text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NONE = "(none)"  # of a multi-label or token task that found nothing


@dataclass(frozen=True)
class Coloring:
    """One way to colour the points.

    Args:
        name: The task, or the task and one of its values.
        labels: Of the groups, the largest first; None where the points bear numbers.
        values: For each text the position of its label, or its number.
    """

    name: str
    labels: list[str] | None
    values: list[int] | list[float]


def colorings(answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Coloring]:
    """Return what the answers of `predict` can colour; a regression with several values gives one for each."""
    found: list[Coloring] = []
    for name, column in answers.items():
        if "values" in column[0]:
            for value_name in column[0]["values"]:
                numbers = [answer["values"][value_name] for answer in column]
                found.append(Coloring(f"{name}: {value_name}", None, numbers))
        elif "value" in column[0] and "label" not in column[0]:
            found.append(Coloring(name, None, [answer["value"] for answer in column]))
        else:
            found.append(_by_label(name, [_label(answer) for answer in column]))
    return found


def _label(answer: Mapping[str, Any]) -> str:
    """Return the one label that stands for an answer: of several, the surest."""
    if "entities" in answer:
        surest = max(answer["entities"], key=lambda entity: entity["score"], default=None)
        return NONE if surest is None else str(surest["label"])
    if "labels" in answer:
        return str(max(answer["labels"], key=answer["scores"].__getitem__, default=NONE))
    return str(answer["label"])


def _by_label(name: str, labels: Sequence[str]) -> Coloring:
    ordered = [label for label, _ in sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0]))]
    positions = {label: position for position, label in enumerate(ordered)}
    return Coloring(name, ordered, [positions[label] for label in labels])
