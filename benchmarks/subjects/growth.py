"""How rates change with the length of texts, with batches, tasks and labels: curves without a cliff."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from harness.findings import Check, Curve, Finding, Row, Spread, largest_difference
from harness.material import new_model, real_texts, sentence_transformer
from harness.rounds import Budget, Contender, Rounds, interleave

from .predicting import classification

LENGTHS, BATCH_SIZES = (16, 32, 64, 128, 256, 512), (1, 4, 16, 64, 256, 1024, 4096)
NUM_TASKS, NUM_LABELS = (1, 2, 4, 8, 16, 32), (2, 10, 100, 1000, 10_000)
TOKENS_OF_BATCHES = 8  # a text
LEAST_TEXTS = 64  # of small batches
OURS, PEER = "polyhead", "sentence-transformers"
# What a text, or a token, may cost more than at the point before, which has half as much, or a quarter; of labels a tenth.
CLIFF, CLIFF_OF_LABELS = "<= 1.25", "<= 2"


def measure(budget: Budget) -> Iterator[Finding]:
    yield from _lengths(budget.part(0.3))
    yield from _batches(budget.part(0.35))
    yield from _tasks(budget.part(0.2))
    yield from _labels(budget.part(0.15))


def _lengths(budget: Budget) -> Iterator[Finding]:
    ours, theirs = new_model(max_length=512), sentence_transformer()
    theirs.max_seq_length = 512
    lengths = budget.choose(LENGTHS, LENGTHS[::3])
    tokens = budget.choose(8192, 512)
    texts = {length: _texts_of_length(length, max(1, tokens // length)) for length in lengths}
    assert all(len(row) == length for length in lengths for row in ours.tokenize(texts[length]))
    encoders = {OURS: ours.encode, PEER: theirs.encode}
    rounds = _all_points(encoders, lengths, texts.__getitem__, budget)
    check = _equal_embeddings(rounds, lengths)
    amounts = {length: length * len(texts[length]) for length in lengths}
    yield from _findings(
        "length", ("tokens a text", "tokens/s"), rounds, lengths, amounts, "a token", (OURS, PEER), [check]
    )


def _batches(budget: Budget) -> Iterator[Finding]:
    ours, theirs = new_model(), sentence_transformer()
    sizes = budget.choose(BATCH_SIZES, BATCH_SIZES[2:4])
    short = _texts_of_length(TOKENS_OF_BATCHES, max(sizes))  # of equal length: what padding costs is another matter
    texts = {size: short[: max(size, LEAST_TEXTS)] for size in sizes}
    encoders = {
        OURS: lambda size: ours.encode(texts[size], batch_size=size),
        PEER: lambda size: theirs.encode(texts[size], batch_size=size),
    }
    rounds = _all_points(encoders, sizes, lambda size: size, budget)
    amounts = {size: len(texts[size]) for size in sizes}
    check = _equal_embeddings(rounds, sizes)
    yield from _findings("batch", ("texts a batch", "texts/s"), rounds, sizes, amounts, "a text", (OURS, PEER), [check])


def _tasks(budget: Budget) -> Iterator[Finding]:
    numbers, texts = budget.choose(NUM_TASKS, NUM_TASKS[::4]), real_texts(budget.choose(200, 16))
    models = {number: new_model([classification(f"task{n}", 5) for n in range(number)]) for number in numbers}
    rounds = _all_points({OURS: lambda number: models[number].predict(texts)}, numbers, lambda number: number, budget)
    amounts = dict.fromkeys(numbers, len(texts))
    yield from _findings("tasks", ("tasks", "texts/s"), rounds, numbers, amounts, "a text", (OURS,))


def _labels(budget: Budget) -> Iterator[Finding]:
    numbers, texts = budget.choose(NUM_LABELS, NUM_LABELS[::2]), real_texts(budget.choose(100, 16))
    models = {number: new_model([classification("task", number)]) for number in numbers}
    rounds = _all_points({OURS: lambda number: models[number].predict(texts)}, numbers, lambda number: number, budget)
    amounts = dict.fromkeys(numbers, len(texts))
    axes = ("labels of one task", "texts/s")
    yield from _findings("labels", axes, rounds, numbers, amounts, "a text", (OURS,), target=CLIFF_OF_LABELS)


def _all_points(
    runs: dict[str, Callable[[Any], Any]], points: Sequence[int], argument: Callable[[int], Any], budget: Budget
) -> Rounds:
    """Let every point of every line take its turn in each round."""
    contenders = [
        Contender(_name(line, point), lambda _, run=run, point=point: run(argument(point)), warm_up=lambda: None)
        for point in points
        for line, run in runs.items()
    ]
    for run in runs.values():
        run(argument(points[0]))
    return interleave(contenders, budget)


def _name(line: str, point: int) -> str:
    return f"{line} at {point}"


def _equal_embeddings(rounds: Rounds, points: Sequence[int]) -> Check:
    pairs = [(rounds.answers[_name(OURS, point)][0], rounds.answers[_name(PEER, point)][0]) for point in points]
    difference = max(largest_difference([ours], [theirs]) for ours, theirs in pairs)
    return Check("largest difference of an embedding", difference, at_most=1e-5)


def _findings(
    name: str,
    axes: tuple[str, str],
    rounds: Rounds,
    points: Sequence[int],
    amounts: dict[int, int],
    unit: str,
    lines: Sequence[str],
    checks: Sequence[Check] = (),
    target: str = CLIFF,
) -> Iterator[Finding]:
    seconds = {
        line: {point: Spread.of(rounds.seconds[_name(line, point)]).median / amounts[point] for point in points}
        for line in lines
    }  # of a text or a token
    rates = {line: [(float(point), 1 / found[point]) for point in points] for line, found in seconds.items()}
    yield Curve(f"Rate over {name}", *axes, rates)
    steps = [_costs(rounds, OURS, pair, amounts) for pair in pairwise(points)]
    worst = max(steps, key=lambda step: Spread.of(step).median)
    (left, right) = list(pairwise(points))[steps.index(worst)]
    note = f"the worst step of the curve, from {left:,} to {right:,} {axes[0]}."
    yield Row(f"time of {unit} over {name}", "the point before", target, Spread.of(worst), checks=checks, note=note)


def _costs(rounds: Rounds, line: str, pair: tuple[int, int], amounts: dict[int, int]) -> list[float]:
    before, after = ([one / amounts[point] for one in rounds.seconds[_name(line, point)]] for point in pair)
    return [later / earlier for earlier, later in zip(before, after, strict=True)]


def _texts_of_length(length: int, count: int) -> list[str]:
    words = [
        "cat",
        "dog",
        "house",
        "river",
        "green",
        "table",
        "music",
        "winter",
    ]  # one piece each, and two marks around
    return [" ".join(words[(start + place) % len(words)] for place in range(length - 2)) for start in range(count)]
