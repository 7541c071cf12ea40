"""`polyhead predict` and `polyhead encode`: texts in, answers or embeddings out."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .placing import Dtype, place

if TYPE_CHECKING:
    from .given_texts import GivenTexts
    from .modeling.modeling_polyhead import PolyheadModel

BARS_FROM = 200  # texts; fewer are answered before a bar could tell anything
ROWS_PER_PART = 8192  # of a file, where the results go to another one


class OnBad(str, Enum):
    """What to do with empty and blank texts."""

    REFUSE = "raise"
    FLAG = "flag"


Texts = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="Texts; `-` reads one a line from standard input; none: built-in examples."),
]
File = Annotated[Path | None, typer.Option(help="One text a line, or a table: .jsonl, .csv, .tsv, .parquet.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="Column of the table with the texts [default: text].")
]
BadTexts = Annotated[OnBad, typer.Option("--on-bad", help="Refuse empty texts, or answer the others and flag them.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Texts per batch [default: by length].")]
NumWorkers = Annotated[
    int | None, typer.Option(min=1, help="Batches at a time [default: one for each thread of the processor].")
]
Numbers = Annotated[
    Dtype | None,
    typer.Option(
        "--dtype", help="Compute in these numbers; fastest: bfloat16 where the hardware has it [default: as saved]."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")]


def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a trained model, or its name on the Hub.")],
    texts: Texts = None,
    file: File = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", help="Column of the table with the texts; give it twice for pairs [default: text]."),
    ] = None,
    pair: Annotated[bool, typer.Option("--pair", help="Take the texts two by two, for tasks that compare.")] = False,
    tasks: Annotated[
        str | None, typer.Option(help="Tasks to answer: a,b [default: all that the input allows].")
    ] = None,
    as_json: AsJson = False,
    output: Annotated[Path | None, typer.Option(help="Write to a new .parquet or .jsonl file instead.")] = None,
    on_bad: BadTexts = OnBad.REFUSE,
    batch_size: BatchSize = None,
    num_workers: NumWorkers = None,
    dtype: Numbers = None,
    abstain: Annotated[bool, typer.Option("--abstain", help="Withhold answers that the model is not sure of.")] = False,
) -> None:
    """Answer a model's tasks for texts.

    With --file and --output the file is read, answered and written part by part, in memory that does not grow with it.
    """
    from .answer_output import ANSWER_ENDINGS, answer_writer, records
    from .json_lines import print_json
    from .output_files import check_output
    from .tables import print_answers

    check_output(output, ANSWER_ENDINGS)
    given, parts = _read(texts, file, columns, pair, on_bad, is_written=output is not None)
    loaded = _load_checkpoint(model)
    place(loaded, dtype)
    names = _chosen_tasks(loaded, model, tasks, given.are_pairs)
    options: dict[str, Any] = {
        "tasks": names,
        "batch_size": batch_size,
        "num_workers": num_workers,
        "on_bad": "flag",
        "abstain": abstain,
    }

    def _answer(texts: list[Any], progress: Any) -> Any:
        return loaded.predict(texts, progress=progress, **options)

    if output is not None:
        with answer_writer(output, [loaded.config.task(name) for name in names], given.are_pairs) as write:
            num_texts = _write_parts(_answer, write, chain([given], parts), file)
        print(f"answers: {output} ({num_texts} texts; {', '.join(names)})")
        return
    answers = _answer(given.texts, len(given) >= BARS_FROM)
    if not as_json:
        print_answers(given.texts, answers)
        return
    for record in records(given.texts, answers):
        print_json(record)


def encode(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A trained model or any text encoder: folder, or name on the Hub.")
    ],
    texts: Texts = None,
    file: File = None,
    columns: Columns = None,
    as_json: AsJson = False,
    output: Annotated[Path | None, typer.Option(help="Write to a new .npy, .jsonl or .parquet file instead.")] = None,
    truncate_dim: Annotated[int | None, typer.Option(min=1, help="Keep the first dimensions only.")] = None,
    prompt_name: Annotated[str | None, typer.Option(help="Stored prompt to put before each text.")] = None,
    on_bad: BadTexts = OnBad.REFUSE,
    batch_size: BatchSize = None,
    num_workers: NumWorkers = None,
    dtype: Numbers = None,
) -> None:
    """Show or write the sentence embeddings of texts.

    With --file and --output the file is read, encoded and written part by part, in memory that does not grow with it.
    """
    from .embedding_output import EMBEDDING_ENDINGS, embedding_writer, print_json_embeddings
    from .output_files import check_output
    from .tables import print_embeddings

    check_output(output, EMBEDDING_ENDINGS)
    given, parts = _read(texts, file, columns, False, on_bad, is_written=output is not None)
    if given.are_pairs:
        raise ValueError(f"columns {columns} came; encode reads one text a row, name one column.")
    loaded = _load_encoder(model)
    place(loaded, dtype)
    options = {"batch_size": batch_size, "prompt_name": prompt_name, "truncate_dim": truncate_dim, "on_bad": "flag"}

    def _encode(texts: list[Any], progress: Any) -> Any:
        return loaded.encode(texts, progress=progress, num_workers=num_workers, **options)

    if output is not None:
        size = truncate_dim or loaded.config.embedding_size
        with embedding_writer(output, size) as write:
            num_texts = _write_parts(_encode, write, chain([given], parts), file)
        print(f"embeddings: {output} ({num_texts} texts, {size} numbers each)")
        return
    embeddings = _encode(given.texts, len(given) >= BARS_FROM)
    if as_json:
        print_json_embeddings(given.texts, embeddings)
    else:
        print_embeddings(given.texts, embeddings)


def _read(
    texts: list[str] | None,
    file: Path | None,
    columns: list[str] | None,
    as_pairs: bool,
    on_bad: OnBad,
    is_written: bool,
) -> tuple["GivenTexts", Iterator["GivenTexts"]]:
    """Return the first part of the texts, which is all of them where nothing is written, and those that follow it."""
    from .texts_input import read_parts

    def _checked() -> Iterator["GivenTexts"]:
        for part in read_parts(texts, file, columns, as_pairs, ROWS_PER_PART if is_written else None):
            yield part.checked(on_bad is OnBad.REFUSE)

    if file is not None and is_written:
        deque(_checked(), maxlen=0)  # what is wrong with the last row is told now, not after hours of work
    parts = _checked()
    first = next(parts)
    if first.are_default:
        typer.echo("no text given: these sentences are ours; give TEXT, --file or - for your own", err=True)
    return first, parts


def _write_parts(
    answer: Callable[[list[Any], Any], Any],
    write: Callable[[list[Any], Any], None],
    parts: Iterator["GivenTexts"],
    file: Path | None,
) -> int:
    """Answer and write part after part; returns the number of texts."""
    from .rate_bar import count_rows, rate_bar

    num_texts = 0
    with nullcontext() if file is None else rate_bar(count_rows(file)) as bar:
        for part in parts:
            write(part.texts, answer(part.texts, bar.advance if bar else False))
            num_texts += len(part)
    return num_texts


def _load_checkpoint(name: str) -> "PolyheadModel":
    from .loading import load_checkpoint

    return load_checkpoint(name)


def _load_encoder(name: str) -> Any:
    from .loading import load_encoder

    return load_encoder(name)


def _chosen_tasks(model: Any, name: str, tasks: str | None, are_pairs: bool) -> list[str]:
    """Return the names of the tasks to answer; at least one."""
    known = model.config.tasks
    if tasks is not None:
        return [model.config.task(task.strip()).name for task in tasks.split(",")]
    fitting = [task.name for task in known if task.is_pair == are_pairs]
    if fitting:
        return fitting
    others = ", ".join(task.name for task in known) or "none"
    came, needed = ("pairs", "single texts") if are_pairs else ("single texts", "pairs: --pair TEXT TEXT")
    remedy = f"give {needed}" if known else "to get embeddings, use `polyhead encode`"
    raise ValueError(f"{came} came, but model '{name}' has no task that reads them; {remedy}. Its tasks: {others}.")
