"""LoRA: small matrices learn beside the backbone's frozen weights, and are merged into them at the end."""

import dataclasses
import importlib.util
from dataclasses import dataclass
from typing import Any

from torch import nn

from ...modeling.checkpoint_polyhead import BACKBONE_PREFIX
from ..closest_name import suggest_name

ALL_LINEAR = "all-linear"
_ADAPTER = ".lora_"  # in the name of every weight that peft adds for LoRA


@dataclass(frozen=True, kw_only=True)
class LoraSettings:
    """What `train.lora` may say; all but the first three are peft's own names, and mean what they mean there.

    Args:
        rank: Width of the added matrices (peft: `r`).
        alpha: Their product is scaled by alpha / rank (peft: `lora_alpha`).
        dropout: On what the added matrices read (peft: `lora_dropout`).
        target_modules: Ends of the names of the backbone's modules that learn so, or `all-linear`; None: as peft
            recommends for the architecture, `all-linear` where it says nothing.
        exclude_modules: Ends of names that do not.
        layers_to_transform: Numbers of the layers that do, from 0 at the bottom; None: all.
        use_rslora: Scale by alpha / sqrt(rank).
        use_dora: Learn a length for each row of a weight as well.

    Raises:
        ValueError: A number is out of range.

    Source:
        LoRA, https://arxiv.org/abs/2106.09685.
    """

    rank: int = 8
    alpha: float = 16
    dropout: float = 0.0
    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | None = None
    layers_to_transform: list[int] | None = None
    use_rslora: bool = False
    use_dora: bool = False

    def __post_init__(self) -> None:
        if type(self.rank) is not int or self.rank < 1:
            raise ValueError(f"lora.rank: {self.rank!r} is no whole number above 0; 8 is usual.")
        if isinstance(self.alpha, bool) or not isinstance(self.alpha, int | float) or not self.alpha > 0:
            raise ValueError(f"lora.alpha: {self.alpha!r} is no number above 0; twice the rank is usual.")
        if isinstance(self.dropout, bool) or not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise ValueError(f"lora.dropout: {self.dropout!r} is not in [0, 1); 0.05 is usual.")
        if isinstance(self.target_modules, str) and self.target_modules != ALL_LINEAR:
            raise ValueError(f"lora.target_modules: '{self.target_modules}' came; write a list, or {ALL_LINEAR}.")


def lora_settings(fields: dict[str, Any]) -> LoraSettings:
    """Build the settings from what a recipe says.

    Raises:
        ValueError: A key is unknown (the message gives the closest name), a value is out of range, or peft is missing.
    """
    known = [field.name for field in dataclasses.fields(LoraSettings)]
    for key in fields:
        if key not in known:
            raise ValueError(f"lora: '{key}' is unknown; {suggest_name(key, known)}.")
    if importlib.util.find_spec("peft") is None:
        raise ValueError("lora needs the package peft: pip install 'polyhead[lora]'.")
    return LoraSettings(**fields)


def add_lora(model: Any, settings: LoraSettings) -> None:
    """Put new adapters into the backbone, whose own weights freeze; everything on top of it trains as before.

    Args:
        model: A `PolyheadModel`; it stays one, and answers as before until it has learned.
        settings: Which modules, how wide.

    Raises:
        ValueError: The model has adapters already, or a name matches no module; the message gives the closest names.
    """
    refuse_other_adapters(model)
    from peft import LoraConfig, LoraModel

    backbone = model.backbone
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    fields = {
        {"rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout"}.get(key, key): fields[key] for key in fields
    }
    fields["target_modules"] = settings.target_modules or _recommended_modules(backbone)
    _check_modules(backbone, fields["target_modules"], "target_modules")
    _check_modules(backbone, settings.exclude_modules or [], "exclude_modules")
    _check_layers(model, settings.layers_to_transform or [])
    LoraModel(backbone, LoraConfig(**fields), "default")  # changes the backbone in place


def merge_lora(model: Any) -> None:
    """Add what the adapters have learned to the backbone's weights and take the adapters out, in place.

    Args:
        model: A `PolyheadModel`; one without adapters stays as it is. Answers change by rounding alone.
    """
    if not has_lora(model):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    backbone = model.backbone
    for name, layer in list(backbone.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
            parent, _, child = name.rpartition(".")
            setattr(backbone.get_submodule(parent), child, layer.get_base_layer())
    vars(backbone).pop("peft_config", None)
    for parameter in model.parameters():
        parameter.requires_grad_(True)


def has_lora(model: nn.Module) -> bool:
    """Whether adapters stand in the backbone."""
    return bool(base_weights(model))


def base_weights(model: nn.Module) -> frozenset[str]:
    """Return the names of the backbone's own weights where adapters learn in their place, else none."""
    names = [name for name, _ in model.named_parameters() if name.startswith(BACKBONE_PREFIX)]
    own = frozenset(name for name in names if _ADAPTER not in name)
    return own if len(own) < len(names) else frozenset()


def refuse_other_adapters(model: Any) -> None:
    """Refuse adapters that peft or transformers put around or into the whole model.

    Raises:
        ValueError: They would freeze the heads, or hide the names that rates and freezing go by.
    """
    if hasattr(model, "get_base_model") or getattr(model, "_hf_peft_config_loaded", False) or has_lora(model):
        raise ValueError(
            f"a {type(model).__name__} with adapters came: they would hide or freeze the heads. Give the PolyheadModel itself "
            "and set `lora` in the arguments: adapters then stand in the backbone alone, and heads train fully. What earlier "
            "adapters have learned, polyhead.training.merge_lora(model) keeps."
        )


def _recommended_modules(backbone: Any) -> list[str] | str:
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as RECOMMENDED

    return list(RECOMMENDED.get(backbone.config.model_type, [])) or ALL_LINEAR


def _check_modules(backbone: nn.Module, wanted: list[str] | str, key: str) -> None:
    fitting = [name for name, module in backbone.named_modules() if isinstance(module, nn.Linear | nn.Embedding)]
    for name in [] if wanted == ALL_LINEAR else wanted:
        if not any(f".{full}".endswith(f".{name}") for full in fitting):
            hint = suggest_name(str(name), dict.fromkeys(full.split(".")[-1] for full in fitting))
            raise ValueError(f"lora.{key}: '{name}' is no linear layer or embedding of the backbone; {hint}.")


def _check_layers(model: Any, numbers: list[int]) -> None:
    for number in numbers:
        if number not in range(model.config.num_hidden_layers):
            raise ValueError(
                f"lora.layers_to_transform: there is no layer {number}; the backbone has layers 0 to "
                f"{model.config.num_hidden_layers - 1}."
            )
