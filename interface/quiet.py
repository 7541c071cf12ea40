"""Keeps transformers' reports about itself off the screen; its warnings stay."""

import logging
import re

# A row of a load report that is about weights which the model needs. A pooler is none: ours stands in its place.
_LACKS_WEIGHTS = re.compile(r"^(?!.*\bpooler\b).*\|.*(MISSING|MISMATCH|CONVERSION)", re.MULTILINE)
_NOISE = ("mtime may not be reliable",)


def quiet_transformers() -> None:
    """Hide the bars of weight loading and saving, and reports that nothing is wrong; downloads and batches keep theirs."""
    from huggingface_hub.utils import enable_progress_bars
    from transformers.utils.logging import disable_progress_bar, get_logger

    disable_progress_bar()
    enable_progress_bars()  # of downloads and batches: transformers has switched them off too
    get_logger()  # makes the handler
    for handler in logging.getLogger("transformers").handlers:
        if is_worth_telling not in handler.filters:
            handler.addFilter(is_worth_telling)


def is_worth_telling(record: logging.LogRecord) -> bool:
    """Say whether a message of transformers is for the user."""
    message = record.getMessage()
    if "LOAD REPORT" in message:
        # What our own models lack is an error already.
        return not message.lstrip("\x1b[0123456789m").startswith("Polyhead") and bool(_LACKS_WEIGHTS.search(message))
    return not any(noise in message for noise in _NOISE)
