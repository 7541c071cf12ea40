"""Answers beside their texts, as CSV for people to take away."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, str]
ERROR = "error"


def answers_as_csv(rows: Sequence[Row], answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the rows with columns for the answers behind their own.

    What is not one value is JSON: the labels of a multi-label task, the entities of a token task. A column whose name
    is taken, as that of a gold label may be, is called `predicted_NAME`.

    Args:
        rows: Cells by column; every row has the same columns.
        answers: As `predict` returns them, one a row for each task.
    """
    given = list(rows[0])
    added = [_columns(answers, position) for position in range(len(rows))]
    names = {name: _free(name, given) for row in added for name in row}
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, [*given, *names.values()], restval="")
    writer.writeheader()
    for row, cells in zip(rows, added, strict=True):
        writer.writerow({**row, **{names[name]: cell for name, cell in cells.items()}})
    return written.getvalue()


def _columns(answers: Mapping[str, Sequence[Mapping[str, Any]]], position: int) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name, column in answers.items():
        answer = column[position]
        if "error" in answer:
            cells[ERROR] = answer["error"]
        elif "entities" in answer:
            cells[name] = json.dumps(answer["entities"], ensure_ascii=False)
        elif "labels" in answer:
            cells[name] = json.dumps(answer["labels"], ensure_ascii=False)
        elif "values" in answer:
            cells |= {f"{name}_{value_name}": f"{value:.4f}" for value_name, value in answer["values"].items()}
        elif "label" in answer:
            cells |= {name: answer["label"], f"{name}_score": f"{answer['score']:.4f}"}
        else:
            cells[name] = f"{answer['value']:.4f}"
    return cells


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"predicted_{name}"
    return name
