"""Texts encoded from kept states: the constant layers are left out, forward and backward."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ...modeling.outputs_polyhead import Encoded
from ...modeling.tokenizing_polyhead import pad
from ..optimization.depth import find_layers
from .stored_states import StoredStates, text_key


class _Captured(Exception):  # noqa: N818 - no error: it ends a pass where nothing more is needed
    def __init__(self, states: Tensor) -> None:
        self.states = states


class CachedEncoding:
    """Takes the place of `PolyheadModel.encode_tokens` while layers are constant.

    Args:
        model: The model.
        store: Places for the texts that will come; others are encoded as ever.
        num_layers: How many layers are constant, all or less.
    """

    def __init__(self, model: Any, store: StoredStates, num_layers: int) -> None:
        self.store = store
        self.num_computed = 0  # texts that went through the constant layers
        self._model = model
        self._num_given = 0  # how many things a layer returns; 0: the states alone, as no tuple
        self._encode: Callable[..., Encoded] = type(model).encode_tokens.__get__(model)
        layers = list(find_layers(model.backbone, model.config.num_hidden_layers)[1])
        self._lower = layers[:num_layers]
        # The layer that reads the kept states; None: the whole backbone is constant.
        self._boundary = layers[num_layers] if num_layers < model.config.num_hidden_layers else None

    def __call__(
        self, input_ids: Tensor | None, attention_mask: Tensor | None, token_type_ids: Tensor | None, **kwargs: Any
    ) -> Encoded:
        """Encode as `encode_tokens` does."""
        found = None
        if (
            input_ids is not None
            and attention_mask is not None
            and not any(_is_asked(value) for value in kwargs.values())
        ):
            lengths = attention_mask.sum(dim=1).tolist()
            rows = zip(input_ids.cpu(), lengths, strict=True)
            found = self.store.find([text_key(ids[:length]) for ids, length in rows])
        if found is None or attention_mask is None:
            return self._encode(input_ids, attention_mask, token_type_ids, **kwargs)
        starts, missing = found
        for block in missing:
            self._fill(block)
        states = self.store.gather(starts, attention_mask)
        if self._boundary is not None:
            with self._left_out(self._boundary, states):
                return self._encode(input_ids, attention_mask, token_type_ids)
        states = self._mixed(states)
        if states.dim() == 2:  # pooled already
            projected = self._model.project(states)
            return Encoded(input_ids, None, attention_mask, states, projected, None, None)
        return self._model.pool_tokens(input_ids, states, attention_mask)

    @torch.no_grad()
    def _fill(self, block: int) -> None:
        texts = self.store.blocks[block]
        inputs = {
            name: array.to(self._model.device) for name, array in pad(texts, self._model.tokenizer.pad_token_id).items()
        }
        arguments = (inputs["input_ids"], inputs["attention_mask"], inputs.get("token_type_ids"))
        with _without_dropout(self._model), _without_cast_cache(self._model.device.type):
            if self._boundary is not None:
                states = self._states_below(self._boundary, arguments)
            else:
                states = self._constant_states(self._encode(*arguments))
        self.store.fill(block, states, inputs["attention_mask"] if self.store.by_token else None)
        self.num_computed += len(texts)

    def _constant_states(self, encoded: Encoded) -> Tensor:
        """Return what pooling or heads read; of layers that are mixed, by weights that may train, all beside one another."""
        mix = self._model.polyhead.layer_mix
        if mix is None:
            return encoded.token_embeddings if self.store.by_token else encoded.pooled
        all_layers: Any = encoded.hidden_states  # there where some are mixed
        layers = all_layers[-mix.num_layers :]
        if not self.store.by_token:
            layers = [self._model.polyhead.pooling(layer, encoded.attention_mask) for layer in layers]
        return torch.cat(list(layers), dim=-1)

    def _mixed(self, states: Tensor) -> Tensor:
        mix = self._model.polyhead.layer_mix
        if mix is None:
            return states
        layers = states.unflatten(-1, (mix.num_layers, -1)).unbind(-2)
        if self.store.by_token:
            return mix(layers)  # (texts, seq, width)
        return mix(tuple(layer.unsqueeze(1) for layer in layers)).squeeze(1)  # (texts, width)

    def _states_below(self, layer: nn.Module, arguments: tuple[Any, ...]) -> Tensor:
        def _capture(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            raise _Captured(args[0] if args else kwargs["hidden_states"])

        def _note(_: nn.Module, __: Any, given: Any) -> None:
            self._num_given = len(given) if isinstance(given, tuple) else 0

        with ExitStack() as undo:
            undo.callback(layer.register_forward_pre_hook(_capture, with_kwargs=True).remove)
            undo.callback(self._lower[0].register_forward_hook(_note).remove)
            try:
                self._encode(*arguments)
            except _Captured as captured:
                return captured.states
        raise RuntimeError(f"{type(self._model.backbone).__name__} did not run its layers.")

    @contextmanager
    def _left_out(self, boundary: nn.Module, states: Tensor) -> Iterator[None]:
        """Let lower layers hand on what they get, and the first that is not constant read the kept states."""

        def _replace(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            return ((states, *args[1:]), kwargs) if args else (args, kwargs | {"hidden_states": states})

        def _hand_on(hidden_states: Tensor, *_: Any, **__: Any) -> Any:
            return (hidden_states, *[None] * (self._num_given - 1)) if self._num_given else hidden_states

        with ExitStack() as undo:
            undo.callback(boundary.register_forward_pre_hook(_replace, with_kwargs=True).remove)
            for layer in self._lower:
                layer.forward = _hand_on
                undo.callback(layer.__dict__.pop, "forward")
            yield


def _is_asked(value: Any) -> bool:
    return value is not None and value is not False


@contextmanager
def _without_dropout(model: nn.Module) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def _without_cast_cache(device_type: str) -> Iterator[None]:
    """Let autocast keep no rounded weight of a pass without gradients.

    Before the fix of 2025-12 (https://github.com/pytorch/pytorch/pull/165068) it would hand it to the pass that trains, whose
    weight then gets no gradient.
    """
    is_on = torch.is_autocast_enabled(device_type)
    dtype = torch.get_autocast_dtype(device_type) if is_on else None
    with torch.autocast(device_type, dtype, enabled=is_on, cache_enabled=False):
        yield
