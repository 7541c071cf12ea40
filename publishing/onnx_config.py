"""What an exported model must know beside its graph: `polyhead.json`, read without torch and transformers."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..configuration.tasks_polyhead import TaskConfig, find_task

GRAPH, CONFIG, TOKENIZER = "model.onnx", "polyhead.json", "tokenizer.json"
# Outputs of the graph: the embedding as the model gives it, the same before normalisation, and the logits of each task.
EMBEDDING, UNNORMALIZED, LOGITS = "sentence_embedding", "unnormalized_embedding", "logits_"


@dataclass(frozen=True)
class OnnxConfig:
    """Settings of an exported model.

    Args:
        tasks: In their order; labels stand in them, position = id.
        embedding_size: Width of the sentence embedding.
        normalize: Whether `sentence_embedding` has length 1.
        max_length: Longest input in tokens, special ones included.
        pad_token_id: What shorter texts of a batch are filled up with.
        prompts: As in `PolyheadConfig`.
        default_prompt_name: As in `PolyheadConfig`.
    """

    tasks: list[TaskConfig]
    embedding_size: int
    normalize: bool
    max_length: int
    pad_token_id: int = 0
    prompts: dict[str, str] = dataclasses.field(default_factory=dict)
    default_prompt_name: str | None = None

    def task(self, name: str) -> TaskConfig:
        """Return the task of that name."""
        return find_task(self.tasks, name)

    def write(self, folder: Path) -> None:
        """Write `polyhead.json`."""
        fields = {**vars(self), "tasks": [task.to_dict() for task in self.tasks]}
        (folder / CONFIG).write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "OnnxConfig":
        """Read `polyhead.json`.

        Raises:
            ValueError: It is missing, no JSON, or has fields that this version does not know.
        """
        remedy = "Give a folder that `polyhead export onnx` wrote."
        try:
            fields: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            return cls(**{**fields, "tasks": [TaskConfig(**task) for task in fields["tasks"]]})
        except OSError as error:
            raise ValueError(f"'{folder}' has no {CONFIG} that can be read: {error.strerror}. {remedy}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{folder / CONFIG} is damaged or of another version: {error}. {remedy}") from error
