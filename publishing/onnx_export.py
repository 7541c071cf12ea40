"""A model as one ONNX graph: backbone, pooling, projection, normalisation and every head."""

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..modeling.encoding_polyhead import as_array
from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.outputs_polyhead import Encoded
from ..modeling.scope_polyhead import write_scopes
from ..modeling.tokenizing_polyhead import pad
from .new_folder import new_folder
from .onnx_config import EMBEDDING, GRAPH, LOGITS, TOKENIZER, UNNORMALIZED, OnnxConfig
from .onnx_int8 import quantize_weights
from .onnx_model import OnnxPolyhead

OPSET = 17  # the first with LayerNormalization as one operator; ONNX Runtime knows it since 1.13
TOLERANCE = 1e-3  # relative: far above rounding, far below what a mask left out of the graph would cost
# Of different lengths, so that padding is among what is compared.
PROBES = ["A", "a second text, somewhat longer", "a third one " * 30, "and the last!"]


class OnnxGraph(nn.Module):
    """What is exported: texts, and pairs of them by their rows, to all outputs.

    Args:
        model: Whose backbone and heads are used.
    """

    def __init__(self, model: PolyheadModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        pairs: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Return the embedding, the same before normalisation, and the logits of each task, in their order.

        Args:
            input_ids: Shape (texts, seq).
            attention_mask: Shape (texts, seq).
            token_type_ids: Shape (texts, seq), where the model reads them.
            pairs: Rows of the first and the second text of each pair, shape (pairs, 2), where there is a pair task.
        """
        texts = self.model.encode_tokens(input_ids, attention_mask, token_type_ids)
        first, second = (texts, None) if pairs is None else (_rows(texts, pairs[:, 0]), _rows(texts, pairs[:, 1]))
        outputs = [self.model.normalize(texts.projected), texts.projected.clone()]
        for task in self.model.config.tasks:
            outputs.append(self.model.answer_task(task, first if task.is_pair else texts, second))
        return tuple(outputs)


def export_onnx(model: PolyheadModel, output: str | Path, int8: bool = False) -> None:
    """Write `model.onnx`, `polyhead.json`, `tokenizer.json` and, where there is one, `out_of_scope.safetensors`.

    The graph is checked, and its answers to a few texts are compared with the model's.

    Args:
        model: To export; it stays as it is.
        output: Folder.
        int8: Store the backbone's weights in 8 bits and compute its matrix products with them.

    Raises:
        ValueError: The folder is not empty, or the model has no tokenizer.
        ImportError: onnx or onnxruntime is not installed.
        RuntimeError: The graph does not answer as the model does.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401 - told now, not after the graph was written
    except ImportError as error:
        raise ImportError(f"exporting to ONNX needs {error.name}: pip install 'polyhead[onnx]'.") from error
    with new_folder(output) as folder:
        model = copy.deepcopy(model).cpu().float().eval()
        _write_companions(model, folder)
        _write_graph(model, folder / GRAPH)
        onnx.checker.check_model(str(folder / GRAPH), full_check=True)
        _compare(model, OnnxPolyhead.from_pretrained(folder))
        if int8:
            quantize_weights(folder / GRAPH)


def _write_companions(model: PolyheadModel, folder: Path) -> None:
    config = model.config
    OnnxConfig(
        tasks=config.tasks,
        embedding_size=config.embedding_size,
        normalize=config.normalize,
        max_length=model.max_length,
        pad_token_id=model.tokenizer.pad_token_id or 0,
        prompts=config.prompts,
        default_prompt_name=config.default_prompt_name,
    ).write(folder)
    write_scopes(folder, model.told_scopes)
    tokenizer = copy.deepcopy(model.tokenizer.backend_tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(model.max_length, direction=model.tokenizer.truncation_side)
    tokenizer.save(str(folder / TOKENIZER))


def _write_graph(model: PolyheadModel, file: Path) -> None:
    inputs = _example(model)
    outputs = [EMBEDDING, UNNORMALIZED, *(LOGITS + task.name for task in model.config.tasks)]
    axes = {name: {0: "texts", 1: "tokens"} for name in inputs}
    axes |= {LOGITS + task.name: {0: "texts", 1: "tokens"} for task in model.config.tasks if task.is_token}
    axes |= {LOGITS + task.name: {0: "pairs"} for task in model.config.tasks if task.is_pair}
    axes |= {name: {0: "texts"} for name in outputs if name not in axes}
    if "pairs" in inputs:
        axes["pairs"] = {0: "pairs"}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of an older exporter, and of branches that the comparison below settles
        torch.onnx.export(
            OnnxGraph(model),
            (inputs,),
            str(file),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            # The newer exporter gave the same answers in ten times the time, and needs onnxscript.
            dynamo=False,
        )


def _example(model: PolyheadModel) -> dict[str, Tensor]:
    (text,) = model.tokenize([PROBES[1]])
    inputs = pad([text, text], model.tokenizer.pad_token_id)
    # Real padding: with nothing but ones a backbone may leave the mask out, and so would the graph.
    inputs["attention_mask"][1, -1] = 0
    names = ["input_ids", "attention_mask"]
    names += ["token_type_ids"] if model.takes_token_type_ids and "token_type_ids" in inputs else []
    example = {name: inputs[name] for name in names}
    if any(task.is_pair for task in model.config.tasks):
        example["pairs"] = torch.tensor([[0, 1], [1, 0], [0, 0]])  # (pairs, 2)
    return example


def _rows(texts: Encoded, rows: Tensor) -> Encoded:
    fields = ("token_embeddings", "attention_mask", "pooled", "projected")
    chosen: dict[str, Any] = {name: getattr(texts, name).index_select(0, rows) for name in fields}
    return Encoded(input_ids=None, hidden_states=None, attentions=None, **chosen)


def _compare(model: PolyheadModel, exported: OnnxPolyhead) -> None:
    names = [task.name for task in model.config.tasks]
    texts = model.tokenize(PROBES)
    has_pairs = any(task.is_pair for task in model.config.tasks)
    second = texts[::-1] if has_pairs else None
    _, expected = next(model.run_tokenized(texts, second, names, len(texts)))
    _, found = next(exported.run_tokenized(texts, second, names, len(texts)))
    _require_close("embedding", expected.sentence_embedding, found.sentence_embedding)
    for name in names:
        _require_close(f"task '{name}'", expected.logits[name], found.logits[name])


def _require_close(what: str, expected: Any, found: np.ndarray) -> None:
    wanted = as_array(expected)
    difference = float(np.abs(wanted - found[:, : wanted.shape[1]] if wanted.ndim == 3 else wanted - found).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        raise RuntimeError(
            f"the exported graph answers otherwise than the model: {what} differs by {difference:.2g}. This backbone cannot "
            "be exported to ONNX by this version of torch."
        )
