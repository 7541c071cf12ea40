"""Exports, adapters and 8-bit weights."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from optimum.quanto import freeze, qint8, quantize
from peft import LoraConfig, PeftModel, get_peft_model
from sentence_transformers import SentenceTransformer
from torchao.quantization import Int8WeightOnlyConfig, quantize_

from polyhead import OnnxPolyhead, PolyheadModel
from polyhead.publishing import export_encoder, export_onnx

from .common import TEXTS, distance


def onnx(folder: Path, model: PolyheadModel) -> float:
    with tempfile.TemporaryDirectory() as parent:
        export_onnx(model, Path(parent) / "onnx")
        return distance(OnnxPolyhead.from_pretrained(Path(parent) / "onnx").encode(TEXTS), model.encode(TEXTS))


def exported_encoder(folder: Path, model: PolyheadModel) -> float:
    with tempfile.TemporaryDirectory() as parent:
        export_encoder(model, Path(parent) / "encoder")
        return distance(SentenceTransformer(str(Path(parent) / "encoder")).encode(TEXTS), model.encode(TEXTS))


def adapted(folder: Path, model: PolyheadModel) -> float:
    """Save a LoRA adapter with random weights, load it on the folder's model and merge it."""
    torch.manual_seed(0)
    settings = LoraConfig(target_modules=["query", "value"], init_lora_weights=False)
    with tempfile.TemporaryDirectory() as parent:
        adapter = get_peft_model(PolyheadModel.from_pretrained(folder), settings).eval()
        adapter.save_pretrained(parent)
        expected = adapter.base_model.model.encode(TEXTS)
        if distance(expected, model.encode(TEXTS)) < 1e-4:
            raise ValueError("the adapter changed nothing")
        merged = PeftModel.from_pretrained(PolyheadModel.from_pretrained(folder), parent).merge_and_unload()
        return distance(merged.encode(TEXTS), expected)


def with_quanto(folder: Path, model: PolyheadModel) -> float:
    def _shrink(copy: PolyheadModel) -> None:
        quantize(copy, weights=qint8)
        freeze(copy)

    return _small(folder, model, _shrink)


def with_torchao(folder: Path, model: PolyheadModel) -> float:
    return _small(folder, model, lambda copy: quantize_(copy, Int8WeightOnlyConfig()))


def _small(folder: Path, model: PolyheadModel, shrink: Callable[[PolyheadModel], object]) -> float:
    copy = PolyheadModel.from_pretrained(folder)
    shrink(copy)
    copy.predict(TEXTS)
    found = distance(copy.encode(TEXTS), model.encode(TEXTS))
    if found == 0:
        raise ValueError("nothing was quantized")
    return found
