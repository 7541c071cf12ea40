"""What a finished run tells of itself on the model's card: its recipe without folders, its rates, its pictures."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ...modeling.card_metadata_polyhead import with_metadata
from ...modeling.card_polyhead import RUN_CARD
from ..recipe.recipe import Recipe
from ..recipe.recipe_yaml import format_yaml
from .metrics_file import read_metrics
from .record import resolved_content

_RATE = "lr/"


def write_card_section(output: Path, recipe: Recipe, metrics: Path, pictures: Sequence[Path]) -> None:
    """Write the section beside the run's record; the card takes it up when it is rendered next.

    Args:
        output: Folder of the model.
        recipe: What was trained.
        metrics: The log of the run.
        pictures: Files below `output`.
    """
    entries = read_metrics(metrics)
    last = entries[-1] if entries else {"step": 0}
    versions = ", ".join(f"{name} {version(name)}" for name in ("polyhead", "transformers", "torch"))
    parts = [
        f"{last['step']:,} steps with {versions}. The recipe, files without their folders:",
        f"```yaml\n{format_yaml(_without_folders(_without_secrets(resolved_content(recipe)))).rstrip()}\n```",
        "Learning rates by parameter group, as logged:",
        _rates_table(entries),
        "\n".join(
            f"![{picture.stem.replace('_', ' ')}]({picture.relative_to(output).as_posix()})" for picture in pictures
        ),
    ]
    target = output / RUN_CARD
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        with_metadata(_metadata(recipe), "\n\n".join(part for part in parts if part) + "\n"), encoding="utf-8"
    )


def _metadata(recipe: Recipe) -> dict[str, Any]:
    backbone = recipe.content["model"].get("backbone")
    on_hub = [source.dataset for source in recipe.data if source.dataset is not None]
    is_on_hub = isinstance(backbone, str) and backbone.count("/") == 1 and not Path(backbone).exists()
    return {**({"base_model": backbone} if is_on_hub else {}), **({"datasets": on_hub} if on_hub else {})}


def _without_secrets(content: dict[str, Any]) -> dict[str, Any]:
    train = content.get("train") or {}
    return content | {"train": {key: value for key, value in train.items() if not key.endswith("token")}}


def _without_folders(value: Any) -> Any:
    """Return plain data with absolute paths cut to their last name: the others say where somebody keeps things."""
    if isinstance(value, dict):
        return {key: _without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_folders(item) for item in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _rates_table(entries: Sequence[dict[str, Any]]) -> str:
    rates: dict[str, list[float]] = {}
    for entry in entries:
        for key, value in entry.items():
            if key.startswith(_RATE) and value is not None:
                rates.setdefault(key.removeprefix(_RATE), []).append(value)
    rows = [f"| `{name}` | {max(values):.2e} | {values[-1]:.2e} |" for name, values in rates.items()]
    return "\n".join(["| group | highest | last |", "| --- | --- | --- |", *rows]) if rows else ""
