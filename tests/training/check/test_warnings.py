import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.check.lengths import TextLengths
from polyhead.training.check.report import check_data
from polyhead.training.check.warnings import find_warnings
from polyhead.training.data.rows import LoadedData

from ..conftest import COUNT, LOUD, PET, SLOTS, row


def rows_of(task, values, word="text"):
    return [row(f"{word} {number}", number, **{task.name: value}) for number, value in enumerate(values, 1)]


def warnings(task, train, validation=(), test=(), lengths=None):
    splits = {"train": train, "validation": validation, "test": test}
    rows = {split: {"toy": list(found)} if found else {} for split, found in splits.items()}
    return find_warnings(check_data(LoadedData([task], rows), lengths or {}))


def messages(*arguments, **options):
    return [warning.message for warning in warnings(*arguments, **options)]


SOUND = rows_of(PET, [0, 1, 2] * 5)


def test_sound_data_give_no_warning():
    assert warnings(PET, SOUND, rows_of(PET, [0, 1, 2], "other"), rows_of(PET, [0], "third")) == []


def test_labels_with_few_rows_are_named_with_their_number():
    assert messages(PET, rows_of(PET, [0] * 5 + [1] * 4 + [2] * 2)) == [
        "task 'pet': fewer than 5 training examples of dog (4), none (2); add rows or merge labels"
    ]


def test_a_label_that_train_lacks_is_named_with_the_splits_that_have_it():
    found = messages(PET, rows_of(PET, [0, 1] * 5), rows_of(PET, [0], "one"), rows_of(PET, [0, 2, 2], "other"))

    assert found == ["task 'pet': no training row has none (none 2 in test); add rows or take the label out"]


def test_a_single_label_and_a_constant_number_teach_nothing():
    assert messages(PET, rows_of(PET, [1] * 9))[0].startswith("task 'pet': all training rows are 'dog', so there is")
    assert messages(COUNT, rows_of(COUNT, [2.5] * 9))[0].startswith(
        "task 'count': all training rows have the same number"
    )
    assert messages(COUNT, rows_of(COUNT, [2.5, 2.6])) == []


def test_entities_are_counted_where_they_begin():
    # Six times B-pet, never continued: an entity of one word is not rare.
    assert messages(SLOTS, rows_of(SLOTS, [[0, 1]] * 6)) == []
    assert "B-pet (1)" in messages(SLOTS, rows_of(SLOTS, [[0, 1, 2, 2, 2, 2, 2, 0, 0, 0, 0]]))[0]


def test_a_task_that_validation_does_not_label_is_not_measured():
    unlabelled = [row("another", 1)]
    assert "no validation row is labelled for it" in messages(PET, SOUND, unlabelled)[0]
    assert messages(PET, SOUND) == []


def test_repeats_conflicts_and_overlap_are_warned_of_with_rows():
    train = [*SOUND, row("text 1", 16, pet=2)]
    overlap, repeat, conflict = warnings(PET, train, test=[row("Text  2", 1, pet=1), row("new", 2, pet=1)])

    assert overlap.message.startswith("1 of 2 test rows have a text that stands in train too")
    assert overlap.message.endswith("take them out of train")
    assert overlap.examples == ["'Text  2' at toy/toy.jsonl:2, toy/toy.jsonl:1"]
    assert repeat.message.startswith("1 of 16 train rows repeat the text of an earlier one")
    assert conflict.message == "task 'pet': 1 text of train has rows with different labels; keep the right one"
    assert conflict.examples == ["'text 1': toy/toy.jsonl:1 cat, toy/toy.jsonl:16 none"]


def test_a_text_of_validation_that_stands_in_train_is_to_leave_validation():
    (message,) = messages(PET, SOUND, [row("text 1", 1, pet=0)])

    assert message.startswith("1 of 1 validation rows have a text that stands in train too")
    assert message.endswith("take them out of validation")


def test_a_conflict_is_told_for_the_task_that_has_it_alone():
    train = [*({**r, "labels": {**r["labels"], "loud": 0}} for r in SOUND), row("text 1", 16, pet=0, loud=1)]
    report = check_data(LoadedData([PET, LOUD], {"train": {"toy": train}, "validation": {}, "test": {}}), {})
    conflicts = [w.message for w in find_warnings(report) if "different labels" in w.message]

    assert conflicts == ["task 'loud': 1 text of train has rows with different labels; keep the right one"]


def test_long_lists_and_long_texts_are_cut():
    intent = TaskConfig(name="pet", kind="single_label_classification", labels=[f"l{n}" for n in range(12)])
    (message,) = messages(intent, rows_of(intent, range(12)))
    assert "of l0 (1), l1 (1)," in message
    assert "l9 (1) and 2 more; add rows" in message

    train = [row("long " * 20, 16, pet=0), row("long " * 20, 17, pet=0)]
    (warning,) = warnings(PET, [*SOUND, *train])
    assert warning.examples == [f"'{('long ' * 20)[:57]}...' at toy/toy.jsonl:16, toy/toy.jsonl:17"]


@pytest.mark.parametrize(("longer", "expected"), [(1, 0), (2, 1)])
def test_more_than_one_text_of_a_hundred_cut_is_worth_a_warning(longer, expected):
    found = messages(PET, SOUND, lengths={"train": {"toy": TextLengths(64, 100, longer)}})

    assert len(found) == expected
    assert all("2 of 100 texts (2.0%) are longer than 64 tokens" in message for message in found)


def test_a_multi_label_task_may_have_one_label_only():
    task = TaskConfig(name="tags", kind="multi_label_classification", labels=["x"])
    assert messages(task, rows_of(task, [[1.0], [0.0]] * 5)) == []


def test_pairs_that_belong_together_may_all_have_the_same_label():
    pairs = [row((f"a {number}", f"b {number}"), number, same=1.0) for number in range(1, 9)]
    ranking = TaskConfig(name="same", kind="pair_similarity", loss="multiple_negatives_ranking")
    similar = TaskConfig(name="same", kind="pair_similarity")

    assert messages(ranking, pairs) == []
    assert len(messages(similar, pairs)) == 1
