"""Freezing under the HF Trainer, ours or the stock one."""

import math
from typing import Any

from torch import nn
from transformers import TrainerCallback

from .freezing import FreezeRule, frozen_modules, frozen_parameters, parameters_of
from .lora import base_weights


class FreezeCallback(TrainerCallback):
    """Freeze and thaw parts of a polyhead model by rules.

    What is frozen depends on the step alone, so a resumed run goes on rightly. It is applied after the Trainer has
    wrapped the model: a parameter that is frozen earlier stays unknown to distributed training, and the ranks would drift
    apart once it thaws. The optimizer must hold all parameters from the start, as `parameter_groups` does.

    Args:
        *rules: Where several name a parameter, it is frozen while any of them holds.
        frozen_dropout: Keep dropout on in parts that are frozen. Off by default: what cannot learn only gets noisier, and
            constant activations can be reused.
    """

    def __init__(self, *rules: FreezeRule, frozen_dropout: bool = False) -> None:
        self.rules = rules
        self.frozen_dropout = frozen_dropout
        self._parts: list[tuple[FreezeRule, list[str]]] = []
        self._frozen: frozenset[str] | None = None
        self._quiet: list[nn.Module] = []
        self._hook: Any = None

    @property
    def frozen(self) -> frozenset[str]:
        """Names of the parameters that are frozen now."""
        return self._frozen or frozenset()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Resolve the rules and freeze what is frozen at the present step."""
        self._parts = [(rule, parameters_of(model, rule.part)) for rule in self.rules]
        self._frozen = None
        if not self.frozen_dropout:
            self._hook = model.register_forward_pre_hook(self._silence)
        self._apply(model, state.global_step, steps_per_epoch(args, state, **kwargs))

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Freeze and thaw what is due."""
        self._apply(model, state.global_step, steps_per_epoch(args, state, **kwargs))

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Leave the model as it was found: everything trainable, nothing hooked."""
        if self._hook is not None:
            self._hook.remove()
        base = base_weights(model)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name not in base)

    def _apply(self, model: Any, step: int, steps_per_epoch: float) -> None:
        frozen = frozen_parameters(self._parts, step, steps_per_epoch)
        if frozen == self._frozen:
            return
        self._frozen = frozen
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name not in frozen)
        self._quiet = frozen_modules(model)
        # Only now: adapters learn in the place of these, so dropout around them stays on.
        for name in base_weights(model):
            model.get_parameter(name).requires_grad_(False)

    def _silence(self, model: nn.Module, inputs: Any) -> None:
        if model.training:  # the Trainer calls model.train() before every step
            for module in self._quiet:
                module.eval()


def steps_per_epoch(args: Any, state: Any, train_dataloader: Any = None, **kwargs: Any) -> float:
    """Return the optimizer steps of one pass over the data, from what a callback is told.

    The state's own number of epochs is rounded up: a run of one and a half epochs, or one that `max_steps` cuts short,
    would have its epochs too short.
    """
    try:
        return max(1, math.ceil(len(train_dataloader) / args.gradient_accumulation_steps))
    except TypeError:  # a stream, or no loader: its length is unknown
        return state.max_steps / max(state.num_train_epochs, 1)
