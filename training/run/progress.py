"""How a run shows itself: one bar with the training loss, and one line per evaluation."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

from transformers import PrinterCallback, ProgressCallback, Trainer


class CompactProgressCallback(ProgressCallback):
    """The Trainer's bar, with a short line where the stock one prints every metric."""

    training_bar: Any  # a tqdm, or None between runs

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Show the bar, and let warnings begin a line of their own instead of standing behind it."""
        super().on_train_begin(args, state, control, **kwargs)
        for handler in _console_handlers():
            handler.addFilter(self.clear_line)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Put the loss behind the bar and the line above it, on standard error as the bar is."""
        if not state.is_world_process_zero or self.training_bar is None:
            return
        if logs and "loss" in logs:
            self.training_bar.set_postfix_str(f"loss {logs['loss']:.4f}", refresh=False)
        elif line := describe_log(logs or {}):
            self.training_bar.write(line, file=sys.stderr)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the bar."""
        super().on_train_end(args, state, control, **kwargs)
        self.close()

    def clear_line(self, record: logging.LogRecord) -> bool:
        """Take the bar off its line, where a message is about to be written; the next step draws it again below."""
        if self.training_bar is not None:
            self.training_bar.clear()
        return True

    def close(self) -> None:
        """End the bar of a run that an error or an interrupt has ended, so that what is printed next stands below it."""
        for handler in _console_handlers():
            handler.removeFilter(self.clear_line)
        if self.training_bar is not None:
            self.training_bar.close()
            self.training_bar = None


class CompactPrinterCallback(PrinterCallback):
    """The same lines where there is no bar."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Write the line."""
        line = describe_log(logs or {})
        if line and state.is_world_process_zero:
            sys.stderr.write(f"{line}\n")


def _console_handlers() -> list[logging.Handler]:
    # The last resort writes what our own loggers warn of, unless the caller has set up logging.
    loggers = (logging.getLogger(), logging.getLogger("transformers"))
    last = [logging.lastResort] if logging.lastResort is not None else []
    return [*last, *(handler for logger in loggers for handler in logger.handlers)]


def close_bars(trainer: Trainer) -> None:
    """Close what an aborted run has left open."""
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, CompactProgressCallback):
            callback.close()


def describe_log(logs: Mapping[str, Any]) -> str:
    """Say in one line what an evaluation has found; empty for other log entries.

    >>> describe_log({"eval_loss": 0.53219, "eval_score": 0.81, "eval_topic_accuracy": 0.8, "epoch": 2.0})
    'epoch 2  validation loss 0.5322  score 0.8100'
    """
    if not {"eval_loss", "eval_score"} <= logs.keys():
        return ""
    return f"epoch {logs.get('epoch', 0):.4g}  validation loss {logs['eval_loss']:.4f}  score {logs['eval_score']:.4f}"
