"""The callbacks that the training arguments ask for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import EarlyStoppingCallback, TrainerCallback

from ..modeling.batching_polyhead import TokenizedText
from .frozen_cache.cache_callback import FrozenCacheCallback
from .optimization.freeze_callback import FreezeCallback
from .optimization.freezing import FreezeRule, freeze_rule, gradual_unfreezing
from .optimization.interference import InterferenceCallback
from .optimization.reinitialisation import ReinitCallback, top_modules
from .optimization.thaw_warmup import ThawWarmupCallback


def freeze_rules(args: Any, model: Any) -> list[FreezeRule]:
    """Build all rules of a run: those of `freeze`, and those of gradual unfreezing."""
    rules = [freeze_rule(rule) for rule in args.freeze or []]
    if args.thaw_every_epochs is not None or args.thaw_every_steps is not None:
        rules += gradual_unfreezing(model, args.thaw_every_epochs, args.thaw_every_steps)
    return rules


def asked_callbacks(
    args: Any, model: Any, rules: Sequence[FreezeRule], datasets: Sequence[Any], collator: Any
) -> list[TrainerCallback]:
    """Build the callbacks of a run, in the order in which they act.

    Args:
        args: `PolyheadTrainingArguments`.
        model: A `PolyheadModel`.
        rules: What `freeze_rules` gives.
        datasets: The training rows, and the validation rows where there are any.
        collator: Makes batches of them.

    Raises:
        ValueError: The model has fewer layers than are to be initialised anew.
    """
    callbacks: list[TrainerCallback] = []
    if rules:
        freezing = FreezeCallback(*rules, frozen_dropout=args.frozen_dropout)
        callbacks.append(freezing)
        if args.frozen_cache_gb:
            limits = (int(args.frozen_cache_gb * 1e9), getattr(torch, args.frozen_cache_dtype))
            folder = Path(args.output_dir) if args.frozen_cache_on_disk else None
            callbacks.append(FrozenCacheCallback(freezing, _texts(datasets), *limits, folder))
    if args.thaw_warmup_steps:
        callbacks.append(ThawWarmupCallback(*rules, warmup_steps=args.thaw_warmup_steps))
    if args.interference_every_steps is not None:
        callbacks.append(InterferenceCallback(args.interference_every_steps, datasets[0], collator))
    if args.reinit_top_layers is not None:
        top_modules(model, args.reinit_top_layers)  # refused here, so `polyhead plan` refuses it too
        callbacks.append(ReinitCallback(args.reinit_top_layers))
    if args.early_stopping_patience is not None:
        callbacks.append(EarlyStoppingCallback(args.early_stopping_patience))
    return callbacks


def _texts(datasets: Sequence[Any]) -> list[TokenizedText]:
    examples = [example for dataset in datasets for example in dataset.examples]
    return [text for example in examples for text in (example.first, example.second) if text is not None]
