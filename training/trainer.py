"""The HF Trainer for several tasks: our batches, our parameter groups, losses and scores by task."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer
from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_utils import EvalLoopOutput

from ..modeling.losses_polyhead import count_labelled
from .collation import Collator
from .evaluation import evaluate_model, flat_metrics
from .examples import MultiTaskDataset
from .parameter_groups import component_rates, parameter_groups
from .sampling import MultiTaskBatchSampler


class PolyheadTrainer(Trainer):
    """`Trainer` that trains a `PolyheadModel` on a `MultiTaskDataset`.

    The loss of each task is the mean over its own labelled items, over accumulated batches and ranks too.

    Args:
        model: A `PolyheadModel` with a tokenizer.
        args: `PolyheadTrainingArguments`.
        **kwargs: As in `Trainer`; `train_dataset` and `eval_dataset` are `MultiTaskDataset`s.
    """

    def __init__(self, model: Any, args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("data_collator", Collator(model.config.tasks, model.tokenizer.pad_token_id))
        super().__init__(model=model, args=args, **kwargs)
        self.model_accepts_loss_kwargs = True  # compute_loss divides by the items of all accumulated batches itself
        self._loss_sums: dict[str, Tensor] = {}
        self._loss_counts: dict[str, int] = defaultdict(int)

    optimizer: Any

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Build the optimizer that `args.optim` names over groups that hold every parameter from step 0."""
        if self.optimizer is None:
            model = self.model if model is None else model
            groups = parameter_groups(model, self.args.learning_rate, self.args.weight_decay, self.args.learning_rates)
            optimizer_class, options = self.get_optimizer_cls_and_kwargs(self.args, model)
            self.optimizer = optimizer_class(groups, **options)
        return self.optimizer

    def get_train_dataloader(self) -> DataLoader:
        """Return batches that each come from one data set."""
        dataset: MultiTaskDataset = self.train_dataset
        sampler = MultiTaskBatchSampler(
            dataset.ranges,
            [len(example) for example in dataset.examples],
            self._train_batch_size,
            self.args.data_seed if self.args.data_seed is not None else self.args.seed,
            group_by_length=self.args.train_sampling_strategy == "group_by_length",
        )
        loader = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        """Return a loader that carries the data set to `evaluation_loop`, which makes its own batches."""
        dataset = eval_dataset if eval_dataset is not None else self.eval_dataset
        return DataLoader(dataset, batch_size=self.args.eval_batch_size, collate_fn=self.data_collator)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: dict[str, Tensor] | None = None,
    ) -> Any:
        """Return the weighted sum of the task losses, each divided by that task's items in all accumulated batches."""
        outputs = model(**inputs, tasks=list(inputs["labels"]), num_items=num_items_in_batch)
        for name, loss in outputs.losses.items():
            self._loss_sums[name] = self._loss_sums.get(name, 0.0) + loss.detach()
        # DDP averages gradients over ranks, but the items of all ranks were counted.
        loss = outputs.loss * (self.accelerator.num_processes if num_items_in_batch is not None else 1)
        return (loss, outputs) if return_outputs else loss

    def _get_num_items_in_batch(self, batch_samples: list, device: torch.device) -> dict[str, Tensor]:
        tasks = self.model.config.tasks
        counts = torch.zeros(len(tasks), dtype=torch.long)
        for batch in batch_samples:
            for position, task in enumerate(tasks):
                if task.name in batch["labels"]:
                    counts[position] += count_labelled(task, batch["labels"][task.name]).cpu()
        if self.accelerator.num_processes > 1:
            counts = self.accelerator.reduce(counts.to(device), "sum").cpu()
        for task, count in zip(tasks, counts.tolist(), strict=True):
            self._loss_counts[task.name] += bool(count)
        return {task.name: count for task, count in zip(tasks, counts.to(device), strict=True)}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add each task's training loss and each component's rate to the training log."""
        if "loss" in logs:
            for name, total in self._loss_sums.items():
                logs[f"loss/{name}"] = float(total) / self._loss_counts[name]
            self._loss_sums.clear()
            self._loss_counts.clear()
            logs |= component_rates(self.optimizer.param_groups)
        super().log(logs, start_time)

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Measure every task by the path that `predict` takes; every rank measures all rows."""
        dataset: Any = dataloader.dataset
        scores = evaluate_model(self.model, dataset)
        metrics = flat_metrics(self.model.config.tasks, scores, metric_key_prefix)
        return EvalLoopOutput(predictions=None, label_ids=None, metrics=metrics, num_samples=len(dataset))

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        super()._save(output_dir, state_dict)
        # A pickle, which the Hub marks as unsafe; the same values stand beside it as JSON.
        folder = Path(output_dir or self.args.output_dir)
        (folder / TRAINING_ARGS_NAME).unlink(missing_ok=True)
        (folder / "training_args.json").write_text(self.args.to_json_string() + "\n", encoding="utf-8")
