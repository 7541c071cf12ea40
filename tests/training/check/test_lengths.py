from polyhead.training.check.lengths import TextLengths, count_cut, measure_lengths
from polyhead.training.data.examples import tokenize_rows

from ..conftest import row


def test_lengths_are_those_of_whole_texts_with_special_tokens(tokenizer):
    # [CLS] ... [SEP] and n words of one token each: 3 to 22 tokens.
    rows = [row("the " * number) for number in range(1, 21)]

    assert measure_lengths(rows, tokenizer, 20) == TextLengths(20, 20, 2, median=12, percentile_95=21, longest=22)


def test_both_texts_of_a_pair_and_joined_words_are_counted(tokenizer):
    pair, words = row(("cat", "the cat dog")), row(["the", "cat"])

    assert measure_lengths([pair], tokenizer, 4) == TextLengths(4, 2, 1, median=3, percentile_95=5, longest=5)
    assert measure_lengths([words], tokenizer, 4).longest == 4


def test_cut_texts_are_counted_alike_before_and_after_they_are_cut(tokenizer):
    rows = [row(("the " * 9, "cat")), row(("dog", "the " * 7)), row(("dog", "the " * 6))]

    examples = tokenize_rows("toy", rows, [], tokenizer, 8)

    assert count_cut(examples, 8) == TextLengths(8, 6, 2)
    assert measure_lengths(rows, tokenizer, 8).num_longer == 2
    assert count_cut(examples, 8).share_longer == 2 / 6


def test_counting_leaves_the_tokenizer_as_it_was(tokenizer):
    tokenize_rows("toy", [row("the " * 9)], [], tokenizer, 4)
    measure_lengths([row("the " * 9)], tokenizer, 4)

    (example,) = tokenize_rows("toy", [row("the " * 9)], [], tokenizer, 4)
    assert len(example) == 4
