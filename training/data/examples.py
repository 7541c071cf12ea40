"""Rows, tokenized once: what sampling, collation and evaluation share."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from ...configuration.tasks_polyhead import TaskConfig
from ...modeling.batching_polyhead import TokenizedText
from ...modeling.losses_polyhead import IGNORED
from ...modeling.texts_polyhead import clean, first_pieces, joined_word_spans, word_spans
from ...modeling.tokenizing_polyhead import tokenize
from .rows import Row


@dataclass
class Example:
    """One row, ready for a batch.

    Args:
        first: Tokens of the text.
        second: Tokens of the second text of a pair.
        labels: As in the row; token tasks: one tag id per token of `first`.
        where: File and line of the row.
        earlier: What the model answered as the run began, by task, where that is to be retained.
    """

    first: TokenizedText
    second: TokenizedText | None
    labels: dict[str, Any]
    where: str
    earlier: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return max(len(self.first), len(self.second) if self.second else 0)


class MultiTaskDataset(Dataset):
    """The rows of one split, of all data sets, one after another.

    Args:
        rows: By name of the data set.
        tasks: All tasks of the model.
        tokenizer: Of the model.
        max_length: Longest input in tokens; longer texts are cut and counted in `num_truncated`.
    """

    def __init__(self, rows: dict[str, list[Row]], tasks: list[TaskConfig], tokenizer: Any, max_length: int) -> None:
        self.tasks = tasks
        self.rows = [row for source_rows in rows.values() for row in source_rows]
        self.ranges: dict[str, range] = {}
        self.examples: list[Example] = []
        for source, source_rows in rows.items():
            start = len(self.examples)
            self.examples += tokenize_rows(source, source_rows, tasks, tokenizer, max_length)
            self.ranges[source] = range(start, len(self.examples))
        self.num_truncated = sum(
            text.is_truncated for example in self.examples for text in (example.first, example.second) if text
        )

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]

    @cached_property
    def fingerprint(self) -> str:
        """Checksum of all texts and labels in their order: a resumed run must read the same."""
        digest = hashlib.sha256()
        for source, positions in self.ranges.items():
            digest.update(source.encode())
            for position in positions:
                row = self.rows[position]
                digest.update(repr((row.get("text"), row.get("words"), row["labels"])).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def labelled_tasks(self, source: str) -> list[TaskConfig]:
        """Return the tasks for which this data set has at least one label."""
        named = {name for index in self.ranges[source] for name in self.rows[index]["labels"]}
        return [task for task in self.tasks if task.name in named]


def tokenize_rows(
    source: str, rows: list[Row], tasks: list[TaskConfig], tokenizer: Any, max_length: int
) -> list[Example]:
    """Turn rows of one data set into examples."""
    if not rows:
        return []
    texts = [row_text(row) for row in rows]
    first = tokenize(tokenizer, texts, max_length)
    second: list[TokenizedText] | list[None] = [None] * len(rows)
    if isinstance(rows[0].get("text"), tuple):
        second = tokenize(tokenizer, [clean(row["text"][1]) for row in rows], max_length)
    token_tasks = [task for task in tasks if task.is_token]
    examples = []
    for row, text, tokens, pair in zip(rows, texts, first, second, strict=True):
        labels = dict(row["labels"])
        for task in token_tasks:
            if task.name in labels:
                labels[task.name] = align_tags(task, row["words"], labels[task.name], text, tokens)
        examples.append(Example(tokens, pair, labels, row.get("where", source)))
    return examples


def row_text(row: Row) -> str:
    """Return the (first) text of a row; words are joined by spaces."""
    if "words" in row:
        return clean(" ".join(row["words"]))
    return clean(row["text"][0] if isinstance(row["text"], tuple) else row["text"])


def align_tags(task: TaskConfig, words: list[str], tags: list[int], text: str, tokens: TokenizedText) -> list[int]:
    """Give each token its tag: the first piece of every word and mark has one, the others `IGNORED`.

    A given word may hold several marks (`U.S.`): its first part keeps the tag, the rest continue it (B- becomes I-), so
    that raw text, which has no given words, is tagged as it was learned.
    """
    aligned = [IGNORED] * len(tokens)
    label2id = task.label2id
    for (start, end), tag in zip(joined_word_spans(words), tags, strict=True):
        parts = [(start + left, start + right) for left, right in word_spans(text[start:end])]
        continued = label2id.get("I-" + task.known_labels[tag][2:], tag) if task.known_labels[tag][:2] == "B-" else tag
        for number, piece in enumerate(first_pieces(tokens.offsets, parts)):
            if piece >= 0 and aligned[piece] == IGNORED:
                aligned[piece] = tag if number == 0 else continued
    return aligned
