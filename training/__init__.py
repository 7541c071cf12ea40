"""How a model learns: recipes, data, sampling, parameter groups, freezing, metrics, Trainer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .frozen_cache.cache_callback import FrozenCacheCallback
    from .optimization.freeze_callback import FreezeCallback
    from .optimization.freezing import FreezeRule, gradual_unfreezing
    from .optimization.lora import merge_lora
    from .optimization.parameter_groups import parameter_groups
    from .recipe_evaluation import evaluate_recipe
    from .starting_biases import start_at_log_odds
    from .training import train_recipe

__all__ = [
    "FreezeCallback",
    "FreezeRule",
    "FrozenCacheCallback",
    "evaluate_recipe",
    "gradual_unfreezing",
    "merge_lora",
    "parameter_groups",
    "start_at_log_odds",
    "train_recipe",
]
# Imported at first use: reading a recipe must not wait for torch.
_HOMES = {
    "FreezeCallback": "optimization.freeze_callback",
    "FreezeRule": "optimization.freezing",
    "FrozenCacheCallback": "frozen_cache.cache_callback",
    "gradual_unfreezing": "optimization.freezing",
    "merge_lora": "optimization.lora",
    "parameter_groups": "optimization.parameter_groups",
    "evaluate_recipe": "recipe_evaluation",
    "start_at_log_odds": "starting_biases",
    "train_recipe": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'polyhead.training' has no attribute '{name}'; it has {', '.join(__all__)}.")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
