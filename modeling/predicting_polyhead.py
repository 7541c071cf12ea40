"""Answers from texts: logits turned into plain dicts."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from ..configuration.tasks_polyhead import TaskConfig
from .losses_polyhead import corn_probabilities
from .texts_polyhead import clean, find_bad_texts, first_pieces, joined_word_spans, refuse, word_spans
from .tokenizing_polyhead import TokenizedText

Answer = dict[str, Any]


class PredictingMixin(PreTrainedModel):
    """`predict`."""

    def predict(
        self,
        texts: str | tuple[str, str] | Iterable[Any],
        tasks: list[str] | None = None,
        batch_size: int | None = None,
        include_embeddings: bool = False,
        is_split_into_words: bool = False,
        progress: bool = False,
        on_bad: str = "raise",
    ) -> dict[str, Any]:
        """Answer tasks for texts.

        Args:
            texts: Texts, for all tasks that read one; or tuples of two texts, for pair tasks; or, with
                `is_split_into_words`, lists of words. A single text or tuple is answered without lists.
            tasks: Names; None: all that the input allows.
            batch_size: As in `encode`.
            include_embeddings: Add `"embeddings"`, a float32 array (texts, dim), of the first text of a pair.
            is_split_into_words: Each text is a list of words; token tasks then tag these words.
            progress: Show a bar.
            on_bad: `raise` one error that lists unreadable texts, or `flag` them: each answer is `{"error": reason}`.

        Returns:
            `{task: [answer per text]}`. An answer is `{"label", "score", "scores"}` for one label of several,
            `{"labels", "scores"}` for multi-label, `{"value"}` or `{"values"}` for regression and similarity,
            `{"label", "score", "scores", "value"}` for ordinal, `{"entities": [{"label", "start", "end", "text",
            "score"}]}` for tokens, with character offsets.

        Raises:
            ValueError: Unreadable texts, an unknown task, or a task that needs the other kind of input.
        """
        is_single = isinstance(texts, (str, tuple))
        if isinstance(texts, tuple) and len(texts) != 2:
            raise ValueError(f"a tuple of {len(texts)} texts came, but a pair has two; pass several texts as a list.")
        listed: list[Any] = [texts] if is_single else list(texts)
        are_pairs = bool(listed) and all(isinstance(text, tuple) and len(text) == 2 for text in listed)
        names = self._tasks_for(tasks, are_pairs)
        if tasks is None and listed and self.config.tasks and not names:
            came, reads = ("pairs", "compares two texts") if are_pairs else ("single texts", "reads one text alone")
            all_names = ", ".join(task.name for task in self.config.tasks)
            raise ValueError(f"{came} came, but no task of this model {reads}. Its tasks: {all_names}.")
        first = [text[0] if are_pairs else text for text in listed]
        second = [text[1] for text in listed] if are_pairs else None
        spans = None
        bad = self._find_bad(first, second, is_split_into_words, on_bad)
        good = [position for position in range(len(listed)) if position not in bad]
        if is_split_into_words:
            spans = [joined_word_spans(first[position]) for position in good]
        readable = [clean(" ".join(first[position]) if is_split_into_words else first[position]) for position in good]
        pairs = [clean(second[position]) for position in good] if second else None
        answers: dict[str, Any] = {name: [{"error": bad.get(row)} for row in range(len(listed))] for name in names}
        embeddings = np.full((len(listed), self.config.embedding_size), np.nan, dtype=np.float32)
        for rows, tokens, output in self.run_batches(readable, pairs, names, batch_size, progress):
            positions = [good[row] for row in rows]
            embeddings[positions] = output.sentence_embedding.float().cpu().numpy()
            for name in names:
                batch_spans = [spans[row] if spans else word_spans(readable[row]) for row in rows]
                texts_of_batch = [readable[row] for row in rows]
                decoded = decode(self.config.task(name), output.logits[name].cpu(), texts_of_batch, tokens, batch_spans)
                for position, answer in zip(positions, decoded, strict=True):
                    answers[name][position] = answer
        if include_embeddings:
            answers["embeddings"] = embeddings
        return {name: values[0] for name, values in answers.items()} if is_single else answers

    def _tasks_for(self, tasks: list[str] | None, are_pairs: bool) -> list[str]:
        if tasks is None:
            return [task.name for task in self.config.tasks if task.is_pair == are_pairs]
        for task in map(self.config.task, [tasks] if isinstance(tasks, str) else tasks):
            if task.is_pair != are_pairs:
                needed = "tuples of two texts" if task.is_pair else "single texts, not tuples"
                raise ValueError(
                    f"task '{task.name}' ({task.kind}) reads {needed}. Choose other tasks or give such input."
                )
        return [tasks] if isinstance(tasks, str) else list(tasks)

    def _find_bad(self, first: list[Any], second: list[Any] | None, are_words: bool, on_bad: str) -> dict[int, str]:
        if are_words:
            bad = {row: "is not a list of words" for row, words in enumerate(first) if not _is_word_list(words)}
        else:
            bad = find_bad_texts(first)
        bad |= find_bad_texts(second) if second else {}
        if on_bad not in ("raise", "flag"):
            raise ValueError(f"on_bad={on_bad!r} is unknown; choose 'raise' or 'flag'.")
        if bad and on_bad == "raise":
            refuse(bad, len(first))
        return bad


def decode(
    task: TaskConfig,
    logits: Tensor,
    texts: list[str],
    tokens: list[TokenizedText],
    spans: list[list[tuple[int, int]]],
) -> list[Answer]:
    """Turn one task's logits of a batch (shapes as in `PolyheadOutput.logits`) into one answer per text."""
    if task.kind == "pair_similarity":
        return [{"value": value} for value in logits.tolist()]
    if task.kind == "regression":
        return [_values(task, row) for row in unscale(task, logits).tolist()]
    if task.is_token:
        rows = zip(logits.softmax(-1), texts, tokens, spans, strict=True)
        return [{"entities": _entities(task, *row)} for row in rows]
    probabilities = label_probabilities(task, logits)
    if task.kind == "multi_label_classification":
        return [_several_labels(task, row) for row in probabilities.tolist()]
    if task.kind == "binary_classification":
        threshold = (task.thresholds or [0.5])[0]
        return [_one_label(task, row, int(row[1] >= threshold)) for row in probabilities.tolist()]
    answers = [_one_label(task, row, int(np.argmax(row))) for row in probabilities.tolist()]
    if task.kind == "ordinal_regression":
        for answer, row in zip(answers, probabilities, strict=True):
            answer["value"] = float((row * torch.arange(len(row))).sum())
    return answers


