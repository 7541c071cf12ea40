"""Settings that need the length of the data, which nobody knows where a data set is streamed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

_STRATEGIES = ("eval_strategy", "save_strategy", "logging_strategy")
# What reads all training rows, or waits for the end of an epoch, and what to do instead.
_REFUSED = {
    "num_train_epochs": "leave it out, max_steps says when the run ends",
    "thaw_every_epochs": "write thaw_every_steps",
    "sampling_final_temperature": "the temperature moves with the epochs; leave it out",
    "sampling_cap": "it compares numbers of rows; leave it out",
    "task_patience": "a task stops at the end of an epoch; early_stopping_patience ends the whole run",
    "retain": "it answers all training rows before the first step; leave `streaming` out, or retain",
}


def stream_conflicts(settings: Mapping[str, Any], names: Sequence[str], streams: Sequence[str]) -> list[str]:
    """Say what a run with streamed data sets cannot take: `key: what came; how to mend it`.

    Args:
        settings: Those of the training arguments that were written down.
        names: All data sets with training rows.
        streams: Those that are streamed; none: nothing is refused.
    """
    if not streams:
        return []
    is_stream = f"data set '{streams[0]}' is a stream, which has no epochs"
    conflicts = []
    steps = settings.get("max_steps")
    if not isinstance(steps, int) or steps < 1:
        came = "missing" if steps in (None, -1) else f"{steps} came"
        conflicts.append(
            f"max_steps: {came}, and data set '{streams[0]}' is a stream, whose length nobody knows; add `max_steps: 1000`, "
            "the optimizer steps of the run"
        )
    for key in _STRATEGIES:
        if settings.get(key) == "epoch":
            every = key.replace("strategy", "steps")
            conflicts.append(f"{key}: 'epoch' came, but {is_stream}; write `{key}: steps` and `{every}: 500`")
    for key, remedy in _REFUSED.items():
        if settings.get(key) is not None:
            conflicts.append(f"{key}: {settings[key]} came, but {is_stream}; {remedy}")
    return [*conflicts, *_epochs_of_freezing(settings.get("freeze"), is_stream), *_unknown_shares(settings, names)]


def _epochs_of_freezing(rules: Any, is_stream: str) -> list[str]:
    keys = {key for rule in rules or [] if isinstance(rule, dict) for key in rule} if isinstance(rules, list) else set()
    return [
        f"freeze: {key} came, but {is_stream}; write {key.replace('epoch', 'step')}"
        for key in ("from_epoch", "until_epoch")
        if key in keys
    ]


def _unknown_shares(settings: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    if len(names) < 2 or settings.get("sampling_weights") or settings.get("sampling_temperature") == math.inf:
        return []
    example = ", ".join(f"{name}: 1" for name in names)
    return [
        "sampling_weights: missing, and shares in proportion need the number of rows, which a stream does not tell; add "
        f"`sampling_weights: {{{example}}}` with the shares that you want"
    ]
