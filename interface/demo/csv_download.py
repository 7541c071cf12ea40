"""Answers beside their texts, as CSV for people to take away."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, str]
ERROR = "error"
# Spreadsheets take a cell that begins so for a formula; the last four are the full-width signs of Japanese ones.
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def answers_as_csv(rows: Sequence[Row], answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the rows with columns for the answers behind their own.

    What is not one value is JSON: the labels of a multi-label task, the entities of a token task. A column whose name
    is taken, as that of a gold label may be, is called `predicted_NAME`. Texts that a spreadsheet would run as formulas
    get a `'` in front.

    Args:
        rows: Cells by column; every row has the same columns.
        answers: As `predict` returns them, one a row for each task.

    Source:
        OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.
    """
    given = list(rows[0])
    added = [_columns(answers, position) for position in range(len(rows))]
    names: dict[tuple[str, str], str] = {}
    for key in (key for row in added for key in row):
        if key not in names:
            names[key] = _free("_".join(filter(None, key)), [*given, *names.values()])
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    columns = [*given, *names.values()]  # no two are alike, even where one task is `mood` and another `mood_score`
    writer.writerow(map(_never_a_formula, columns))
    for row, cells in zip(rows, added, strict=True):
        whole = row | {names[name]: cell for name, cell in cells.items()}
        writer.writerow(_never_a_formula(whole.get(column, "")) for column in columns)
    return written.getvalue()


def _never_a_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_BEGINS) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _columns(answers: Mapping[str, Sequence[Mapping[str, Any]]], position: int) -> dict[tuple[str, str], str]:
    """Return the cells of one row by task and by what they hold of its answer."""
    cells: dict[tuple[str, str], str] = {}
    for name, column in answers.items():
        answer = column[position]
        if "error" in answer:
            cells["", ERROR] = answer["error"]
        elif "entities" in answer:
            cells[name, ""] = json.dumps(answer["entities"], ensure_ascii=False)
        elif "labels" in answer:
            cells[name, ""] = json.dumps(answer["labels"], ensure_ascii=False)
        elif "values" in answer:
            cells |= {(name, value_name): f"{value:.4f}" for value_name, value in answer["values"].items()}
        elif "label" in answer:
            cells |= {(name, ""): answer["label"] or "", (name, "score"): f"{answer['score']:.4f}"}
            if "reason" in answer:  # one that is withheld has it in the label's place
                cells[name, "reason"] = answer["reason"] or ""
        else:
            cells[name, ""] = f"{answer['value']:.4f}"
    return cells


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"predicted_{name}"
    return name
