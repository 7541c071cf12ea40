"""How a model comes and goes: built on a backbone, loaded, saved, with two readers for one set of weights.

In the file the backbone's tensors have the names that its own class expects, and ours stand under `polyhead.*`; in
memory the backbone is `self.backbone`. The prefix is dropped on saving and comes back on loading.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from ..configuration.configuration_polyhead import PolyheadConfig
from ..configuration.tasks_polyhead import TaskConfig
from .alignment_polyhead import align
from .backbone_polyhead import load_backbone
from .card_polyhead import write_card
from .code_polyhead import copy_code
from .golden_polyhead import GOLDEN, write_golden
from .manifest_polyhead import write_model_manifest
from .scope_polyhead import SCOPE, Scope, read_scopes, write_scopes
from .sentence_transformers_polyhead import write_modules
from .tokenizing_polyhead import HUB_OPTIONS, load_tokenizer, save_tokenizer
from .trusted_files_polyhead import find_file, refuse_incomplete, refuse_missing, refuse_untrusted_files
from .upload_polyhead import UPLOAD_OPTIONS, upload

BACKBONE_PREFIX = "backbone."
OWN_PREFIX = "polyhead."


class CheckpointMixin(PreTrainedModel):
    """`from_backbone`, `from_pretrained`, `save_pretrained`, and the tokenizer that belongs to a model."""

    scopes: dict[str, Scope]
    _tokenizer: Any = None
    _source: tuple[str, dict[str, Any]] | None = None

    @classmethod
    def from_backbone(
        cls,
        name: str,
        tasks: Sequence[TaskConfig | dict[str, Any]] | None = None,
        *,
        pooling: str | list[str] | None = None,
        mix_last_layers: int = 1,
        projection_dim: int | None = None,
        normalize: bool | None = None,
        max_length: int | None = None,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        **options: Any,
    ) -> Any:
        """Put new heads on a pretrained backbone.

        Args:
            name: Hub name or folder of any text encoder. A sentence-transformers model lends its pooling,
                normalisation, prompts and length as defaults.
            tasks: Tasks of the new heads, whose weights are random until trained.
            pooling: None: the backbone's own, else `mean`. For the others see `PolyheadConfig`.
            mix_last_layers: As in `PolyheadConfig`.
            projection_dim: As in `PolyheadConfig`.
            normalize: None: the backbone's own, else True.
            max_length: None: the backbone's own, else what its positions allow.
            prompts: None: the backbone's own.
            default_prompt_name: None: the backbone's own.
            **options: Of `AutoModel.from_pretrained`: `revision`, `token`, `dtype`, `attn_implementation`, ...

        Raises:
            ValueError: The backbone cannot be loaded or used, or a setting contradicts it.
        """
        backbone, tokenizer, settings = load_backbone(name, **options)
        given = {
            "pooling": pooling,
            "normalize": normalize,
            "max_length": max_length,
            "prompts": prompts,
            "default_prompt_name": default_prompt_name,
        }
        settings |= {key: value for key, value in given.items() if value is not None}
        config = PolyheadConfig(
            text_config=backbone.config,
            tasks=tasks,
            projection_dim=projection_dim,
            mix_last_layers=mix_last_layers,
            **settings,
        )
        model = cls(config, backbone=backbone).to(backbone.dtype)
        align(model)
        model.tokenizer = tokenizer
        if max_length is not None and max_length > model.longest_input:
            raise ValueError(
                f"max_length {max_length} is more than the {model.longest_input} tokens that '{name}' can read. "
                "Lower it, or leave it out."
            )
        config.max_length = min(settings.get("max_length") or model.longest_input, model.longest_input)
        return model.eval()

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: Any, *args: Any, allow_missing: bool = False, **kwargs: Any
    ) -> Any:
        """Load a polyhead checkpoint.

        Args:
            pretrained_model_name_or_path: Folder or Hub name.
            *args: Of the constructor.
            allow_missing: Accept a checkpoint that lacks weights; they are then random.
            **kwargs: As in `PreTrainedModel.from_pretrained`; fields of the backbone's config go to it.

        Raises:
            ValueError: Weights are missing and `allow_missing` is False; the message names them.
        """
        wants_info = kwargs.pop("output_loading_info", False)
        hub_options = {key: value for key, value in kwargs.items() if key in HUB_OPTIONS}
        refuse_untrusted_files(str(pretrained_model_name_or_path), hub_options)
        kwargs.setdefault("use_safetensors", True)  # the other format is a pickle
        model, info = super().from_pretrained(pretrained_model_name_or_path, *args, output_loading_info=True, **kwargs)
        if not allow_missing:
            refuse_incomplete(str(pretrained_model_name_or_path), sorted(info["missing_keys"]))
        align(model)
        model._source = (str(pretrained_model_name_or_path), hub_options)
        if any(task.max_out_of_scope is not None for task in model.config.tasks):
            file = find_file(str(pretrained_model_name_or_path), SCOPE, hub_options)
            model.scopes = read_scopes(file, model.config.tasks, model.config.embedding_size)
        return (model, info) if wants_info else model

    def _move_missing_keys_from_meta_to_device(self, missing_keys: Any, *args: Any, **kwargs: Any) -> None:
        sizes = [self.get_parameter_or_buffer(name).numel() for name in missing_keys]
        refuse_missing(self.config.name_or_path, sum(sizes))
        super()._move_missing_keys_from_meta_to_device(missing_keys, *args, **kwargs)

    @classmethod
    def register_for_auto_class(cls, auto_class: str = "AutoModel") -> None:
        """Do nothing: `save_pretrained` writes the whole `auto_map` and copies the code itself."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, read from the checkpoint at first use.

        Raises:
            ValueError: The model was built without one.
        """
        if self._tokenizer is None:
            if self._source is None:
                raise ValueError(
                    "this model has no tokenizer: set model.tokenizer = AutoTokenizer.from_pretrained(...) first."
                )
            name, hub_options = self._source
            self._tokenizer = load_tokenizer(name, hub_options, self.config.text_config)
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @property
    def told_scopes(self) -> dict[str, Scope]:
        """The training rows that go with a threshold, and so into a file."""
        told = {task.name for task in self.config.tasks if task.max_out_of_scope is not None}
        return {name: scope for name, scope in self.scopes.items() if name in told}

    @property
    def max_length(self) -> int:
        """Longest input in tokens, special ones included."""
        return self.config.max_length or self.longest_input

    @property
    def longest_input(self) -> int:
        """Most tokens that the backbone's positions and its tokenizer allow."""
        positions = getattr(self.config.text_config, "max_position_embeddings", None) or 512
        table = getattr(getattr(self.backbone, "embeddings", None), "position_embeddings", None)
        padding_idx = getattr(table, "padding_idx", None)
        if padding_idx is not None:
            positions -= padding_idx + 1  # RoBERTa's kind counts positions from there
        return int(min(positions, self.tokenizer.model_max_length))

    def save_pretrained(
        self,
        save_directory: Any,
        is_main_process: bool = True,
        state_dict: dict[str, torch.Tensor] | None = None,
        push_to_hub: bool = False,
        **kwargs: Any,
    ) -> None:
        """Save weights, config, tokenizer, card, code, what sentence-transformers needs, golden file and manifest.

        Args:
            save_directory: Folder; made where missing.
            is_main_process: False on the other ranks, which then write nothing.
            state_dict: Weights to save instead of the model's own.
            push_to_hub: Publish the folder afterwards; `repo_id`, `private` and other arguments of `push_to_hub` follow.
            **kwargs: As in `PreTrainedModel.save_pretrained`.

        Raises:
            ValueError: Some weights are not in memory (offloaded), or adapters are not merged.
        """
        if not is_main_process:
            return  # transformers 5.6 would write the weights from every rank
        directory = Path(save_directory)
        hub_options = {key: kwargs.pop(key) for key in UPLOAD_OPTIONS if key in kwargs}
        repo_id = kwargs.pop("repo_id", directory.name)
        is_own = state_dict is None
        state_dict = dict(state_dict if state_dict is not None else self.state_dict())
        offloaded = sorted(name for name, tensor in state_dict.items() if tensor.is_meta)
        if offloaded:
            raise ValueError(
                f"cannot save: {len(offloaded)} weights are offloaded, such as {offloaded[0]}. "
                "Load without offloading first."
            )
        if any(".base_layer." in name for name in state_dict) and not getattr(self, "_hf_peft_config_loaded", False):
            raise ValueError(
                "cannot save: the backbone has adapters that are not merged, so nobody could load it. Call "
                "polyhead.training.merge_lora(model) first."
            )
        has_adapter = getattr(self, "_hf_peft_config_loaded", False)
        if not has_adapter:  # adapters keep the names in memory
            state_dict = {name.removeprefix(BACKBONE_PREFIX): tensor for name, tensor in state_dict.items()}
        names = {name: f"{OWN_PREFIX}projection.{name}" for name in ("weight", "bias")}
        projection = {name: state_dict[key] for name, key in names.items()} if self.config.projection_dim else None
        self.config.text_config.architectures = [type(self.backbone).__name__]
        super().save_pretrained(save_directory, state_dict=state_dict, **kwargs)
        if not has_adapter:
            self._save_companions(directory, projection, is_own)
            for weights in directory.rglob("*.safetensors"):
                shutil.copymode(directory / "config.json", weights)  # safetensors lets nobody else read them
        if push_to_hub:
            upload(directory, repo_id, **{"private": None, **hub_options})

    def _save_companions(self, directory: Path, projection: dict[str, torch.Tensor] | None, is_own: bool) -> None:
        (directory / GOLDEN).unlink(missing_ok=True)  # of other weights
        write_scopes(directory, self.told_scopes)
        copy_code(directory)
        write_card(directory, self.config, self._source)
        if self._tokenizer is not None or self._source is not None:  # else built from a config alone
            save_tokenizer(self.tokenizer, directory)
            write_modules(directory, self.config, self.max_length, projection)
            if is_own:
                write_golden(directory, self)
        write_model_manifest(directory)

    @staticmethod
    def _restore_key_names(module: Any, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        # load_state_dict(strict=False), with which Trainer resumes, would skip the file's names without a word.
        for key in [key for key in state_dict if key.startswith(prefix)]:
            name = key[len(prefix) :]
            if not name.startswith((BACKBONE_PREFIX, OWN_PREFIX)):
                state_dict[f"{prefix}{BACKBONE_PREFIX}{name}"] = state_dict.pop(key)
