"""What a polyhead model is: the backbone's own config, and ours beside it.

In memory there are two levels, `PolyheadConfig` and its `text_config`. In `config.json` there is one: the backbone's
own fields at the root, so that every library that knows the backbone can read the encoder, and one `polyhead` block.
"""

import copy
from typing import Any, ClassVar

from transformers import AutoConfig, PreTrainedConfig

from .tasks_polyhead import TaskConfig, find_task
from .trusted_fields_polyhead import refuse_large_config, refuse_untrusted

# In the order in which sentence-transformers concatenates them.
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len", "weighted_mean", "last_token", "attention")
OWN_FIELDS = (
    "pooling",
    "mix_last_layers",
    "projection_dim",
    "normalize",
    "max_length",
    "prompts",
    "default_prompt_name",
    "tasks",
    "results",
    "speed",
)
# A plain AutoModelForSequenceClassification puts a random head on our encoder; its answers then say so.
UNTRAINED = "UNTRAINED: pass trust_remote_code=True"
AUTO_MAP = {
    "AutoConfig": "configuration_polyhead.PolyheadConfig",
    "AutoModel": "modeling_polyhead.PolyheadModel",
    "AutoModelForSequenceClassification": "single_head_polyhead.PolyheadForSequenceClassification",
    "AutoModelForTokenClassification": "single_head_polyhead.PolyheadForTokenClassification",
}
_ROOT_FIELDS = ("polyhead", "auto_map", "custom_pipelines", "id2label", "label2id")  # of the file, not the backbone's
# What `pipeline("polyhead", ...)` runs.
CUSTOM_PIPELINES = {"polyhead": {"impl": "pipeline_polyhead.PolyheadPipeline", "pt": ["AutoModel"]}}


