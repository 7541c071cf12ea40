"""One named task: what it answers, which head reads the sentence, how its loss is weighed."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from .field_types_polyhead import check_field_types
from .task_checks_polyhead import check_fields, check_name_and_kind
from .task_kinds_polyhead import LOSSES


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
        class_weights: Factor per class in the loss (single label, token and pair classification), by label or in the order of
            `labels`; a label that is not named has 1.
        pos_weight: Factor of the positive class (binary: one number; multi-label: by label, one per label, or one for all).
        label_smoothing: Share of the target spread over all classes, in [0, 1) (cross-entropy kinds).
        target_mean: Regression: mean of each value in the training data; targets are standardised with it.
        target_scale: Regression: standard deviation of each value in the training data.
        value_range: Pair similarity: `[lowest, highest]` label in the data, mapped onto a cosine of 0 to 1. For
            `multiple_negatives_ranking` only the pairs at the top of it count, as texts that belong together.
        matryoshka_dims: Pair similarity: the loss is the mean over the embeddings cut to each of these sizes, so that
            `encode(truncate_dim=...)` may cut there; name the full size too. None: the full embedding alone.
        thresholds: Decision thresholds on probabilities (multi-label: one per label, or one for all; binary: one);
            None: 0.5.
        temperature: Logits are divided by it before they become probabilities; above 1 it makes them less certain. What
            `polyhead calibrate` fits; training does not read it.
        min_confidence: Answers whose score is lower are withheld by `predict(abstain=True)`; None: none was chosen. What
            `polyhead calibrate --coverage` or `--precision` fits.
        max_out_of_scope: Single label: answers to texts whose out-of-scope score is higher are withheld too. It is fitted
            together with the training rows in `out_of_scope.safetensors`, without which it says nothing.
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
    class_weights: list[float] | dict[str, float] | None = None
    pos_weight: list[float] | dict[str, float] | None = None
    label_smoothing: float = 0.0
    target_mean: list[float] | None = None
    target_scale: list[float] | None = None
    value_range: list[float] | None = None
    matryoshka_dims: list[int] | None = None
    thresholds: list[float] | None = None
    temperature: float = 1.0
    min_confidence: float | None = None
    max_out_of_scope: float | None = None
    metric: str | None = None
    score_weight: float = 1.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if hasattr(value, "tolist"):  # numbers may come as an array, as scikit-learn's weights do
                setattr(self, field.name, value.tolist())
            elif isinstance(value, tuple):  # JSON gives back a list
                setattr(self, field.name, list(value))
        check_name_and_kind(self)
        check_field_types(self)
        self.loss = self.loss or LOSSES[self.kind][0]
        check_fields(self)

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

    def label_factors(self, field: str) -> list[float] | None:
        """`class_weights` or `pos_weight` in the order of the labels, None where there are none."""
        factors: list[float] | dict[str, float] | None = getattr(self, field)
        return [factors.get(label, 1.0) for label in self.known_labels] if isinstance(factors, dict) else factors

    def to_dict(self) -> dict[str, Any]:
        """All fields that differ from their defaults, and name and kind."""
        fields = {field.name: field.default for field in dataclasses.fields(self)}
        values = dataclasses.asdict(self)
        fields["loss"] = LOSSES[self.kind][0]
        return {name: value for name, value in values.items() if name in ("name", "kind") or value != fields[name]}


def find_task(tasks: list[TaskConfig], name: str) -> TaskConfig:
    """Return the task of that name; a ValueError lists those there are."""
    for task in tasks:
        if task.name == name:
            return task
    raise ValueError(f"no task '{name}' in this model. Its tasks: {', '.join(task.name for task in tasks) or 'none'}.")
