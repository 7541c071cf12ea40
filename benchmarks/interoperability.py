"""Who reads a trained model, tried one by one: writes `docs/interoperability.md`.

    python benchmarks/interoperability.py runs/quickstart [docs/interoperability.md]

Every reader runs in this process on the folder as it is, with trust in its code only where the table says so, and is
compared with `PolyheadModel.encode` and `predict`. A reader that fails stands in the table with its error.
"""

import datetime
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from transformers import AutoModel, AutoTokenizer, logging, pipeline

from polyhead import OnnxPolyhead, PolyheadModel
from polyhead.modeling.tokenizing_polyhead import pad, tokenize
from polyhead.publishing import export_encoder, export_onnx

TEXTS = [
    "A cat sat on the mat.",
    "Parliament votes on Tuesday.",
    "What a game!",
    "The parcel came late, and the box was open.",
]
Reader = Callable[[Path, PolyheadModel], float]


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


def sentence_transformer(folder: Path, model: PolyheadModel, *, trust: bool = False) -> float:
    return distance(SentenceTransformer(str(folder), trust_remote_code=trust).encode(TEXTS), model.encode(TEXTS))


def trusted_sentence_transformer(folder: Path, model: PolyheadModel) -> float:
    return sentence_transformer(folder, model, trust=True)


def similarity_evaluator(folder: Path, model: PolyheadModel) -> float:
    first, second = TEXTS[:3], TEXTS[1:]
    embedded = [model.encode(side) for side in (first, second)]
    cosines = (embedded[0] * embedded[1]).sum(1) / np.prod([np.linalg.norm(side, axis=1) for side in embedded], axis=0)
    labels = cosines.argsort().argsort() / 2  # in the model's own order: the correlation of ranks must be 1
    scores = EmbeddingSimilarityEvaluator(first, second, labels.tolist())(SentenceTransformer(str(folder)))
    return abs(1.0 - next(value for name, value in scores.items() if name.endswith("spearman_cosine")))


def onnx(folder: Path, model: PolyheadModel) -> float:
    with tempfile.TemporaryDirectory() as parent:
        export_onnx(model, Path(parent) / "onnx")
        return distance(OnnxPolyhead.from_pretrained(Path(parent) / "onnx").encode(TEXTS), model.encode(TEXTS))


def exported_encoder(folder: Path, model: PolyheadModel) -> float:
    with tempfile.TemporaryDirectory() as parent:
        export_encoder(model, Path(parent) / "encoder")
        return distance(SentenceTransformer(str(Path(parent) / "encoder")).encode(TEXTS), model.encode(TEXTS))


def compiled(folder: Path, model: PolyheadModel) -> float:
    inputs = model.tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = torch.compile(model, backend="aot_eager")(**inputs).sentence_embedding
        return distance(found, model(**inputs).sentence_embedding)


def placed_by_accelerate(folder: Path, model: PolyheadModel) -> float:
    placed = PolyheadModel.from_pretrained(folder, device_map="auto")
    return distance(placed.encode(TEXTS), model.encode(TEXTS))


READERS: list[tuple[str, str, str, Reader]] = [
    ("`AutoModel`, trusted", "transformers", "sentence embeddings", trusted_auto_model),
    ("`AutoModel`", "transformers", "token embeddings", plain_auto_model),
    (
        '`pipeline("text-classification")`, trusted',
        "transformers",
        "probabilities of each single-label head",
        sentence_pipeline,
    ),
    ('`pipeline("feature-extraction")`', "transformers", "token embeddings", feature_pipeline),
    ('`pipeline("polyhead")`, trusted', "transformers", "all answers", polyhead_pipeline),
    ("`SentenceTransformer`", "sentence-transformers", "sentence embeddings", sentence_transformer),
    ("`SentenceTransformer`, trusted", "sentence-transformers", "sentence embeddings", trusted_sentence_transformer),
    (
        "`EmbeddingSimilarityEvaluator`",
        "sentence-transformers",
        "correlation with its own cosines",
        similarity_evaluator,
    ),
    (
        "`polyhead export encoder`, `SentenceTransformer`",
        "sentence-transformers",
        "sentence embeddings",
        exported_encoder,
    ),
    ("`polyhead export onnx`, `OnnxPolyhead`", "onnxruntime", "sentence embeddings", onnx),
    ("`torch.compile` (aot_eager)", "torch", "sentence embeddings", compiled),
    ('`device_map="auto"`', "accelerate", "sentence embeddings", placed_by_accelerate),
]


def distance(found: object, expected: object) -> float:
    """Return the largest absolute difference of two arrays of one shape."""
    first, second = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"shape {first.shape}, expected {second.shape}")
    return float(np.abs(first - second).max())


def main() -> None:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = Path(sys.argv[1])
    output = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parent.parent / "docs" / "interoperability.md")
    model = PolyheadModel.from_pretrained(folder)
    lines = []
    for name, package, what, reader in READERS:
        try:
            told = f"{reader(folder, model):.1e}"
        except Exception as error:
            told = f"fails: {type(error).__name__}: {str(error).splitlines()[0][:120]}"
        lines.append(f"| {name} | {package} {version(package)} | {what} | {told} |")
        print(lines[-1], flush=True)
    text = f"""# Who reads a trained model

Written by `python benchmarks/interoperability.py runs/quickstart` on {datetime.date.today()}: every row was run,
on the quickstart's model, and compared with `PolyheadModel` from the installed package. What needs trust in the
checkpoint's code says so.

| reader | version | compared | largest difference |
| --- | --- | --- | --- |
{chr(10).join(lines)}
"""
    output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
