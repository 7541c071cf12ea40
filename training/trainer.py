"""The HF Trainer for several tasks: our batches, our parameter groups, losses and scores by task."""

from functools import partial
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, ProgressCallback
from transformers.trainer_utils import EvalLoopOutput
from transformers.utils import logging

from ..modeling.losses_polyhead import count_labelled
from .batch_sampler import build_sampler, refuse_epochs
from .callbacks import asked_callbacks, freeze_rules
from .data.collation import Collator
from .data.streaming_dataset import known_rows
from .evaluation import Evaluation, evaluate_closely, flat_metrics
from .optimization.balance import Step, step_losses
from .optimization.balancing import BALANCES
from .optimization.lora import add_lora, lora_settings, refuse_other_adapters
from .optimization.optimizers import build_optimizer
from .optimization.parameter_groups import component_rates, parameter_groups
from .optimization.thaw_warmup import split_by_thaw
from .retention.guard import Guard
from .retention.retention import Retention
from .retention.settings import GuardSettings, RetainSettings, read_settings
from .run.broken_training import refuse_loss
from .run.early_stopping import is_out_of_patience
from .run.out_of_memory import tell_out_of_memory
from .run.progress import CompactPrinterCallback, CompactProgressCallback
from .run.pushing import PushingTrainer
from .run.task_stopping import TaskStoppingCallback

logger = logging.get_logger(__name__)


