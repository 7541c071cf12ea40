"""The same model, rows and settings under `PolyheadTrainer` and under the stock `Trainer`."""

import gc
import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from transformers import Trainer, TrainingArguments, set_seed

from polyhead import PolyheadTrainer, PolyheadTrainingArguments, TaskConfig
from polyhead.training.data.collation import Collator
from polyhead.training.data.examples import MultiTaskDataset
from polyhead.training.evaluation import evaluate_model
from polyhead.training.metrics.multi_task_score import multi_task_score

from .material import new_model, read_split
from .rounds import Budget, Contender

# By task: its data set, and the column of its label.
TASKS = {
    "emotion": ("tweeteval_emotion", "label"),
    "sentiment": ("sst", "label5_name"),
    "intent": ("banking77", "label"),
}
BATCH_SIZE = 32
QUIET = {
    "disable_tqdm": True,
    "eval_strategy": "no",
    "logging_steps": 10,
    "report_to": "none",
    "save_strategy": "no",
    "use_cpu": True,
}
# Of the stock trainer, as ours has them by default; the optimizer is its own default.
SAME = {"lr_scheduler_type": "linear", "warmup_steps": 0.06, "weight_decay": 0.01, "remove_unused_columns": False}
SAME |= {"dataloader_pin_memory": False}


def classification_tasks(names: Sequence[str] = tuple(TASKS)) -> list[TaskConfig]:
    """Return tasks with the labels of their data sets."""
    labels = {name: sorted({row[TASKS[name][1]] for row in read_split(TASKS[name][0], "train")}) for name in names}
    return [TaskConfig(name=name, kind="single_label_classification", labels=labels[name]) for name in names]


def labelled_rows(model: Any, tasks: Sequence[TaskConfig], split: str, rows_per_task: int) -> MultiTaskDataset:
    """Return so many rows of each task's data set, evenly spaced: some files are sorted by label. Tokenized."""
    rows = {}
    for task in tasks:
        name, column = TASKS[task.name]
        read = read_split(name, split)
        read = read[:: max(1, len(read) // rows_per_task)][:rows_per_task]
        rows[name] = [{"text": row["text"], "labels": {task.name: task.label2id[row[column]]}} for row in read]
    return MultiTaskDataset(rows, list(tasks), model.tokenizer, model.max_length)


def our_trainer(model: Any, rows: MultiTaskDataset, **fields: Any) -> PolyheadTrainer:
    """Return `PolyheadTrainer` with its own defaults."""
    fields = {**QUIET, "load_best_model_at_end": False, "per_device_train_batch_size": BATCH_SIZE, **fields}
    return PolyheadTrainer(
        model, PolyheadTrainingArguments(output_dir=tempfile.gettempdir(), **fields), train_dataset=rows
    )


def stock_trainer(model: Any, rows: MultiTaskDataset, **fields: Any) -> Trainer:
    """Return transformers' `Trainer`: rows of all data sets in random order, each batch padded to its longest."""
    collate = Collator(model.config.tasks, model.tokenizer.pad_token_id)

    def _collate(items: list[dict[str, Any]]) -> dict[str, Any]:
        batch = collate([item["example"] for item in items])
        return {name: value for name, value in batch.items() if name != "where"}

    fields = {**QUIET, **SAME, "per_device_train_batch_size": BATCH_SIZE, **fields}
    arguments = TrainingArguments(output_dir=tempfile.gettempdir(), **fields)
    # Mappings, of which its own `group_by_length` reads the length.
    items = [{"input_ids": example.first.inputs["input_ids"], "example": example} for example in rows.examples]
    return Trainer(model, arguments, train_dataset=items, data_collator=_collate)


def training_contender(
    name: str,
    tasks: Sequence[TaskConfig],
    trainer: Callable[[Any, int], Any],
    finish: Callable[[Any], Any] = lambda trainer: None,
    warm_up: Callable[[], Any] | None = None,
) -> Contender:
    """Return who trains a fresh model in each round, at another seed each time.

    Args:
        name: As the report tells it.
        tasks: Of the model.
        trainer: Gets model and seed.
        finish: As in `Contender`; gets the trainer after its run.
        warm_up: As in `Contender`; None: none.
    """
    seeds = count(42)

    def _prepare() -> Any:
        gc.collect()  # the trainer of the round before is full of cycles
        seed = next(seeds)
        set_seed(seed)
        return trainer(new_model(tasks, seed), seed)

    def _run(prepared: Any) -> Any:
        prepared.train()
        return prepared

    return Contender(name, _run, _prepare, finish, warm_up or (lambda: None))


def validation_scores(model: Any, rows: MultiTaskDataset) -> dict[str, float]:
    """Return each task's main metric, and their mean as `score`."""
    scores = evaluate_model(model, rows)
    return {"score": multi_task_score(model.config.tasks, scores)} | {
        name: values["accuracy"] for name, values in scores.items()
    }


def some_weights(model: Any) -> list[Any]:
    """Return every 97th weight of each parameter, to compare runs without keeping whole models."""
    return [parameter.detach().flatten()[::97].numpy().copy() for parameter in model.parameters()]


def warm(tasks: Sequence[TaskConfig], budget: Budget) -> None:
    """Take two steps with each trainer, so that no round pays for what is loaded at first use; not where one may be rough."""
    if budget.is_quick:
        return
    for trainer in (our_trainer, stock_trainer):
        model = new_model(tasks)
        trainer(model, labelled_rows(model, tasks, "train", 4), max_steps=2).train()
