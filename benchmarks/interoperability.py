"""Who reads a trained model, tried one by one: writes `docs/interoperability.md`.

    python benchmarks/interoperability.py runs/quickstart [docs/interoperability.md]

Every reader runs in this process on the folder as it is, with trust in its code only where the table says so, and is
compared with `PolyheadModel.encode` and `predict`. A reader that fails stands in the table with its error. It needs what the
tests need, and `pip install mteb==2.26.24 optimum-quanto==0.2.7 torchao==0.18.0 -c constraints.txt`; mteb reads STS-B from the
folder `POLYHEAD_DATA`.
"""

import datetime
import sys
from importlib.metadata import version
from pathlib import Path

from readers import others, with_sentence_transformers, with_transformers
from readers.common import Reader
from transformers import logging

from polyhead import PolyheadModel

READERS: list[tuple[str, str, str, Reader]] = [
    ("`AutoModel`, trusted", "transformers", "sentence embeddings", with_transformers.trusted_auto_model),
    ("`AutoModel`", "transformers", "token embeddings", with_transformers.plain_auto_model),
    (
        '`pipeline("text-classification")`, trusted',
        "transformers",
        "probabilities of each single-label head",
        with_transformers.sentence_pipeline,
    ),
    ('`pipeline("feature-extraction")`', "transformers", "token embeddings", with_transformers.feature_pipeline),
    ('`pipeline("polyhead")`, trusted', "transformers", "all answers", with_transformers.polyhead_pipeline),
    (
        "`SentenceTransformer`",
        "sentence-transformers",
        "sentence embeddings",
        with_sentence_transformers.sentence_transformer,
    ),
    (
        "`SentenceTransformer`, trusted",
        "sentence-transformers",
        "sentence embeddings",
        with_sentence_transformers.trusted_sentence_transformer,
    ),
    (
        "`EmbeddingSimilarityEvaluator`",
        "sentence-transformers",
        "correlation with its own cosines",
        with_sentence_transformers.similarity_evaluator,
    ),
    (
        "`polyhead export encoder`, `SentenceTransformer`",
        "sentence-transformers",
        "sentence embeddings",
        others.exported_encoder,
    ),
    ("`polyhead export onnx`, `OnnxPolyhead`", "onnxruntime", "sentence embeddings", others.onnx),
    ("`torch.compile` (aot_eager)", "torch", "sentence embeddings", with_transformers.compiled),
    (
        "`SentenceTransformerTrainer`, saved and loaded again",
        "sentence-transformers",
        "embeddings before saving",
        with_sentence_transformers.trained_on,
    ),
    (
        "`SentenceTransformerTrainer`, trusted, saved and loaded again",
        "sentence-transformers",
        "embeddings before saving",
        with_sentence_transformers.trusted_trained_on,
    ),
    (
        "`mteb.evaluate` of STS-B from a file",
        "mteb",
        "score, of our own cosines",
        with_sentence_transformers.measured_by_mteb,
    ),
    ("LoRA adapter saved, loaded and merged", "peft", "embeddings before saving", others.adapted),
    ("8-bit weights by `quantize`, `freeze`", "optimum-quanto", "sentence embeddings", others.with_quanto),
    ("8-bit weights by `quantize_`", "torchao", "sentence embeddings", others.with_torchao),
    ('`device_map="auto"`', "accelerate", "sentence embeddings", with_transformers.placed_by_accelerate),
]


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
