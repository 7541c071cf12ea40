"""The body of a card: `model_card.md` with its places filled in."""

from string import Template
from typing import Any

from ..configuration.configuration_polyhead import PolyheadConfig
from ..configuration.tasks_polyhead import TaskConfig

MARK = "<!-- rendered by polyhead: save_pretrained replaces this file unless you remove this line -->\n"
TITLE = "Polyhead model"
PLACEHOLDER = "path/or/name"
_SPLITS = ("test", "validation", "train")  # the first that was measured stands in the table of tasks
_CALIBRATION = ("ece", "brier")


def render_card(template: str, config: PolyheadConfig, yours: str = "", training: str = "", sizes: str = "") -> str:
    """Fill in the template.

    Args:
        template: Text of `model_card.md`.
        config: What the card tells.
        yours: The part that belongs to people, marks included.
        training: What a training run tells of itself; empty: the card has no such section.
        sizes: Of the files; empty: not told.

    Raises:
        KeyError: The template asks for something that is not told.
    """
    backbone = config.text_config
    card = Template(template).substitute(
        title=TITLE,
        path=PLACEHOLDER,
        heads=_count(len(config.tasks), "task head"),
        architecture=backbone.model_type,
        num_layers=config.num_hidden_layers,
        embedding_size=config.embedding_size,
        pooling=" + ".join(config.poolings),
        normalized=", normalised" if config.normalize else "",
        max_length=config.max_length or getattr(backbone, "max_position_embeddings", "any number of"),
        yours=yours,
        tasks_table=_tasks(config),
        scores=_scores(config),
        size_and_speed=_section("Size and speed", "\n\n".join(part for part in (sizes, _speed(config)) if part)),
        training=_section("Training", training.strip()),
    )
    return f"{MARK}\n{card}"


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}\n\n" if text else ""


def _tasks(config: PolyheadConfig) -> str:
    if not config.tasks:
        return "None: this is a plain sentence encoder."
    header = ["task", "kind", "head", "labels", "data", "metric", "score", "calibration"]
    mains = {task.name: _main_row(config, task) for task in config.tasks}
    is_compared = any("single_task" in row for row in mains.values())
    rows = [_task_row(config, task, mains[task.name]) for task in config.tasks]
    if is_compared:
        header.insert(7, "a model of this task alone")
        for row, main in zip(rows, mains.values(), strict=True):
            row.insert(7, f"{main['single_task']:.4f}" if "single_task" in main else "")
    return _table(header, rows)


def _task_row(config: PolyheadConfig, task: TaskConfig, main: dict[str, Any]) -> list[str]:
    labels = task.labels or []
    shown = ", ".join(labels[:12]) + (f", ... ({len(labels)} in all)" if len(labels) > 12 else "")
    head = "cosine" if task.kind == "pair_similarity" else task.head
    measured = [f"{main['dataset']}, {main['split']}", main["metric"], f"{main['value']:.4f}"] if main else ["", "", ""]
    return [
        f"`{task.name}`",
        task.kind.replace("_", " "),
        head,
        shown or "a number",
        *measured,
        _calibration(config, task),
    ]


def _main_row(config: PolyheadConfig, task: TaskConfig) -> dict[str, Any]:
    rows = [row for row in config.results if row["task"] == task.name and row["metric"] not in _CALIBRATION]
    return min(rows, key=lambda row: _SPLITS.index(row["split"]) if row["split"] in _SPLITS else 9, default={})


def _calibration(config: PolyheadConfig, task: TaskConfig) -> str:
    rows = {row["metric"]: row for row in config.results if row["task"] == task.name}
    told = [f"temperature {task.temperature:.2f}"] if task.temperature != 1 else []
    limits = [f"below {task.min_confidence:.3f}"] if task.min_confidence else []
    limits += (
        [f"above an out-of-scope score of {task.max_out_of_scope:.3g}"] if task.max_out_of_scope is not None else []
    )
    told += [f"abstains {' and '.join(limits)}"] if limits else []
    told += [f"{name} {rows[name]['value']:.3f}" for name in _CALIBRATION if name in rows]
    return ", ".join(told)


def _scores(config: PolyheadConfig) -> str:
    if not config.results:
        return "None measured yet: `polyhead evaluate --save` measures and keeps them."
    rows = [
        [f"`{row['task']}`", str(row["dataset"]), str(row["split"]), str(row["metric"]), f"{row['value']:.4f}"]
        for row in config.results
    ]
    return _table(["task", "data", "split", "metric", "value"], rows)


def _speed(config: PolyheadConfig) -> str:
    if not config.speed:
        return ""
    return (
        "`predict` with all heads: {texts_per_second:,.0f} texts a second, {tokens_per_text:.0f} tokens each on average "
        "({device}, {processors}, {dtype})."
    ).format(processors=_count(config.speed["threads"], "thread"), **config.speed)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _table(header: list[str], rows: list[list[str]]) -> str:
    one_line = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *one_line]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
