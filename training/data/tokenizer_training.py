"""A tokenizer for a backbone that is built from scratch, learned from the recipe's own texts."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
INSIDE = "##"  # begins a piece that does not begin a word
MOST_LETTERS = 1000  # rarer ones are unknown


def train_tokenizer(texts: Iterable[str], vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Learn lower-cased word pieces, as BERT's are.

    Args:
        texts: To learn from.
        vocab_size: Most entries, special tokens included; fewer where the texts hold fewer.
        max_length: Longest input in tokens that the backbone can read.

    Returns:
        A tokenizer that writes `[CLS] text [SEP]`; `[PAD]` has id 0.
    """
    listed = list(texts)
    tokenizer = _empty_tokenizer()
    letters, pieces = _letters(tokenizer, listed, min(MOST_LETTERS, (vocab_size - len(SPECIAL_TOKENS)) // 2))
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        # The trainer numbers pieces of one letter at random, and the others by them; special tokens keep their order.
        special_tokens=[*SPECIAL_TOKENS, *pieces],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        continuing_subword_prefix=INSIDE,
        show_progress=False,
    )
    tokenizer.train_from_iterator(listed, trainer)
    vocabulary = tokenizer.get_vocab()
    tokenizer = _empty_tokenizer(vocabulary)  # in which the pieces are no special tokens
    ids = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _empty_tokenizer(vocabulary: dict[str, int] | None = None) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary or {}, unk_token="[UNK]", continuing_subword_prefix=INSIDE))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix=INSIDE)
    return tokenizer


def _letters(tokenizer: Tokenizer, texts: Iterable[str], most: int) -> tuple[list[str], list[str]]:
    """Return the most frequent letters, and the pieces of one of them that stand inside words, both in order."""
    counts: Counter[str] = Counter()
    inside: set[str] = set()
    for text in texts:
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            counts.update(word)
            inside.update(word[1:])
    letters = sorted(sorted(counts), key=counts.__getitem__, reverse=True)[:most]
    return sorted(letters), [INSIDE + letter for letter in sorted(inside.intersection(letters))]
