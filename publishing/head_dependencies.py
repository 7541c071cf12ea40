"""What a head was trained to read: the weights below it and their use. Where that is equal, heads may change places."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.checkpoint_polyhead import BACKBONE_PREFIX
from ..modeling.modeling_polyhead import PolyheadModel

# Fields of a backbone's config that say nothing about its numbers.
_NO_NUMBERS = (
    "_name_or_path",
    "architectures",
    "dtype",
    "id2label",
    "label2id",
    "problem_type",
    "transformers_version",
)
_MOST_NAMED = 5  # differences that a message lists


@dataclass(frozen=True)
class HeadDependencies:
    """Everything that a head's answers depend on, but for the head itself.

    Args:
        settings: Config of the backbone, poolings, number of mixed layers, as far as the head reads them.
        tensors: sha256 of each tensor below the head, by name.
        vocabulary: sha256 of the tokenizer's vocabulary.
    """

    settings: dict[str, Any]
    tensors: dict[str, str]
    vocabulary: str

    def differences(self, other: "HeadDependencies") -> list[str]:
        """Name what differs, the first few of each kind; empty where a head of one gives the same answers on the other."""
        found = ["the tokenizer's vocabulary"] if self.vocabulary != other.vocabulary else []
        for ours, theirs in ((self.settings, other.settings), (self.tensors, other.tensors)):
            names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
            found += names[:_MOST_NAMED]
            if len(names) > _MOST_NAMED:
                found.append(f"{len(names) - _MOST_NAMED} more")
        return found


class Fingerprint:
    """The sha256 of every tensor of a model below its heads, computed once for all of its heads.

    Args:
        model: Its weights must be in memory.
    """

    def __init__(self, model: PolyheadModel) -> None:
        self._config = model.config
        below = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("polyhead.heads.")}
        self._tensors = {name.removeprefix(BACKBONE_PREFIX): _sha256(tensor) for name, tensor in below.items()}
        words = json.dumps(sorted(model.tokenizer.get_vocab().items())).encode()
        self._vocabulary = hashlib.sha256(words).hexdigest()

    def dependencies(self, task: TaskConfig) -> HeadDependencies:
        """Return what the head of a task reads: tokens, the pooled vector, or the vector after projection.

        A task that tells what is out of scope reads the embedding for that, whatever its head reads.
        """
        reads_embedding = task.num_logits == 0 or task.max_out_of_scope is not None
        reads_tokens = task.is_token or task.head == "attention"
        reads_pooled = reads_embedding or not reads_tokens
        reads_projected = reads_embedding or (reads_pooled and task.head_input != "pooled")
        skipped = [
            prefix
            for prefix, is_read in (("polyhead.pooling.", reads_pooled), ("polyhead.projection.", reads_projected))
            if not is_read
        ]
        settings = {
            f"config of the backbone: {key}": value
            for key, value in self._config.text_config.to_dict().items()
            if key not in _NO_NUMBERS and "dropout" not in key
        }
        settings["mix_last_layers"] = self._config.mix_last_layers
        if reads_pooled:
            settings["pooling"] = self._config.poolings
        tensors = {name: digest for name, digest in self._tensors.items() if not name.startswith(tuple(skipped))}
        return HeadDependencies(json.loads(json.dumps(settings)), tensors, self._vocabulary)


def _sha256(tensor: Tensor) -> str:
    flat = tensor.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{flat.dtype} {tuple(flat.shape)} ".encode())
    digest.update(flat.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
