"""The training arguments about what does not train, or trains in another way."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class FreezingArguments:
    """Part of `PolyheadTrainingArguments`; see there."""

    freeze: list[dict[str, Any]] | None = field(
        default=None,
        metadata={
            "help": "Parts that do not train: each `part` (`everything`, `encoder`, `backbone`, `embeddings`, `heads`, "
            "`heads.TASK`, `layers.N`, `bottom.N`, or a pattern) with `from_epoch`, `until_epoch`, `from_step`, "
            "`until_step` as needed."
        },
    )
    thaw_every_epochs: float | None = field(
        default=None,
        metadata={"help": "Gradual unfreezing: one more layer, from the top down, trains after each so many epochs."},
    )
    thaw_every_steps: int | None = field(
        default=None, metadata={"help": "Gradual unfreezing by optimizer steps, instead of epochs."}
    )
    thaw_warmup_steps: float = field(
        default=0.0,
        metadata={
            "help": "The rate of what thaws rises from 0 to its scheduled rate over so many steps, or below 1 over that share "
            "of all steps; 0: at once."
        },
    )
    frozen_dropout: bool = field(
        default=False,
        metadata={
            "help": "Dropout in frozen parts. Off: what cannot learn only gets noisier, and its activations stay constant."
        },
    )
    frozen_cache_gb: float = field(
        default=0.0,
        metadata={
            "help": "Memory, in GB, for what frozen layers make of each text, so that it is computed once and not at every "
            "step: one vector a text where the whole backbone is frozen, else one a token. Texts beyond it are computed as "
            "ever. 0: off."
        },
    )
    frozen_cache_on_disk: bool = field(
        default=False,
        metadata={
            "help": "Keep it in a file in `output_dir` instead, which the system maps into memory and drops with the process."
        },
    )
    frozen_cache_dtype: str = field(
        default="float32",
        metadata={
            "help": "`float32`, or `bfloat16`: half the room, and three digits of what frozen layers give.",
        },
    )
    lora: dict[str, Any] | None = field(
        default=None,
        metadata={
            "help": "Small matrices learn in the backbone's place and are merged into it at the end: `rank` (8), `alpha` (16), "
            "`dropout` (0), `target_modules` (as peft recommends), `exclude_modules`, `layers_to_transform`, `use_rslora`, "
            "`use_dora`. Heads train fully."
        },
    )
    retain: dict[str, Any] | None = field(
        default=None,
        metadata={
            "help": "Learning without forgetting: `tasks` whose answers on the training texts stay near those that the model "
            "gives as the run begins, by a distillation loss of `weight` (1) and `temperature` (2); `embedding` (0) is the "
            "factor of 1 - cosine between the sentence embedding at the start and now."
        },
    )
    guard: dict[str, Any] | None = field(
        default=None,
        metadata={
            "help": "Measures at each evaluation how far the `tasks` named have fallen since the start of the run, and how far "
            "the embedding has moved on `num_texts` (256) validation texts; beyond `max_drop` or `max_drift`, `action` is "
            "`warn` (default) or `stop`."
        },
    )
