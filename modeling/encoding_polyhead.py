"""Sentence embeddings from texts: sorted by length, batched by padded tokens, order restored.

No torch here: what runs the model is a torch model or another runtime, which gives tensors or arrays.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from huggingface_hub.utils import tqdm

from .batching_polyhead import TokenizedText
from .texts_polyhead import clean, find_bad_texts, refuse

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

TEXTS_PER_WINDOW = 16384  # tokenized at a time, so that memory does not grow with the number of texts


class EncodingMixin:
    """`encode`, for a class that can tokenize texts and run a model over them."""

    config: Any

    @property
    def max_length(self) -> int:
        """Longest input in tokens, special ones included."""
        raise NotImplementedError  # given by `CheckpointMixin`, `OnnxPolyhead`

    def tokenize(self, texts: list[str]) -> list[TokenizedText]:
        """Tokenize texts, each cut at the model's maximum."""
        raise NotImplementedError  # given by `RunningMixin`, `OnnxPolyhead`

    def run_tokenized(
        self,
        first: list[TokenizedText],
        second: list[TokenizedText] | None = None,
        tasks: list[str] | None = None,
        batch_size: int | None = None,
        normalize: bool | None = None,
    ) -> Iterator[tuple[list[int], Any]]:
        """Run the model over tokenized texts in batches; yields their positions and a `PolyheadOutput`, or its like."""
        raise NotImplementedError  # given by `RunningMixin`, `OnnxPolyhead`

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
    ) -> "np.ndarray | Tensor":
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
        embeddings = np.full(
            (len(listed), truncate_dim or size), np.nan, dtype=np.float32
        )  # rows of bad texts stay NaN
        good = self._readable(listed, on_bad)
        prompted = [prefix + clean(listed[position]) for position in good]
        for rows, _, output in self.run_batches(
            prompted, tasks=[], batch_size=batch_size, progress=progress, normalize=False
        ):
            vectors = as_array(output.sentence_embedding)[:, :truncate_dim]  # (batch, dim)
            embeddings[[good[row] for row in rows]] = normalized(vectors) if normalize else vectors
        result = embeddings[0] if isinstance(texts, str) else embeddings
        return result if to == "numpy" else _as_tensor(result)

    def run_batches(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        tasks: list[str] | None = None,
        batch_size: int | None = None,
        progress: bool = False,
        normalize: bool | None = None,
    ) -> Iterator[tuple[list[int], list[TokenizedText], Any]]:
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
        with tqdm(total=len(texts), desc="texts", disable=None if progress else True) as bar:
            for start in range(0, len(texts), TEXTS_PER_WINDOW):
                window = slice(start, start + TEXTS_PER_WINDOW)
                first = self.tokenize(list(texts[window]))
                second = None if pairs is None else self.tokenize(list(pairs[window]))
                num_truncated += sum(row.is_truncated for row in first + (second or []))
                for rows, output in self.run_tokenized(first, second, tasks, batch_size, normalize):
                    yield [start + row for row in rows], [first[row] for row in rows], output
                    bar.update(len(rows))
        if num_truncated:
            num_texts = len(texts) + len(pairs or [])
            logger.warning(
                f"{num_truncated} of {num_texts} texts were longer than {self.max_length} tokens and were cut."
            )

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


def as_array(values: Any) -> np.ndarray:
    """Return a tensor, wherever it lies, as a float32 array; an array as it is."""
    return values if isinstance(values, np.ndarray) else values.float().cpu().numpy()


def normalized(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors (..., dim) to length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(min=1e-12)


def _as_tensor(array: np.ndarray) -> "Tensor":
    import torch

    return torch.from_numpy(array)
