"""Batches, labels and cases that the tests of the model share."""

import pytest
import torch

from polyhead.configuration.configuration_polyhead import POOLINGS
from polyhead.configuration.task_kinds_polyhead import HEAD_KINDS, TASK_KINDS
from polyhead.configuration.tasks_polyhead import TaskConfig

NAN = float("nan")
LABELS = {
    "single_label_classification": ["a", "b", "c"],
    "binary_classification": ["no", "yes"],
    "multi_label_classification": ["x", "y"],
    "regression": ["v", "w"],
    "ordinal_regression": ["low", "mid", "high"],
    "token_classification": ["O", "B-x", "I-x"],
    "pair_classification": ["same", "other"],
    "pair_similarity": None,
}
# Four rows of each kind; the last two have no label.
FOUR_ROWS = {
    "single_label_classification": [2, 0, -100, -100],
    "binary_classification": [1, 0, -100, -100],
    "multi_label_classification": [[1.0, 0.0], [0.0, 1.0], [-100.0, -100.0], [-100.0, -100.0]],
    "regression": [[0.5, -1.0], [2.0, 1.0], [NAN, NAN], [NAN, NAN]],
    "ordinal_regression": [2, 1, -100, -100],
    "token_classification": [[-100, 1, 2, 0, -100], [-100, 0, 0, 1, -100], [-100] * 5, [-100] * 5],
    "pair_classification": [0, 1, -100, -100],
    "pair_similarity": [0.25, 1.0, NAN, NAN],
}
# Every head on every kind that takes it.
HEAD_CASES = [
    (kind, head)
    for kind in TASK_KINDS
    for head in HEAD_KINDS
    if not (kind == "token_classification" and head == "attention")
    and not (kind == "pair_similarity" and head != "linear")
]
# Every pooling, and what may stand between pooling and embedding.
POOLING_CASES = {
    **{name: {"pooling": name} for name in POOLINGS},
    "cls+mean": {"pooling": ["cls", "mean"]},
    "projection": {"pooling": "mean", "projection_dim": 8},
    "mix": {"pooling": "mean", "mix_last_layers": 2},
    "unnormalized": {"pooling": "mean", "normalize": False},
}


@pytest.fixture(params=HEAD_CASES, ids=[f"{kind}-{head}" for kind, head in HEAD_CASES])
def head_task(request):
    """One task, of each kind with each head that it takes, in turn."""
    kind, head = request.param
    return TaskConfig(name="task", kind=kind, labels=LABELS[kind], head=head, head_dropout=0.0)


@pytest.fixture(params=TASK_KINDS)
def kind_task(request):
    """One task of each kind in turn."""
    return TaskConfig(name="task", kind=request.param, labels=LABELS[request.param], head_dropout=0.0)


@pytest.fixture(params=POOLING_CASES.values(), ids=POOLING_CASES)
def pooling_settings(request):
    """Settings of the config for each pooling in turn."""
    return request.param


@pytest.fixture
def inputs():
    """Three padded pairs of texts as tensors."""
    return {
        "input_ids": torch.randint(5, 64, (3, 7)),
        "attention_mask": torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] * 2 + [0] * 5]),
        "pair_input_ids": torch.randint(5, 64, (3, 5)),
        "pair_attention_mask": torch.tensor([[1] * 5, [1] * 5, [1] * 3 + [0] * 2]),
    }


@pytest.fixture
def four_rows():
    """Return four rows of tokens, a task's labels for them, and second texts where the task reads pairs."""

    def _four_rows(task):
        generator = torch.Generator().manual_seed(1)
        inputs = {
            "input_ids": torch.randint(5, 64, (4, 5), generator=generator),
            "attention_mask": torch.tensor([[1] * 5, [1] * 5, [1] * 4 + [0], [1] * 5]),
        }
        if task.is_pair:
            inputs["pair_input_ids"] = torch.randint(5, 64, (4, 3), generator=generator)
            inputs["pair_attention_mask"] = torch.ones(4, 3, dtype=torch.long)
        return inputs, torch.tensor(FOUR_ROWS[task.kind])

    return _four_rows
