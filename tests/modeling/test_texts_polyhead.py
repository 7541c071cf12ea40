import unicodedata

import pytest

from polyhead.modeling.texts_polyhead import (
    clean,
    find_bad_texts,
    first_pieces,
    joined_word_spans,
    refuse,
    word_spans,
)

NAN = float("nan")
INVISIBLE = ["", " ", "\t\r\n", "\x00\x07", "\u200b", "\u200d\ufeff", "\u00a0\u3000", "\u202e", "\ud800", "\ufffd"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "is None, not a string"),
        (NAN, "is NaN, not a string"),
        (1.5, "is of type float, not a string"),
        (3, "is of type int, not a string"),
        (b"bytes", "is of type bytes, not a string"),
        (["a", "list"], "is of type list, not a string"),
        ({"a": "dict"}, "is of type dict, not a string"),
    ],
)
def test_what_is_no_string_is_named_by_its_type(value, reason):
    assert find_bad_texts(["fine", value]) == {1: reason}


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_text_without_a_visible_character_is_bad(text):
    assert find_bad_texts([text]) == {0: "is empty or blank"}


@pytest.mark.parametrize(
    "text", ["a", ".", "  x  ", "é", "हि", "中", "👍", "\U0001fae8", "\u200b!", "\ud800a", "\x00b"]
)
def test_text_with_one_visible_character_is_good(text):
    assert find_bad_texts([text]) == {}


def test_a_character_newer_than_this_python_is_visible():
    assert unicodedata.category("\u0378") == "Cn"  # not assigned
    assert find_bad_texts(["\u0378"]) == {}


def test_all_bad_texts_stand_in_one_error_with_their_positions():
    with pytest.raises(
        ValueError, match=r"^2 of 4 texts cannot be read: text 1 is None, not a string; text 3 is empty"
    ):
        refuse(find_bad_texts(["a", None, "b", ""]), 4)


def test_a_long_list_of_bad_texts_is_counted_after_twenty():
    with pytest.raises(ValueError, match=r"25 of 30 texts .*text 19 is empty or blank; and 5 more\. Remove or repair"):
        refuse(find_bad_texts([""] * 25), 30)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("plain", "plain"), ("a\ud800b", "a\ufffdb"), ("\udfff\ud83d", "\ufffd\ufffd"), ("👍🏽\x00", "👍🏽\x00")],
    ids=ascii,
)
def test_cleaning_replaces_lone_surrogates_one_for_one(text, cleaned):
    assert clean(text) == cleaned
    assert len(clean(text)) == len(text)
    clean(text).encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Play jazz, now!", ["Play", "jazz", ",", "now", "!"]),
        ("U.S.", ["U", ".", "S", "."]),
        ("don't", ["don", "'", "t"]),
        ("  spaced\tout\n", ["spaced", "out"]),
        ("naïve café", ["naïve", "café"]),
        ("cafe\u0301s e\u0301a", ["cafe\u0301s", "e\u0301a"]),  # the accents stand alone here
        ("हिन्दी में", ["हिन्दी", "में"]),
        (",\u0301b", [",\u0301", "b"]),
        ("❤\ufe0f x", ["❤\ufe0f", "x"]),
        ("", []),
    ],
)
def test_words_and_marks_are_found_with_their_place(text, words):
    assert [text[start:end] for start, end in word_spans(text)] == words


def test_given_words_stand_where_joining_puts_them():
    words = ["New York", "U.S.", "é", "!"]
    text = " ".join(words)
    assert [text[start:end] for start, end in joined_word_spans(words)] == words


@pytest.mark.parametrize(
    ("offsets", "spans", "pieces"),
    [
        # [CLS] ab ##c d [SEP], over "abc d"
        ([(0, 0), (0, 2), (2, 3), (4, 5), (0, 0)], [(0, 3), (4, 5)], [1, 3]),
        # the token of a byte-level tokenizer begins with the space
        ([(0, 0), (0, 3), (3, 5), (0, 0)], [(0, 3), (4, 5)], [1, 2]),
        # a piece for the space alone is nobody's first piece
        ([(0, 3), (3, 4), (4, 5)], [(0, 3), (4, 5)], [0, 2]),
        # one token for two words
        ([(0, 0), (0, 5), (0, 0)], [(0, 3), (3, 4), (4, 5)], [1, 1, 1]),
        # the second word vanished in normalisation, the third was cut off
        ([(0, 0), (0, 1), (4, 5), (0, 0)], [(0, 1), (2, 3), (4, 5), (6, 7)], [1, -1, 2, -1]),
        # several tokens for one character
        ([(0, 0), (0, 1), (0, 1), (1, 2), (0, 0)], [(0, 1), (1, 2)], [1, 3]),
        ([], [(0, 1)], [-1]),
    ],
    ids=["pieces", "space", "lone space", "shared", "lost", "bytes", "nothing"],
)
def test_a_words_first_piece_is_the_first_token_that_overlaps_it(offsets, spans, pieces):
    assert first_pieces(offsets, spans) == pieces


def test_first_pieces_of_the_real_tokenizer_begin_where_words_begin(tokenizer):
    text = "The zebra, cat!"
    encoding = tokenizer(text, return_offsets_mapping=True)
    pieces = first_pieces(encoding["offset_mapping"], word_spans(text))
    # z, e, b, r, a are five pieces.
    assert [encoding.tokens()[piece] for piece in pieces] == ["the", "z", ",", "cat", "!"]
