"""Sentence embeddings from texts: sorted by length, batched by padded tokens, order restored."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.utils import logging

from .outputs_polyhead import PolyheadOutput
from .texts_polyhead import clean, find_bad_texts, refuse
from .tokenizing_polyhead import TokenizedText, pad, tokenize

logger = logging.get_logger(__name__)

# Padded tokens per batch: small batches stay in a processor's cache, large ones fill an accelerator.
TOKENS_PER_BATCH = {"cpu": 1024, "accelerator": 32768}
TEXTS_PER_WINDOW = 16384  # tokenized at a time, so that memory does not grow with the number of texts
_mode_lock = threading.Lock()  # not the model's own: a model with a lock cannot be copied


class EncodingMixin(PreTrainedModel):
    """`encode`, and the batched inference that `predict` and evaluation share."""

    _num_evaluating = 0
    _return_to_training = False

    def encode(
        self,
        texts: str | Iterable[str],
        batch_size: int | None = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        to: str = "numpy",
        progress: bool = False,
        on_bad: str = "raise",
    ) -> np.ndarray | Tensor:
        """Return the sentence embeddings of texts, in their order.

        Args:
            texts: One text or many.
            batch_size: Texts per batch; None: as many as fit a budget of padded tokens. It does not change the result.
            prompt: Text to put before each text.
            prompt_name: Name of a stored prompt to put before each text; None: the default prompt, if there is one.
            normalize: Scale to length 1; None: as the model was built.
            truncate_dim: Keep the first dimensions only (Matryoshka); normalised again where normalisation is on.
            to: `numpy` (float32 array) or `torch` (float32 tensor on the CPU).
            progress: Show a bar.
            on_bad: `raise` one error that lists unreadable texts (empty, blank, no string), or `flag` them: NaN rows.

        Returns:
            Shape (texts, dim), or (dim,) for a single string. Texts longer than the model's maximum are cut; a warning
            says how many.

        Raises:
            ValueError: Unreadable texts, an unknown prompt, or an option out of range.
        """
        if to not in ("numpy", "torch"):
            raise ValueError(f"to={to!r} is unknown; choose 'numpy' or 'torch'.")
        size = self.config.embedding_size
        if truncate_dim is not None and not 1 <= truncate_dim <= size:
            raise ValueError(f"truncate_dim {truncate_dim} must be between 1 and the embedding size {size}.")
        normalize = self.config.normalize if normalize is None else normalize
        prefix = self._prompt_text(prompt, prompt_name)
        listed = [texts] if isinstance(texts, str) else list(texts)
        embeddings = torch.full((len(listed), truncate_dim or size), torch.nan)  # rows of bad texts stay NaN
        good = self._readable(listed, on_bad)
        prompted = [prefix + clean(listed[position]) for position in good]
        for rows, _, output in self.run_batches(
            prompted, tasks=[], batch_size=batch_size, progress=progress, normalize=False
        ):
            vectors = output.sentence_embedding[:, :truncate_dim].float().cpu()  # (batch, dim)
            embeddings[[good[row] for row in rows]] = functional.normalize(vectors, dim=-1) if normalize else vectors
        result = embeddings[0] if isinstance(texts, str) else embeddings
        return result.numpy() if to == "numpy" else result

    def run_batches(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        tasks: list[str] | None = None,
        batch_size: int | None = None,
        progress: bool = False,
        normalize: bool | None = None,
    ) -> Iterator[tuple[list[int], list[TokenizedText], PolyheadOutput]]:
        """Tokenize texts and run the model over them in batches of similar length.

        Args:
            texts: Readable texts.
            pairs: Second texts for pair tasks, as many.
            tasks: As in `forward`.
            batch_size: As in `encode`.
            progress: Show a bar.
            normalize: As in `forward`.

        Yields:
            Positions of the batch's texts, their tokens, and the model's output for them.
        """
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size {batch_size} must be at least 1, or None for as many texts as fit.")
        num_truncated = 0
        with logging.tqdm(total=len(texts), desc="texts", disable=None if progress else True) as bar:
            for start in range(0, len(texts), TEXTS_PER_WINDOW):
                window = slice(start, start + TEXTS_PER_WINDOW)
                first = tokenize(self.tokenizer, list(texts[window]), self.max_length)
                second = None if pairs is None else tokenize(self.tokenizer, list(pairs[window]), self.max_length)
                num_truncated += sum(row.is_truncated for row in first + (second or []))
                for rows, output in self.run_tokenized(first, second, tasks, batch_size, normalize):
                    yield [start + row for row in rows], [first[row] for row in rows], output
                    bar.update(len(rows))
        if num_truncated:
            num_texts = len(texts) + len(pairs or [])
            logger.warning(
                f"{num_truncated} of {num_texts} texts were longer than {self.max_length} tokens and were cut."
            )

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
            for rows in self._plan_batches(first, second, batch_size):
                inputs = self._collate(first, second, rows)
                yield rows, self(**inputs, tasks=tasks, normalize=normalize, return_dict=True)

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

    def _plan_batches(
        self, first: list[TokenizedText], second: list[TokenizedText] | None, batch_size: int | None
    ) -> Iterator[list[int]]:
        lengths = [max(len(row), len(second[index]) if second else 0) for index, row in enumerate(first)]
        budget = TOKENS_PER_BATCH["cpu" if self.device.type == "cpu" else "accelerator"]
        batch: list[int] = []
        for row in sorted(
            range(len(first)), key=lengths.__getitem__, reverse=True
        ):  # longest first: memory fails early
            limit = batch_size or max(1, budget // lengths[batch[0] if batch else row])
            if len(batch) >= limit:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _prompt_text(self, prompt: str | None, prompt_name: str | None) -> str:
        name = prompt_name or (self.config.default_prompt_name if prompt is None else None)
        if prompt is not None and prompt_name is not None:
            raise ValueError("prompt and prompt_name were both given; give one of them.")
        if name is not None and name not in self.config.prompts:
            raise ValueError(f"no prompt '{name}' in this model. Its prompts: {sorted(self.config.prompts) or 'none'}.")
        return self.config.prompts[name] if name is not None else prompt or ""

    def _readable(self, texts: list[Any], on_bad: str) -> list[int]:
        if on_bad not in ("raise", "flag"):
            raise ValueError(f"on_bad={on_bad!r} is unknown; choose 'raise' or 'flag'.")
        bad = find_bad_texts(texts)
        if bad and on_bad == "raise":
            refuse(bad, len(texts))
        return [position for position in range(len(texts)) if position not in bad]
