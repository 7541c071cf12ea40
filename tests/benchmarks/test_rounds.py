"""Contenders take turns, inside a budget, and only what `run` does is timed."""

import time

import pytest
from harness.rounds import Budget, Contender, fastest, interleave

NO_TIME, QUICK = Budget(0.0), Budget(0.0, is_quick=True)


def test_contenders_take_turns_after_each_has_warmed_up():
    turns = []
    contenders = [Contender(name, lambda _, name=name: turns.append(name)) for name in "AB"]

    interleave(contenders, NO_TIME)

    assert turns == ["A", "B"] + ["A", "B"] * 3


def test_quick_budget_runs_one_round():
    rounds = interleave([Contender("A", lambda _: 7)], QUICK)

    assert rounds.answers == {"A": [7]}
    assert len(rounds.seconds["A"]) == 1


def test_rounds_go_on_until_another_would_go_beyond_the_budget():
    begun = time.perf_counter()

    rounds = interleave([Contender("A", lambda _: time.sleep(0.02))], Budget(0.3))

    assert len(rounds.seconds["A"]) >= 5
    assert time.perf_counter() - begun < 0.3 + 0.1


def test_only_the_run_itself_is_timed():
    slow = Contender(
        "A", lambda prepared: prepared + 1, lambda: time.sleep(0.05) or 1, lambda answer: time.sleep(0.05) or answer
    )

    rounds = interleave([slow], QUICK)

    assert rounds.answers["A"] == [2]
    assert rounds.seconds["A"][0] < 0.02


def test_a_warm_up_of_its_own_takes_the_place_of_a_whole_run():
    ran = []
    contender = Contender("A", lambda _: ran.append("run"), warm_up=lambda: ran.append("warm-up"))

    interleave([contender], QUICK)

    assert ran == ["warm-up", "run"]


def test_a_part_of_a_budget_stays_quick():
    assert Budget(100.0, is_quick=True).part(0.25) == Budget(25.0, is_quick=True)


@pytest.mark.parametrize(("is_quick", "size"), [(False, 1000), (True, 10)])
def test_a_quick_budget_chooses_the_little_work(is_quick, size):
    assert Budget(1.0, is_quick).choose(1000, 10) == size


def test_fastest_setting_is_found_by_its_better_pass():
    seconds = {"slow": iter([0.03, 0.03]), "disturbed once": iter([0.06, 0.0])}

    assert fastest(("slow", "disturbed once"), lambda one: time.sleep(next(seconds[one]))) == "disturbed once"
