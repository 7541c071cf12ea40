"""`pipeline("polyhead", ...)`: all answers of a model in one call."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from transformers import Pipeline

TEXTS_AT_ONCE = 256  # of an endless input; `predict` sorts them by length and cuts batches itself


class PolyheadPipeline(Pipeline):
    """Answer every task of a polyhead model: `pipeline("polyhead", model=..., trust_remote_code=True)`.

    Calling it takes a text, or a tuple of two for tasks on pairs, and returns `{task: answer}`, answers as `predict`
    gives them; a list returns a list; any other iterable (a data set's column, a generator) is answered as it is read.
    Keyword arguments, here or in `pipeline(...)`: `tasks`, and the others of `predict`.
    """

    _load_processor = False
    _load_image_processor = False
    _load_feature_extractor = False
    _load_tokenizer = False  # the model brings its own

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Answer a text, a pair, a list of either, or an iterable of either."""
        # `Pipeline` keeps these two for its own loader, which is not used here.
        own = {"batch_size": self._batch_size, "num_workers": self._num_workers}
        options = {**own, **self._forward_params, **self._sanitize_parameters(**options)[1]}
        if isinstance(inputs, (str, tuple)):
            return self._answer([inputs], options)[0]
        if isinstance(inputs, list):
            return self._answer(inputs, options)
        return self._stream(inputs, options)

    def _stream(self, inputs: Iterable[Any], options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        waiting = iter(inputs)
        while texts := list(islice(waiting, TEXTS_AT_ONCE)):
            yield from self._answer(texts, options)

    def _answer(self, texts: list[Any], options: dict[str, Any]) -> list[dict[str, Any]]:
        answers = self.model.predict(texts, **options)
        return [{name: rows[number] for name, rows in answers.items()} for number in range(len(texts))]

    def _sanitize_parameters(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return {}, options, {}

    def preprocess(self, input_: Any, **_: Any) -> Any:
        """Return the input as it is: `predict` does all."""
        return input_

    def _forward(self, input_tensors: Any, **options: Any) -> Any:
        return self._answer([input_tensors], options)[0]

    def postprocess(self, model_outputs: Any, **_: Any) -> Any:
        """Return the answers as they are."""
        return model_outputs
