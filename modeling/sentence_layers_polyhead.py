"""What stands on the backbone: layer mix, pooling, projection, and a head for each task that has one."""

from torch import nn

from ..configuration.configuration_polyhead import PolyheadConfig
from ..configuration.tasks_polyhead import TaskConfig
from .heads_polyhead import Head, SentencePooling
from .pooling_polyhead import LayerMix, Pooling


class SentenceLayers(nn.Module):
    """Everything that stands on the backbone; the `polyhead.*` tensors of a checkpoint.

    Args:
        config: Of the model.

    Raises:
        ValueError: A task without labels, or with Matryoshka dimensions that the embedding does not have.
    """

    def __init__(self, config: PolyheadConfig) -> None:
        super().__init__()
        for task in config.tasks:
            _check_dims(task, config.embedding_size)
        self.layer_mix = LayerMix(config.mix_last_layers) if config.mix_last_layers > 1 else None
        self.pooling = Pooling(config.poolings, config.hidden_size)
        self.projection = nn.Linear(config.pooled_size, config.projection_dim) if config.projection_dim else None
        self.heads = nn.ModuleDict({task.name: build_head(task, config) for task in config.tasks if task.num_logits})


def _check_dims(task: TaskConfig, embedding_size: int) -> None:
    largest = max(task.matryoshka_dims or [0])
    if largest > embedding_size:
        raise ValueError(
            f"task '{task.name}', field 'matryoshka_dims': {largest} is more than the {embedding_size} dimensions of "
            f"the sentence embedding; choose dimensions from 1 to {embedding_size}."
        )


def build_head(task: TaskConfig, config: PolyheadConfig) -> Head:
    """Build the untrained head of a task that has one.

    Raises:
        ValueError: The task has no labels yet.
    """
    if task.labels is None and task.kind != "regression":
        raise ValueError(
            f"task '{task.name}' has no labels. List them in their order: labels=['negative', 'positive']."
        )
    pooling = None
    size = config.hidden_size
    if task.head == "attention":
        pooling = SentencePooling(config.hidden_size, task.head_num_attention_heads, task.head_layer_norm)
    elif not task.is_token:
        size = config.pooled_size if task.head_input == "pooled" else config.embedding_size
    return Head(
        4 * size if task.is_pair else size,
        task.num_logits,
        dropout=task.head_dropout,
        hidden_size=task.head_hidden_size,
        num_hidden_layers=task.head_num_layers if task.head == "mlp" else 0,
        activation=task.head_activation,
        layer_norm=task.head_layer_norm,
        pooling=pooling,
    )