class PolyheadConfig(PreTrainedConfig):
    """Configuration of one backbone, one sentence embedding and any number of tasks.

    Args:
        text_config: Config of the backbone, as an object or a dict with `model_type`; None: a BERT of default size.
        pooling: One of `POOLINGS`, or several whose results are concatenated.
        mix_last_layers: Pool a learned mix of the last k layers; 1: the last layer as it is.
        projection_dim: Width of a linear projection after pooling; None: no projection.
        normalize: Scale the sentence embedding to length 1.
        max_length: Longest input in tokens, special ones included; None: what the backbone's positions allow.
        prompts: Texts to put before an input, by name.
        default_prompt_name: The prompt used when none is named.
        tasks: The tasks, as `TaskConfig` or dicts; a list, because JSON objects lose their order here.
        results: Measured scores, one dict a row: `task`, `metric`, `value`, `dataset`, `split`, maybe `single_task`.
        speed: Measured of `predict`: `texts_per_second`, `tokens_per_text`, `device`, `threads`, `dtype`.
        **kwargs: Fields of `PreTrainedConfig`; fields of the backbone (`hidden_dropout_prob=0.3`) go to the backbone.

    Raises:
        ValueError: An unknown pooling, two tasks of one name, or a number out of range.
    """

    model_type = "polyhead"
    sub_configs: ClassVar[dict[str, Any]] = {"text_config": AutoConfig}

    text_config: Any = None
    pooling: str | list[str] = "mean"
    mix_last_layers: int = 1
    projection_dim: int | None = None
    normalize: bool = True
    max_length: int | None = None
    prompts: Any = None
    default_prompt_name: str | None = None
    tasks: Any = None
    results: Any = None
    speed: Any = None

    def __post_init__(self, **kwargs: Any) -> None:
        self.text_config = _as_config(self.text_config)
        self.pooling = list(self.pooling) if isinstance(self.pooling, tuple) else self.pooling  # as JSON gives it back
        self.tasks = [_as_task(task) for task in self.tasks or []]
        self.prompts = dict(self.prompts or {})
        self.results = list(self.results or [])
        for key in [key for key in kwargs if _belongs_to_backbone(key, self.text_config)]:
            setattr(self.text_config, key, kwargs.pop(key))
        # Without a value here, transformers would reset the backbone's attention implementation to None.
        kwargs.setdefault("attn_implementation", self.text_config._attn_implementation)
        super().__post_init__(**kwargs)
        self._check()

    def __eq__(self, other: object) -> bool:
        """Compare what would be saved: a reloaded config equals the one that was saved."""
        return isinstance(other, PreTrainedConfig) and self.to_dict() == other.to_dict()

    @property
    def hidden_size(self) -> int:
        """Width of the backbone's token embeddings."""
        return self.text_config.hidden_size

    @property
    def num_hidden_layers(self) -> int:
        """Number of layers of the backbone."""
        return self.text_config.num_hidden_layers

    @property
    def vocab_size(self) -> int:
        """Number of entries of the backbone's word embeddings."""
        return self.text_config.vocab_size

    @property
    def poolings(self) -> list[str]:
        """The poolings whose results are concatenated, in the order of `POOLINGS`."""
        chosen = [self.pooling] if isinstance(self.pooling, str) else self.pooling
        return [name for name in POOLINGS if name in chosen]

    @property
    def pooled_size(self) -> int:
        """Width of the pooled vector, before projection."""
        return self.hidden_size * len(self.poolings)

    @property
    def embedding_size(self) -> int:
        """Width of the sentence embedding."""
        return self.projection_dim or self.pooled_size

    def task(self, name: str) -> TaskConfig:
        """Return the task of that name.

        Raises:
            ValueError: There is none; the message lists those there are.
        """
        return find_task(self.tasks, name)

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> PreTrainedConfig:
        """Return the backbone's config: resizing the vocabulary writes there."""
        return self.text_config

    @classmethod
    def register_for_auto_class(cls, auto_class: str = "AutoConfig") -> None:
        """Do nothing: saving a model writes the whole `auto_map` and copies the code itself."""

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: Any, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read `config.json` and lift the backbone's fields into `text_config`."""
        refuse_large_config(str(pretrained_model_name_or_path))
        try:
            config_dict, kwargs = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        except RecursionError:
            raise ValueError(f"'{pretrained_model_name_or_path}': config.json nests deeper than any model's.") from None
        if config_dict and "polyhead" not in config_dict:
            raise ValueError(
                f"'{pretrained_model_name_or_path}' is no polyhead checkpoint: its config.json has no 'polyhead' "
                "block. To put heads on a plain backbone, use PolyheadModel.from_backbone(name, tasks=[...])."
            )
        if config_dict:
            refuse_untrusted(config_dict, str(pretrained_model_name_or_path))
        return _unflatten(config_dict), kwargs

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> "PolyheadConfig":
        """Build from either form; keyword arguments that belong to the backbone go to it."""
        config_dict = _unflatten(copy.deepcopy(config_dict))
        text_config = _as_config(config_dict.get("text_config"))
        for key in [key for key in kwargs if _belongs_to_backbone(key, text_config)]:
            setattr(text_config, key, kwargs.pop(key))
        return super().from_dict({**config_dict, "text_config": text_config}, **kwargs)

    def to_dict(self) -> dict[str, Any]:
        """Return the flat form with every field of the backbone."""
        return self._flatten(self.text_config.to_dict())

    def to_diff_dict(self) -> dict[str, Any]:
        """Return the flat form with the backbone's fields that differ from its defaults."""
        return self._flatten(self.text_config.to_diff_dict())

    def _get_generation_parameters(self) -> dict[str, Any]:
        return {}  # max_length is our own field; older transformers would take it for a setting of text generation

    def _flatten(self, backbone: dict[str, Any]) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in OWN_FIELDS}
        own["tasks"] = [task.to_dict() for task in self.tasks]
        backbone.pop("_name_or_path", None)  # it would publish a path of the machine that trained the model
        dtype = {"dtype": str(self.dtype).removeprefix("torch.")} if self.dtype is not None else {}
        flat = {
            **backbone,
            **dtype,
            "auto_map": dict(AUTO_MAP),
            "custom_pipelines": copy.deepcopy(CUSTOM_PIPELINES),
            "id2label": {"0": UNTRAINED},
            "label2id": {UNTRAINED: 0},
        }
        return {**flat, "polyhead": {name: value for name, value in own.items() if value is not None}}

    def _check(self) -> None:
        chosen = [self.pooling] if isinstance(self.pooling, str) else self.pooling
        if not chosen or any(name not in POOLINGS for name in chosen):
            raise ValueError(
                f"pooling {self.pooling!r} is unknown. Choose from {', '.join(POOLINGS)}, or a list of them."
            )
        names = [task.name for task in self.tasks]
        if len(set(names)) != len(names):
            raise ValueError(f"task names must differ, but tasks are {names}.")
        if not 1 <= self.mix_last_layers <= self.num_hidden_layers:
            raise ValueError(
                f"mix_last_layers {self.mix_last_layers} must be between 1 and {self.num_hidden_layers} layers."
            )
        for name, otherwise in (("projection_dim", "no projection"), ("max_length", "the backbone's own")):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} must be at least 1, or None for {otherwise}.")
        if self.default_prompt_name is not None and self.default_prompt_name not in self.prompts:
            raise ValueError(
                f"default_prompt_name '{self.default_prompt_name}' is not in prompts {sorted(self.prompts)}."
            )


def _as_config(text_config: Any) -> PreTrainedConfig:
    if isinstance(text_config, PreTrainedConfig):
        return text_config
    fields = dict(text_config or {"model_type": "bert"})
    if "model_type" not in fields:
        raise ValueError("text_config has no 'model_type': name the architecture, for example model_type='bert'.")
    return AutoConfig.for_model(**fields)


def _as_task(task: Any) -> TaskConfig:
    # Not isinstance: in a checkpoint's own code there is a second TaskConfig class.
    fields = task if isinstance(task, dict) else {**vars(task)}
    try:
        return TaskConfig(**fields)
    except TypeError as error:  # a field that there is not
        raise ValueError(f"task {fields.get('name')!r} is no task of polyhead's: {error}.") from error


def _belongs_to_backbone(key: str, text_config: PreTrainedConfig) -> bool:
    common = key in vars(PreTrainedConfig()) or hasattr(PreTrainedConfig, key)
    return not common and key not in OWN_FIELDS and (key in vars(text_config) or key in text_config.attribute_map)


def _unflatten(config_dict: dict[str, Any]) -> dict[str, Any]:
    if "polyhead" not in config_dict:
        return config_dict
    backbone = {key: value for key, value in config_dict.items() if key not in _ROOT_FIELDS}
    return {
        **config_dict["polyhead"],
        "text_config": backbone,
        "auto_map": dict(config_dict.get("auto_map") or AUTO_MAP),
        "custom_pipelines": copy.deepcopy(config_dict.get("custom_pipelines") or CUSTOM_PIPELINES),
    }