def label_probabilities(task: TaskConfig, logits: Tensor) -> Tensor:
    """Return the probability of each label, shape (batch, num_labels); multi-label rows need not sum to 1."""
    if task.kind == "multi_label_classification":
        return logits.sigmoid()
    if task.kind == "binary_classification":
        positive = logits.sigmoid().reshape(-1, 1)  # (batch, 1)
        return torch.cat([1 - positive, positive], dim=-1)
    return corn_probabilities(logits) if task.kind == "ordinal_regression" else logits.softmax(-1)


def unscale(task: TaskConfig, logits: Tensor) -> Tensor:
    """Turn standardised regression logits (batch, values) into the data's own unit."""
    return logits * logits.new_tensor(task.target_scale or [1.0]) + logits.new_tensor(task.target_mean or [0.0])


def tag_spans(probabilities: Tensor, tokens: TokenizedText, spans: list[tuple[int, int]]) -> list[tuple[int, float]]:
    """Return tag id and probability of each span, read at its first word piece; the outside tag where it was cut off.

    Args:
        probabilities: Of the tags, shape (seq, num_labels).
        tokens: The text's tokens.
        spans: Words, in ascending order.
    """
    best, ids = probabilities.max(-1)  # (seq,), (seq,)
    pieces = first_pieces(tokens.offsets, spans)
    return [(int(ids[piece]), float(best[piece])) if piece >= 0 else (-1, 0.0) for piece in pieces]


def _one_label(task: TaskConfig, probabilities: list[float], position: int) -> Answer:
    scores = dict(zip(task.known_labels, probabilities, strict=True))
    return {"label": task.known_labels[position], "score": probabilities[position], "scores": scores}


def _several_labels(task: TaskConfig, probabilities: list[float]) -> Answer:
    thresholds = task.thresholds or [0.5]
    if len(thresholds) == 1:
        thresholds = thresholds * len(probabilities)
    chosen = [label for label, p, t in zip(task.known_labels, probabilities, thresholds, strict=True) if p >= t]
    return {"labels": chosen, "scores": dict(zip(task.known_labels, probabilities, strict=True))}


def _values(task: TaskConfig, values: list[float]) -> Answer:
    return {"values": dict(zip(task.known_labels, values, strict=True))} if task.labels else {"value": values[0]}


def _entities(
    task: TaskConfig, probabilities: Tensor, text: str, tokens: TokenizedText, spans: list[tuple[int, int]]
) -> list[Answer]:
    entities: list[Answer] = []
    open_label = None
    pieces = first_pieces(tokens.offsets, spans)
    tags = tag_spans(probabilities, tokens, spans)
    for (tag_id, score), (start, end), piece, piece_before in zip(tags, spans, pieces, [-1, *pieces], strict=False):
        prefix, _, label = (task.known_labels[tag_id] if tag_id >= 0 else "O").partition("-")
        if not label:
            open_label = None
            continue
        # Words that share one token (`'` and `t` in some vocabularies) share one tag, B- too: one entity, not two.
        if label == open_label and (prefix == "I" or piece == piece_before):
            entities[-1]["end"] = end
            entities[-1]["pieces"].append(score)
        else:
            entities.append({"label": label, "start": start, "end": end, "pieces": [score]})
        open_label = label
    for entity in entities:
        entity["text"] = text[entity["start"] : entity["end"]]
        entity["score"] = float(np.mean(entity.pop("pieces")))
    return entities


def _is_word_list(words: Any) -> bool:
    return isinstance(words, list) and bool(words) and not find_bad_texts(words)
