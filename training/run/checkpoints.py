"""Running checkpoints that are whole or not there: written beside, listed in a manifest, then moved."""

import dataclasses
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.trainer import TRAINER_STATE_NAME, TRAINING_ARGS_NAME
from transformers.trainer_utils import rotate_checkpoints
from transformers.utils import SAFE_WEIGHTS_NAME, logging

from ...modeling.manifest_polyhead import find_damage, read_manifest, update_manifest, write_manifest
from ..optimization.balance import Balance, load_balance, save_balance
from ..optimization.lora import has_lora, lora_settings
from .broken_training import refuse_weights
from .full_disk import tell_full_disk
from .output_folder import STAGING, numbered_checkpoints
from .task_logging import TaskLoggingTrainer

logger = logging.get_logger(__name__)


class CheckpointingTrainer(TaskLoggingTrainer):
    """A Trainer whose `checkpoint-N` folders appear complete or not at all."""

    balance: Balance
    _is_staging = False

    def run_facts(self) -> dict[str, Any]:
        """What a resumed run must share with the one that wrote a checkpoint."""
        tasks = {task.name: [task.kind, task.labels] for task in self.model.config.tasks}
        lora = None if self.args.lora is None else asdict(lora_settings(self.args.lora))
        return {"tasks": tasks, "data": self.train_dataset.fingerprint, "lora": lora}

    def _get_output_dir(self, trial: Any) -> str:
        folder = super()._get_output_dir(trial)
        return str(Path(folder) / STAGING) if self._is_staging else folder

    def _init_training_state(self, max_steps: int, *args: Any, **kwargs: Any) -> tuple[int, int]:
        with resolved_shares(self.args, max_steps):
            start = super()._init_training_state(max_steps, *args, **kwargs)
        if self.state.best_global_step:
            best = Path(self.args.output_dir) / f"checkpoint-{self.state.best_global_step}"
            self.state.best_model_checkpoint = str(best) if best.is_dir() else None
            if not best.is_dir():
                logger.warning(
                    f"{best.name}, the best so far, is gone: unless a better one comes, the last weights stay."
                )
        return start

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        run_folder = Path(super()._get_output_dir(trial))
        try:
            with tell_full_disk(run_folder, f"checkpoint-{self.state.global_step}"):
                self._save_beside_and_move(model, trial, run_folder)
        except OSError:
            shutil.rmtree(run_folder / STAGING, ignore_errors=True)  # gives back what room it took
            raise

    def _save_beside_and_move(self, model: nn.Module, trial: Any, run_folder: Path) -> None:
        name = f"checkpoint-{self.state.global_step}"
        staged, final = run_folder / STAGING / name, run_folder / name
        if self.is_world_process_zero():
            shutil.rmtree(run_folder / STAGING, ignore_errors=True)  # left by a run that was killed
        self.accelerator.wait_for_everyone()
        self._is_staging = True
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self._is_staging = False
        if self.state.best_global_step:
            self.state.best_model_checkpoint = str(run_folder / f"checkpoint-{self.state.best_global_step}")
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            # Where the best checkpoint lies follows from its step, also when the run's folder has been moved.
            dataclasses.replace(self.state, best_model_checkpoint=None).save_to_json(str(staged / TRAINER_STATE_NAME))
            versions = {"torch": torch.__version__, "transformers": transformers.__version__}
            write_manifest(staged, {"step": self.state.global_step, "versions": versions, **self.run_facts()})
            shutil.rmtree(final, ignore_errors=True)
            staged.replace(final)
            (run_folder / STAGING).rmdir()
            best = self.state.best_model_checkpoint
            rotate_checkpoints(str(run_folder), save_total_limit=self.args.save_total_limit, best_model_checkpoint=best)
        self.accelerator.wait_for_everyone()

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self.args.should_save:
            save_balance(self.balance, Path(output_dir))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            load_balance(self.balance, Path(checkpoint))
        super()._load_optimizer_and_scheduler(checkpoint)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        if not self.args.should_save:
            return
        refuse_weights(self.model, f"after training step {self.state.global_step}")
        folder = Path(output_dir or self.args.output_dir)
        if has_lora(self.model) and self._is_staging:
            # No config beside them: nobody can take weights that are not merged for a model.
            folder.mkdir(parents=True, exist_ok=True)
            save_file(self.model.state_dict(), folder / SAFE_WEIGHTS_NAME, metadata={"format": "pt"})
        else:
            with _without_autocast(self.model):
                super()._save(output_dir, state_dict)
        # A pickle, which the Hub marks as unsafe; the same values stand beside it as JSON.
        (folder / TRAINING_ARGS_NAME).unlink(missing_ok=True)
        told = {**self.args.to_dict(), "output_dir": folder.name}  # no path of this machine: the file may be published
        (folder / "training_args.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        update_manifest(folder, ["training_args.json"])


@contextmanager
def _without_autocast(model: nn.Module) -> Iterator[None]:
    """Take off what accelerate puts around `forward`, so that a saved model's golden file holds for its weights."""
    names = [name for name in ("forward", "_original_forward") if name in model.__dict__]
    wrapped: dict[str, Any] = {name: model.__dict__.pop(name) for name in names}
    try:
        yield
    finally:
        model.__dict__.update(wrapped)


@contextmanager
def resolved_shares(args: Any, max_steps: int) -> Iterator[None]:
    """Turn intervals that are a share of all steps into steps, as a checkpoint's state has them.

    A resuming Trainer compares the two as they stand: a share, always another number, would be told as a mismatch.

    Args:
        args: Training arguments; they are as before afterwards.
        max_steps: Of the run.
    """
    shares = {name: getattr(args, name) for name in ("logging_steps", "eval_steps", "save_steps")}
    vars(args).update({name: math.ceil(max_steps * share) for name, share in shares.items() if share and share < 1})
    try:
        yield
    finally:
        vars(args).update(shares)


def newest_whole_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that verifies; those that do not are named in a warning, with what is wrong.

    Args:
        folder: Of the run.

    Raises:
        ValueError: There are checkpoints, but none is whole; the message names the damage.
    """
    damage: dict[str, list[str]] = {}
    for _, path in numbered_checkpoints(folder):
        problems = find_damage(path)
        if not problems:
            for name, found in damage.items():
                logger.warning(f"{name} is not used: {'; '.join(found)}. Going on from {path.name}.")
            return path
        damage[path.name] = problems
    if damage:
        listed = "; ".join(f"{name}: {', '.join(found)}" for name, found in damage.items())
        raise ValueError(f"no checkpoint in '{folder}' is whole ({listed}). Start anew in another folder.")
    return None


def refuse_other_run(checkpoint: Path, facts: dict[str, Any]) -> None:
    """Compare a checkpoint with the run that wants to resume from it.

    Raises:
        ValueError: It was written for other tasks, labels, adapters or training rows.
    """
    manifest = read_manifest(checkpoint)
    if manifest.get("tasks") != facts["tasks"]:
        was, now = manifest.get("tasks"), facts["tasks"]
        raise ValueError(
            f"{checkpoint.name} was trained for other tasks or labels: {was}, now {now}. Start in a new folder."
        )
    if manifest.get("lora") != facts["lora"]:
        was, now = manifest.get("lora"), facts["lora"]
        raise ValueError(f"{checkpoint.name} was trained with lora {was}, now {now}. Start in a new folder.")
    if manifest.get("data") != facts["data"]:
        raise ValueError(
            f"{checkpoint.name} was trained on other training rows than the recipe reads now, so the run cannot go on where "
            "it stopped. Restore the data, or start in a new folder."
        )
