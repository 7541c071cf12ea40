import math

import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.losses_polyhead import IGNORED
from polyhead.training.data.collation import Collator, stack_labels
from polyhead.training.data.examples import MultiTaskDataset

from ..conftest import COUNT, LOUD, PET, SAME, SLOTS, row

TAGS = TaskConfig(name="tags", kind="multi_label_classification", labels=["x", "y"])
MOOD = TaskConfig(name="mood", kind="regression", labels=["valence", "arousal"])
NEAR = TaskConfig(name="near", kind="pair_similarity")
GRADE = TaskConfig(name="grade", kind="ordinal_regression", labels=["1", "2", "3"])
NAN = math.nan


@pytest.fixture
def collate(tokenizer):
    def _collate(rows, *tasks):
        dataset = MultiTaskDataset({"toy": rows}, list(tasks), tokenizer, 40)
        return Collator(list(tasks), tokenizer.pad_token_id)(dataset.examples)

    return _collate


def test_texts_are_padded_to_the_longest_of_the_batch(collate):
    batch = collate([row("the cat !"), row("dog", 2)], PET)

    assert batch["input_ids"].tolist() == [[2, 61, 62, 59, 3], [2, 63, 3, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert batch["where"] == ["toy.jsonl:1", "toy.jsonl:2"]


def test_labels_are_a_dict_of_the_tasks_that_some_row_has(collate):
    batch = collate([row("cat", pet=0), row("dog", pet=1)], PET, LOUD)

    assert list(batch["labels"]) == ["pet"]
    assert batch["labels"]["pet"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("task", "label", "expected", "dtype"),
    [
        (PET, 2, [2, IGNORED], torch.long),
        (LOUD, 1, [1, IGNORED], torch.long),
        (GRADE, 2, [2, IGNORED], torch.long),
        (SAME, 1, [1, IGNORED], torch.long),
        (TAGS, [0.0, 1.0], [[0, 1], [IGNORED, IGNORED]], torch.float32),
        (COUNT, 2.5, [2.5, NAN], torch.float32),
        (MOOD, [0.5, -2.0], [[0.5, -2.0], [NAN, NAN]], torch.float32),
        (NEAR, 4.0, [4.0, NAN], torch.float32),
        (TaskConfig(name="one", kind="regression", labels=["only"]), 1.5, [1.5, NAN], torch.float32),
        (TaskConfig(name="one", kind="multi_label_classification", labels=["x"]), [1.0], [[1], [-100]], torch.float32),
    ],
)
def test_a_missing_label_is_minus_100_or_nan_for_numbers(collate, task, label, expected, dtype):
    text = ("cat", "dog") if task.is_pair else "cat"
    labels = collate([row(text, **{task.name: label}), row(text, 2)], task)["labels"][task.name]

    torch.testing.assert_close(labels, torch.tensor(expected, dtype=dtype), equal_nan=True)


def test_token_tags_are_padded_with_the_text_and_a_row_without_tags_has_none(collate):
    labels = collate([row(["the", "fox"], slots=[0, 1]), row(["cat"], 2, slots=[1]), row(["dog"], 3)], SLOTS)["labels"]

    none = IGNORED
    assert labels["slots"].tolist() == [[none, 0, 1, none, none, none], [none, 1, *[none] * 4], [none] * 6]


def test_both_texts_of_a_pair_are_padded_on_their_own(collate):
    batch = collate([row(("the cat !", "dog"), same=0), row(("cat", "the dog"), 2, same=1)], SAME)

    assert batch["input_ids"].shape == (2, 5)
    assert batch["pair_input_ids"].tolist() == [[2, 63, 3, 0], [2, 61, 63, 3]]
    assert batch["pair_attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


def test_the_model_takes_a_batch_as_it_comes(collate, tiny_model):
    rows = [row("cat", topic=0, tags=[0.0, 1.0, 0.0], affect=[3.0, 1.0], grade=2), row("dog", 2, toxic=1)]
    batch = collate(rows, *tiny_model.config.tasks)
    batch.pop("where")

    assert set(tiny_model(**batch).losses) == {"topic", "tags", "affect", "grade", "toxic"}


def test_stacked_labels_count_as_many_items_as_rows_are_labelled(collate, tokenizer):
    examples = MultiTaskDataset({"toy": [row("cat", mood=[1.0, 2.0]), row("dog", 2)]}, [MOOD], tokenizer, 40).examples

    assert stack_labels(MOOD, examples, 3).isnan().any(-1).tolist() == [False, True]
