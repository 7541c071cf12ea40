import logging
import random
import time

import numpy as np
import pytest
import torch

from polyhead.modeling import encoding_polyhead, running_polyhead, streaming_polyhead

NAN = float("nan")
BAD = [None, NAN, 3, b"bytes", ["a", "list"], "", "   ", "\u200b"]


@pytest.fixture
def model(make_model):
    return make_model()


@pytest.fixture
def truncation(caplog):
    """Return what the model's warnings said so far."""

    def _truncation():
        return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]

    return _truncation


def test_many_texts_give_one_row_each_and_one_text_a_vector(model):
    assert model.encode(["a cat", "a dog", "b"]).shape == (3, 32)
    assert model.encode("a cat").shape == (32,)
    assert model.encode([]).shape == (0, 32)


def test_texts_may_come_from_any_iterable(model):
    expected = model.encode(["a cat", "a dog"])
    assert np.array_equal(model.encode(text for text in ("a cat", "a dog")), expected)
    assert np.array_equal(model.encode(("a cat", "a dog")), expected)


def test_embeddings_are_float32_arrays_or_tensors(model):
    array, tensor = model.encode(["a cat"]), model.encode(["a cat"], to="torch")
    assert isinstance(array, np.ndarray)
    assert isinstance(tensor, torch.Tensor)
    assert (array.dtype, tensor.dtype, tensor.requires_grad) == (np.float32, torch.float32, False)
    assert np.array_equal(tensor.numpy(), array)


def test_embeddings_of_a_bfloat16_model_are_float32_too(model):
    exact = model.encode(["a cat", "a dog"])
    rounded = model.bfloat16().encode(["a cat", "a dog"])
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rounded, axis=1), 1, atol=1e-6)
    assert (exact * rounded).sum(1).min() > 0.999


@pytest.mark.parametrize("normalize", [True, False])
def test_embeddings_have_length_one_where_that_is_wanted(make_model, normalize):
    model = make_model(normalize=not normalize)
    lengths = np.linalg.norm(model.encode(["a cat", "a dog"], normalize=normalize), axis=1)
    assert (np.abs(lengths - 1) < 1e-6).all() == normalize


def test_truncated_embeddings_are_the_first_dimensions_scaled_again(model):
    whole = model.encode(["a cat", "a dog"], normalize=False)
    expected = whole[:, :8] / np.linalg.norm(whole[:, :8], axis=1, keepdims=True)
    np.testing.assert_allclose(model.encode(["a cat", "a dog"], truncate_dim=8), expected, atol=1e-6)
    np.testing.assert_allclose(model.encode(["a cat", "a dog"], truncate_dim=8, normalize=False), whole[:, :8])


def test_a_prompt_stands_before_each_text(make_model):
    model = make_model(prompts={"query": "the: "})
    expected = model.encode(["the: a cat", "the: b"])
    assert np.array_equal(model.encode(["a cat", "b"], prompt="the: "), expected)
    assert np.array_equal(model.encode(["a cat", "b"], prompt_name="query"), expected)
    assert not np.array_equal(model.encode(["a cat", "b"]), expected)


def test_the_default_prompt_is_used_unless_another_is_given(make_model):
    model = make_model(prompts={"query": "the: ", "other": "a: "}, default_prompt_name="query")
    assert np.array_equal(model.encode("cat"), model.encode("the: cat", prompt=""))
    assert np.array_equal(model.encode("cat", prompt_name="other"), model.encode("a: cat", prompt=""))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "list"}, r"to='list' is unknown; choose 'numpy' or 'torch'"),
        ({"truncate_dim": 0}, "truncate_dim 0 must be between 1 and the embedding size 32"),
        ({"truncate_dim": 33}, "truncate_dim 33 must be between 1 and the embedding size 32"),
        ({"prompt_name": "query"}, r"no prompt 'query' in this model\. Its prompts: none"),
        ({"prompt": "a", "prompt_name": "b"}, "prompt and prompt_name were both given; give one of them"),
        ({"on_bad": "skip"}, r"on_bad='skip' is unknown; choose 'raise' or 'flag'"),
        ({"batch_size": 0}, "batch_size 0 must be at least 1, or None"),
        ({"batch_size": -1}, "batch_size -1 must be at least 1"),
    ],
)
def test_an_option_out_of_range_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        model.encode(["a cat"], **options)


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_one_bad_text_is_named_by_its_position(model, bad):
    with pytest.raises(ValueError, match=r"1 of 3 texts cannot be read: text 1 is"):
        model.encode(["a cat", bad, "b"])


def test_all_bad_texts_stand_in_one_error(model):
    with pytest.raises(ValueError, match="8 of 10 texts cannot be read") as caught:
        model.encode(["a cat", *BAD, "b"])
    for number, reason in enumerate(("None", "NaN", "of type int", "of type bytes", "of type list", "empty or blank")):
        assert f"text {number + 1} is {reason}" in str(caught.value)


def test_bad_texts_can_be_flagged_as_rows_of_nan(model):
    embeddings = model.encode(["a cat", *BAD, "b"], on_bad="flag")
    assert np.isnan(embeddings[1:-1]).all()
    assert np.array_equal(embeddings[[0, -1]], model.encode(["a cat", "b"]))


def test_a_lone_surrogate_is_read_as_the_replacement_character(model):
    assert np.array_equal(model.encode("a\ud800cat"), model.encode("a\ufffdcat"))


