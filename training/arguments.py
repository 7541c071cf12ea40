"""Training arguments: those of transformers, with ours beside them and defaults that fit several tasks."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import SchedulerType, TrainingArguments
from transformers.trainer_utils import HubStrategy, IntervalStrategy, SaveStrategy

from .argument_checks import check_guard, check_patience, check_settings
from .data.mixing import Mixing
from .freezing_arguments import FreezingArguments
from .metrics.multi_task_score import LOWER_IS_BETTER
from .processor import warn_of_slow_bfloat16
from .run.processes import needs_cpu, warn_if_alone
from .run.reporting import refuse_missing_services

FOLLOW_SCORES = (SchedulerType.REDUCE_ON_PLATEAU, "greedy")  # schedules that look at the evaluations


@dataclass
class PolyheadTrainingArguments(FreezingArguments, TrainingArguments):
    """`TrainingArguments` with rates by depth and part, and freezing. Every field may stand in a recipe's `train:` section."""

    learning_rates: dict[str, float] | None = field(
        default=None,
        metadata={
            "help": "Learning rate by component: `backbone`, `embeddings` (default: the backbone's) and `heads`; what "
            "is left out takes `learning_rate`. Heads that learn alone want more than a whole model, such as 1e-2. Any other "
            "key is a pattern on parameter names."
        },
    )
    layer_decay: float | None = field(
        default=None,
        metadata={
            "help": "The backbone's top layer learns at the backbone's rate, each layer below at this share of the one above "
            "(0.8 to 0.95 are usual); none by default."
        },
    )
    head_multipliers: dict[str, float] | None = field(
        default=None, metadata={"help": "Factor on the heads' rate, by task."}
    )
    reinit_top_layers: int | None = field(
        default=None,
        metadata={
            "help": "Draw the weights of so many of the backbone's top layers anew before training; none by default."
        },
    )
    train_sampling_strategy: str = field(
        default="group_by_length",
        metadata={
            "help": "`group_by_length` draws each batch from texts of similar length, inside shuffled windows of up to 50 "
            "batches, which saves the arithmetic of padding; `random` does not."
        },
    )
    sampling_temperature: float = field(
        default=1.0,
        metadata={
            "help": "Data sets are drawn in proportion to rows ** (1 / temperature): 1 draws every row once per epoch, 2 to 5 "
            "lift small data sets, .inf draws all equally often.",
            "may_be_infinite": True,
        },
    )
    sampling_final_temperature: float | None = field(
        default=None, metadata={"help": "Temperature of the last epoch, reached in equal steps; none: it stays."}
    )
    sampling_cap: int | None = field(default=None, metadata={"help": "Rows beyond which a data set counts no larger."})
    sampling_weights: dict[str, float] | None = field(
        default=None, metadata={"help": "Shares of the data sets as told, instead of by their rows."}
    )
    heterogeneous_batches: bool = field(
        default=True,
        metadata={
            "help": "Each batch has rows of all data sets by their shares, so that every step serves every task; pairs have "
            "batches apart from single texts, and alone are streams, losses that rank a batch's rows, and data sets in "
            "batch_sizes. Off: each batch comes from one data set."
        },
    )
    batch_sizes: dict[str, int] | None = field(
        default=None,
        metadata={
            "help": "Batch size of single data sets, instead of per_device_train_batch_size. The losses `cosent` and "
            "`multiple_negatives_ranking` compare the rows of one such batch, not those of accumulated batches."
        },
    )
    balance: str = field(
        default="fixed",
        metadata={
            "help": "How the tasks' losses become one, always times the tasks' `weight`: `fixed`; `class_count` divides by "
            "log(number of classes); `uncertainty` (Kendall) and `famo` learn factors; `pcgrad` removes conflicts from "
            "gradients. Fixed by default: it costs nothing, and tuned weights keep up with the others."
        },
    )
    interference_every_steps: int | None = field(
        default=None,
        metadata={
            "help": "Measure the cosine between the tasks' gradients at every depth after each so many optimizer steps; off by "
            "default, because it takes a small batch of every task each time."
        },
    )
    eval_strategy: IntervalStrategy | str = field(
        default="epoch", metadata={"help": "When to measure: `no`, `steps` or `epoch`."}
    )
    save_strategy: SaveStrategy | str = field(
        default="epoch", metadata={"help": "When to save: `no`, `steps`, `epoch` or `best`."}
    )
    save_total_limit: int | None = field(default=2, metadata={"help": "How many running checkpoints to keep."})
    keep_checkpoints: bool = field(
        default=False,
        metadata={
            "help": "Keep the running checkpoints when `polyhead train` has finished. Each holds the model and the "
            "optimizer's state, twice as large again."
        },
    )
    load_best_model_at_end: bool = field(
        default=True, metadata={"help": "End with the checkpoint of the best multi-task score on the validation split."}
    )
    metric_for_best_model: str | None = field(
        default="score",
        metadata={
            "help": "`score` is the mean over the tasks of each one's main metric, weighted by their `score_weight`."
        },
    )
    greater_is_better: bool | None = field(
        default=None,
        metadata={"help": "Whether the metric of the best model should rise; None: as it is usual for it."},
    )
    early_stopping_patience: int | None = field(
        default=None,
        metadata={"help": "End the run when the metric of the best model has not improved for so many evaluations."},
    )
    task_patience: int | None = field(
        default=None,
        metadata={
            "help": "A task whose own main metric has not improved for so many evaluations stops alone: from the next epoch on "
            "its data are not drawn and its loss is off."
        },
    )
    lr_scheduler_type: SchedulerType | str = field(
        default="linear", metadata={"help": "How the rates fall after warm-up."}
    )
    lr_scheduler_kwargs: dict[str, Any] | str | None = field(
        default=None, metadata={"help": "Options of the schedule, such as `factor` of reduce_lr_on_plateau."}
    )
    warmup_steps: float = field(
        default=0.06, metadata={"help": "Warm-up in steps, or below 1 as a share of all steps."}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "For matrices; biases and norms have none."})
    logging_steps: float = field(
        default=0.01,
        metadata={
            "help": "Optimizer steps between log entries, or below 1 as a share of all steps: a hundred entries."
        },
    )
    eval_steps: float | None = field(
        default=500, metadata={"help": "Optimizer steps between evaluations where eval_strategy is `steps`."}
    )
    logging_nan_inf_filter: bool = field(
        default=False, metadata={"help": "Off: the filter would log a NaN loss as 0 and go on to ruin the weights."}
    )
    remove_unused_columns: bool = field(default=False, metadata={"help": "Off: our batches have no columns to remove."})
    dataloader_pin_memory: bool = field(default=False, metadata={"help": "Pays on an accelerator only."})
    report_to: str | list[str] | None = field(
        default="none", metadata={"help": "`trackio`, `tensorboard`, `wandb`; none by default."}
    )
    push_to_hub: bool = field(
        default=False,
        metadata={
            "help": "Publish the finished model, in one commit without pickles; `hub_private_repo` must be said too, and "
            "`hub_model_id` names the repository."
        },
    )
    hub_strategy: HubStrategy | str = field(
        default="end", metadata={"help": "Only the finished model is pushed: running checkpoints hold pickles."}
    )
    ddp_find_unused_parameters: bool | None = field(
        default=True, metadata={"help": "On: a batch of one task leaves the other heads without a gradient."}
    )

    def __post_init__(self) -> None:
        check_settings(self)
        _ = self.mixing  # built here once, to refuse what makes no sense
        if self.greater_is_better is None and self.metric_for_best_model is not None:
            self.greater_is_better = not self.metric_for_best_model.endswith(tuple(LOWER_IS_BETTER))
        if needs_cpu():
            self.use_cpu = True
        if self.bf16 and not torch.accelerator.is_available():
            # transformers wants the word; without it, a recipe for an accelerator would not train elsewhere.
            self.use_cpu = True
            warn_of_slow_bfloat16()
        warn_if_alone()
        super().__post_init__()
        refuse_missing_services(self.report_to or [])
        check_patience(self)
        check_guard(self)
        if self.lr_scheduler_type in FOLLOW_SCORES:
            # Both believe that lower is better, so they would cut the rates whenever the score rises.
            mode = {"mode": "max" if self.greater_is_better else "min"}
            given: Any = self.lr_scheduler_kwargs or {}  # never a string any more
            self.lr_scheduler_kwargs = mode | given
        if self.early_stopping_patience is not None:
            self.restore_callback_states_from_checkpoint = True  # else a resumed run would count from 0

    @property
    def mixing(self) -> Mixing:
        """Shares of the data sets, from the `sampling_...` fields."""
        return Mixing(
            self.sampling_temperature,
            self.sampling_final_temperature,
            self.sampling_cap,
            self.sampling_weights,
            math.ceil(self.num_train_epochs),
        )
