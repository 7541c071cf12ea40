"""One named task: what it answers, which head reads the sentence, how its loss is weighed."""

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from .task_kinds_polyhead import (
    HEAD_INPUTS,
    HEAD_KINDS,
    KINDS_OF_FIELD,
    LABELLED_KINDS,
    LOSSES,
    RESERVED_TASK_NAMES,
    TASK_KINDS,
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BIO_TAG = re.compile(r"O|[BI]-.+")


@dataclass(kw_only=True)
class TaskConfig:
    """A task of a polyhead model; every field survives JSON.

    Args:
        name: Plain identifier; the key of this task's logits, labels and answers.
        kind: One of `TASK_KINDS`.
        labels: Class names in their frozen order, position = id. Binary: `[negative, positive]`. Token tasks: BIO tags
            with `"O"`. Regression: names of several values, or None for one unnamed value. In a recipe they may be left
            out and are then read from the training data.
        head: `linear`, `mlp`, or `attention` (pools the token embeddings by itself).
        head_input: What the head reads: the `pooled` vector, after projection (`projected`), or after L2 normalisation
            (`normalized`). Token tasks and attention heads read token embeddings and ignore it.
        head_hidden_size: Width of the hidden layers of an `mlp` head; None: the width of its input.
        head_num_layers: Number of hidden layers of an `mlp` head.
        head_activation: Activation of an `mlp` head, a name that transformers knows (`gelu`, `relu`, `tanh`).
        head_dropout: Dropout probability before each linear layer of the head.
        head_layer_norm: LayerNorm after each hidden layer (`mlp`) or after pooling (`attention`).
        head_num_attention_heads: Number of attention distributions of an `attention` head; divides the hidden size.
        loss: One of `LOSSES[kind]`; None: the first.
        weight: Factor of this task's loss in the sum.
        class_weights: Factor per class in the loss (single label, token and pair classification).
        pos_weight: Factor of the positive class (binary: one number; multi-label: one per label, or one for all).
        label_smoothing: Share of the target spread over all classes, in [0, 1) (cross-entropy kinds).
        target_mean: Regression: mean of each value in the training data; targets are standardised with it.
        target_scale: Regression: standard deviation of each value in the training data.
        value_range: Pair similarity: `[lowest, highest]` label in the data, mapped onto a cosine of 0 to 1. For
            `multiple_negatives_ranking` only the pairs at the top of it count, as texts that belong together.
        matryoshka_dims: Pair similarity: the loss is the mean over the embeddings cut to each of these sizes, so that
            `encode(truncate_dim=...)` may cut there; name the full size too. None: the full embedding alone.
        thresholds: Decision thresholds on probabilities (multi-label: one per label, or one for all; binary: one);
            None: 0.5.
        metric: The metric that enters the multi-task score; None: the default of the kind.
        score_weight: Weight of this task in the multi-task score, which ranks checkpoints and ends runs; 0 leaves it out.

    Raises:
        ValueError: A field is out of range or contradicts the kind; the message names task and field.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    name: str
    kind: str
    labels: list[str] | None = None
    head: str = "linear"
    head_input: str = "projected"
    head_hidden_size: int | None = None
    head_num_layers: int = 1
    head_activation: str = "gelu"
    head_dropout: float = 0.1
    head_layer_norm: bool = True
    head_num_attention_heads: int = 4
    loss: str | None = None
    weight: float = 1.0
    class_weights: list[float] | None = None
    pos_weight: list[float] | None = None
    label_smoothing: float = 0.0
    target_mean: list[float] | None = None
    target_scale: list[float] | None = None
    value_range: list[float] | None = None
    matryoshka_dims: list[int] | None = None
    thresholds: list[float] | None = None
    metric: str | None = None
    score_weight: float = 1.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if isinstance(getattr(self, field.name), tuple):  # JSON gives back a list
                setattr(self, field.name, list(getattr(self, field.name)))
        self._check_name()
        self._check_choice("kind", TASK_KINDS)
        self._check_choice("head", HEAD_KINDS)
        self._check_choice("head_input", HEAD_INPUTS)
        self.loss = self.loss or LOSSES[self.kind][0]
        self._check_choice("loss", LOSSES[self.kind])
        self._check_fields_of_kind()
        self._check_numbers()
        self._check_factors()
        if self.labels is not None:
            self._check_labels(self.labels)
        if self.labels is not None or self.kind not in LABELLED_KINDS:
            self._check_lengths()
        if self.is_token and self.head == "attention":
            self._refuse(
                "head", "'attention' pools a whole sentence, but a token task answers per word; use 'linear' or 'mlp'"
            )
        if self.kind == "pair_similarity" and self.head != "linear":
            self._refuse("head", "pair_similarity is the cosine of two embeddings and has no head; leave `head` out")

    @property
    def is_pair(self) -> bool:
        """Whether the task reads two texts."""
        return self.kind.startswith("pair_")

    @property
    def is_token(self) -> bool:
        """Whether the task answers per word."""
        return self.kind == "token_classification"

    @property
    def num_labels(self) -> int:
        """Number of labels or regression values; 1 where none are named."""
        return len(self.labels) if self.labels else 1

    @property
    def num_logits(self) -> int:
        """Width of the head's output; 0 for `pair_similarity`, which has no head."""
        if self.kind == "pair_similarity":
            return 0
        if self.kind == "binary_classification":
            return 1
        # CORN has one logit per step between neighbouring labels.
        return self.num_labels - 1 if self.kind == "ordinal_regression" else self.num_labels

    @property
    def known_labels(self) -> list[str]:
        """The labels, empty where none are named."""
        return self.labels or []

    @property
    def label2id(self) -> dict[str, int]:
        """Position of each label."""
        return {label: position for position, label in enumerate(self.known_labels)}

    def to_dict(self) -> dict[str, Any]:
        """All fields that differ from their defaults, and name and kind."""
        fields = {field.name: field.default for field in dataclasses.fields(self)}
        values = dataclasses.asdict(self)
        fields["loss"] = LOSSES[self.kind][0]
        return {name: value for name, value in values.items() if name in ("name", "kind") or value != fields[name]}

    def _refuse(self, field: str, reason: str) -> None:
        raise ValueError(f"task '{self.name}', field '{field}': {reason}.")

    def _check_name(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"task name {self.name!r} must be a plain identifier: letters, digits and _, a letter first."
            )
        if self.name in RESERVED_TASK_NAMES or self.name == "embeddings":
            taken = "a key of predict's answers" if self.name == "embeddings" else "an attribute of torch modules"
            raise ValueError(f"task name '{self.name}' is {taken}; choose another, such as 'my_{self.name}'.")

    def _check_choice(self, field: str, allowed: tuple[str, ...]) -> None:
        value = getattr(self, field)
        if value not in allowed:
            self._refuse(field, f"{value!r} is not one of {', '.join(allowed)}")

    def _check_fields_of_kind(self) -> None:
        for field, kinds in KINDS_OF_FIELD.items():
            if getattr(self, field) and self.kind not in kinds:
                self._refuse(field, f"{self.kind} does not read it; leave it out")

    def _check_numbers(self) -> None:
        for field in ("label_smoothing", "head_dropout"):
            if not 0 <= getattr(self, field) < 1:
                self._refuse(field, f"{getattr(self, field)} is not in [0, 1)")
        if not 0 <= self.weight < math.inf:
            self._refuse("weight", f"{self.weight} is negative or not finite; 0 switches the task's loss off")
        if not 0 <= self.score_weight < math.inf:
            self._refuse("score_weight", f"{self.score_weight} is negative or not finite; 0 leaves the task out")
        for field in ("head_num_layers", "head_num_attention_heads", "head_hidden_size"):
            if getattr(self, field) is not None and getattr(self, field) < 1:
                self._refuse(field, f"{getattr(self, field)} must be at least 1")
        if self.value_range is not None and not (
            len(self.value_range) == 2 and self.value_range[0] < self.value_range[1]
        ):
            self._refuse("value_range", f"{self.value_range} must be [lowest, highest]")
        dims = self.matryoshka_dims
        if dims is not None and (
            not dims or len(set(dims)) != len(dims) or any(not isinstance(dim, int) or dim < 1 for dim in dims)
        ):
            self._refuse("matryoshka_dims", f"{dims} must be different whole numbers from 1 on, such as [256, 128, 64]")

    def _check_factors(self) -> None:
        for field in ("class_weights", "pos_weight"):
            if not all(0 <= factor < math.inf for factor in getattr(self, field) or []):
                self._refuse(field, f"{getattr(self, field)} holds a negative or infinite factor; use 0 or more")
        if not all(0 <= threshold <= 1 for threshold in self.thresholds or []):
            self._refuse("thresholds", f"{self.thresholds} are compared with probabilities, so they lie in [0, 1]")
        if not all(0 < scale < math.inf for scale in self.target_scale or []):
            self._refuse("target_scale", f"{self.target_scale} must be positive")

    def _check_labels(self, labels: list[str]) -> None:
        if not isinstance(labels, list):
            self._refuse("labels", f"{labels!r} must be a list of names")
        if any(not isinstance(label, str) for label in labels):
            self._refuse("labels", f"{labels} must be strings: quote numbers and yes/no in YAML")
        if any(not label.strip() for label in labels):
            self._refuse("labels", f"{labels} hold an empty name; give every label a name")
        if len(set(labels)) != len(labels):
            self._refuse("labels", f"{sorted({label for label in labels if labels.count(label) > 1})} stand twice")
        fewest = 1 if self.kind in ("regression", "multi_label_classification", "token_classification") else 2
        if len(labels) < fewest:
            self._refuse("labels", f"{labels} are too few: at least {fewest} needed")
        if self.kind == "binary_classification" and len(labels) != 2:
            self._refuse("labels", f"{labels} must be two: [negative, positive]")
        if self.is_token and not ("O" in labels and all(map(_BIO_TAG.fullmatch, labels))):
            self._refuse("labels", f"{labels} must be BIO tags: 'O', and 'B-name' and 'I-name' for each kind of entity")
        if self.kind == "pair_similarity":
            self._refuse("labels", "pair_similarity answers with a number and has no labels")

    def _check_lengths(self) -> None:
        for field, length in self._expected_lengths().items():
            values = getattr(self, field)
            one_for_all = field in ("pos_weight", "thresholds") and values is not None and len(values) == 1
            if values is not None and len(values) != length and not one_for_all:
                self._refuse(field, f"{len(values)} numbers given, {length} needed for labels {self.labels}")

    def _expected_lengths(self) -> dict[str, int]:
        per_label = self.num_labels
        decisions = 1 if self.kind == "binary_classification" else per_label
        return {
            "class_weights": per_label,
            "pos_weight": decisions,
            "thresholds": decisions,
            "target_mean": per_label,
            "target_scale": per_label,
        }


def find_task(tasks: list[TaskConfig], name: str) -> TaskConfig:
    """Return the task of that name; a ValueError lists those there are."""
    for task in tasks:
        if task.name == name:
            return task
    raise ValueError(f"no task '{name}' in this model. Its tasks: {', '.join(task.name for task in tasks) or 'none'}.")
