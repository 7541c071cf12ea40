"""Ctrl-C ends a run between two steps, with a checkpoint."""

import signal
import threading
from typing import Any

from transformers import TrainerCallback


class InterruptCallback(TrainerCallback):
    """On the first Ctrl-C, finish the step, save a checkpoint and stop; on the second, stop at once.

    `was_interrupted` tells afterwards.
    """

    def __init__(self) -> None:
        self.was_interrupted = False
        self._previous: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take over Ctrl-C; only the main thread may."""
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._note)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Save and stop when it was pressed."""
        if self.was_interrupted:
            control.should_save = True
            control.should_training_stop = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Do not measure an epoch that was cut short."""
        if self.was_interrupted:
            control.should_evaluate = False
            control.should_save = False

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Give Ctrl-C back."""
        self.release()

    def release(self) -> None:
        """Give Ctrl-C back, also after a run that failed."""
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def _note(self, number: int, frame: Any) -> None:
        if self.was_interrupted:
            raise KeyboardInterrupt
        self.was_interrupted = True
