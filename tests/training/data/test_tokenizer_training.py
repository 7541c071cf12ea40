import pytest

from polyhead.training.data.tokenizer_training import SPECIAL_TOKENS, train_tokenizer

TEXTS = ["The cat sat.", "The cat ran, the dog sat.", "Dogs!"]


def test_it_splits_lower_cased_words_and_marks_as_bert_does():
    tokenizer = train_tokenizer(TEXTS, 100, 16)

    assert tokenizer.tokenize("THE Cat, sat.") == ["the", "cat", ",", "sat", "."]
    assert tokenizer.decode(tokenizer("the cat").input_ids) == "[CLS] the cat [SEP]"


def test_special_tokens_come_first_and_stand_around_each_text_of_a_pair():
    tokenizer = train_tokenizer(TEXTS, 100, 16)

    assert [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3, 4]
    assert tokenizer.pad_token_id == 0
    assert tokenizer.decode(tokenizer("the cat", "dog").input_ids) == "[CLS] the cat [SEP] dog [SEP]"
    assert set(tokenizer.all_special_tokens) == set(SPECIAL_TOKENS)


def test_what_it_never_saw_is_unknown():
    assert train_tokenizer(TEXTS, 100, 16).tokenize("zzz") == ["[UNK]"]


@pytest.mark.parametrize("vocab_size", [8, 12, 20, 30])
def test_the_vocabulary_is_no_larger_than_asked_for(vocab_size):
    assert len(train_tokenizer(TEXTS, vocab_size, 16)) <= vocab_size
    assert len(train_tokenizer(TEXTS, 5000, 16)) < 100


def test_frequent_words_are_whole_and_rare_ones_fall_into_pieces():
    tokenizer = train_tokenizer(["cat cat cat", "cat tax"], 14, 16)
    # c, a, t and x; inside words a, t and x; 5 special tokens; room for two more pieces: those of "cat".
    assert tokenizer.tokenize("cat tax") == ["cat", "t", "##a", "##x"]


def test_texts_are_cut_at_the_length_of_the_backbone(tmp_path):
    tokenizer = train_tokenizer(TEXTS, 100, 6)
    tokenizer.save_pretrained(tmp_path)

    assert tokenizer.model_max_length == 6
    assert len(tokenizer("cat " * 20, truncation=True).input_ids) == 6


def test_the_same_texts_give_the_same_tokenizer():
    letters = "abcdefghijklmnopqrstuvwxyz"
    texts = [" ".join(letters[number:] + letters[:number] for number in range(26))]  # every pair is as frequent
    made = {train_tokenizer(texts, 90, 16).backend_tokenizer.to_str() for _ in range(3)}

    assert len(made) == 1


def test_letters_beyond_the_most_frequent_are_unknown():
    rare = "".join(chr(number) for number in range(0x3041, 0x3041 + 80))
    tokenizer = train_tokenizer(["cat " * 100, rare], 60, 16)

    assert len(tokenizer) <= 60
    assert tokenizer.tokenize("cat") == ["cat"]
