"""The README of a checkpoint: `model_card.md` filled in from the config alone."""

from pathlib import Path
from string import Template
from typing import Any

from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import eval_results_to_model_index
from huggingface_hub.utils import yaml_dump
from transformers.utils import cached_file

from ..configuration.configuration_polyhead import PolyheadConfig
from ..configuration.tasks_polyhead import TaskConfig

TEMPLATE = Path(__file__).parent.parent / "model_card.md"
CARD = "README.md"
YOURS = "<!-- yours: what stands from here on is kept when the card is rendered again -->\n"
END_OF_YOURS = "<!-- end of yours -->\n"
INVITATION = "Write here what the model is for, what it was trained on, who made it, and its licence.\n"
_HUB_TASKS = {  # names that the Hub has for them
    "token_classification": "token-classification",
    "pair_similarity": "sentence-similarity",
}
MARK = "<!-- rendered by polyhead: save_pretrained replaces this file unless you remove this line -->\n"


def write_card(directory: Path, config: PolyheadConfig, source: tuple[str, dict[str, Any]] | None) -> None:
    """Write the card of a checkpoint; a README that was written by hand stays.

    Args:
        directory: Of the checkpoint.
        config: What the card tells.
        source: Folder or Hub name that the model was loaded from, and options of the Hub. Code that runs from a
            checkpoint has no template beside it and takes the card along from there.
    """
    target = directory / CARD
    if TEMPLATE.is_file():
        text = new_card(target, config)
    else:
        card = None if source is None or _is_by_hand(target) else _card_of(*source)
        text = None if card is None or card.resolve() == target.resolve() else card.read_text(encoding="utf-8")
    if text is not None:
        target.write_text(text, encoding="utf-8")


def take_card(directory: Path, source: tuple[str, dict[str, Any]] | None) -> None:
    """Bring the card of the checkpoint that a model was loaded from, so that what people wrote is kept on saving.

    Args:
        directory: Where the model is going to be saved.
        source: As in `write_card`.
    """
    card = None if source is None else _card_of(*source)
    if card is not None:
        (directory / CARD).write_text(card.read_text(encoding="utf-8"), encoding="utf-8")


def new_card(card: Path, config: PolyheadConfig) -> str | None:
    """Return what a card should say now, with the part that people wrote into it; None where all of it is by hand."""
    if _is_by_hand(card):
        return None
    old = card.read_text(encoding="utf-8") if card.is_file() else ""
    _, _, after = old.partition(YOURS)
    yours, end, _ = after.partition(END_OF_YOURS)
    return render_card(TEMPLATE.read_text(encoding="utf-8"), config, yours if end else None)


def _is_by_hand(card: Path) -> bool:
    return card.is_file() and MARK not in card.read_text(encoding="utf-8")


def _card_of(name: str, hub_options: dict[str, Any]) -> Path | None:
    kinds = ("missing_entries", "connection_errors", "gated_repo")
    quiet = {f"_raise_exceptions_for_{kind}": False for kind in kinds}  # a model without its card can still be saved
    found = cached_file(name, CARD, **quiet, **hub_options)
    return None if found is None else Path(found)


def render_card(template: str, config: PolyheadConfig, yours: str | None = None) -> str:
    """Fill in the template.

    Args:
        template: Text of `model_card.md`.
        config: What the card tells.
        yours: What people wrote between the marks; None: an invitation to do so.

    Raises:
        KeyError: The template asks for something that the config does not tell.
    """
    backbone = config.text_config
    card = Template(template).substitute(
        title="Polyhead model",
        path="path/or/name",
        num_tasks=len(config.tasks),
        architecture=backbone.model_type,
        num_layers=config.num_hidden_layers,
        embedding_size=config.embedding_size,
        pooling=" + ".join(config.poolings),
        normalized=", normalised" if config.normalize else "",
        max_length=config.max_length or getattr(backbone, "max_position_embeddings", "any number of"),
        tasks_table=_table(["task", "kind", "head", "labels"], [_task_row(task) for task in config.tasks]),
        scores=_scores(config),
        yours=f"{YOURS}{INVITATION if yours is None else yours}{END_OF_YOURS}",
        model_index=_model_index(config),
    )
    head, _, body = card.partition("\n# ")
    return f"{head}\n{MARK}\n# {body}"


def _model_index(config: PolyheadConfig) -> str:
    """Return the Hub's metadata of measured scores, as YAML; nothing where nothing was measured."""
    results = [
        EvalResult(
            task_type=_HUB_TASKS.get(task.kind, "text-classification"),
            task_name=task.name,
            dataset_type=str(row["dataset"]),
            dataset_name=str(row["dataset"]),
            dataset_config=task.name,  # without it, the Hub's format would put two tasks on one data set together
            dataset_split=str(row["split"]),
            metric_type=str(row["metric"]),
            metric_value=round(float(row["value"]), 6),
        )
        for task in config.tasks
        for row in config.results
        if row["task"] == task.name
    ]
    if not results:
        return ""
    index: str = yaml_dump({"model-index": eval_results_to_model_index("polyhead", results)})
    return index.rstrip("\n") + "\n"


def _task_row(task: TaskConfig) -> list[str]:
    labels = task.labels or []
    shown = ", ".join(labels[:12]) + (f", ... ({len(labels)} in all)" if len(labels) > 12 else "")
    head = "cosine" if task.kind == "pair_similarity" else task.head
    return [f"`{task.name}`", task.kind.replace("_", " "), head, shown or "a number"]


def _scores(config: PolyheadConfig) -> str:
    if not config.results:
        return "None measured yet: `polyhead evaluate --save` measures and keeps them."
    rows = [
        [f"`{row['task']}`", str(row["dataset"]), str(row["split"]), str(row["metric"]), f"{row['value']:.4f}"]
        for row in config.results
    ]
    return _table(["task", "data", "split", "metric", "value"], rows)


def _table(header: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return "None: this is a plain sentence encoder."
    one_line = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *one_line]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
