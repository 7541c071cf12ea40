"""The metadata at the head of a card, by which the Hub finds a model and shows its scores."""

from typing import Any

import yaml
from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import eval_results_to_model_index
from huggingface_hub.utils import yaml_dump

from ..configuration.configuration_polyhead import PolyheadConfig

_OWN: dict[str, Any] = {
    "library_name": "transformers",
    "pipeline_tag": "feature-extraction",
    "tags": ["polyhead", "sentence-similarity", "sentence-transformers", "feature-extraction"],
}
_INDEX = "model-index"
FENCE = "---\n"
_HUB_TASKS = {  # names that the Hub has for them
    "token_classification": "token-classification",
    "pair_similarity": "sentence-similarity",
}


def render_metadata(config: PolyheadConfig, known: dict[str, Any]) -> str:
    """Return the YAML at the head of a card, fences included.

    Args:
        config: Its measured scores become the model index.
        known: Metadata from elsewhere: of the card that is rendered again, of the training run. Tags are added to ours;
            the library and the index are always written anew.
    """
    tags = list(dict.fromkeys([*_OWN["tags"], *_texts(known.get("tags"))]))
    fields = {**_OWN, **known, "library_name": _OWN["library_name"], "tags": tags}
    fields.pop(_INDEX, None)
    return with_metadata({**fields, **_model_index(config)}, "")


def _texts(value: Any) -> list[str]:
    """Return the texts of a field that people write as one or as a list; what else stands there is no tag."""
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


def with_metadata(fields: dict[str, Any], body: str) -> str:
    """Put metadata before a text."""
    return f"{FENCE}{yaml_dump(fields)}{FENCE}\n{body}" if fields else body


def split_metadata(text: str) -> tuple[dict[str, Any], str]:
    """Split a card into its metadata and its body; what cannot be read as metadata counts as none.

    Args:
        text: Of the card.
    """
    if not text.startswith(FENCE):
        return {}, text
    head, fence, body = text.removeprefix(FENCE).partition(f"\n{FENCE}")
    try:
        fields = yaml.safe_load(head)
    except yaml.YAMLError:
        fields = None
    return (fields, body) if fence and isinstance(fields, dict) else ({}, text)


def _model_index(config: PolyheadConfig) -> dict[str, Any]:
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
    return {_INDEX: eval_results_to_model_index("polyhead", results)} if results else {}
