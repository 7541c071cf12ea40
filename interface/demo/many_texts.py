"""Many texts at once: a table to look at, a CSV file to take away."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from .answers import answers_of
from .csv_download import answers_as_csv
from .csv_upload import Row, read_sheet
from .one_text import problem

MOST_ROWS = 2000  # answered at once: one page must not keep a server busy for minutes
_MOST_SHOWN = 100  # rows of the table; the file has all
_LONGEST_TEXT = 300  # characters of one text in the table


def answer_lines(model: Any, lines: str | None) -> str:
    """Return the answers to a text a line as HTML, with a link to them as CSV; blank lines are left out."""
    texts = [line.removesuffix("\r") for line in (lines or "").split("\n") if line.strip()]
    if not texts:
        return problem("There are no texts yet. Write one a line, or upload a CSV file.")
    if len(texts) > MOST_ROWS:
        return problem(f"{len(texts):,} lines came; this page answers {MOST_ROWS:,} at once.")
    return _answer(model, [{"text": text} for text in texts], "text", "answers.csv")


def answer_file(model: Any, file: str | None, column: str | None) -> str:
    """Return the answers to an uploaded CSV file likewise; rows without a readable text are flagged."""
    if not file:
        return problem("There is no file yet. Upload a CSV file whose first line names its columns.")
    try:
        sheet = read_sheet(file, column or "", MOST_ROWS)
    except ValueError as error:
        return problem(str(error))
    return _answer(model, sheet.rows, sheet.column, f"{Path(file).stem}_answers.csv")


def _answer(model: Any, rows: Sequence[Row], column: str, name: str) -> str:
    tasks = [task.name for task in model.config.tasks if not task.is_pair]
    answers = answers_of(model, [row[column] for row in rows], tasks, on_bad="flag")
    return _link(answers_as_csv(rows, answers), name) + _table([row[column] for row in rows], answers)


def _link(csv: str, name: str) -> str:
    # The file is inside the page: nobody's texts are written to the server's disk. Without a byte order mark, Excel
    # would not take it for UTF-8.
    content = base64.b64encode(csv.encode("utf-8-sig", errors="replace")).decode()
    address = f"data:text/csv;charset=utf-8;base64,{content}"
    return f'<p><a class="ph-download" download="{escape(name)}" href="{address}">Download the answers as CSV</a></p>'


def _table(texts: Sequence[str], answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    # On a phone every row is a block, and each cell bears the name of its column.
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("text", *answers))
    body = "".join(
        f'<tr><th scope="row">{escape(_shortened(text))}</th>'
        + "".join(f'<td data-column="{escape(name)}">{escape(summary(answers[name][row]))}</td>' for name in answers)
        + "</tr>"
        for row, text in enumerate(texts[:_MOST_SHOWN])
    )
    more = (
        f"The first {_MOST_SHOWN} of {len(texts):,} rows are shown; the file has all."
        if len(texts) > _MOST_SHOWN
        else ""
    )
    table = f'<table class="ph-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<p>{more}</p><div class="ph-scroll" tabindex="0" role="region" aria-label="Answers">{table}</div>'


def summary(answer: Mapping[str, Any]) -> str:
    """Return an answer in a few words."""
    if "error" in answer:
        return f"({answer['error']})"
    if "entities" in answer:
        return ", ".join(f"{entity['text']} ({entity['label']})" for entity in answer["entities"]) or "none"
    if "labels" in answer:
        ordered = sorted(answer["labels"], key=answer["scores"].__getitem__, reverse=True)
        return ", ".join(f"{label} {answer['scores'][label]:.2f}" for label in ordered) or "none"
    if "values" in answer:
        return ", ".join(f"{name} {value:.2f}" for name, value in answer["values"].items())
    if answer.get("reason"):
        return f"({answer['reason']})"
    return f"{answer['label']} {answer['score']:.2f}" if "label" in answer else f"{answer['value']:.3f}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
