"""An exported model under ONNX Runtime: `encode` and `predict` without torch and transformers."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..modeling.batching_polyhead import TokenizedText, pad_arrays
from ..modeling.encoding_polyhead import normalized
from ..modeling.predicting_polyhead import PredictingMixin
from ..modeling.scope_polyhead import SCOPE, Scope, read_scopes
from .onnx_config import GRAPH, LOGITS, TOKENIZER, UNNORMALIZED, OnnxConfig
from .onnx_location import find_export

TOKENS_PER_BATCH = 1024  # padded; as for torch on a processor


@dataclass(frozen=True)
class OnnxOutput:
    """What the graph gives for one batch; fields as in `PolyheadOutput`."""

    sentence_embedding: np.ndarray
    pair_sentence_embedding: np.ndarray | None
    logits: dict[str, np.ndarray]


class OnnxPolyhead(PredictingMixin):
    """A model that `polyhead export onnx` wrote; `from_pretrained` loads it. Threads may share it.

    Args:
        config: Its settings.
        tokenizer: A `tokenizers.Tokenizer` that cuts at the model's maximum.
        session: An `onnxruntime.InferenceSession` of its graph.
        scopes: By name of the tasks that tell what is out of scope.
    """

    def __init__(
        self, config: OnnxConfig, tokenizer: Any, session: Any, scopes: dict[str, Scope] | None = None
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.session = session
        self.scopes = scopes or {}
        self._inputs = {node.name for node in session.get_inputs()}

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        num_threads: int | None = None,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        **hub_options: Any,
    ) -> "OnnxPolyhead":
        """Load an exported model.

        Args:
            name: Folder that `polyhead export onnx` wrote, or a repository on the Hub that was pushed with `--onnx`.
            num_threads: Threads that compute one batch; None: as many as there are processor cores.
            providers: ONNX Runtime's names of what computes, such as `CUDAExecutionProvider`, the preferred one first.
            **hub_options: `revision`, `token`, `cache_dir`, `local_files_only`.

        Raises:
            ValueError: There is no exported model of that name, or a file of it is damaged.
            ImportError: onnxruntime or tokenizers is not installed.
        """
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ImportError(f"OnnxPolyhead needs {error.name}: pip install 'polyhead[onnx]'.") from error
        folder = find_export(name, **hub_options)
        config = OnnxConfig.read(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads or 0  # 0: one a core
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
            session = onnxruntime.InferenceSession(str(folder / GRAPH), options, providers=list(providers))
        except Exception as error:  # both raise a bare Exception
            reason = str(error).splitlines()[0].rstrip(".")
            raise ValueError(f"'{folder}' cannot be loaded: {reason}. Export the model again.") from error
        rows = Path(folder) / SCOPE
        scopes = read_scopes(rows if rows.is_file() else None, config.tasks, config.embedding_size)
        return cls(config, tokenizer, session, scopes)

    @property
    def max_length(self) -> int:
        """Longest input in tokens, special ones included."""
        return self.config.max_length

    def tokenize(self, texts: list[str]) -> list[TokenizedText]:
        """Tokenize texts, each cut at the model's maximum."""
        encodings = self.tokenizer.encode_batch(texts)
        names = {"input_ids": "ids", "token_type_ids": "type_ids"}
        return [
            TokenizedText(
                {name: getattr(encoding, key) for name, key in names.items() if name in self._inputs},
                encoding.offsets,
                bool(encoding.overflowing),
            )
            for encoding in encodings
        ]

    @property
    def tokens_per_batch(self) -> int:
        """Padded tokens of a batch where nobody says how many texts it has."""
        return TOKENS_PER_BATCH

    def choose_num_workers(self) -> int:
        """One: ONNX Runtime's own threads share the work of a batch."""
        return 1

    @contextmanager
    def ready_to_run(self, num_workers: int) -> Iterator[ThreadPoolExecutor | None]:
        """Give the threads that shall run batches, None for one."""
        if num_workers == 1:
            yield None
        else:
            with ThreadPoolExecutor(num_workers) as workers:
                yield workers

    def run_batch(
        self,
        first: list[TokenizedText],
        second: list[TokenizedText] | None,
        tasks: list[str] | None,
        normalize: bool | None,
    ) -> OnnxOutput:
        """Run the graph over one batch of tokenized texts."""
        chosen = [
            task.name
            for task in self.config.tasks
            if (task.name in tasks if tasks is not None else second is not None or not task.is_pair)
        ]
        inputs = self._collate(first, second)
        embeddings, *logits = self.session.run([UNNORMALIZED, *map(LOGITS.__add__, chosen)], inputs)
        wanted = self.config.normalize if normalize is None else normalize
        sides = np.split(normalized(embeddings) if wanted else embeddings, 1 if second is None else 2)
        return OnnxOutput(
            sentence_embedding=sides[0],
            pair_sentence_embedding=None if second is None else sides[1],
            # Second texts are left out: single-text heads answered them too.
            logits={name: values[: len(first)] for name, values in zip(chosen, logits, strict=True)},
        )

    def _collate(self, first: list[TokenizedText], second: list[TokenizedText] | None) -> dict[str, np.ndarray]:
        texts = [*first, *(second or [])]
        inputs = pad_arrays(texts, self.config.pad_token_id)
        # The second text of a pair stands len(rows) after the first. Where there are no pairs the first text is compared
        # with itself: operators differ in what they make of no rows at all.
        numbers = np.arange(1 if second is None else len(second))
        inputs["pairs"] = np.stack([numbers, numbers + len(texts) - len(first)], axis=1)
        return {name: array for name, array in inputs.items() if name in self._inputs}