def test_two_thousand_random_strings_give_finite_unit_vectors(model):
    generator = random.Random(0)
    points = [*range(0x20), *range(0xD800, 0xD810), 0x200B, 0x202E, 0xFEFF, 0x1F468, 0x200D, 0x1F3FD]

    def character():
        return chr(generator.choice(points) if generator.random() < 0.2 else generator.randrange(0x110000))

    texts = ["".join(character() for _ in range(generator.randrange(1, 40))) for _ in range(2000)]
    embeddings = model.encode(texts, on_bad="flag")
    flagged = np.isnan(embeddings).all(axis=1)
    assert flagged.sum() < 100  # the few that are blank as a whole
    assert np.isfinite(embeddings[~flagged]).all()
    np.testing.assert_allclose(np.linalg.norm(embeddings[~flagged], axis=1), 1, atol=1e-5)


def test_the_number_of_texts_that_were_cut_is_exact(model, truncation):
    words = [37, 38, 39, 40, 1, 500]  # 40 tokens fit, two of them special
    model.encode(["a " * number for number in words])
    assert truncation() == ["3 of 6 texts were longer than 40 tokens and were cut."]


def test_nothing_is_said_where_nothing_was_cut(model, truncation):
    model.encode(["a " * 38, "b"])
    assert truncation() == []


def test_texts_cut_in_pairs_are_counted_on_both_sides(make_model, all_tasks, truncation):
    model = make_model(all_tasks())
    model.predict([("a " * 50, "a " * 60), ("a", "a " * 39), ("a", "b")])
    assert truncation() == ["3 of 6 texts were longer than 40 tokens and were cut."]


def test_a_shorter_maximum_of_the_model_is_kept(make_model, truncation):
    model = make_model(max_length=5)
    assert np.array_equal(model.encode("a b c"), model.encode("a b c d e"))
    assert truncation() == ["1 of 1 texts were longer than 5 tokens and were cut."]


def test_a_text_of_a_million_characters_is_cut_fast(model, truncation):
    text = "the cat sat on a mat. " * 45_455
    assert len(text) > 1_000_000
    start = time.process_time()  # of this process alone: other jobs may keep the core busy
    assert np.isfinite(model.encode(text)).all()
    assert time.process_time() - start < 5  # the promise is under 0.2 s
    assert truncation() == ["1 of 1 texts were longer than 40 tokens and were cut."]


def test_more_texts_than_one_window_are_all_answered(model, monkeypatch):
    texts = ["a", "b c", "d e f", "g", "h i j k", "the cat", "l"]
    expected = model.encode(texts)
    monkeypatch.setattr(streaming_polyhead, "TEXTS_PER_WINDOW", 3)
    np.testing.assert_allclose(model.encode(texts), expected, atol=1e-6)
    assert model.encode(texts, on_bad="flag").shape == (7, 32)


def test_truncated_texts_are_counted_over_all_windows(model, truncation, monkeypatch):
    monkeypatch.setattr(streaming_polyhead, "TEXTS_PER_WINDOW", 2)
    model.encode(["a " * 50, "a", "b", "a " * 60, "a " * 70])
    assert truncation() == ["3 of 5 texts were longer than 40 tokens and were cut."]


def test_a_stream_gives_parts_that_together_are_what_encode_gives(model, monkeypatch):
    monkeypatch.setattr(encoding_polyhead, "TEXTS_PER_PART", 3)
    texts = ["a", "b c", "d e f", "g", "h i j k", "the cat", "l"]
    parts = list(model.encode_stream(iter(texts), truncate_dim=16))
    assert [part.shape for part in parts] == [(3, 16), (3, 16), (1, 16)]
    np.testing.assert_allclose(np.concatenate(parts), model.encode(texts, truncate_dim=16), atol=1e-6)
    assert list(model.encode_stream([])) == []


def test_a_stream_reads_no_further_than_the_part_that_it_gives(model, monkeypatch):
    monkeypatch.setattr(encoding_polyhead, "TEXTS_PER_PART", 3)
    texts = iter(["a", "b", "c", "d", "e", "f", "g"])
    parts = model.encode_stream(texts)
    assert len(next(parts)) == 3
    assert next(texts) == "d"


def test_a_stream_of_one_string_is_refused_for_it_would_be_read_letter_by_letter(model):
    with pytest.raises(ValueError, match="one text came, but encode_stream reads many; use encode"):
        next(model.encode_stream("a cat"))


def test_batches_are_cut_by_padded_tokens(model, monkeypatch):
    monkeypatch.setitem(running_polyhead.TOKENS_PER_BATCH, "cpu", 24)
    batches = [rows for rows, _, _ in model.run_batches(["a " * 10, "a " * 2, "a", "a " * 4, "a " * 30])]
    # In tokens: 32, 12, 6, 4, 3. The longest comes alone, then 24 // 12 = 2 texts, then up to 24 // 4 = 6.
    assert batches == [[4], [0, 3], [1, 2]]


def test_encoding_needs_no_gradient_and_leaves_the_mode_as_it_was(model):
    model.train()
    first, second = model.encode(["a cat"]), model.encode(["a cat"])
    assert np.array_equal(first, second)  # without dropout
    assert model.training
    assert model.backbone.training
    model.eval()
    model.encode(["a cat"])
    assert not model.training


def test_training_mode_comes_back_after_an_error(model):
    model.train()
    with pytest.raises(ValueError, match="no task 'nothing'"):
        list(model.run_batches(["a cat"], tasks=["nothing"]))
    assert model.training


def test_a_model_without_a_tokenizer_says_how_to_give_it_one(model):
    model.tokenizer = None
    with pytest.raises(ValueError, match=r"this model has no tokenizer: set model\.tokenizer = AutoTokenizer"):
        model.encode("a cat")
