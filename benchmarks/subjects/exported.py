"""`encode` of exported models under ONNX Runtime, in float32 and with 8-bit weights."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from harness.findings import Check, Finding, Rate, Row, Spread, largest_difference
from harness.material import new_model, read_split, real_texts, sentence_transformer
from harness.rounds import Budget, Contender, interleave
from scipy.stats import spearmanr

from polyhead import OnnxPolyhead
from polyhead.publishing import export_onnx

PEER = "sentence-transformers, float32, default"
SEVERAL = "ONNX int8, a batch on each core (`num_threads=1, num_workers=`)"


def measure(budget: Budget) -> Iterator[Finding]:
    texts, pairs = real_texts(budget.choose(600, 64)), read_split("stsb", "test")[: budget.choose(None, 64)]
    theirs = sentence_transformer()
    with tempfile.TemporaryDirectory() as folder:
        plain, small = (_exported(Path(folder) / name, int8) for name, int8 in (("float32", False), ("int8", True)))
        lone = OnnxPolyhead.from_pretrained(Path(folder) / "int8", num_threads=1)
    contenders = [
        Contender("ONNX int8", lambda _: small.encode(texts)),
        Contender(SEVERAL, lambda _: lone.encode(texts, num_workers=torch.get_num_threads())),
        Contender("ONNX float32", lambda _: plain.encode(texts)),
        Contender(PEER, lambda _: theirs.encode(texts)),
    ]
    rounds = interleave(contenders, budget.part(0.75))
    scores = {name: similarity_score(model, pairs) for name, model in (("int8", small), (PEER, theirs))}
    points = 100 * (scores["int8"] - scores[PEER])
    scored = Check("STS-B Spearman, points away from float32", abs(points), at_most=budget.choose(0.5, 2.0))
    difference = largest_difference(rounds.answers["ONNX float32"], rounds.answers[PEER])
    equal = Check("largest difference of an embedding", difference, at_most=1e-5)
    seconds = rounds.seconds
    int8, several, float32 = (
        Spread.of_ratios(seconds[PEER], seconds[name]) for name in ("ONNX int8", SEVERAL, "ONNX float32")
    )
    told = f"STS-B test Spearman (x 100) {100 * scores['int8']:.2f} with 8 bits, {100 * scores[PEER]:.2f} in float32."
    yield Row("`encode`, ONNX int8", PEER, ">= 3", int8, checks=[scored], note=told)
    yield Row(f"`encode`, {SEVERAL}", PEER, "", several, checks=[scored])
    yield Row("`encode`, ONNX float32", PEER, "", float32, checks=[equal])
    for name in ("ONNX int8", SEVERAL, "ONNX float32"):
        yield Rate(f"`encode`: {name}", len(texts) / Spread.of(seconds[name]).median, "texts/s")


def similarity_score(model: Any, pairs: list[dict[str, Any]]) -> float:
    """Return Spearman's correlation of the cosines with what people said."""
    first, second = (model.encode([pair[key] for pair in pairs]) for key in ("sentence1", "sentence2"))
    return float(spearmanr((first * second).sum(1), [pair["score"] for pair in pairs]).statistic)


def _exported(folder: Path, int8: bool) -> OnnxPolyhead:
    export_onnx(new_model(), folder, int8=int8)
    return OnnxPolyhead.from_pretrained(folder, num_threads=torch.get_num_threads())
