"""Sentence embeddings from texts, in their order."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from .streaming_polyhead import Progress, StreamingMixin
from .texts_polyhead import clean, find_bad_texts, refuse

if TYPE_CHECKING:
    from torch import Tensor

TEXTS_PER_PART = 8192  # of a stream: 13 MB of embeddings of 384 numbers, and two windows tokenized


class EncodingMixin(StreamingMixin):
    """`encode` and `encode_stream`, for a class that can run a model over texts."""

    def encode(
        self,
        texts: str | Iterable[str],
        batch_size: int | None = None,
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        to: str = "numpy",
        progress: Progress = False,
        on_bad: str = "raise",
        num_workers: int | None = None,
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
            progress: Show a bar; or a function that is told the numbers of texts and of tokens of each batch.
            on_bad: `raise` one error that lists unreadable texts (empty, blank, no string), or `flag` them: NaN rows.
            num_workers: Threads that each run batches of their own, and share torch's threads; None: on a processor as many
                as torch's threads, on an accelerator one.

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
            prompted, tasks=[], batch_size=batch_size, progress=progress, normalize=False, num_workers=num_workers
        ):
            vectors = as_array(output.sentence_embedding)[:, :truncate_dim]  # (batch, dim)
            embeddings[[good[row] for row in rows]] = normalized(vectors) if normalize else vectors
        result = embeddings[0] if isinstance(texts, str) else embeddings
        return result if to == "numpy" else _as_tensor(result)

    def encode_stream(self, texts: Iterable[str], **options: Any) -> Iterator["np.ndarray | Tensor"]:
        """Encode any number of texts, in memory that does not grow with it.

        Args:
            texts: Read as they are needed.
            **options: As in `encode`. Positions that an error or a warning tells of are those within a part.

        Yields:
            What `encode` returns for each 8,192 texts, in their order.

        Raises:
            ValueError: As in `encode`, when the part comes that has the unreadable texts.
        """
        if isinstance(texts, str):
            raise ValueError("one text came, but encode_stream reads many; use encode.")
        remaining = iter(texts)
        while part := list(islice(remaining, TEXTS_PER_PART)):
            yield self.encode(part, **options)

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
