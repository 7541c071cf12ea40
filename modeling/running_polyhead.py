"""A torch model over batches of tokenized texts: evaluation mode, threads, devices."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel

from .batching_polyhead import TokenizedText
from .outputs_polyhead import PolyheadOutput
from .tokenizing_polyhead import pad, tokenize

# Padded tokens per batch: small batches stay in a processor's cache, large ones fill an accelerator.
TOKENS_PER_BATCH = {"cpu": 1024, "accelerator": 32768}
# One thread at a time can hold Python's lock to launch an operator: far more workers would wait for each other.
MOST_WORKERS = 16
# Not the model's own: a model with a lock cannot be copied.
_mode_lock = threading.Lock()
_start_lock = threading.Lock()


class RunningMixin(PreTrainedModel):
    """The batched inference that `encode`, `predict` and evaluation share."""

    _num_evaluating = 0
    _return_to_training = False

    def tokenize(self, texts: list[str]) -> list[TokenizedText]:
        """Tokenize texts, each cut at the model's maximum."""
        return tokenize(self.tokenizer, texts, self.max_length)

    @property
    def tokens_per_batch(self) -> int:
        """Padded tokens of a batch where nobody says how many texts it has."""
        return TOKENS_PER_BATCH["cpu" if self.device.type == "cpu" else "accelerator"]

    def choose_num_workers(self) -> int:
        """Number of threads that each run batches of their own, where the caller names none.

        On a processor one for each of torch's threads: two products of matrices of this size, each on a core of its own, end
        sooner than one after the other on both. One where an accelerator computes, and where what was put around the model
        (`torch.compile`, accelerate's hooks) or into it (states kept while layers are frozen) is no work for two threads.
        """
        is_wrapped = self._compiled_call_impl is not None or hasattr(self, "_hf_hook") or "encode_tokens" in vars(self)
        return 1 if is_wrapped or self.device.type != "cpu" else min(torch.get_num_threads(), MOST_WORKERS)

    @torch.inference_mode()
    def run_batch(
        self,
        first: list[TokenizedText],
        second: list[TokenizedText] | None,
        tasks: list[str] | None,
        normalize: bool | None,
    ) -> PolyheadOutput:
        """Run the model over one batch of tokenized texts."""
        pad_token_id = self.tokenizer.pad_token_id
        inputs = pad(first, pad_token_id) | ({} if second is None else pad(second, pad_token_id, prefix="pair_"))
        on_device = {name: tensor.to(self.device) for name, tensor in inputs.items()}
        return self._answer_tasks(**on_device, tasks=tasks, normalize=normalize, return_dict=True)

    def _answer_tasks(self, **inputs: Any) -> PolyheadOutput:
        output: PolyheadOutput = self(**inputs)
        return output

    @contextmanager
    def ready_to_run(self, num_workers: int) -> Iterator[ThreadPoolExecutor | None]:
        """Keep the model in evaluation mode; gives the threads that shall run its batches, None for one."""
        with self._evaluating():
            if num_workers == 1:
                yield None
            else:
                with _workers(num_workers, self.device.type) as workers:
                    yield workers

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


@contextmanager
def _workers(num_workers: int, device_type: str) -> Iterator[ThreadPoolExecutor]:
    num_threads = torch.get_num_threads()
    # Set for the calling thread alone; those that work for it shall compute alike.
    is_mixed, dtype = torch.is_autocast_enabled(device_type), torch.get_autocast_dtype(device_type)
    all_started = threading.Barrier(num_workers)

    def _start(_: int) -> None:
        torch.get_num_threads()  # a thread takes over the number of all once, when it first needs it: not after the next line
        torch.set_num_threads(max(1, num_threads // num_workers))  # of this thread, and of those that start after it
        torch.set_autocast_enabled(device_type, is_mixed)
        torch.set_autocast_dtype(device_type, dtype)
        all_started.wait()  # so that each thread starts once

    with ThreadPoolExecutor(num_workers) as workers:
        with _start_lock:
            try:
                list(workers.map(_start, range(num_workers)))
            except BaseException:
                all_started.abort()  # those that have started would wait for ever for those that the system refuses
                raise
            finally:
                torch.set_num_threads(num_threads)  # threads of others that start from here on get what they expect
        yield workers
