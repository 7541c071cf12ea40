"""What `retain` and `guard` can say."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from ..recipe.dataclass_fields import fields_model
from ..recipe.recipe_validation import validate_section

_Settings = TypeVar("_Settings", "RetainSettings", "GuardSettings")


@dataclass(frozen=True, kw_only=True)
class RetainSettings:
    """Which answers of the model as it is at the start are to be kept, and how strongly.

    Args:
        tasks: Tasks whose answers on all training texts are kept.
        weight: Factor of each task's distillation loss.
        temperature: Softens the answers of label tasks; above 1, small probabilities count for more.
        embedding: Factor of 1 - cosine between the sentence embedding at the start and now; 0: it is free to move.

    Raises:
        ValueError: A number is out of range, or nothing is kept.
    """

    tasks: list[str] = dataclasses.field(default_factory=list)
    weight: float = 1.0
    temperature: float = 2.0
    embedding: float = 0.0

    def __post_init__(self) -> None:
        for name in ("weight", "embedding"):
            if getattr(self, name) < 0:
                raise ValueError(f"retain.{name}: {getattr(self, name)} is negative; give 0 or more.")
        if self.temperature <= 0:
            raise ValueError(f"retain.temperature: {self.temperature} is not above 0; 2 is the usual value.")
        if not self.tasks and not self.embedding:
            raise ValueError("retain: nothing is kept; name `tasks`, or give `embedding` a weight.")
        _refuse_repeats("retain", self.tasks)


@dataclass(frozen=True, kw_only=True)
class GuardSettings:
    """What is watched at each evaluation, and what happens beyond a limit.

    Args:
        tasks: Tasks whose main metric on their validation rows is compared with the start; for one without such rows,
            the share of its own answers at the start that it still gives.
        max_drop: How far a task's score may fall, in the unit of its metric; none by default.
        max_drift: How far the embedding may move: 1 - mean cosine between start and now; none by default.
        num_texts: Validation texts that drift and agreement are measured on, spread evenly over all.
        action: Beyond a limit, `warn`, or `stop` the run.

    Raises:
        ValueError: A limit is out of range, or `stop` has none.
    """

    tasks: list[str] = dataclasses.field(default_factory=list)
    max_drop: float | None = None
    max_drift: float | None = None
    num_texts: int = 256
    action: Literal["warn", "stop"] = "warn"

    def __post_init__(self) -> None:
        for name in ("max_drop", "max_drift"):
            limit = getattr(self, name)
            if limit is not None and limit < 0:
                raise ValueError(f"guard.{name}: {limit} is negative; give 0 or more.")
        if self.num_texts < 1:
            raise ValueError(f"guard.num_texts: {self.num_texts} came; give 1 or more.")
        if self.max_drop is not None and not self.tasks:
            raise ValueError("guard.max_drop: no task is watched; name `tasks`.")
        if self.action == "stop" and self.max_drop is None and self.max_drift is None:
            raise ValueError("guard.action: stop came without a limit; give `max_drop` or `max_drift`.")
        if "drift" in self.tasks:
            raise ValueError("guard.tasks: 'drift' is how the log calls the embedding's; leave the task out.")
        _refuse_repeats("guard", self.tasks)


def read_settings(settings: type[_Settings], raw: dict[str, Any], key: str) -> _Settings:
    """Build settings from what a recipe says.

    Raises:
        ValueError: A key is unknown or a value of the wrong type; the message gives the closest name.
    """
    problems: list[str] = []
    validate_section(fields_model(cast("type", settings)), raw, key, problems)
    if problems:
        raise ValueError("; ".join(problems) + ".")
    return settings(**raw)


def refuse_unknown_tasks(key: str, names: list[str], config: Any) -> None:
    """Refuse a name that is no task.

    Raises:
        ValueError: The message lists the tasks there are.
    """
    for name in names:
        try:
            config.task(name)
        except ValueError as error:
            raise ValueError(f"train.{key}.tasks: {error}") from None


def _refuse_repeats(key: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{key}.tasks: {', '.join(repeated)} stands twice; name each task once.")
