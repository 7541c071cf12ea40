"""Answers for programs: JSON lines, or a Parquet file of the same records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .json_lines import json_line
from .modeling.texts_polyhead import clean
from .output_files import whole_file

if TYPE_CHECKING:
    from .configuration.tasks_polyhead import TaskConfig

ANSWER_ENDINGS = (".parquet", ".jsonl")


# Takes texts and what `predict` answers to them, as often as there are more.
Writer = Callable[[Sequence[Any], Any], None]


@contextmanager
def answer_writer(output: Path, tasks: Sequence["TaskConfig"], are_pairs: bool) -> Iterator[Writer]:
    """Give what writes answers to a new file, which appears under its name when it is whole.

    Args:
        output: Its ending, one of `ANSWER_ENDINGS`, says how.
        tasks: Those that are answered.
        are_pairs: Whether the texts are pairs.
    """
    with whole_file(output) as stream:
        if output.suffix == ".jsonl":
            yield _json_lines(stream)
        else:
            with _parquet(stream, tasks, are_pairs) as writer:
                yield writer


def records(texts: Sequence[Any], answers: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Give one record a text: `{"text", "answers": {task: answer}}`."""
    for position, text in enumerate(texts):
        yield {"text": text, "answers": {name: values[position] for name, values in answers.items()}}


def _json_lines(stream: BinaryIO) -> Writer:
    def _write(texts: Sequence[Any], answers: Mapping[str, Sequence[Any]]) -> None:
        stream.writelines(f"{json_line(record)}\n".encode() for record in records(texts, answers))

    return _write


@contextmanager
def _parquet(stream: BinaryIO, tasks: Sequence["TaskConfig"], are_pairs: bool) -> Iterator[Writer]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    text = pa.list_(pa.string()) if are_pairs else pa.string()
    by_task = pa.struct([(task.name, pa.struct(_fields(task))) for task in tasks])
    schema = pa.schema([("text", text), ("answers", by_task)])
    with ParquetWriter(stream, schema) as file:

        def _write(texts: Sequence[Any], answers: Mapping[str, Sequence[Any]]) -> None:
            readable = [_strings(item) for item in texts]
            file.write_table(pa.Table.from_pylist(list(records(readable, answers)), schema=schema))

        yield _write


def _strings(text: Any) -> Any:
    # What a table holds instead of a text has no place in a column of strings, nor has a lone surrogate.
    if isinstance(text, tuple):
        return [_strings(side) for side in text]
    return clean(text) if isinstance(text, str) else None


def _fields(task: "TaskConfig") -> list[tuple[str, Any]]:
    """Name and type of everything that an answer of this task may hold, with those that withholding and flagging add."""
    import pyarrow as pa

    number, string = pa.float32(), pa.string()
    by_label = pa.struct([(label, number) for label in task.known_labels])
    strangeness = [] if task.max_out_of_scope is None else [("out_of_scope", number)]
    one_label = [("label", string), ("score", number), ("scores", by_label), *strangeness, ("reason", string)]
    entity = [("label", string), ("start", pa.int32()), ("end", pa.int32()), ("text", string), ("score", number)]
    fields: list[tuple[str, Any]]
    if task.kind == "pair_similarity" or (task.kind == "regression" and not task.labels):
        fields = [("value", number)]
    elif task.kind == "regression":
        fields = [("values", by_label)]
    elif task.kind == "multi_label_classification":
        fields = [("labels", pa.list_(string)), ("scores", by_label)]
    elif task.is_token:
        fields = [("entities", pa.list_(pa.struct(entity)))]
    elif task.kind == "ordinal_regression":
        fields = [*one_label, ("value", number)]
    else:
        fields = one_label
    return [*fields, ("error", string)]
