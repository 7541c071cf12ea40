"""A guard over what a trained model can do already: scores of its tasks and drift of its embedding, against the run's start."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import TrainerCallback
from transformers.utils import logging

from ..data.examples import MultiTaskDataset
from ..evaluation import Scores, evaluate_model
from ..metrics.multi_task_score import LOWER_IS_BETTER, primary_metric
from .agreement import agreement
from .answers import EMBEDDING, answer_examples, pack_answers
from .settings import GuardSettings, refuse_unknown_tasks
from .start_file import load_start, save_start

logger = logging.get_logger(__name__)

FILE = "guard.safetensors"
_PREFIX, _DRIFT = "guard/", "drift"  # of the names in the log


class Guard(TrainerCallback):
    """Measure at the start and at each evaluation; warn or stop beyond a limit.

    The start is that of the run: it is kept in the run's folder, from where a resumed run reads it.

    Args:
        settings: What is measured, and the limits.
        model: The `PolyheadModel` that trains.
        dataset: The validation rows.
        log: Takes numbers by name, as `Trainer.log` does.

    Raises:
        ValueError: A task is unknown, or there is nothing to measure it on.
    """

    def __init__(
        self,
        settings: GuardSettings,
        model: Any,
        dataset: MultiTaskDataset | None,
        log: Callable[[dict[str, float]], None],
    ) -> None:
        refuse_unknown_tasks("guard", settings.tasks, model.config)
        if dataset is None or not len(dataset):
            raise ValueError("train.guard: there are no validation rows to measure on; add `validation` to a data set.")
        self.settings = settings
        self.config = model.config
        self.dataset = dataset
        self.log = log
        labelled = {task.name for source in dataset.ranges for task in dataset.labelled_tasks(source)}
        self.scored = [name for name in settings.tasks if name in labelled]
        self.compared = [name for name in settings.tasks if name not in labelled]
        places = torch.linspace(0, len(dataset) - 1, min(settings.num_texts, len(dataset))).round().long().tolist()
        self.sample = [dataset.examples[place] for place in places]
        self._refuse_unreadable()
        self.broken: list[str] = []  # limits that the last evaluation found broken
        self._start: dict[str, Tensor] = {}
        self._start_numbers: dict[str, float] = {}

    @property
    def stops(self) -> bool:
        """Whether the last evaluation must be the last of the run."""
        return bool(self.broken) and self.settings.action == "stop"

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Measure the start, or read it where the run goes on."""
        self.broken = []
        path = Path(args.output_dir) / FILE
        facts = {"validation rows": self.dataset.fingerprint, "train.guard.tasks": json.dumps(self.settings.tasks)}
        facts["train.guard.num_texts"] = str(self.settings.num_texts)
        if state.global_step:
            self._start, told = load_start(path, facts)
            self._start_numbers = json.loads(told["numbers"])
            # A run that it has ended does not go on, unless the limits are others now.
            if self.settings.action == "stop":
                self._judge(_last_numbers(state.log_history))
            return
        self._start = self._answers(model)
        scores = evaluate_model(model, self.dataset, self.scored) if self.scored else {}
        self._start_numbers = self._numbers(self._start, scores)
        if state.is_world_process_zero:
            save_start(path, self._start, {**facts, "numbers": json.dumps(self._start_numbers)})
        self.log(_named(self._start_numbers))

    def measure(self, model: Any, scores: Scores) -> dict[str, float]:
        """Compare the model with the start.

        Args:
            model: The `PolyheadModel` as it is now.
            scores: Of all validation rows, from `evaluate_model`.

        Returns:
            `guard/TASK`, the score or agreement of each task that is watched, and `guard/drift`.
        """
        if not self._start:
            return {}  # the run has not begun
        numbers = self._numbers(self._answers(model), scores)
        self._judge(numbers)
        return _named(numbers)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the run where a limit is broken that stops it."""
        if self.stops:
            control.should_training_stop = True

    def _judge(self, numbers: dict[str, float]) -> None:
        self.broken = [*self._drops(numbers), *self._drift(numbers)]
        if self.broken:
            logger.warning(f"guard: {'; '.join(self.broken)}.")

    def _answers(self, model: Any) -> dict[str, Tensor]:
        return pack_answers(answer_examples(model, self.sample, self.compared, with_embedding=True))

    def _numbers(self, answers: dict[str, Tensor], scores: Scores) -> dict[str, float]:
        own_scores = {name: scores[name][primary_metric(self.config.task(name))] for name in self.scored}
        agreements = {
            name: agreement(self.config.task(name), answers[name], self._start[name]) for name in self.compared
        }
        now, before = (functional.normalize(values[EMBEDDING].double(), dim=-1) for values in (answers, self._start))
        # Half the squared distance of unit vectors is 1 - cosine, and exactly 0 where nothing moved.
        return {**own_scores, **agreements, EMBEDDING: float((now - before).square().sum(-1).mean() / 2)}

    def _drops(self, numbers: dict[str, float]) -> list[str]:
        limit = self.settings.max_drop
        if limit is None:
            return []
        found = []
        for name in self.settings.tasks:
            metric = primary_metric(self.config.task(name)) if name in self.scored else "agreement"
            before, now = self._start_numbers[name], numbers[name]
            drop = now - before if metric in LOWER_IS_BETTER else before - now
            if drop > limit:
                found.append(f"{metric} of '{name}' went from {before:.4f} to {now:.4f}, beyond max_drop {limit:g}")
        return found

    def _drift(self, numbers: dict[str, float]) -> list[str]:
        limit, drift = self.settings.max_drift, numbers[EMBEDDING]
        if limit is None or drift <= limit:
            return []
        return [f"the embedding drifted by {drift:.4f}, beyond max_drift {limit:g}"]

    def _refuse_unreadable(self) -> None:
        kinds = {example.second is not None for example in self.sample}
        silent = [name for name in self.compared if self.config.task(name).is_pair not in kinds]
        if silent:
            raise ValueError(
                f"train.guard.tasks: no validation row can be answered for {', '.join(silent)}; add such rows, or leave "
                "these tasks out."
            )


def _named(numbers: dict[str, float]) -> dict[str, float]:
    return {f"{_PREFIX}{_DRIFT if name == EMBEDDING else name}": value for name, value in numbers.items()}


def _last_numbers(log_history: list[dict[str, float]]) -> dict[str, float]:
    """What `_named` made of the latest measurement, taken back."""
    entry = next(entry for entry in reversed(log_history) if _PREFIX + _DRIFT in entry)
    named = {key.removeprefix(_PREFIX): value for key, value in entry.items() if key.startswith(_PREFIX)}
    return {EMBEDDING if name == _DRIFT else name: value for name, value in named.items()}
