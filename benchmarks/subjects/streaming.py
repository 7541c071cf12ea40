"""`encode_stream` over ever more short texts: memory stays, and so does the rate. Each number in a process of its own."""

import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from typing import Any

from harness.findings import Check, Curve, Finding, Row, Spread, largest_difference
from harness.material import new_model, short_texts
from harness.rounds import Budget

NUM_TEXTS = {"all-MiniLM-L6-v2": (10_000, 40_000), "a tiny random BERT": (10_000, 100_000, 1_000_000)}
QUICK = {"a tiny random BERT": (500, 5000)}
TINY = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
FLAT = {"memory": "<= 1.1", "rate": ">= 0.95"}
RATE_TEXTS_PER_SECOND = 350  # of MiniLM on two cores: more texts than fit the budget are not begun


def measure(budget: Budget) -> Iterator[Finding]:
    found: dict[str, dict[int, dict[str, float]]] = {}
    for name, numbers in budget.choose(NUM_TEXTS, QUICK).items():
        found[name] = {number: _in_new_process(name, number) for number in _affordable(name, numbers, budget)}
        yield from _rows(name, found[name])
    for key, unit in (("peak memory", "MB"), ("rate", "texts/s")):
        lines = {name: [(number, one[key]) for number, one in runs.items()] for name, runs in found.items()}
        yield Curve(f"`encode_stream`, {key}", "texts", unit, lines)


def _rows(name: str, runs: dict[int, dict[str, float]]) -> Iterator[Finding]:
    fewest, most = min(runs), max(runs)
    first, last = runs[fewest], runs[most]
    right = Check("largest difference from `encode`", max(run["difference"] for run in runs.values()), at_most=1e-5)
    against = f"{fewest:,} texts"
    for what, key in (("memory", "peak memory"), ("rate", "rate")):
        ratio = Spread.of([last[key] / first[key]])
        yield Row(f"`encode_stream` of {most:,} texts, {key}, {name}", against, FLAT[what], ratio, checks=[right])


def _affordable(name: str, numbers: tuple[int, ...], budget: Budget) -> list[int]:
    if "MiniLM" not in name:
        return list(numbers)
    seconds, kept = budget.seconds, []
    for number in numbers:
        seconds -= number / RATE_TEXTS_PER_SECOND
        if seconds > 0 or len(kept) < 2:
            kept.append(number)
    return kept


def _in_new_process(name: str, num_texts: int) -> dict[str, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as fresh:  # nothing of torch has run in this one
        return fresh.submit(run, name, num_texts).result()


def run(name: str, num_texts: int) -> dict[str, float]:
    """Encode so many texts and return what that took; what a process of its own runs."""
    model = new_model() if "MiniLM" in name else _tiny_model()
    short = short_texts(1400)
    expected = model.encode(short[:32])
    begun, first, rows = time.perf_counter(), None, 0
    for block in model.encode_stream(islice(cycle(short), num_texts)):
        first = block[:32].copy() if first is None else first
        rows += len(block)
    seconds = time.perf_counter() - begun
    if rows != num_texts:
        raise ValueError(f"{rows} rows came for {num_texts} texts")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    difference = largest_difference([first], [expected[: len(first)]])
    return {"rate": num_texts / seconds, "peak memory": kilobytes / 1000, "difference": difference}


def _tiny_model() -> Any:
    from transformers import AutoConfig

    from polyhead import PolyheadConfig, PolyheadModel

    tokenizer = new_model().tokenizer
    config = AutoConfig.for_model("bert", vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **TINY)
    model = PolyheadModel(PolyheadConfig(text_config=config)).eval()
    model.tokenizer = tokenizer
    return model
