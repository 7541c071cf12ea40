"""One head behind the standard contract, for `pipeline(...)` and scripts that expect one answer."""

from typing import Any, ClassVar

from torch import Tensor
from transformers import PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput
from transformers.utils import can_return_tuple

from ..configuration.configuration_polyhead import PolyheadConfig
from .losses_polyhead import corn_probabilities
from .modeling_polyhead import PolyheadModel
from .outputs_polyhead import PolyheadOutput

PROBLEM_TYPES = {
    "single_label_classification": "single_label_classification",
    "ordinal_regression": "single_label_classification",
    "binary_classification": "single_label_classification",
    "multi_label_classification": "multi_label_classification",
    "regression": "regression",
}


class _SingleHeadModel(PolyheadModel):
    kinds: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, config: PolyheadConfig, head: str | None = None, backbone: PreTrainedModel | None = None
    ) -> None:
        super().__init__(config, backbone=backbone)
        self.head = self._choose_head(head)
        names = self.head.labels or [self.head.name]
        config.id2label = dict(enumerate(names))
        config.label2id = {name: position for position, name in enumerate(names)}
        config.problem_type = PROBLEM_TYPES.get(self.head.kind)

    def _choose_head(self, name: str | None) -> Any:
        fitting = [task for task in self.config.tasks if task.kind in self.kinds]
        if name is None and len(fitting) == 1:
            return fitting[0]
        for task in fitting:
            if task.name == name:
                return task
        asked = "no head was named" if name is None else f"there is no such head '{name}'"
        raise ValueError(
            f"{type(self).__name__}: {asked}. Pass head=... with one of {[task.name for task in fitting]} "
            '(in a pipeline: model_kwargs={"head": ...}).'
        )

    def _answer_tasks(self, **inputs: Any) -> PolyheadOutput:
        return PolyheadModel.forward(self, **inputs)  # `encode` and `predict` know all heads

    def _calibrated(self, logits: Tensor) -> Tensor:
        return logits / self.head.temperature

    def _answer_alone(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        token_type_ids: Tensor | None,
        labels: Tensor | None,
        **kwargs: Any,
    ) -> PolyheadOutput:
        name = self.head.name
        by_task = None if labels is None else {name: labels}
        inputs = (input_ids, attention_mask, token_type_ids)
        return PolyheadModel.forward(self, *inputs, labels=by_task, tasks=[name], return_dict=True, **kwargs)


class PolyheadForSequenceClassification(_SingleHeadModel):
    """One sentence head of a polyhead checkpoint as an ordinary sequence classifier.

    Args:
        config: Of the checkpoint.
        head: Name of the task; None: the only one that fits.
        backbone: As in `PolyheadModel`.
    """

    kinds = tuple(PROBLEM_TYPES)

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Answer the one task; arguments as in `PolyheadModel`, `labels` a tensor.

        Returns:
            Logits (batch, num_labels) whose softmax (one label), sigmoid (several) or own value (regression, in the
            data's unit) is what `predict` says.
        """
        output = self._answer_alone(input_ids, attention_mask, token_type_ids, labels, **kwargs)
        logits = self._standard_logits(self._calibrated(output.logits[self.head.name]))  # (batch, num_labels)
        return SequenceClassifierOutput(output.loss, logits, output.hidden_states, output.attentions)

    def _standard_logits(self, logits: Tensor) -> Tensor:
        if self.head.kind == "binary_classification":
            return logits.new_zeros(len(logits), 2).index_add(1, logits.new_ones(1).long(), logits)  # [0, logit]
        if self.head.kind == "ordinal_regression":
            return corn_probabilities(logits).clamp(min=1e-12).log()
        if self.head.kind == "regression":
            scale, mean = self.head.target_scale or [1.0], self.head.target_mean or [0.0]
            return logits * logits.new_tensor(scale) + logits.new_tensor(mean)
        return logits


class PolyheadForTokenClassification(_SingleHeadModel):
    """One token head of a polyhead checkpoint as an ordinary token classifier. Arguments as for sequences."""

    kinds = ("token_classification",)

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> TokenClassifierOutput:
        """Answer the one task for every token; `labels` (batch, seq); logits (batch, seq, num_labels)."""
        output = self._answer_alone(input_ids, attention_mask, token_type_ids, labels, **kwargs)
        return TokenClassifierOutput(
            output.loss, self._calibrated(output.logits[self.head.name]), output.hidden_states, output.attentions
        )
