"""Results as tables for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_LONGEST_TEXT = 300  # characters shown of one text
_MOST_LABELS = 5  # labels shown of one multi-label answer


def score_rows(model: Any, scores: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Turn scores into the rows of `print_scores`.

    Args:
        model: A `PolyheadModel`.
        scores: By task, as `evaluate_model` gives them.
    """
    from .training.metrics.multi_task_score import primary_metric

    return [
        {
            "task": name,
            "kind": model.config.task(name).kind,
            "metric": metric,
            "score": value,
            "is_main": metric == primary_metric(model.config.task(name)),
        }
        for name, values in scores.items()
        for metric, value in values.items()
    ]


def print_scores(rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Print scores, one a line, the task's name only at its first.

    Args:
        rows: `task`, `kind`, `rows`, `metric`, `score`, `is_main` (the metric that ranks checkpoints).
        title: Above the table.
    """
    table = Table(title=title, title_justify="left")
    for heading in ("task", "kind", "metric"):
        table.add_column(heading, overflow="fold")
    table.add_column("score", justify="right")
    previous = None
    for row in rows:
        is_new = row["task"] != previous
        if is_new and previous is not None:
            table.add_section()
        previous = row["task"]
        name, kind = (row["task"], row["kind"].replace("_", " ")) if is_new else ("", "")
        style = "bold" if row["is_main"] else ""
        table.add_row(name, kind, Text(row["metric"], style), Text(f"{row['score']:.4f}", style))
    Console().print(table)


def print_heads(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print one row a task; `rows` as `describe_heads` gives them."""
    table = Table()
    for heading in ("task", "kind", "labels", "head", "reads", "parameters"):
        table.add_column(heading, justify="right" if heading in ("labels", "parameters") else "left", overflow="fold")
    for row in rows:
        head = row["head"] or "none (cosine)"
        kind = row["kind"].replace("_", " ")
        table.add_row(row["task"], kind, str(row["labels"]), head, row["reads"], f"{row['parameters']:,}")
    Console().print(table)


def print_calibrations(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print one row a task: what was fitted, and errors before and after."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)  # 80 columns hold it with long task names
    for heading in ("task", "items", "temperature", "thresholds", "ECE", "Brier"):
        is_task = heading == "task"
        table.add_column(heading, justify="left" if is_task else "right", no_wrap=not is_task, overflow="fold")
    for row in rows:
        thresholds = [f"{value:.2f}" for value in row["thresholds"] or []]
        shown = f"{min(thresholds)} to {max(thresholds)}" if len(thresholds) > 1 else "".join(thresholds) or "-"
        errors = [f"{row[f'{name}_before']:.3f} -> {row[f'{name}_after']:.3f}" for name in ("ece", "brier")]
        table.add_row(row["task"], f"{row['items']:,}", f"{row['temperature']:.2f}", shown, *errors)
    Console().print(table)


def print_abstentions(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print one row a task that may withhold answers: its thresholds, and what they bring."""
    table = Table()
    for heading in ("task", "score from", "scope up to", "answered", "right of these", "right of all"):
        is_task = heading == "task"
        table.add_column(heading, justify="left" if is_task else "right", overflow="fold")
    for row in rows:
        shares = [f"{row[name]:.1%}" for name in ("coverage", "precision", "accuracy")]
        most = "-" if row["max_out_of_scope"] is None else f"{row['max_out_of_scope']:.3g}"
        table.add_row(row["task"], f"{row['min_confidence']:.3f}", most, *shares)
    Console().print(table)


def print_answers(texts: Sequence[Any], answers: Mapping[str, Sequence[Any]]) -> None:
    """Print one row a text with one column a task; entities are marked in the text.

    Args:
        texts: Strings, or tuples of two.
        answers: As `predict` returns them.
    """
    table = Table(show_lines=any("entities" in answer for column in answers.values() for answer in column))
    table.add_column("text", overflow="fold", ratio=2)
    for name in answers:
        table.add_column(name, overflow="fold", ratio=1)
    for position, text in enumerate(texts):
        row = [answers[name][position] for name in answers]
        table.add_row(_text_cell(text, row), *[_answer_cell(answer) for answer in row])
    Console().print(table)


def print_embeddings(texts: Sequence[Any], embeddings: Any) -> None:
    """Print each text with the dimension, first numbers and length of its embedding (texts, dim)."""
    table = Table()
    table.add_column("text", overflow="fold")
    for heading in ("dim", "first numbers", "norm"):
        table.add_column(heading, justify="right", no_wrap=True)
    for text, vector in zip(texts, embeddings, strict=True):
        first = " ".join(f"{number:+.3f}" for number in vector[:3]) + (" ..." if len(vector) > 3 else "")
        norm = float((vector.astype("float64") ** 2).sum() ** 0.5)
        table.add_row(_text_cell(text, []), str(len(vector)), first, f"{norm:.4f}")
    Console().print(table)


def visible(text: Any) -> str:
    r"""Return a text without what could move the cursor or colour the screen; the length stays.

    >>> visible("a\tb\x1b[31m") == "a b\ufffd[31m"
    True
    """
    shown = text if isinstance(text, str) else repr(text)
    return "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in shown)


def _text_cell(text: Any, answers: Sequence[Mapping[str, Any]]) -> Text:
    if isinstance(text, tuple):
        return Text("\n").join(_text_cell(side, []) for side in text)
    shown = visible(text)
    cell = Text(shown[:_LONGEST_TEXT] + ("..." if len(shown) > _LONGEST_TEXT else ""))
    for answer in answers:
        for entity in answer.get("entities", []):
            cell.stylize("bold underline", entity["start"], min(entity["end"], _LONGEST_TEXT))
    return cell


def _answer_cell(answer: Mapping[str, Any]) -> Text:
    if "error" in answer:
        return Text(f"({answer['error']})", "red")
    if "entities" in answer:
        return Text("\n".join(f"[{visible(entity['text'])}] {entity['label']}" for entity in answer["entities"]) or "-")
    if "labels" in answer:
        return Text(", ".join(_scored(label, answer["scores"][label]) for label in _best_first(answer)) or "-")
    if "values" in answer:
        return Text("\n".join(f"{name} {value:.3f}" for name, value in answer["values"].items()))
    if answer.get("reason") is not None:
        return Text(f"({answer['reason']})", "dim")
    if "label" in answer:
        return Text(_scored(answer["label"], answer["score"]))
    return Text(f"{answer['value']:.3f}")


def _best_first(answer: Mapping[str, Any]) -> list[str]:
    return sorted(answer["labels"], key=answer["scores"].__getitem__, reverse=True)[:_MOST_LABELS]


def _scored(label: str, score: float) -> str:
    return f"{visible(label)} {score:.2f}"
