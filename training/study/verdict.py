"""What a study has found, in plain sentences that say how sure it is."""

from dataclasses import replace

from .comparison import Section
from .statistics import smallest_p
from .variant_result import Difference, VariantResult, difference, time_share


def verdict(section: Section) -> str:
    """Say which variant is best at one recipe and size, and how sure that is.

    Returns:
        Sentences; the first names the best variant, where any has been measured.
    """
    if not section.measured:
        return "Nothing was measured here."
    ranked, partial = section.ranked, [variant for variant in section.measured if section.is_partial(variant)]
    if not ranked:
        return "No variant answers all tasks, so none is the best; the differences are told task by task."
    best = ranked[0]
    score = f"Best on average is **{best.name}**, score {best.score.value:.4f} over {_seeds(len(best.lines))}."
    aside = _partial(partial)
    if len(ranked) == 1:
        return " ".join(
            [score, *(aside or ["No other variant was measured, so this says nothing about which is better."])]
        )
    tied = [other for other in ranked[1:] if not _is_told_apart(difference(best, other))]
    return " ".join(
        [
            score,
            _certainty(best, ranked[1], tied),
            *_cheaper(best, tied),
            *_ahead(best, ranked[1:]),
            *_at_more_seeds(section, best),
            *aside,
        ]
    )


def _certainty(best: VariantResult, second: VariantResult, tied: list[VariantResult]) -> str:
    found = difference(best, second)
    if found is None:
        return f"It shares no seed with **{second.name}**, the next, so the two cannot be compared."
    count = found.mean.num_values
    if count == 1:
        return "One seed cannot tell how much of a difference is chance: take no order of the variants from this."
    shown = f"{found.mean.value:+.4f} ({interval(found)}, permutation p {found.p:.2g})"
    if not tied:
        return (
            f"{_seeds(count).capitalize()} tell it apart from every other variant by the t interval; from **{second.name}**, "
            f"the next, it differs by {shown}. Chosen as the best after the fact, it owes some of that to luck.{_limit(count)}"
        )
    names = ", ".join(f"**{other.name}**{_fewer_seeds(other, count)}" for other in tied)
    following = "the next" if second in tied else f"**{second.name}**, the next,"
    return f"{_seeds(count).capitalize()} cannot tell it apart from {names}: from {following} it differs by {shown}."


def _fewer_seeds(variant: VariantResult, count: int) -> str:
    return f" ({_seeds(len(variant.lines))})" if len(variant.lines) < count else ""


def _limit(count: int) -> str:
    least = smallest_p(count)
    if least <= 0.05:
        return ""
    return (
        f" That takes the differences between seeds as normally distributed; without that, so few seeds prove nothing (p is "
        f"{least:.2g} at least)."
    )


def _cheaper(best: VariantResult, tied: list[VariantResult]) -> list[str]:
    """Name the fastest of those that cannot be told apart, with its score: not told apart is not equal.

    One seed tells nothing apart, not even a model that learned nothing, so it names none.
    """
    if len(best.lines) == 1:
        return []
    shares = [time_share(other, best) or 1.0 for other in tied]  # none without a time, or a seed in common
    if not shares or min(shares) > 0.9:
        return []
    cheapest = tied[shares.index(min(shares))]
    seconds = f"{cheapest.at(best.lines).cost:.0f} s against {best.at(cheapest.lines).cost:.0f} s"
    return [f"Of these, **{cheapest.name}** trains fastest, {seconds}, with a score of {cheapest.score.value:.4f}."]


def _ahead(best: VariantResult, others: list[VariantResult]) -> list[str]:
    """Name those that have fewer seeds and are better at these."""
    told = []
    for other in others:
        found = difference(other, best)
        if found is not None and len(other.lines) < len(best.lines) and found.mean.value > 0:
            told.append(
                f"**{other.name}** has {_seeds(len(other.lines))} and is ahead there, by {found.mean.value:+.4f}: run the rest."
            )
    return told


def _at_more_seeds(section: Section, best: VariantResult) -> list[str]:
    """Judge those apart that have more seeds than the ranking, which is over the seeds that most of them have."""
    deeper = [variant for variant in section.measured if len(variant.lines) > len(best.lines)]
    if len(deeper) < 2 or len(deeper) == len(section.measured):
        return []
    return [f"Of the {len(deeper)} variants that have more seeds: {verdict(replace(section, variants=deeper))}"]


def _partial(partial: list[VariantResult]) -> list[str]:
    if not partial:
        return []
    names = ", ".join(f"**{variant.name}**" for variant in partial)
    return [f"Without all of the tasks, and so not ranked but compared task by task: {names}."]


def _is_told_apart(found: Difference | None) -> bool:
    return found is not None and found.mean.excludes_zero


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"


def interval(found: Difference) -> str:
    """Write the interval of a difference."""
    if found.mean.low is None or found.mean.high is None:
        return "no interval: one seed"
    return f"95% interval {found.mean.low:+.4f} to {found.mean.high:+.4f}"
