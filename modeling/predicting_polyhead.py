"""Answers from texts, whatever runs the model."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .abstaining_polyhead import require_thresholds, withhold
from .decoding_polyhead import decode
from .encoding_polyhead import EncodingMixin, as_array
from .scope_polyhead import Scope
from .streaming_polyhead import Progress
from .texts_polyhead import clean, find_bad_texts, joined_word_spans, refuse, word_spans


class PredictingMixin(EncodingMixin):
    """`predict`, beside `encode`."""

    scopes: dict[str, Scope]

    def predict(
        self,
        texts: str | tuple[str, str] | Iterable[Any],
        tasks: list[str] | None = None,
        batch_size: int | None = None,
        include_embeddings: bool = False,
        is_split_into_words: bool = False,
        progress: Progress = False,
        on_bad: str = "raise",
        abstain: bool = False,
        num_workers: int | None = None,
    ) -> dict[str, Any]:
        """Answer tasks for texts.

        Args:
            texts: Texts, for all tasks that read one; or tuples of two texts, for pair tasks; or, with
                `is_split_into_words`, lists of words. A single text or tuple is answered without lists.
            tasks: Names; None: all that the input allows.
            batch_size: As in `encode`.
            include_embeddings: Add `"embeddings"`, a float32 array (texts, dim), of the first text of a pair.
            is_split_into_words: Each text is a list of words; token tasks then tag these words.
            progress: As in `encode`.
            on_bad: `raise` one error that lists unreadable texts, or `flag` them: each answer is `{"error": reason}`.
            abstain: Withhold answers that the head is not sure of, or to texts unlike those that it was trained on: `label`
                is then None, and `reason` says which. What `polyhead calibrate --coverage` or `--precision` makes possible.
            num_workers: As in `encode`.

        Returns:
            `{task: [answer per text]}`. An answer is `{"label", "score", "scores"}` for one label of several,
            `{"labels", "scores"}` for multi-label, `{"value"}` or `{"values"}` for regression and similarity,
            `{"label", "score", "scores", "value"}` for ordinal, `{"entities": [{"label", "start", "end", "text",
            "score"}]}` for tokens, with character offsets.

        Raises:
            ValueError: Unreadable texts, an unknown task, a task that needs the other kind of input, or `abstain` where
                nothing was fitted for it.
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
        if abstain:
            require_thresholds(map(self.config.task, names), self.scopes)
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
        for rows, tokens, output in self.run_batches(
            readable, pairs, names, batch_size, progress, num_workers=num_workers
        ):
            positions = [good[row] for row in rows]
            embeddings[positions] = as_array(output.sentence_embedding)
            texts_of_batch = [readable[row] for row in rows]
            for task in map(self.config.task, names):
                batch_spans = (
                    [spans[row] if spans else word_spans(readable[row]) for row in rows] if task.is_token else []
                )
                decoded = decode(task, as_array(output.logits[task.name]), texts_of_batch, tokens, batch_spans)
                if abstain:
                    decoded = withhold(task, decoded, embeddings[positions], self.scopes)
                for position, answer in zip(positions, decoded, strict=True):
                    answers[task.name][position] = answer
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


def _is_word_list(words: Any) -> bool:
    return isinstance(words, list) and bool(words) and not find_bad_texts(words)
