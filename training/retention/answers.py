"""What a model answers to examples, kept as data: by example, or packed into few tensors for a file."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...configuration.tasks_polyhead import TaskConfig
from ..data.examples import Example

EMBEDDING = "embedding "  # the blank keeps it apart from any task
# By task name: logits of one example, shape (num_logits,), tokens (seq, num_labels); and the embedding, shape (dim,).
Answers = dict[str, Tensor]


def answer_examples(
    model: Any, examples: Sequence[Example], names: Sequence[str], with_embedding: bool
) -> list[Answers]:
    """Run the model, in evaluation mode, over examples.

    Args:
        model: A `PolyheadModel`.
        examples: Tokenized rows.
        names: Tasks to answer; pair tasks answer pairs only, the others single texts only.
        with_embedding: Add the sentence embedding, of the first text of a pair.

    Returns:
        One dict an example, float32 on the CPU. Tokens without characters (`[CLS]`, `[SEP]`) are NaN.
    """
    answers: list[Answers] = [{} for _ in examples]
    for is_pair in (False, True):
        rows = [row for row, example in enumerate(examples) if _is_pair(example) == is_pair]
        tasks = [task for task in map(model.config.task, names) if task.is_pair == is_pair]
        if not rows or not (tasks or with_embedding):
            continue
        second: Any = [examples[row].second for row in rows] if is_pair else None
        first = [examples[row].first for row in rows]
        for batch, output in model.run_tokenized(first, second, [task.name for task in tasks]):
            chosen = [rows[number] for number in batch]
            for task in tasks:
                _keep(answers, chosen, task, output.logits[task.name].float().cpu().clone(), examples)
            if with_embedding:
                # A copy: what is made in inference mode cannot take part in a loss.
                embeddings = output.sentence_embedding.float().cpu().clone()
                for row, embedding in zip(chosen, embeddings, strict=True):
                    answers[row][EMBEDDING] = embedding
    return answers


def pack_answers(answers: Sequence[Answers]) -> dict[str, Tensor]:
    """Put the answers of all examples one after another: one tensor a task, of two dimensions."""
    names = dict.fromkeys(name for answer in answers for name in answer)
    wide = {name: [answer[name] for answer in answers if name in answer] for name in names}
    return {name: torch.cat([part.reshape(-1, part.shape[-1]) for part in parts]) for name, parts in wide.items()}


def unpack_answers(
    packed: dict[str, Tensor], examples: Sequence[Example], tasks: Sequence[TaskConfig]
) -> list[Answers]:
    """Deal out what `pack_answers` has packed.

    Args:
        packed: The tensors.
        examples: The examples that were answered.
        tasks: All tasks of the model.

    Raises:
        ValueError: The tensors belong to other examples.
    """
    answers: list[Answers] = [{} for _ in examples]
    by_name = {task.name: task for task in tasks}
    for name, tensor in packed.items():
        task = by_name.get(name)
        rows = [row for row, example in enumerate(examples) if task is None or task.is_pair == _is_pair(example)]
        sizes = [len(examples[row].first) if task is not None and task.is_token else 1 for row in rows]
        if sum(sizes) != len(tensor):
            raise ValueError(f"{len(tensor)} answers of '{name}' are kept, but {sum(sizes)} are needed")
        for row, part in zip(rows, tensor.split(sizes), strict=True):
            answers[row][name] = part if task is not None and task.is_token else part[0]
    return answers


def stack_answers(answers: Sequence[Answers]) -> dict[str, Tensor]:
    """Make one batch of the answers of examples, all texts or all pairs; shorter texts are filled up with NaN."""
    return {
        name: torch.nn.utils.rnn.pad_sequence([answer[name] for answer in answers], True, torch.nan)
        for name in answers[0]
    }


def _keep(
    answers: list[Answers], rows: list[int], task: TaskConfig, logits: Tensor, examples: Sequence[Example]
) -> None:
    for row, answer in zip(rows, logits, strict=True):
        if task.is_token:
            offsets = examples[row].first.offsets
            answer = answer[: len(offsets)]
            answer[torch.tensor([start == end for start, end in offsets])] = torch.nan
        answers[row][task.name] = answer.reshape(1) if answer.ndim == 0 else answer


def _is_pair(example: Example) -> bool:
    return example.second is not None
