from itertools import product

import numpy as np
import pytest

from polyhead.modeling.tag_sequences_polyhead import best_tags, open_entities

LABELS = ["O", "B-pet", "I-pet", "B-toy", "I-toy"]


def tags(rows, labels=LABELS):
    return [labels[number] for number in best_tags(np.array(rows, dtype=np.float32), labels)]


def is_valid(sequence):
    return list(sequence) == open_entities(sequence)


def test_the_best_tags_stay_where_they_make_a_sequence():
    rows = [[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.2, 0.4, 0.1, 0.2], [0.6, 0.1, 0.1, 0.1, 0.1]]
    assert tags(rows) == ["B-pet", "I-pet", "O"]


def test_an_i_that_continues_nothing_gives_way_to_the_next_best_sequence():
    # O I-pet: 0.6 * 0.5 is not allowed. O B-pet: 0.6 * 0.3 = 0.18; B-pet I-pet: 0.4 * 0.5 = 0.20 is the best that is.
    assert tags([[0.6, 0.4, 0, 0, 0], [0.2, 0.3, 0.5, 0, 0]]) == ["B-pet", "I-pet"]
    # B-pet I-toy is not allowed. B-toy I-toy: 0.2 * 0.7 = 0.14; B-pet I-pet: 0.8 * 0.2 = 0.16.
    assert tags([[0, 0.8, 0, 0.2, 0], [0, 0, 0.2, 0.1, 0.7]]) == ["B-pet", "I-pet"]
    assert tags([[0, 0.1, 0.9, 0, 0]]) == ["B-pet"]


def test_the_sequence_is_the_best_of_all_valid_ones():
    generator = np.random.default_rng(0)
    for _ in range(20):
        rows = generator.dirichlet(np.ones(5) / 2, size=4)
        valid = [s for s in product(range(5), repeat=4) if is_valid([LABELS[number] for number in s])]
        best = max(valid, key=lambda sequence: sum(np.log(rows[word, tag]) for word, tag in enumerate(sequence)))
        assert best_tags(rows, LABELS).tolist() == list(best)


def test_certain_words_and_no_words_have_tags_too():
    assert tags([[0, 0, 1, 0, 0], [0, 1, 0, 0, 0]]) == ["O", "B-pet"]
    assert best_tags(np.empty((0, 5)), LABELS).tolist() == []


def test_a_kind_without_b_may_begin_with_i():
    assert tags([[0.1, 0.9, 0], [0.1, 0, 0.9]], ["O", "I-pet", "I-toy"]) == ["I-pet", "I-toy"]


@pytest.mark.parametrize(
    ("written", "opened"),
    [
        (["O", "B-x", "I-x"], ["O", "B-x", "I-x"]),
        (["I-x", "I-x", "B-x", "I-y"], ["B-x", "I-x", "B-x", "B-y"]),
        (["I-x", "O", "I-x"], ["B-x", "O", "B-x"]),
        ([], []),
    ],
)
def test_every_entity_opens_with_b(written, opened):
    assert open_entities(written) == opened
