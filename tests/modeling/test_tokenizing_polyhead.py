import copy
import json
import threading

import pytest
import torch
from transformers import AutoTokenizer

from polyhead.modeling import tokenizing_polyhead
from polyhead.modeling.batching_polyhead import TokenizedText
from polyhead.modeling.tokenizing_polyhead import load_tokenizer, pad, save_tokenizer, tokenize


def row(*ids):
    return TokenizedText({"input_ids": list(ids), "token_type_ids": [1] * len(ids)}, [(0, 0)] * len(ids), False)


def test_texts_become_ids_and_offsets(tokenizer):
    (text,) = tokenize(tokenizer, ["cat be"], max_length=20)
    assert tokenizer.convert_ids_to_tokens(text.inputs["input_ids"]) == ["[CLS]", "cat", "b", "##e", "[SEP]"]
    assert text.offsets == [(0, 0), (0, 3), (4, 5), (5, 6), (0, 0)]
    assert (len(text), text.is_truncated) == (5, False)


@pytest.mark.parametrize(("words", "is_truncated"), [(7, False), (8, False), (9, True), (5000, True)])
def test_a_text_is_cut_only_above_the_maximum_and_then_says_so(tokenizer, words, is_truncated):
    (text,) = tokenize(tokenizer, ["a " * words], max_length=10)  # one token a word, and two special ones
    assert text.is_truncated == is_truncated
    assert len(text) == min(words + 2, 10)
    assert text.inputs["input_ids"][-1] == tokenizer.sep_token_id


def test_a_tokenizer_without_offsets_is_refused(tokenizer):
    class Slow(type(tokenizer)):
        is_fast = False

    tokenizer.__class__ = Slow
    with pytest.raises(ValueError, match=r"Slow has no fast implementation; polyhead needs one with a tokenizer.json"):
        tokenize(tokenizer, ["cat"], 10)


def test_padding_fills_up_to_the_longest_and_is_masked():
    batch = pad([row(5, 6, 7), row(8)], pad_token_id=9, prefix="pair_")
    assert {name: tensor.tolist() for name, tensor in batch.items()} == {
        "pair_input_ids": [[5, 6, 7], [8, 9, 9]],
        "pair_token_type_ids": [[1, 1, 1], [1, 0, 0]],
        "pair_attention_mask": [[1, 1, 1], [1, 0, 0]],
    }


@pytest.mark.parametrize("pad_token_id", [None, 0])
def test_a_tokenizer_without_a_padding_token_pads_with_a_masked_zero(pad_token_id):
    batch = pad([row(5, 6), row(7)], pad_token_id)
    assert batch["input_ids"].tolist() == [[5, 6], [7, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1], [1, 0]]


def test_padding_stands_on_the_right_whatever_the_tokenizers_side(make_model):
    # With absolute positions, padding on the left would move the text and change its embedding.
    model = make_model()
    expected = model.encode(["a cat", "a"])
    model.tokenizer.padding_side = "left"
    assert torch.equal(torch.tensor(model.encode(["a cat", "a"])), torch.tensor(expected))


def test_a_tokenizer_is_saved_as_if_it_had_never_been_used(make_tokenizer, tmp_path):
    used, fresh = make_tokenizer(), make_tokenizer()
    tokenize(used, ["a" * 50, "b"], max_length=7)
    used(["a", "b c d"], padding=True)
    save_tokenizer(used, tmp_path / "used")
    save_tokenizer(fresh, tmp_path / "fresh")
    for path in sorted((tmp_path / "fresh").iterdir()):
        assert (tmp_path / "used" / path.name).read_bytes() == path.read_bytes(), path.name
    assert json.loads((tmp_path / "used" / "tokenizer.json").read_text())["truncation"] is None


@pytest.mark.parametrize("load", [load_tokenizer, lambda name, options: AutoTokenizer.from_pretrained(name, **options)])
def test_what_a_tokenizer_was_loaded_with_is_not_saved(tokenizer, tmp_path, load):
    tokenizer.save_pretrained(tmp_path / "given")
    options = {"token": "hf_secret", "revision": "pinned", "cache_dir": str(tmp_path / "private")}
    loaded = load(str(tmp_path / "given"), options)
    save_tokenizer(loaded, tmp_path / "saved")
    written = (tmp_path / "saved" / "tokenizer_config.json").read_text(encoding="utf-8")
    assert not any(word in written for word in ("hf_secret", "pinned", "private", str(tmp_path)))


def test_a_thread_takes_over_the_clone_of_one_that_has_ended(tokenizer, monkeypatch):
    copied = []
    deepcopy = copy.deepcopy
    monkeypatch.setattr(tokenizing_polyhead.copy, "deepcopy", lambda given: copied.append(given) or deepcopy(given))
    for _ in range(3):
        thread = threading.Thread(target=tokenize, args=(tokenizer, ["zebra"], 20))
        thread.start()
        thread.join()
    assert copied == [tokenizer]


def test_tokens_added_later_are_known_to_threads_that_came_before(tokenizer):
    lengths = []

    def work(go_on, started):
        lengths.append(len(tokenize(tokenizer, ["zebra"], 20)[0]))
        started.set()
        go_on.wait(10)
        lengths.append(len(tokenize(tokenizer, ["zebra"], 20)[0]))

    go_on, started = threading.Event(), threading.Event()
    thread = threading.Thread(target=work, args=(go_on, started))
    thread.start()
    assert started.wait(10)
    tokenizer.add_tokens(["zebra"])
    go_on.set()
    thread.join()
    assert lengths == [7, 3]  # five letters, then one token; two special ones
