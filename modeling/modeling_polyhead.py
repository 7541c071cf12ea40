"""The model: one backbone, one sentence embedding, many named heads.

`forward` is the table of contents: encode the text, give each task what it reads, sum the losses.
"""

import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, PreTrainedModel
from transformers.utils import can_return_tuple

from ..configuration.configuration_polyhead import PolyheadConfig
from ..configuration.tasks_polyhead import TaskConfig
from .checkpoint_polyhead import CheckpointMixin
from .heads_polyhead import pair_features
from .losses_polyhead import task_loss_items
from .outputs_polyhead import Encoded, PolyheadOutput
from .pair_losses_polyhead import EmbeddedPairs, number_texts, pair_loss_items
from .pooling_polyhead import AttentionPooling, LayerMix
from .predicting_polyhead import PredictingMixin
from .pushing_polyhead import PushingMixin
from .running_polyhead import RunningMixin
from .scope_polyhead import Scope
from .sentence_layers_polyhead import SentenceLayers

ByTask = dict[str, Tensor]


class PolyheadModel(CheckpointMixin, PushingMixin, RunningMixin, PredictingMixin):
    """A sentence encoder with named task heads.

    Args:
        config: What to build.
        backbone: A loaded backbone; None: one with random weights from `config.text_config`.

    Raises:
        ValueError: A task without labels, or a backbone that is no encoder of text.
    """

    config_class = PolyheadConfig
    base_model_prefix = "backbone"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    accepts_loss_kwargs = False  # else Trainer believes that the loss is already divided for gradient accumulation
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: PolyheadConfig, backbone: PreTrainedModel | None = None) -> None:
        super().__init__(config)
        self.register_load_state_dict_pre_hook(self._restore_key_names)

        self.backbone = backbone if backbone is not None else AutoModel.from_config(config.text_config)
        self.polyhead = SentenceLayers(config)
        self.scopes: dict[str, Scope] = {}  # of the tasks that tell what is out of scope
        self.takes_token_type_ids = "token_type_ids" in inspect.signature(self.backbone.forward).parameters
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        pair_input_ids: Tensor | None = None,
        pair_attention_mask: Tensor | None = None,
        pair_token_type_ids: Tensor | None = None,
        labels: ByTask | None = None,
        num_items: ByTask | None = None,
        tasks: list[str] | None = None,
        normalize: bool | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> PolyheadOutput:
        """Encode one batch and answer its tasks.

        Args:
            input_ids: Token ids, shape (batch, seq).
            attention_mask: 1 for real tokens, shape (batch, seq); None: all are real.
            token_type_ids: Segment ids, shape (batch, seq), for backbones that have them.
            position_ids: Positions, shape (batch, seq), for backbones that take them.
            inputs_embeds: Embeddings instead of ids, shape (batch, seq, hidden).
            pair_input_ids: Second texts, shape (batch, seq_2); without them pair tasks stay silent.
            pair_attention_mask: As `attention_mask`.
            pair_token_type_ids: As `token_type_ids`.
            labels: Per task, as the task's kind needs them (see `task_loss_items`); a missing label is -100 in integer
                and NaN in float labels, and a task may be absent.
            num_items: Number of labelled items that each task's loss is divided by; None: those of this batch.
            tasks: Names of the tasks to answer; None: all that the inputs allow.
            normalize: Scale the sentence embedding to length 1; None: as the model was built.
            output_hidden_states: Whether to return the states of all layers.
            output_attentions: Whether to return the attention weights of all layers.

        Returns:
            A `PolyheadOutput`; its `loss` is 0 where labels are given and none is usable.

        Raises:
            ValueError: An unknown task, or a pair task without second texts.
        """
        extra = {"position_ids": position_ids, "inputs_embeds": inputs_embeds}
        flags = {"output_hidden_states": output_hidden_states, "output_attentions": output_attentions}
        first = self.encode_tokens(input_ids, attention_mask, token_type_ids, **extra, **flags)
        second = None
        if pair_input_ids is not None:
            second = self.encode_tokens(pair_input_ids, pair_attention_mask, pair_token_type_ids)
        chosen = self._choose_tasks(tasks, has_pairs=second is not None)
        logits = {task.name: self.answer_task(task, first, second) for task in chosen}
        pairs = None if labels is None or second is None else _embedded_pairs(first, second)
        losses = None if labels is None else self._losses(chosen, logits, pairs, labels, num_items)
        return PolyheadOutput(
            loss=None if losses is None else self._total_loss(losses, first.projected),
            losses=losses,
            logits=logits or None,
            sentence_embedding=self.normalize(first.projected, normalize),
            last_hidden_state=first.token_embeddings,
            hidden_states=first.hidden_states,
            attentions=first.attentions,
            pair_sentence_embedding=None if second is None else self.normalize(second.projected, normalize),
        )

    def encode_tokens(
        self, input_ids: Tensor | None, attention_mask: Tensor | None, token_type_ids: Tensor | None, **kwargs: Any
    ) -> Encoded:
        """Run the backbone over texts, pool and project; arguments as in `forward`."""
        layers = self.polyhead
        if attention_mask is None:
            shape = input_ids.shape if input_ids is not None else kwargs["inputs_embeds"].shape[:2]
            attention_mask = torch.ones(shape, dtype=torch.long, device=self.device)  # (batch, seq)
        if not self.takes_token_type_ids:
            token_type_ids = None  # tokenizers give them also where the backbone has no segments
        kwargs.update(
            input_ids=input_ids, token_type_ids=token_type_ids, attention_mask=attention_mask, return_dict=True
        )
        kwargs["output_hidden_states"] = kwargs.get("output_hidden_states") or layers.layer_mix is not None
        states = self.backbone(**{name: value for name, value in kwargs.items() if value is not None})
        tokens = states.last_hidden_state  # (batch, seq, hidden)
        if layers.layer_mix is not None:
            tokens = layers.layer_mix(states.hidden_states)  # (batch, seq, hidden)
        return self.pool_tokens(
            input_ids, tokens, attention_mask, states.get("hidden_states"), states.get("attentions")
        )

    def pool_tokens(self, input_ids: Tensor | None, tokens: Tensor, attention_mask: Tensor, *states: Any) -> Encoded:
        """Pool and project token embeddings (batch, seq, hidden); `states` are the last fields of `Encoded`."""
        pooled = self.polyhead.pooling(tokens, attention_mask)  # (batch, pooled_size)
        return Encoded(input_ids, tokens, attention_mask, pooled, self.project(pooled), *states)

    def project(self, pooled: Tensor) -> Tensor:
        """Return the sentence embedding (batch, embedding_size) of pooled vectors (batch, pooled_size), not normalised."""
        projection = self.polyhead.projection
        return pooled if projection is None else projection(pooled.to(projection.weight.dtype)).float()

    def normalize(self, projected: Tensor, normalize: bool | None = None) -> Tensor:
        """Return the sentence embedding of a projected vector (batch, embedding_size); `normalize` as in `forward`."""
        wanted = self.config.normalize if normalize is None else normalize
        return functional.normalize(projected, dim=-1) if wanted else projected

    def answer_task(self, task: TaskConfig, first: Encoded, second: Encoded | None) -> Tensor:
        """Return the logits of one task for encoded texts, or for pairs of them."""
        if task.kind == "pair_similarity" and second is not None:
            return functional.cosine_similarity(first.projected, second.projected, dim=-1)  # (batch,)
        features = self._features(task, first)  # (batch, size), tokens: (batch, seq, hidden)
        if task.is_pair and second is not None:
            features = pair_features(features, self._features(task, second))  # (batch, 4 * size)
        return self.polyhead.heads[task.name](features)

    def _features(self, task: TaskConfig, encoded: Encoded) -> Tensor:
        if task.is_token:
            return encoded.token_embeddings
        if task.head == "attention":
            head: Any = self.polyhead.heads[task.name]
            return head.pooling(encoded.token_embeddings, encoded.attention_mask)
        if task.head_input == "normalized":
            return functional.normalize(encoded.projected, dim=-1)
        return encoded.pooled if task.head_input == "pooled" else encoded.projected

    def _choose_tasks(self, names: list[str] | None, has_pairs: bool) -> list[TaskConfig]:
        if names is None:
            return [task for task in self.config.tasks if has_pairs or not task.is_pair]
        chosen = [self.config.task(name) for name in names]
        lacking = [task.name for task in chosen if task.is_pair and not has_pairs]
        if lacking:
            raise ValueError(f"tasks {lacking} compare two texts, but the input has one; give pair_input_ids as well.")
        return chosen

    def _losses(
        self,
        tasks: list[TaskConfig],
        logits: ByTask,
        pairs: EmbeddedPairs | None,
        labels: ByTask,
        num_items: ByTask | None,
    ) -> ByTask:
        unknown = sorted(set(labels) - {task.name for task in self.config.tasks})
        if unknown:
            raise ValueError(f"labels for {unknown}, but the tasks are {[task.name for task in self.config.tasks]}.")
        losses = {}
        for task in (task for task in tasks if labels.get(task.name) is not None):
            if task.kind == "pair_similarity" and pairs is not None:
                items = pair_loss_items(task, pairs, labels[task.name])  # (items,)
            else:
                items = task_loss_items(task, logits[task.name], labels[task.name])  # (items,)
            if len(items):
                losses[task.name] = items.sum() / (len(items) if num_items is None else num_items[task.name])
        return losses

    def _total_loss(self, losses: ByTask, anchor: Tensor) -> Tensor:
        # Without any label the loss is 0, but still part of the graph, so that backward() works. Behind a frozen backbone a
        # weight that can learn takes that part: one process without a gradient would leave the others waiting.
        if not any(tensor.requires_grad for tensor in (anchor, *losses.values())):
            anchor = next((weight for weight in self.parameters() if weight.requires_grad), anchor)
        return sum((self.config.task(name).weight * loss for name, loss in losses.items()), anchor.float().sum() * 0.0)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear) and module is self.polyhead.projection:
            # Begin with the pretrained similarities: with all of them where the width stays, else with as many as fit.
            is_square = module.in_features == module.out_features
            (nn.init.eye_ if is_square else nn.init.orthogonal_)(module.weight)
            nn.init.zeros_(module.bias)
            return
        super()._init_weights(module)
        if isinstance(module, AttentionPooling):
            nn.init.zeros_(module.scores)  # begin as the mean
        elif isinstance(module, LayerMix):
            nn.init.zeros_(module.weights)


def _embedded_pairs(first: Encoded, second: Encoded) -> EmbeddedPairs:
    numbers = number_texts(first.input_ids, first.attention_mask, second.input_ids, second.attention_mask)
    return EmbeddedPairs(first.projected, second.projected, *numbers)
