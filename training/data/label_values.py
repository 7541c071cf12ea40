"""Turning one value of a label column into what the model's losses read."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from ...configuration.tasks_polyhead import TaskConfig
from ...modeling.tag_sequences_polyhead import open_entities
from ..closest_name import suggest_name

Encoder = Callable[[Any], Any]
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class UnknownLabelError(ValueError):
    """A label that the task does not have; its text, with the closest label, is made only when it is shown."""

    def __init__(self, label: str, task: str, labels: tuple[str, ...]) -> None:
        super().__init__(label, task)
        self.labels = labels

    def __str__(self) -> str:
        label, task = self.args
        return f"'{label}' is not a label of task '{task}'; {suggest_name(label, self.labels)}"


def label_encoder(task: TaskConfig, names: Mapping[str, str]) -> Encoder:
    """Return the function that encodes a value of the task's column.

    Args:
        task: The task, its labels known where its kind has labels.
        names: Value in the file and the label it means.

    Returns:
        A function from a value that is not missing to the encoded label. Classes: position in `labels`. Multi-label:
        0.0 or 1.0 per label. Token tags: a list of positions. Regression: a float, or a list of floats where `labels`
        names several values. Pair similarity: the float as it stands; for `multiple_negatives_ranking` None where the
        two texts do not belong together. It raises ValueError for a value that the task cannot take.
    """
    if task.kind == "regression":
        return (lambda value: to_numbers(value, task.labels or [])) if task.num_labels > 1 else to_number
    if task.loss == "multiple_negatives_ranking":
        return lambda value: _positive(value, task.value_range or [0.0, 1.0])
    if task.kind == "pair_similarity":
        return lambda value: _in_range(to_number(value), task.value_range or [0.0, 1.0])
    return _class_encoder(task, names)


def label_text(value: Any, names: Mapping[str, str]) -> str:
    """Return the label that a value stands for: 0 and "0" are the same, true is "true" as JSON writes it.

    Raises:
        ValueError: Neither text, nor a whole number, nor true or false.
    """
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int):
        value = str(value)
    elif not isinstance(value, str):
        raise ValueError(f"{_described(value)} came; a label is text or a whole number")
    return names.get(value, value)


def to_list(value: Any) -> list[Any]:
    """Return a value that must be a list.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, list):
        raise ValueError(f"{_described(value)} came; write a list of labels")
    return value


def to_number(value: Any) -> float:
    """Return a finite number, from a number or from the text of a CSV cell.

    Raises:
        ValueError: Not a number, NaN or infinite.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{_described(value)} came; write a number")
    if not math.isfinite(value):
        raise ValueError(f"{value} came; write a finite number, or leave a missing value empty (null)")
    return float(value)


def to_numbers(value: Any, names: list[str]) -> list[float]:
    """Return one number per value of a regression with several.

    Raises:
        ValueError: Not a list of that many numbers.
    """
    if not isinstance(value, list) or len(value) != len(names):
        raise ValueError(f"{_described(value)} came; write a list of {len(names)} numbers: {', '.join(names)}")
    return [to_number(item) for item in value]


def _class_encoder(task: TaskConfig, names: Mapping[str, str]) -> Encoder:
    positions = task.label2id
    labels = tuple(positions)

    def encode_class(value: Any) -> int:
        label = label_text(value, names)
        if label not in positions:
            raise UnknownLabelError(label, task.name, labels)
        return positions[label]

    def encode_classes(value: Any) -> list[float]:
        encoded = [0.0] * len(labels)
        for item in to_list(value):
            encoded[encode_class(item)] = 1.0
        return encoded

    if task.kind == "multi_label_classification":
        return encode_classes

    def encode_tags(value: Any) -> list[int]:
        tags = [label_text(item, names) for item in to_list(value)]
        pairs = zip(tags, open_entities(tags), strict=True)
        return [encode_class(opened if opened in positions else tag) for tag, opened in pairs]

    return encode_tags if task.is_token else encode_class


def _in_range(value: float, value_range: list[float]) -> float:
    if not value_range[0] <= value <= value_range[1]:
        raise ValueError(f"{value} is outside value_range {value_range}; correct it, or the range in the task")
    return value


def _positive(value: Any, value_range: list[float]) -> float | None:
    highest = value_range[1]
    return highest if value is True or _in_range(to_number(value), value_range) == highest else None


def _described(value: Any) -> str:
    kind = {float: "the number", str: "the text", list: "the list", dict: "the object", int: "the number"}.get(
        type(value)
    )
    text = repr(value)
    return f"{kind or 'the ' + type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
