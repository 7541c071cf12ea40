"""A torch model over tokenized texts: evaluation mode, batches, devices."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from .batching_polyhead import TokenizedText, plan_batches
from .outputs_polyhead import PolyheadOutput
from .tokenizing_polyhead import pad, tokenize

# Padded tokens per batch: small batches stay in a processor's cache, large ones fill an accelerator.
TOKENS_PER_BATCH = {"cpu": 1024, "accelerator": 32768}
_mode_lock = threading.Lock()  # not the model's own: a model with a lock cannot be copied


class RunningMixin(PreTrainedModel):
    """The batched inference that `encode`, `predict` and evaluation share."""

    _num_evaluating = 0
    _return_to_training = False

    def tokenize(self, texts: list[str]) -> list[TokenizedText]:
        """Tokenize texts, each cut at the model's maximum."""
        return tokenize(self.tokenizer, texts, self.max_length)

    @torch.inference_mode()
    def run_tokenized(
        self,
        first: list[TokenizedText],
        second: list[TokenizedText] | None = None,
        tasks: list[str] | None = None,
        batch_size: int | None = None,
        normalize: bool | None = None,
    ) -> Iterator[tuple[list[int], PolyheadOutput]]:
        """Run the model, in evaluation mode, over texts that are tokenized already; yields positions and output."""
        with self._evaluating():
            budget = TOKENS_PER_BATCH["cpu" if self.device.type == "cpu" else "accelerator"]
            for rows in plan_batches(first, second, batch_size, budget):
                inputs = self._collate(first, second, rows)
                yield rows, self._answer_tasks(**inputs, tasks=tasks, normalize=normalize, return_dict=True)

    def _answer_tasks(self, **inputs: Any) -> PolyheadOutput:
        output: PolyheadOutput = self(**inputs)
        return output

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        # The first of several threads leaves training mode, the last one returns to it: none meets dropout in between.
        with _mode_lock:
            self._num_evaluating += 1
            if self.training:
                self._return_to_training = True
                self.eval()
        try:
            yield
        finally:
            with _mode_lock:
                self._num_evaluating -= 1
                if self._return_to_training and not self._num_evaluating:
                    self._return_to_training = False
                    self.train()

    def _collate(
        self, first: list[TokenizedText], second: list[TokenizedText] | None, batch: list[int]
    ) -> dict[str, Tensor]:
        pad_token_id = self.tokenizer.pad_token_id
        inputs = pad([first[row] for row in batch], pad_token_id)
        if second is not None:
            inputs |= pad([second[row] for row in batch], pad_token_id, prefix="pair_")
        return {name: tensor.to(self.device) for name, tensor in inputs.items()}
