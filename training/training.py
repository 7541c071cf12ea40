"""A whole training run: from a recipe file to a saved model with its scores."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from transformers import set_seed

from ..modeling.card_polyhead import write_card
from ..modeling.modeling_polyhead import PolyheadModel
from .arguments import PolyheadTrainingArguments
from .building import build_model
from .check.report import DataReport, check_data, tokenized_lengths
from .data.examples import MultiTaskDataset
from .data.row_stream import RowStream
from .data.rows import LoadedData, load_data
from .data.streaming_dataset import StreamingDataset
from .evaluation import Evaluation, Scores, evaluate_closely
from .optimization.lora import merge_lora
from .recipe.recipe import Recipe, load_recipe
from .recipe_evaluation import result_rows
from .run.card_section import write_card_section
from .run.checkpoints import newest_whole_checkpoint, refuse_other_run
from .run.final_model import save_model
from .run.interruption import InterruptCallback
from .run.metrics_file import METRICS, MetricsFileCallback
from .run.output_folder import RECORD, check_output, remove_checkpoints
from .run.pictures import draw_pictures
from .run.progress import close_bars
from .run.record import write_record
from .run.reporting import report_into
from .starting_biases import start_at_log_odds
from .starting_checkpoint import starting_tasks
from .trainer import PolyheadTrainer

DATASET_SPLITS = {"train_dataset": "train", "eval_dataset": "validation"}


@dataclass(frozen=True)
class TrainingResult:
    """What a run leaves behind.

    Args:
        model: Trained, in evaluation mode.
        output: Folder of the saved model.
        split: The split that `scores` were measured on, None where the recipe has only training rows.
        scores: By task, as `evaluate_model` gives them.
        record: Folder of what is known about the run: log, recipe, versions and pictures.
        pictures: Files in `record`; None where matplotlib, which draws them, is not installed.
        stopped: Why a guard has ended the run early; None where none has.
        seconds: Of the training loop with its evaluations and checkpoints, since it was last resumed.
        processor_seconds: Of the same, on all cores together; other work on the machine does not count.
        num_examples: Training rows read in it; None of a stream, which has no epochs, and of a resumed run.
    """

    model: PolyheadModel
    output: Path
    split: str | None
    scores: Scores
    record: Path
    pictures: list[Path] | None
    stopped: str | None = None
    seconds: float = 0.0
    processor_seconds: float = 0.0
    num_examples: int | None = None


def train_recipe(
    path: str | Path,
    output: str | Path,
    overrides: Sequence[str] = (),
    resume: bool = False,
    show_data: Callable[[DataReport], None] | None = None,
    with_pictures: bool = True,
) -> TrainingResult:
    """Train what a recipe describes and save the model in `output`, what is known about the run in `output/run`.

    Running checkpoints lie in `output/checkpoint-N` until the model is saved.

    Args:
        path: The recipe.
        output: Folder for the model; new or empty, unless `resume`.
        overrides: As in `load_recipe`.
        resume: Go on from the newest checkpoint in `output`.
        show_data: Receives the report on the data before the first step; None: none is made.
        with_pictures: Draw the log at the end.

    Raises:
        ValueError: The recipe, its data or the folder is not usable; the message says how to mend it.
        KeyboardInterrupt: Ctrl-C was pressed; a checkpoint of the last whole step is in `output`.
    """
    recipe = load_recipe(path, overrides)
    output = Path(output)
    check_output(output, resume)
    checkpoint = newest_whole_checkpoint(output) if resume else None
    trainer = prepare_trainer(recipe, output, show_data)
    model: PolyheadModel = trainer.model
    if checkpoint is not None:
        refuse_other_run(checkpoint, trainer.run_facts())
    record = output / RECORD
    if trainer.is_world_process_zero():
        write_record(record, recipe, trainer.args)
    trainer.add_callback(MetricsFileCallback(record / METRICS))
    report_into(record, trainer.callback_handler.callbacks)
    interrupt = InterruptCallback()
    trainer.add_callback(interrupt)
    started = time.process_time()
    try:
        loop = trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    finally:
        interrupt.release()
        close_bars(trainer)
    if interrupt.was_interrupted:
        raise KeyboardInterrupt
    processor_seconds = time.process_time() - started
    # accelerate leaves a forward in mixed precision; without it, the stored scores are those of the saved model. Its own
    # `unwrap_model` would also take off what `can_return_tuple` adds.
    for name in ("forward", "_original_forward"):
        model.__dict__.pop(name, None)
    merge_lora(model)
    model.eval()
    split = "validation" if trainer.eval_dataset is not None else None
    evaluation = _final_evaluation(trainer) if split else Evaluation({}, {})
    model.config.results = result_rows(model, recipe, evaluation.scores, split) if split else []
    trainer.accelerator.wait_for_everyone()  # nobody reads checkpoints any more
    pictures: list[Path] | None = []
    if trainer.is_world_process_zero():
        save_model(model, output)
        if with_pictures:
            pictures = draw_pictures(record, model.config.tasks, evaluation.confusions)
        write_card_section(output, recipe, record / METRICS, pictures or [])
        write_card(output, model.config, None)
        if not trainer.args.keep_checkpoints:
            remove_checkpoints(output)
        if trainer.args.push_to_hub:
            trainer.push_to_hub()
    num_examples = None
    if checkpoint is None and isinstance(trainer.train_dataset, MultiTaskDataset):
        num_examples = round(len(trainer.train_dataset) * (trainer.state.epoch or 0))
    return TrainingResult(
        model=model,
        output=output,
        split=split,
        scores=evaluation.scores,
        record=record,
        pictures=pictures,
        stopped=_why_stopped(trainer),
        seconds=float(loop.metrics["train_runtime"]),
        processor_seconds=processor_seconds,
        num_examples=num_examples,
    )


def prepare_trainer(
    recipe: Recipe, output: Path, show_data: Callable[[DataReport], None] | None = None
) -> PolyheadTrainer:
    """Read the data and build the model and its trainer, ready to train; `show_data` as in `train_recipe`."""
    trained, new = starting_tasks(recipe)
    data = load_data(new, recipe.data, trained)
    arguments = training_arguments(recipe, output, has_validation=bool(data.rows["validation"]))
    set_seed(arguments.seed)
    model = build_model(recipe, data)
    start_at_log_odds(model, [task.name for task in new], chain.from_iterable(data.rows["train"].values()))
    datasets: dict[str, Any] = {name: _dataset(model, data, split) for name, split in DATASET_SPLITS.items()}
    train = datasets["train_dataset"]
    if data.streams:
        streams = {source.name: RowStream(source, data.tasks) for source in recipe.data if source.name in data.streams}
        train = StreamingDataset(train, streams, model.tokenizer, model.max_length)
    trainer = PolyheadTrainer(model, arguments, **{**datasets, "train_dataset": train})
    if show_data is not None and trainer.is_world_process_zero():
        by_split: Any = {split: datasets[name] for name, split in DATASET_SPLITS.items()}
        show_data(check_data(data, tokenized_lengths(by_split, model.max_length)))
    return trainer


def _final_evaluation(trainer: PolyheadTrainer) -> Evaluation:
    """Return what holds for the saved model, measured anew unless that has been done with the same weights."""
    state = trainer.state
    is_best = trainer.args.load_best_model_at_end and state.best_model_checkpoint is not None
    step = state.best_global_step if is_best else state.global_step
    # In mixed precision the run has measured with rounded weights, with adapters before these were merged, and with kept
    # states of frozen layers sums are made in another order.
    args = trainer.args
    is_same = trainer.accelerator.mixed_precision == "no" and args.lora is None and not args.frozen_cache_gb
    if is_same and step in trainer.evaluations:
        return trainer.evaluations[step]
    return evaluate_closely(trainer.model, trainer.eval_dataset)


def training_arguments(recipe: Recipe, output: Path, has_validation: bool) -> PolyheadTrainingArguments:
    """Turn the recipe's `train` section into arguments; without validation rows nothing is measured on the way."""
    defaults: dict[str, Any] = {}
    if any(source.streaming for source in recipe.data):  # a stream has no epochs
        defaults |= {"eval_strategy": "steps", "save_strategy": "steps"}
        if has_validation and "eval_steps" in recipe.train:
            defaults["save_steps"] = recipe.train["eval_steps"]  # the best model is among those that are measured
    if not has_validation:
        defaults |= {"eval_strategy": "no", "load_best_model_at_end": False}
    fields = {**defaults, **recipe.train}
    if has_validation and "no" in (fields.get("save_strategy"), fields.get("eval_strategy")):
        fields.setdefault("load_best_model_at_end", False)
    try:
        return PolyheadTrainingArguments(**{**fields, "output_dir": str(output)})
    except (ValueError, ImportError) as error:
        raise ValueError(f"correct section train of {recipe.path}: {' '.join(str(error).split())}") from error


def _why_stopped(trainer: PolyheadTrainer) -> str | None:
    if trainer.guard is None or not trainer.guard.stops:
        return None
    has_best = trainer.args.load_best_model_at_end and trainer.state.best_model_checkpoint is not None
    kept = "the best one within its limits" if has_best else "the last one, beyond its limits"
    further = "go on with --resume" if trainer.args.keep_checkpoints else "train anew"
    return (
        f"train.guard ended the run: {'; '.join(trainer.guard.broken)}. The model is {kept}. To train past the limit, raise "
        f"it or set train.guard.action=warn, and {further}."
    )


def _dataset(model: PolyheadModel, data: LoadedData, split: Any) -> MultiTaskDataset | None:
    if not data.rows[split]:
        return None
    return MultiTaskDataset(data.rows[split], model.config.tasks, model.tokenizer, model.max_length)
