"""What the page asks of a model."""

from collections.abc import Mapping, Sequence
from typing import Any


def answers_of(model: Any, texts: Any, names: Sequence[str], **options: Any) -> Mapping[str, Any]:
    """Return what `predict` answers; tasks that can withhold an answer do so.

    Args:
        model: A `PolyheadModel`, of the package or of a checkpoint's code.
        texts: As in `predict`, like `options`.
        names: Of the tasks.
        **options: As there.
    """
    tasks = [model.config.task(name) for name in names]
    able = [task.name for task in tasks if task.min_confidence is not None or task.max_out_of_scope is not None]
    others = [name for name in names if name not in able]
    answers = model.predict(texts, tasks=others, **options) if others else {}
    if able:
        answers = answers | model.predict(texts, tasks=able, abstain=True, **options)
    return {name: answers[name] for name in names}
