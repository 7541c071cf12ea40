"""`encode` with bfloat16 weights, where the processor multiplies them natively."""

from collections.abc import Iterator

import numpy as np
from harness.findings import Check, Finding, Rate, Row, Spread
from harness.material import new_model, real_texts, sentence_transformer
from harness.rounds import Budget, Contender, interleave

from polyhead.training.processor import processor_has_bfloat16

WORK = "`encode`, bfloat16"
TARGETS = {"sentence-transformers, float32": ">= 3", "sentence-transformers, bfloat16": ">= 1.7"}


def measure(budget: Budget) -> Iterator[Finding]:
    if not processor_has_bfloat16():
        note = "this processor has none of its instructions (neither `avx512_bf16` nor `amx_bf16`)."
        yield from (Row(WORK, name, target, None, note=note) for name, target in TARGETS.items())
        return
    import torch

    texts = real_texts(budget.choose(600, 64))
    ours = new_model(dtype=torch.bfloat16)
    theirs = [sentence_transformer(model_kwargs={"dtype": dtype}) for dtype in (torch.float32, torch.bfloat16)]
    contenders = [Contender("polyhead", lambda _: ours.encode(texts))]
    contenders += [
        Contender(name, lambda _, model=model: model.encode(texts, convert_to_tensor=True).float().numpy())
        for name, model in zip(TARGETS, theirs, strict=True)
    ]
    rounds = interleave(contenders, budget)
    expected = rounds.answers["sentence-transformers, float32"][0]
    lowest = min(float(_cosines(found, expected).min()) for found in rounds.answers["polyhead"])
    check = Check("lowest cosine to float32", lowest, at_least=0.9998)
    for name, target in TARGETS.items():
        ratios = Spread.of_ratios(rounds.seconds[name], rounds.seconds["polyhead"])
        yield Row(WORK, name, target, ratios, checks=[check])
    for name, seconds in rounds.seconds.items():
        yield Rate(f"{WORK}: {name}", len(texts) / Spread.of(seconds).median, "texts/s")


def _cosines(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
