"""How long one text takes, when texts come one by one."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness.findings import Check, Finding, Rate, Row, Spread, largest_difference
from harness.material import backbone_folder, new_model, real_texts, sentence_transformer
from harness.rounds import Budget, Contender, interleave
from transformers import pipeline

from polyhead import OnnxPolyhead
from polyhead.publishing import export_onnx

OURS = ("polyhead, torch", "polyhead, ONNX float32")
PEERS = ("sentence-transformers", 'transformers `pipeline("feature-extraction")`')


def measure(budget: Budget) -> Iterator[Finding]:
    texts = real_texts(budget.choose(20, 5))  # in a row: a runtime's threads spin for a while after its work
    model, theirs = new_model(), sentence_transformer()
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(model, Path(folder) / "onnx")
        exported = OnnxPolyhead.from_pretrained(Path(folder) / "onnx", num_threads=torch.get_num_threads())
    features = pipeline("feature-extraction", model=backbone_folder(), device="cpu", return_tensors=True)
    encoders: dict[str, Callable[[str], Any]] = {
        OURS[0]: model.encode,
        OURS[1]: exported.encode,
        PEERS[0]: theirs.encode,
        PEERS[1]: lambda text: features(text, truncation=True),
    }
    contenders = [Contender(name, lambda _, run=run: _one_by_one(run, texts)) for name, run in encoders.items()]
    rounds = interleave(contenders, budget)
    seconds = {name: [round_[0] for round_ in rounds.answers[name]] for name in encoders}  # by round, by text
    vectors = {name: _vectors(name, rounds.answers[name][0][1]) for name in encoders}
    medians = {name: [float(np.median(times)) for times in seconds[name]] for name in encoders}
    for ours in OURS:
        for peer in PEERS:
            difference = largest_difference([vectors[ours]], [vectors[peer]])
            check = Check("largest difference of an embedding", difference, at_most=1e-5)
            ratios = Spread.of_ratios(medians[ours], medians[peer])
            yield Row(f"one text, median time: {ours}", peer, "<= 0.7", ratios, checks=[check])
    for name in encoders:
        for percentile in (50, 99):
            found = float(np.percentile(np.concatenate(seconds[name]), percentile))
            yield Rate(f"one text, {percentile}th percentile: {name}", 1000 * found, "ms")


def _one_by_one(run: Callable[[str], Any], texts: list[str]) -> tuple[list[float], list[Any]]:
    times, answers = [], []
    for text in texts:
        begun = time.perf_counter()
        answers.append(run(text))
        times.append(time.perf_counter() - begun)
    return times, answers


def _vectors(name: str, answers: list[Any]) -> np.ndarray:
    if name != PEERS[1]:
        return np.stack(answers)
    means = torch.stack([tokens[0].mean(0) for tokens in answers])  # one text has no padding
    return torch.nn.functional.normalize(means, dim=-1).numpy()