class PolyheadTrainer(PushingTrainer):
    """`Trainer` that trains a `PolyheadModel` on a `MultiTaskDataset` or a `StreamingDataset`.

    The loss of each task is the mean over its own labelled items, over accumulated batches and ranks too.

    Args:
        model: A `PolyheadModel` with a tokenizer.
        args: `PolyheadTrainingArguments`.
        **kwargs: As in `Trainer`; `train_dataset` and `eval_dataset` are `MultiTaskDataset`s, the first may be a stream.

    Raises:
        ValueError: The training rows are streamed, and a setting needs their number.
    """

    def __init__(self, model: Any, args: Any, **kwargs: Any) -> None:
        if args.n_gpu > 1:
            logger.warning("One GPU of several is used; `torchrun --nproc_per_node N` gives each a process.")
            args._n_gpu = 1  # DataParallel, which Trainer would take, cannot deal out labels by task
        refuse_other_adapters(model)
        refuse_epochs(args, kwargs.get("train_dataset"))
        kwargs.setdefault("data_collator", Collator(model.config.tasks, model.tokenizer.pad_token_id))
        super().__init__(model=model, args=args, **kwargs)
        if args.lora is not None:  # after the seed was set
            add_lora(model, lora_settings(args.lora))
        if self.pop_callback(ProgressCallback) is not None:
            self.add_callback(CompactProgressCallback)
        if self.pop_callback(PrinterCallback) is not None:
            self.add_callback(CompactPrinterCallback)
        self.freeze_rules = freeze_rules(args, model)
        self.balance = BALANCES[args.balance](model, args.seed)
        self._task_stopping: TaskStoppingCallback | None = None
        self._stopped: frozenset[str] = frozenset()  # tasks that do not train in this epoch
        if args.task_patience is not None:
            self._task_stopping = TaskStoppingCallback(self.train_dataset, args.task_patience)
        rows = [known_rows(self.train_dataset), *([] if self.eval_dataset is None else [self.eval_dataset])]
        asked = asked_callbacks(args, model, self.freeze_rules, rows, kwargs["data_collator"])
        self.retention = self.guard = None
        if args.retain is not None:
            self.retention = Retention(read_settings(RetainSettings, args.retain, "retain"), model, self.train_dataset)
        if args.guard is not None:
            settings = read_settings(GuardSettings, args.guard, "guard")
            self.guard = Guard(settings, model, self.eval_dataset, self.log)
        for callback in (*asked, self.balance, self._task_stopping, self.retention, self.guard):
            if callback is not None:
                self.add_callback(callback)
        self.model_accepts_loss_kwargs = True  # compute_loss divides by the items of all accumulated batches itself
        self.sampler: Any
        self._rates: dict[str, float] = {}
        self.last_batch: dict[str, Any] | None = None  # what an error tells of
        self.is_measuring = False
        self.evaluations: dict[int, Evaluation] = {}  # of `eval_dataset`, by the step after which they were made

    optimizer: Any
    retention: Retention | None
    guard: Guard | None

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train as `Trainer` does; where memory runs out, the error says for which batch."""
        with tell_out_of_memory(self):
            return super().train(*args, **kwargs)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Build the optimizer that `args.optim` names over groups that hold every parameter from step 0."""
        if self.optimizer is None:
            model = self.model if model is None else model
            args = self.args
            rates = (args.learning_rates, args.layer_decay, args.head_multipliers)
            groups = parameter_groups(model, args.learning_rate, args.weight_decay, *rates)
            groups += self.balance.groups()
            if args.thaw_warmup_steps:
                groups = split_by_thaw(model, groups, self.freeze_rules)
            self.optimizer = build_optimizer(groups, args, model)
        return self.optimizer

    def get_train_dataloader(self) -> DataLoader:
        """Return the batches of `build_sampler`."""
        dataset = self.train_dataset
        self.sampler = build_sampler(dataset, self.args, self._train_batch_size, self.accelerator.num_processes)
        loader = DataLoader(
            dataset,
            batch_sampler=self.sampler,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            persistent_workers=self.args.dataloader_persistent_workers,
            prefetch_factor=self.args.dataloader_prefetch_factor,
        )
        self.accelerator.even_batches = False  # the sampler sees to that
        return self.accelerator.prepare(loader)

    def _run_epoch(self, **kwargs: Any) -> None:
        is_over = self._task_stopping is not None and self._task_stopping.is_over
        is_over |= self.guard is not None and self.guard.stops
        if is_over or is_out_of_patience(self.callback_handler.callbacks):  # a run that had ended was resumed
            self.control.should_training_stop = True
            return
        if self._task_stopping is not None:
            first_step = kwargs["epoch"] * kwargs["num_update_steps_per_epoch"]
            self._stopped = self._task_stopping.stopped_tasks(first_step)
            self.sampler.stopped = self._task_stopping.stopped_sources(first_step)
        # transformers does not reach the sampler behind the wrappers of several processes and of a resumed run.
        self.sampler.set_epoch(kwargs["epoch"])
        super()._run_epoch(**kwargs)

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
        where, earlier = inputs.pop("where", []), inputs.pop("earlier", {})
        self.last_batch = inputs
        tasks = [task.name for task in self.model.config.tasks if task.name in {*inputs["labels"], *earlier}]
        outputs = model(**inputs, tasks=tasks, num_items=num_items_in_batch)
        outputs.loss = self.balance.combine(outputs.losses, outputs.loss)
        if self.retention is not None:  # beside the balance, which is between what is learned anew
            self.retention.add_losses(outputs, earlier, num_items_in_batch)
        if not outputs.loss.isfinite():
            refuse_loss(self.model.config.tasks, outputs, inputs["labels"], where, self.state.global_step + 1)
        self._rates = component_rates(self.optimizer.param_groups)
        self.note_losses(outputs.losses)
        # DDP averages gradients over ranks, but the items of all ranks were counted.
        loss = outputs.loss * (self.accelerator.num_processes if num_items_in_batch is not None else 1)
        if not loss.requires_grad:
            loss = loss.clone().requires_grad_()  # everything is frozen: nothing to learn, but no reason to fail
        return (loss, outputs) if return_outputs else loss

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Learn from one batch; after the last one of a step, let the tasks' gradients be balanced."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        if self.accelerator.sync_gradients:
            self.balance.gradients_ready()
        return loss

    def _get_num_items_in_batch(self, batch_samples: list, device: torch.device) -> dict[str, Tensor]:
        tasks = self.model.config.tasks
        counts = torch.zeros(len(tasks), dtype=torch.long, device=device)
        for batch in batch_samples:
            batch["labels"] = {name: labels for name, labels in batch["labels"].items() if name not in self._stopped}
            for position, task in enumerate(tasks):
                if task.name in batch["labels"]:
                    counts[position] += count_labelled(task, batch["labels"][task.name]).to(device)
        counts = self.accelerator.reduce(counts, "sum")
        self.note_labels({task.name: count for task, count in zip(tasks, counts.tolist(), strict=True)})
        num_items = {task.name: count for task, count in zip(tasks, counts, strict=True)}
        self.balance.step = Step(
            number=self.state.global_step,
            tasks=[task.name for task, count in zip(tasks, counts.tolist(), strict=True) if count],
            num_batches=len(batch_samples),
            measure=partial(step_losses, self.model, self._prepare_inputs, batch_samples, num_items),
            reduce=partial(self.accelerator.reduce, reduction="sum"),
        )
        return num_items | self._count_retained(batch_samples, device)

    def _count_retained(self, batch_samples: list, device: torch.device) -> dict[str, Tensor]:
        if self.retention is None:
            return {}
        counted = self.retention.count_items(batch_samples)
        counts = self.accelerator.reduce(torch.tensor(list(counted.values()), device=device), "sum")
        self.note_steps(dict(zip(counted, counts.tolist(), strict=True)))
        return dict(zip(counted, counts, strict=True))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add each task's loss and share of the labels, and each group's rate, to the training log."""
        if "loss" in logs:
            logs |= self.take_task_logs() | self._rates
            logs |= {f"balance/{name}": weight for name, weight in self.balance.weights.items()}
            if self._task_stopping is not None:
                logs |= {f"stopped/{name}": step for name, step in self._task_stopping.steps.items()}
        super().log(logs, start_time)

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Measure every task by the path that `predict` takes; each rank reads its share of the rows."""
        dataset: Any = dataloader.dataset
        self.is_measuring = True
        process = (self.accelerator.process_index, self.accelerator.num_processes)
        evaluation = evaluate_closely(self.model, dataset, process=process)
        if dataset is self.eval_dataset:
            self.evaluations[self.state.global_step] = evaluation
        metrics = flat_metrics(self.model.config.tasks, evaluation.scores, metric_key_prefix)
        if self.guard is not None and dataset is self.eval_dataset:
            metrics |= self.guard.measure(self.model, evaluation.scores)
        self.is_measuring = False
        metrics = broadcast_object_list([metrics])[0]  # all processes decide alike: the best, the end, what stops
        return EvalLoopOutput(predictions=None, label_ids=None, metrics=metrics, num_samples=len(dataset))

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        # What a guard refuses must not become the model that the run ends with.
        is_refused = self.guard is not None and self.guard.stops
        return not is_refused and super()._determine_best_metric(metrics, trial)
