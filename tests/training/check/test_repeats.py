from polyhead.training.check.repeats import Conflict, Overlap, Repeat, find_conflicts, find_overlaps, find_repeats

from ..conftest import COUNT, LOUD, PET, row


def test_texts_are_the_same_whatever_case_and_blanks():
    rows = [row("A  cat", 1, pet=0), row("a cat ", 2, pet=0), row(["a", "Cat"], 3, pet=0), row("a cat.", 4, pet=0)]

    assert find_repeats({"toy": rows}) == [Repeat("A  cat", ["toy/toy.jsonl:1", "toy/toy.jsonl:2", "toy/toy.jsonl:3"])]


def test_a_pair_repeats_only_with_both_texts_in_their_order():
    rows = [
        row(("a", "b"), 1, same=0),
        row(("a", "c"), 2, same=0),
        row(("b", "a"), 3, same=0),
        row(("A", "b"), 4, same=0),
    ]

    assert find_repeats({"toy": rows}) == [Repeat("a | b", ["toy/toy.jsonl:1", "toy/toy.jsonl:4"])]


def test_a_text_in_two_data_sets_repeats_only_where_they_share_a_task():
    cats, dogs = [row("a cat", 1, pet=0)], [row("a cat", 1, loud=1)]
    assert find_repeats({"cats": cats, "dogs": dogs}) == []

    both = [row("a cat", 1, loud=1, pet=0)]
    assert find_repeats({"cats": cats, "dogs": both}) == [Repeat("a cat", ["cats/toy.jsonl:1", "dogs/toy.jsonl:1"])]


def test_rows_without_a_label_teach_nothing_and_do_not_repeat():
    assert find_repeats({"toy": [row("a cat", 1), row("a cat", 2), row("a cat", 3, pet=1)]}) == []


def test_a_text_with_two_labels_is_a_conflict_of_its_task_alone():
    rows = [
        row("a cat", 1, pet=0, loud=1, count=2.0),
        row("A cat", 2, pet=1, loud=1, count=2.5),
        row("A cat", 3, loud=1),
    ]

    assert find_conflicts({"toy": rows}, [PET, LOUD, COUNT]) == [
        Conflict("pet", "a cat", {"toy/toy.jsonl:1": ["cat"], "toy/toy.jsonl:2": ["dog"]}),
        Conflict("count", "a cat", {"toy/toy.jsonl:1": [2.0], "toy/toy.jsonl:2": [2.5]}),
    ]


def test_every_two_splits_are_compared_and_rows_of_the_later_one_counted():
    rows = {
        "train": {"toy": [row("a", 1, pet=0), row("b", 2, pet=0)]},
        "validation": {"toy": [row("c", 11, pet=0), row("B", 12, pet=1)]},
        "test": {"toy": [row("a", 21, pet=0), row("A", 22, pet=0), row("c", 23, pet=0), row("d", 24, pet=0)]},
    }

    assert find_overlaps(rows) == [
        Overlap(("train", "validation"), 1, [Repeat("B", ["toy/toy.jsonl:2", "toy/toy.jsonl:12"])]),
        Overlap(("train", "test"), 2, [Repeat("a", ["toy/toy.jsonl:1", "toy/toy.jsonl:21", "toy/toy.jsonl:22"])]),
        Overlap(("validation", "test"), 1, [Repeat("c", ["toy/toy.jsonl:11", "toy/toy.jsonl:23"])]),
    ]


def test_a_text_that_train_labels_for_another_task_is_no_overlap():
    rows = {"train": {"cats": [row("a", 1, pet=0)]}, "test": {"dogs": [row("a", 1, loud=0)]}}

    assert find_overlaps(rows) == []
