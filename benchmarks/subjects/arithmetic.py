"""How much of what the machine can multiply `encode` puts to use."""

from collections.abc import Iterator
from typing import Any

import torch
from harness.findings import Finding, Rate, Row, Spread
from harness.material import new_model, real_texts
from harness.rounds import Budget, Contender, fastest, interleave

TOKENS = (512, 1024, 2048, 4096)  # of one product; the machine may show its best


def measure(budget: Budget) -> Iterator[Finding]:
    texts, model = real_texts(budget.choose(1000, 64)), new_model()
    with torch.inference_mode():
        operands = {tokens: _operands(model.config.text_config, tokens) for tokens in TOKENS}
        tokens = fastest(TOKENS, lambda size: _multiply(operands[size], TOKENS[-1] // size), budget.choose(8, 2))
        repeats = max(1, round(encode_flops(model, texts) / product_flops(operands[tokens])))
        contenders = [
            Contender("`encode`", lambda _: model.encode(texts)),
            Contender("products", lambda _: _multiply(operands[tokens], repeats)),
        ]
        rounds = interleave(contenders, budget)
    useful, possible = encode_flops(model, texts), repeats * product_flops(operands[tokens])
    rates = [useful / seconds / 1e9 for seconds in rounds.seconds["`encode`"]]
    limits = [possible / seconds / 1e9 for seconds in rounds.seconds["products"]]
    against = f"this machine's matrix products of the model's shapes, {tokens} tokens at a time"
    note = "tokenizing included; counted are real tokens, no padding: 2 x weights beside embeddings, and attention."
    yield Row("useful arithmetic of `encode`, float32", against, ">= 0.6", Spread.of_ratios(rates, limits), note=note)
    yield Rate("useful arithmetic of `encode`, float32", Spread.of(rates).median, "GFLOP/s")
    yield Rate("matrix products of the model's shapes", Spread.of(limits).median, "GFLOP/s")


def encode_flops(model: Any, texts: list[str]) -> float:
    """Return the floating-point operations that the texts need: real tokens alone, each a multiplication and an addition."""
    config = model.config.text_config
    lengths = [len(tokens) for tokens in model.tokenize(texts)]
    weights = sum(parameter.numel() for parameter in model.backbone.encoder.parameters())
    attention = 4 * config.hidden_size * config.num_hidden_layers * sum(length**2 for length in lengths)
    return 2.0 * weights * sum(lengths) + attention


def product_flops(operands: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """Return the floating-point operations of one pass over the products."""
    return 2.0 * sum(left.shape[0] * right.numel() for left, right in operands)


def _operands(config: Any, tokens: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    width, inner = config.hidden_size, config.intermediate_size
    shapes = [(width, width)] * 4 + [(width, inner), (inner, width)]  # query, key, value, output; up, down
    return [(torch.randn(tokens, rows), torch.randn(rows, columns)) for rows, columns in shapes]


def _multiply(operands: list[tuple[torch.Tensor, torch.Tensor]], repeats: int) -> None:
    for _ in range(repeats):
        for left, right in operands:
            left @ right
