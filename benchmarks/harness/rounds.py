"""Contenders that take turns, A B C A B C: what disturbs the machine for a while disturbs all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Contender:
    """Who runs in every round.

    Args:
        name: As the report tells it.
        run: What is timed; gets what `prepare` gave.
        prepare: Before each run, untimed: a fresh model, for example.
        finish: After each run, untimed: turns what it returned into what is compared.
        warm_up: Runs once before the first round; None: a whole run.
    """

    name: str
    run: Callable[[Any], Any]
    prepare: Callable[[], Any] = lambda: None
    finish: Callable[[Any], Any] = lambda answer: answer
    warm_up: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Budget:
    """What a subject may take.

    Args:
        seconds: Of all its rounds; the fewest rounds are run even where they take longer.
        is_quick: One round of little work is enough.
    """

    seconds: float
    is_quick: bool = False

    @property
    def fewest_rounds(self) -> int:
        """Below three, one disturbance would be the median."""
        return 1 if self.is_quick else 3

    def choose(self, full: Any, quick: Any) -> Any:
        """Return the size of a piece of work."""
        return quick if self.is_quick else full

    def part(self, share: float) -> "Budget":
        """Return that share of the seconds."""
        return Budget(self.seconds * share, self.is_quick)


@dataclass(frozen=True)
class Rounds:
    """What was timed.

    Args:
        seconds: By contender, one number a round.
        answers: By contender, what each round gave.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    answers: dict[str, list[Any]] = field(default_factory=dict)


def interleave(contenders: Sequence[Contender], budget: Budget, fewest_rounds: int | None = None) -> Rounds:
    """Let contenders take turns until another round would go beyond the budget, warm-up included.

    Args:
        contenders: In their order.
        budget: For all of them together.
        fewest_rounds: That are run anyway; None: as many as the budget says.
    """
    started = time.perf_counter()
    fewest = budget.fewest_rounds if fewest_rounds is None else fewest_rounds
    for contender in contenders:
        (contender.warm_up or (lambda one=contender: one.run(one.prepare())))()
    rounds = Rounds({one.name: [] for one in contenders}, {one.name: [] for one in contenders})
    number, longest = 0, 0.0
    while number < fewest or time.perf_counter() - started + longest <= budget.seconds:
        begun = time.perf_counter()
        for contender in contenders:
            _run_once(contender, rounds)
        longest = max(longest, time.perf_counter() - begun)
        number += 1
    return rounds


def _run_once(contender: Contender, rounds: Rounds) -> None:
    prepared = contender.prepare()
    begun = time.perf_counter()
    answer = contender.run(prepared)
    rounds.seconds[contender.name].append(time.perf_counter() - begun)
    rounds.answers[contender.name].append(contender.finish(answer))


def fastest(candidates: Sequence[Any], run: Callable[[Any], Any], passes: int = 2) -> Any:
    """Return the setting that ran fastest in the better of so many passes, which take turns."""
    best: dict[Any, float] = {}
    for _ in range(passes):
        for candidate in candidates:
            begun = time.perf_counter()
            run(candidate)
            seconds = time.perf_counter() - begun
            best[candidate] = min(seconds, best.get(candidate, seconds))
    return min(best, key=best.__getitem__)
