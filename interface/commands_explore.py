"""`polyhead explore`: the embeddings of a file's texts as a map, coloured by a task's answers."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .commands_answer import BARS_FROM, BatchSize, Columns, OnBad
from .placing import place

if TYPE_CHECKING:
    from .given_texts import GivenTexts


class Method(str, Enum):
    """How embeddings become points."""

    TSNE = "tsne"
    PCA = "pca"


def explore(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A trained model or any text encoder: folder, or name on the Hub.")
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="One text a line, or a table: .jsonl, .csv, .tsv, .parquet.")
    ],
    output: Annotated[
        Path, typer.Option(help="New .html file; it needs nothing beside it and asks nothing of the net.")
    ],
    columns: Columns = None,
    method: Annotated[
        Method,
        typer.Option(help="tsne keeps neighbours together (two minutes for 10,000 texts); pca is linear and fast."),
    ] = Method.TSNE,
    on_bad: Annotated[
        OnBad, typer.Option("--on-bad", help="Refuse empty texts, or leave them out of the map and count them.")
    ] = OnBad.REFUSE,
    batch_size: BatchSize = None,
) -> None:
    """Draw the texts of a file as a map, coloured by answers.

    Each dot is a text at the place that its embedding has among the others.
    """
    import numpy as np

    from .demo.many_texts import summary
    from .explore.colorings import colorings
    from .explore.map_page import render_map
    from .loading import load_encoder
    from .output_files import check_output, whole_file
    from .publishing.embedding_map import project
    from .texts_input import read_texts

    check_output(output, (".html",))
    given = read_texts(None, file, columns)
    texts = _readable(given, on_bad)
    loaded = load_encoder(model)
    place(loaded, None)
    tasks = [task.name for task in loaded.config.tasks if not task.is_pair]
    progress = len(texts) >= BARS_FROM
    answers = loaded.predict(texts, tasks=tasks, include_embeddings=True, batch_size=batch_size, progress=progress)
    points = project(np.asarray(answers.pop("embeddings")), method.value)
    shown = {name: [summary(answer) for answer in column] for name, column in answers.items()}
    name = Path(model).resolve().name if Path(model).is_dir() else model
    page = render_map(name, method.value, texts, points, colorings(answers), shown)
    with whole_file(output) as stream:
        stream.write(page.encode("utf-8", errors="replace"))  # a lone surrogate is no UTF-8
    print(f"map: {output} ({len(texts):,} texts, {output.stat().st_size / 1e3:,.0f} kB)")


def _readable(given: "GivenTexts", on_bad: OnBad) -> list[str]:
    if given.are_pairs:
        raise ValueError("two columns came; a map shows one text a row, name one column.")
    if on_bad is OnBad.REFUSE:
        given.require_readable()
    bad = given.find_unreadable()
    if bad:
        typer.echo(f"{len(bad)} of {len(given)} texts cannot be read and are left out", err=True)
    return [text for position, text in enumerate(given.texts) if position not in bad]
