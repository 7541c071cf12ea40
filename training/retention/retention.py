"""Learning without forgetting: the answers of the model as the run began are targets for the model that trains."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional
from transformers import TrainerCallback

from ...modeling.outputs_polyhead import PolyheadOutput
from ..data.examples import MultiTaskDataset
from .answers import EMBEDDING, answer_examples, pack_answers, unpack_answers
from .distillation import distillation_items
from .settings import RetainSettings, refuse_unknown_tasks
from .start_file import load_start, save_start

FILE = "retained.safetensors"


class Retention(TrainerCallback):
    """Answer all training rows once as the run begins, and keep later answers near.

    The answers are data, held with each example: a frozen copy of the model beside the trained one would cost a second
    forward pass in every step. They are kept in the run's folder, from where a resumed run reads them.

    Args:
        settings: What is kept.
        model: The `PolyheadModel` that trains.
        dataset: The training rows.

    Raises:
        ValueError: A task is unknown, or two losses would have one name in the log.

    Source:
        Learning without forgetting, https://arxiv.org/abs/1606.09282.
    """

    def __init__(self, settings: RetainSettings, model: Any, dataset: MultiTaskDataset) -> None:
        refuse_unknown_tasks("retain", settings.tasks, model.config)
        self.settings = settings
        self.config = model.config
        self.dataset = dataset
        self.answered = [*settings.tasks, *([EMBEDDING] if settings.embedding else [])]
        self.loss_names = [_loss_name(name) for name in self.answered]
        taken = {task.name for task in self.config.tasks} & set(self.loss_names)
        if taken or len(set(self.loss_names)) < len(self.loss_names):
            raise ValueError(f"train.retain: losses {self.loss_names} clash with task names; rename the new task.")

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Answer all rows, or read the answers where the run goes on."""
        path = Path(args.output_dir) / FILE
        facts = {"training rows": self.dataset.fingerprint, "train.retain": json.dumps(self.answered)}
        if state.global_step:
            packed, _ = load_start(path, facts)
        else:
            answers = answer_examples(
                model, self.dataset.examples, self.settings.tasks, with_embedding=EMBEDDING in self.answered
            )
            packed = pack_answers(answers)
            if state.is_world_process_zero:
                save_start(path, packed, facts)
        unpacked = unpack_answers(packed, self.dataset.examples, self.config.tasks)
        for example, earlier in zip(self.dataset.examples, unpacked, strict=True):
            example.earlier = earlier

    def add_losses(
        self, outputs: PolyheadOutput, earlier: dict[str, Tensor], num_items: dict[str, Tensor] | None
    ) -> None:
        """Add the distance from earlier answers to the loss of a batch.

        Args:
            outputs: Of the batch; its `loss` and `losses` grow.
            earlier: The batch's earlier answers, as `stack_answers` makes them.
            num_items: What each sum is divided by, by name of the loss; None: the items of this batch.
        """
        for name, answers in earlier.items():
            items = self._items(name, outputs, answers)
            if len(items):
                label = _loss_name(name)
                loss = items.sum() / (len(items) if num_items is None else num_items[label])
                weight = self.settings.embedding if name == EMBEDDING else self.settings.weight
                outputs.losses[label] = loss
                outputs.loss = weight * loss if outputs.loss is None else outputs.loss + weight * loss

    def count_items(self, batches: Sequence[dict[str, Any]]) -> dict[str, int]:
        """Count the items that `add_losses` will find in batches, by name of the loss."""
        counts = dict.fromkeys(self.loss_names, 0)
        for batch in batches:
            for name, answers in batch.get("earlier", {}).items():
                counts[_loss_name(name)] += int((~answers.isnan().any(-1)).sum())
        return counts

    def _items(self, name: str, outputs: PolyheadOutput, answers: Tensor) -> Tensor:
        if name == EMBEDDING:
            return 1 - functional.cosine_similarity(outputs.sentence_embedding.float(), answers, dim=-1)
        return distillation_items(self.config.task(name), outputs.logits[name], answers, self.settings.temperature)


def _loss_name(name: str) -> str:
    return f"retain_{name.strip()}"
