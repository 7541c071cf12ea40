"""The golden file: what a model says of a few sentences, so that anyone can see later whether it still says the same."""

import json
import math
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel
from transformers.utils import logging

logger = logging.get_logger(__name__)

GOLDEN = "golden.json"
# Short and long beside each other, so that padding is in play, and letters beyond ASCII.
TEXTS = ("A cat sat on the mat.", "Zwölf Vögel!", "The parcel came late, and the box was open.")
PAIRS = (("A cat sat.", "The cat is sitting."), ("Rain again!", "A dog ran far, far away."))
TOLERANCE = 1e-5  # of numbers up to 1, relative above
TOLERANCE_HALF = 2e-2  # of weights in half precision, whose sums differ from processor to processor
_DECIMALS = 7
Golden = dict[str, Any]


def write_golden(folder: Path, model: Any) -> None:
    """Write what a model says; where it cannot say anything, because it does not fit its tokenizer or device, no file."""
    if not model.tokenizer.is_fast or len(model.tokenizer) > model.config.vocab_size:
        return
    try:
        told = golden_answers(model)
    except RuntimeError as error:  # a device without memory or without this precision must not keep a model from disk
        logger.warning(f"{GOLDEN} is not written: {str(error).splitlines()[0]}")
        return
    (folder / GOLDEN).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def golden_answers(model: Any) -> Golden:
    """Return embeddings and answers of all tasks for the golden sentences, as JSON has them."""
    told: Golden = {"texts": list(TEXTS), "pairs": [list(pair) for pair in PAIRS], "precision": _precision(model)}
    told["embeddings"] = model.encode(list(TEXTS)).tolist()
    for key, texts, are_pairs in (("answers", list(TEXTS), False), ("pair_answers", list(PAIRS), True)):
        names = [task.name for task in model.config.tasks if task.is_pair == are_pairs]
        told[key] = model.predict(texts, tasks=names) if names else {}
    rounded: Golden = _rounded(told)
    return rounded


def find_differences(golden: Any, model: Any) -> tuple[list[str], float]:
    """Compare a golden file's content with what a model says now.

    Args:
        golden: Content of the file.
        model: Loaded from the same folder.

    Returns:
        Where the two differ, one line a value, and the largest difference of numbers (relative above 1).
    """
    now = golden_answers(model)
    tolerance = TOLERANCE if now["precision"] == "float32" else TOLERANCE_HALF
    lines: list[str] = []
    largest = _compare("", golden, now, tolerance, lines)
    return lines, largest


def _precision(model: PreTrainedModel) -> str:
    return str(model.dtype).removeprefix("torch.")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, _DECIMALS) if isinstance(value, float) else value


def _compare(place: str, was: Any, now: Any, tolerance: float, lines: list[str]) -> float:
    if isinstance(was, dict) and isinstance(now, dict) and was.keys() == now.keys():
        pairs = [(f"{place}.{key}".strip("."), was[key], now[key]) for key in now]
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = [(f"{place}[{row}]", *both) for row, both in enumerate(zip(was, now, strict=True))]
    elif isinstance(was, float | int) and isinstance(now, float):
        difference = abs(was - now) / max(1.0, abs(was))
        if not difference <= tolerance:  # so that NaN differs
            lines.append(f"{place} was {was}, is {now}")
        return difference if math.isfinite(difference) else math.inf
    else:
        if was != now:
            lines.append(f"{place} was {_short(was)}, is {_short(now)}")
        return 0.0
    return max((_compare(*pair, tolerance, lines) for pair in pairs), default=0.0)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
