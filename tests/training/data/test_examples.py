import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.losses_polyhead import IGNORED
from polyhead.modeling.tokenizing_polyhead import tokenize
from polyhead.training.data.examples import MultiTaskDataset, align_tags

from ..conftest import LOUD, PET, SAME, SLOTS, row

O, B, I = 0, 1, 2  # noqa: E741 - as the tags are called


@pytest.fixture
def dataset(tokenizer):
    return lambda rows, tasks, max_length=40: MultiTaskDataset(rows, tasks, tokenizer, max_length)


def pieces(tokenizer, text, max_length=40):
    tokens = tokenize(tokenizer, [text], max_length)[0]
    return tokens, tokenizer.convert_ids_to_tokens(tokens.inputs["input_ids"])


def test_data_sets_lie_one_after_another(dataset):
    made = dataset({"a": [row("cat", pet=0), row("dog", 2)], "b": [row("the cat", 3, loud=1)]}, [PET, LOUD])

    assert made.ranges == {"a": range(2), "b": range(2, 3)}
    assert [example.where for example in made.examples] == ["toy.jsonl:1", "toy.jsonl:2", "toy.jsonl:3"]
    assert len(made) == 3


def test_a_task_is_labelled_where_some_row_has_its_label(dataset):
    made = dataset({"a": [row("cat", pet=0), row("dog")], "b": [row("the", loud=1), row("cat", pet=0)]}, [PET, LOUD])

    assert [task.name for task in made.labelled_tasks("a")] == ["pet"]
    assert [task.name for task in made.labelled_tasks("b")] == ["pet", "loud"]


def test_the_length_of_a_pair_is_that_of_its_longer_text(dataset):
    made = dataset({"a": [row(("cat", "the dog !"), same=0)]}, [SAME])

    assert len(made[0].first) == 3
    assert len(made[0]) == len(made[0].second) == 5


def test_texts_that_were_cut_are_counted_second_ones_too(dataset):
    long, short = "cat " * 9, "cat"
    rows = [row((short, short), same=0), row((long, short), same=0), row((short, long), same=0), row((long, long))]

    assert dataset({"a": rows}, [SAME], max_length=8).num_truncated == 4
    assert dataset({"a": rows}, [SAME]).num_truncated == 0


def test_the_first_piece_of_a_word_has_its_tag_and_the_others_none(tokenizer):
    tokens, texts = pieces(tokenizer, "the fox")
    assert texts == ["[CLS]", "the", "f", "##o", "##x", "[SEP]"]

    assert align_tags(SLOTS, ["the", "fox"], [O, B], "the fox", tokens) == [IGNORED, O, B, *[IGNORED] * 3]


def test_marks_inside_a_word_continue_its_tag(tokenizer):
    text = "U.S. cat"
    tokens, texts = pieces(tokenizer, text)
    assert texts == ["[CLS]", "u", ".", "s", ".", "cat", "[SEP]"]

    assert align_tags(SLOTS, ["U.S.", "cat"], [B, O], text, tokens) == [IGNORED, B, I, I, I, O, IGNORED]
    assert align_tags(SLOTS, ["U.S.", "cat"], [O, B], text, tokens) == [IGNORED, O, O, O, O, B, IGNORED]
    assert align_tags(SLOTS, ["U.S.", "cat"], [I, O], text, tokens) == [IGNORED, I, I, I, I, O, IGNORED]


def test_a_begun_tag_is_repeated_where_the_task_has_none_that_continues_it(tokenizer):
    begun_only = TaskConfig(name="slots", kind="token_classification", labels=["O", "B-pet"])
    tokens, _ = pieces(tokenizer, "a.b")

    assert align_tags(begun_only, ["a.b"], [B], "a.b", tokens) == [IGNORED, B, B, B, IGNORED]


def test_words_that_were_cut_off_have_no_tag(tokenizer):
    text = "cat fox dog"
    tokens, texts = pieces(tokenizer, text, max_length=4)
    assert texts == ["[CLS]", "cat", "f", "[SEP]"]

    assert align_tags(SLOTS, ["cat", "fox", "dog"], [B, O, B], text, tokens) == [IGNORED, B, O, IGNORED]


def test_rows_of_words_get_one_tag_a_token(dataset):
    made = dataset({"a": [row(["the", "fox"], slots=[O, B]), row(["cat"], 2)]}, [SLOTS])

    assert made[0].labels == {"slots": [IGNORED, O, B, IGNORED, IGNORED, IGNORED]}
    assert made[1].labels == {}
