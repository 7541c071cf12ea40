"""What training arguments may not say, told by name and with what to say instead."""

import math
from typing import Any

from transformers.trainer_utils import HubStrategy, IntervalStrategy

from .closest_name import suggest_name
from .optimization.balancing import BALANCES
from .optimization.freezing import freeze_rule
from .optimization.lora import lora_settings
from .optimization.parameter_groups import COMPONENTS
from .retention.settings import GuardSettings, RetainSettings, read_settings

SAMPLING_STRATEGIES = ("group_by_length", "random")
# Settings under which what frozen layers give is not the same in every epoch, or not what was kept.
WITHOUT_CACHE = ("frozen_dropout", "fp16", "gradient_checkpointing", "torch_compile", "neftune_noise_alpha")
# Settings of transformers that would have no effect here, or a bad one, and what to do instead.
REFUSED = {
    "label_smoothing_factor": "set `label_smoothing` of the tasks",
    "dataloader_drop_last": "every row is drawn once per epoch; leave it out",
}


def check_settings(args: Any) -> None:
    """Refuse what no run could take.

    Args:
        args: `PolyheadTrainingArguments` as they came.

    Raises:
        ValueError: Names the first setting that is wrong.
    """
    unknown = [key for key in args.learning_rates or {} if key not in COMPONENTS and not set(key) & set(".*")]
    if unknown:
        raise ValueError(
            f"learning_rates: {unknown} is no component; choose from {', '.join(COMPONENTS)}, or give a pattern on "
            "parameter names, such as '*.attention.*'."
        )
    if args.layer_decay is not None and not 0 < args.layer_decay <= 1:
        raise ValueError(f"layer_decay: {args.layer_decay} is not in (0, 1]; 0.9 is a usual value.")
    for rule in args.freeze or []:
        freeze_rule(rule)
    if args.lora is not None:
        lora_settings(args.lora)
    if args.train_sampling_strategy not in SAMPLING_STRATEGIES:
        raise ValueError(
            f"train_sampling_strategy: '{args.train_sampling_strategy}' is not for several data sets; choose from "
            f"{', '.join(SAMPLING_STRATEGIES)}."
        )
    _check_balance(args)
    _check_thaw_warmup(args)
    _check_frozen_cache(args)
    _check_retention(args)
    _check_push(args)
    for name, remedy in REFUSED.items():
        if getattr(args, name):
            raise ValueError(f"{name}: {getattr(args, name)} came, but this Trainer does not take it; {remedy}.")


def _check_frozen_cache(args: Any) -> None:
    if args.frozen_cache_gb < 0:
        raise ValueError(f"frozen_cache_gb: {args.frozen_cache_gb} is below 0; it is an amount of memory, 0 for none.")
    if args.frozen_cache_dtype not in ("float32", "bfloat16"):
        raise ValueError(f"frozen_cache_dtype: '{args.frozen_cache_dtype}' is unknown; choose float32 or bfloat16.")
    if not args.frozen_cache_gb:
        if args.frozen_cache_on_disk or args.frozen_cache_dtype != "float32":
            raise ValueError("frozen_cache_gb: nothing is kept without it; say how much room there is.")
        return
    if not args.freeze and args.thaw_every_epochs is None and args.thaw_every_steps is None:
        raise ValueError("frozen_cache_gb: nothing is frozen; leave it out, or say what to freeze.")
    for name in WITHOUT_CACHE:
        if getattr(args, name):
            raise ValueError(f"frozen_cache_gb: with {name}, what frozen layers give cannot be kept; leave one out.")


def _check_push(args: Any) -> None:
    if not args.push_to_hub:
        return
    if args.hub_private_repo is None:
        raise ValueError(
            "push_to_hub: say hub_private_repo: true or false beside it, because the Hub's default is public."
        )
    if args.hub_strategy != HubStrategy.END:
        raise ValueError(
            f"hub_strategy: {args.hub_strategy} came, but running checkpoints hold pickles; leave it out, and the finished "
            "model is pushed."
        )


def check_patience(args: Any) -> None:
    """Refuse a patience that nothing would try; the strategies must be resolved.

    Raises:
        ValueError: It is below 1, or nothing is measured on the way.
    """
    for name in ("early_stopping_patience", "task_patience"):
        patience = getattr(args, name)
        if patience is not None and patience < 1:
            raise ValueError(f"{name}: {patience} came; give the number of evaluations, at least 1.")
        if patience is not None and args.eval_strategy == IntervalStrategy.NO:
            raise ValueError(
                f"{name}: {patience} came, but nothing is measured on the way; give validation rows and an eval_strategy "
                f"('epoch' or 'steps'), or leave {name} out."
            )


def _check_balance(args: Any) -> None:
    if args.balance not in BALANCES:
        raise ValueError(f"balance: '{args.balance}' is no method; {suggest_name(args.balance, BALANCES)}.")
    hindrances = [name for name in ("fp16", "torch_compile") if getattr(args, name)]
    if args.balance == "pcgrad" and hindrances:
        raise ValueError(
            f"balance: pcgrad came with {hindrances[0]}, under which the tasks' gradients cannot be taken apart; set bf16 "
            "instead, or choose another balance."
        )
    if args.interference_every_steps is not None and args.interference_every_steps < 1:
        raise ValueError(
            f"interference_every_steps: {args.interference_every_steps} is below 1; 100 is a start, or leave it out."
        )


def _check_thaw_warmup(args: Any) -> None:
    if not 0 <= args.thaw_warmup_steps < math.inf:
        raise ValueError(f"thaw_warmup_steps: {args.thaw_warmup_steps} is no number of steps; give 0 or more.")
    thaws = any({"until_step", "until_epoch"} & set(rule) for rule in args.freeze or [])
    if args.thaw_warmup_steps and not thaws and args.thaw_every_epochs is None and args.thaw_every_steps is None:
        raise ValueError(
            f"thaw_warmup_steps: {args.thaw_warmup_steps} came, but nothing thaws; give a `freeze` rule an until_epoch or "
            "until_step, or set thaw_every_epochs, or leave it out."
        )


def _check_retention(args: Any) -> None:
    if args.retain is not None:
        read_settings(RetainSettings, args.retain, "retain")
        if args.balance == "pcgrad":
            raise ValueError(
                "retain: it came with balance pcgrad, which knows the gradients of tasks only; choose another balance."
            )
    if args.guard is not None:
        read_settings(GuardSettings, args.guard, "guard")


def check_guard(args: Any) -> None:
    """Refuse a guard that would never measure; the strategies must be resolved.

    Raises:
        ValueError: Nothing is measured on the way.
    """
    if args.guard is not None and args.eval_strategy == IntervalStrategy.NO:
        raise ValueError(
            "guard: eval_strategy is 'no', as it is without validation rows, so nothing would be measured; add "
            "`validation` to a data set, or set eval_strategy."
        )
