"""`encode` in float32 against sentence-transformers: the same weights, the same texts."""

from collections.abc import Iterator

from harness.findings import Check, Finding, Rate, Row, Spread, largest_difference
from harness.material import new_model, real_texts, sentence_transformer
from harness.rounds import Budget, Contender, fastest, interleave

BATCH_SIZES = (8, 16, 32, 64, 128)
ALONE = "polyhead, one batch at a time (`num_workers=1`)"


def measure(budget: Budget) -> Iterator[Finding]:
    texts = real_texts(budget.choose(600, 64))
    ours, theirs = new_model(), sentence_transformer()
    theirs.encode(texts[:32])
    best = fastest(
        budget.choose(BATCH_SIZES, BATCH_SIZES[1:4]),
        lambda size: theirs.encode(texts[::4], batch_size=size),
        budget.choose(2, 1),
    )
    default_name, best_name = "sentence-transformers, default", f"sentence-transformers, batches of {best}"
    contenders = [
        Contender("polyhead", lambda _: ours.encode(texts)),
        Contender(ALONE, lambda _: ours.encode(texts, num_workers=1)),
        Contender(default_name, lambda _: theirs.encode(texts)),
        Contender(best_name, lambda _: theirs.encode(texts, batch_size=best)),
    ]
    rounds = interleave(contenders, budget)
    for name, target in ((default_name, ">= 1.7"), (best_name, ">= 1.3"), (ALONE, "")):
        difference = largest_difference(rounds.answers["polyhead"], rounds.answers[name])
        check = Check("largest difference of an embedding", difference, at_most=1e-5)
        ratios = Spread.of_ratios(rounds.seconds[name], rounds.seconds["polyhead"])
        yield Row("`encode`, float32", name, target, ratios, checks=[check])
    for name, seconds in rounds.seconds.items():
        yield Rate(f"`encode`, float32: {name}", len(texts) / Spread.of(seconds).median, "texts/s")
