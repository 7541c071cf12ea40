"""`polyhead predict` and `polyhead encode`: texts in, answers or embeddings out."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from .modeling.modeling_polyhead import PolyheadModel
    from .texts_input import GivenTexts

BARS_FROM = 200  # texts; fewer are answered before a bar could tell anything


class OnBad(str, Enum):
    """What to do with empty and blank texts."""

    REFUSE = "raise"
    FLAG = "flag"


Texts = Annotated[
    list[str] | None,
    typer.Argument(metavar="TEXT", help="Texts; `-` reads one a line from standard input; none: built-in examples."),
]
File = Annotated[Path | None, typer.Option(help="One text a line, or a table: .jsonl, .csv, .tsv.")]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="Column of the table with the texts [default: text].")
]
BadTexts = Annotated[OnBad, typer.Option("--on-bad", help="Refuse empty texts, or answer the others and flag them.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Texts per batch [default: by length].")]
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
    on_bad: BadTexts = OnBad.REFUSE,
    batch_size: BatchSize = None,
    abstain: Annotated[bool, typer.Option("--abstain", help="Withhold answers that the model is not sure of.")] = False,
) -> None:
    """Answer a model's tasks for texts."""
    from .json_lines import print_json
    from .tables import print_answers
    from .texts_input import read_texts

    given = read_texts(texts, file, columns, pair)
    _require_readable(given, on_bad)
    loaded = _load_checkpoint(model)
    names = _chosen_tasks(loaded, model, tasks, given.are_pairs)
    progress = len(given) >= BARS_FROM
    options: dict[str, Any] = {"batch_size": batch_size, "progress": progress, "on_bad": "flag", "abstain": abstain}
    answers = loaded.predict(given.texts, tasks=names, **options)
    if not as_json:
        print_answers(given.texts, answers)
        return
    for position, text in enumerate(given.texts):
        print_json({"text": text, "answers": {name: answers[name][position] for name in names}})


def encode(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A trained model or any text encoder: folder, or name on the Hub.")
    ],
    texts: Texts = None,
    file: File = None,
    columns: Columns = None,
    as_json: AsJson = False,
    output: Annotated[Path | None, typer.Option(help="Write to a new .npy or .jsonl file instead.")] = None,
    truncate_dim: Annotated[int | None, typer.Option(min=1, help="Keep the first dimensions only.")] = None,
    prompt_name: Annotated[str | None, typer.Option(help="Stored prompt to put before each text.")] = None,
    on_bad: BadTexts = OnBad.REFUSE,
    batch_size: BatchSize = None,
) -> None:
    """Show or write the sentence embeddings of texts."""
    from .embedding_output import check_output, print_json_embeddings, write_embeddings
    from .tables import print_embeddings
    from .texts_input import read_texts

    check_output(output)
    given = read_texts(texts, file, columns)
    if given.are_pairs:
        raise ValueError(f"columns {columns} came; encode reads one text a row, name one column.")
    _require_readable(given, on_bad)
    loaded = _load_encoder(model)
    embeddings = loaded.encode(
        given.texts,
        batch_size=batch_size,
        prompt_name=prompt_name,
        truncate_dim=truncate_dim,
        progress=len(given) >= BARS_FROM,
        on_bad="flag",
    )
    if output is not None:
        write_embeddings(output, given.texts, embeddings)
        print(f"embeddings: {output} ({len(embeddings)} texts, {embeddings.shape[1]} numbers each)")
    elif as_json:
        print_json_embeddings(given.texts, embeddings)
    else:
        print_embeddings(given.texts, embeddings)


def _require_readable(given: "GivenTexts", on_bad: OnBad) -> None:
    if given.are_default:
        typer.echo("no text given: these sentences are ours; give TEXT, --file or - for your own", err=True)
    if on_bad is OnBad.REFUSE:
        given.require_readable()


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
