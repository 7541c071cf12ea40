"""transformers and what comes with it."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer, pipeline

from polyhead import PolyheadModel
from polyhead.modeling.tokenizing_polyhead import pad, tokenize

from .common import TEXTS, distance


def trusted_auto_model(folder: Path, model: PolyheadModel) -> float:
    return distance(AutoModel.from_pretrained(folder, trust_remote_code=True).encode(TEXTS), model.encode(TEXTS))


def plain_auto_model(folder: Path, model: PolyheadModel) -> float:
    plain = AutoModel.from_pretrained(folder).eval()
    inputs = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        return distance(plain(**inputs).last_hidden_state, model(**inputs).last_hidden_state)


def sentence_pipeline(folder: Path, model: PolyheadModel) -> float:
    differences = []
    for task in model.config.tasks:
        if task.kind != "single_label_classification":
            continue
        options = {"model": str(folder), "trust_remote_code": True, "model_kwargs": {"head": task.name}, "top_k": None}
        rows = pipeline("text-classification", **options)(TEXTS)
        expected = model.predict(TEXTS, tasks=[task.name])[task.name]
        for row, answer in zip(rows, expected, strict=True):
            differences += [abs(found["score"] - answer["scores"][found["label"]]) for found in row]
    return max(differences)


def feature_pipeline(folder: Path, model: PolyheadModel) -> float:
    # It returns the first output of the plain encoder: the token embeddings.
    found = pipeline("feature-extraction", model=str(folder))(TEXTS[0])
    inputs = pad(tokenize(model.tokenizer, TEXTS[:1], model.max_length), model.tokenizer.pad_token_id)
    with torch.no_grad():
        return distance(torch.tensor(found), model(**inputs).last_hidden_state)


def polyhead_pipeline(folder: Path, model: PolyheadModel) -> float:
    rows = pipeline("polyhead", model=str(folder), trust_remote_code=True)(TEXTS)
    answers = model.predict(TEXTS)
    return 0.0 if rows == [{name: column[n] for name, column in answers.items()} for n in range(len(TEXTS))] else np.inf


def compiled(folder: Path, model: PolyheadModel) -> float:
    inputs = model.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = torch.compile(model, backend="aot_eager")(**inputs).sentence_embedding
        return distance(found, model(**inputs).sentence_embedding)


def placed_by_accelerate(folder: Path, model: PolyheadModel) -> float:
    placed = PolyheadModel.from_pretrained(folder, device_map="auto")
    return distance(placed.encode(TEXTS), model.encode(TEXTS))
