"""Variants against each other, and what is said about it."""

import pytest

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.comparison import compare
from polyhead.training.study.pictures_study import draw_curves, draw_pareto, mean_curve, pareto_front
from polyhead.training.study.section_tables import differences_by_task
from polyhead.training.study.variant_result import difference, time_share
from polyhead.training.study.verdict import verdict

NAMED = """
recipe: recipe.yaml
vary:
  - {name: base}
  - {name: good, train.layer_decay: 0.9}
  - {name: bad, train.layer_decay: 0.8}
  - {name: late, train.layer_decay: 0.7}
"""


@pytest.fixture
def section_of(study_of):
    """Return a function from scores by variant, one a seed, to the only section of a study."""

    def _section_of(seconds=None, **scores):
        count = max(map(len, scores.values()))
        study = study_of(NAMED + f"seeds: {count}")
        cells = plan_cells(study)
        lines = [
            {
                **dict(zip(("recipe", "size", "variant", "seed"), cell.place, strict=True)),
                "score": score,
                "tasks": {"topic": {"metric": "accuracy", "value": score}},
                "curve": [[5, score / 2], [10, score]],
                "seconds": 99.0,
                "processor_seconds": (seconds or {}).get(cell.variant, 10.0),
                "versions": {"device": "cpu"},
            }
            for cell in cells
            if cell.seed - 42 < len(scores.get(cell.variant, ())) and (score := scores[cell.variant][cell.seed - 42])
        ]
        return compare(cells, study.baseline, lines)[0]

    return _section_of


def test_differences_are_taken_at_equal_seeds(section_of):
    section = section_of(base=[0.5, 0.6, 0.7], good=[0.6, 0.7, 0.8], bad=[0.4, None, 0.5])
    found = section.differences()
    assert found["good"].mean.value == pytest.approx(0.1)
    assert found["good"].p == 0.25
    assert found["good"].holm_p == 0.5  # of two comparisons
    assert found["bad"].mean.num_values == 2  # at seeds 42 and 44
    assert found["bad"].mean.value == pytest.approx(-0.15)
    assert found["bad"].p == 0.5


def test_pairing_sees_what_the_intervals_of_the_means_hide(section_of):
    section = section_of(base=[0.2, 0.5, 0.8], good=[0.25, 0.56, 0.84], bad=[0.1, 0.2, 0.3])
    assert section.variant("base").score.high > section.variant("good").score.value
    assert section.differences()["good"].mean.excludes_zero


def test_each_task_is_compared_by_itself_where_there_are_several(section_of):
    section = section_of(base=[0.5, 0.6], good=[0.7, 0.8], bad=[0.4])
    assert not differences_by_task(section)
    for variant in section.variants:
        for line in variant.lines.values():
            line["tasks"]["error"] = {"metric": "mae", "value": 1 - 2 * line["score"]}

    *_, header, _rule, good, bad = differences_by_task(section).splitlines()

    assert header == "| variant | topic | error |"
    assert good == "| good | +0.2000 (+0.2000 to +0.2000) | +0.4000 (+0.4000 to +0.4000) |"  # a lower error is better
    assert bad == "| bad | -0.1000 | -0.2000 |"
    del section.variant("bad").lines[42]["tasks"]["error"]
    assert "| bad |" not in differences_by_task(section)


def test_variants_without_a_common_seed_are_not_compared(section_of):
    section = section_of(base=[0.5, None], good=[None, 0.9], bad=[0.1, 0.2])
    assert difference(section.variant("good"), section.variant("base")) is None
    assert "good" not in section.differences()


def test_a_variant_of_fewer_seeds_is_not_the_best(section_of):
    section = section_of(base=[0.5, 0.6], good=[0.9], bad=[0.4, 0.5])
    assert [variant.name for variant in section.ranked] == ["base", "bad", "good"]


def test_of_equal_variants_the_fastest_is_the_best(section_of):
    section = section_of({"base": 9.0, "good": 3.0, "bad": 5.0}, base=[0.5, 0.7], good=[0.6, 0.6], bad=[0.7, 0.5])
    assert [variant.name for variant in section.ranked] == ["good", "bad", "base"]


def test_a_study_cut_short_ranks_at_the_seeds_that_most_variants_have(section_of):
    section = section_of({"good": 1.0}, base=[0.5, 0.6], good=[0.9], bad=[0.4])
    assert [(variant.name, list(variant.lines)) for variant in section.ranked] == [
        ("good", [42]),
        ("base", [42]),
        ("bad", [42]),
    ]
    told = verdict(section)
    assert told.startswith("Best on average is **good**, score 0.9000 over one seed. One seed cannot tell")
    assert "fastest" not in told


def test_a_variant_of_fewer_seeds_that_is_ahead_there_is_named(section_of):
    told = verdict(section_of(base=[0.5, 0.6], good=[0.9], bad=[0.4, 0.5]))
    assert told.startswith("Best on average is **base**")
    assert told.endswith("**good** has one seed and is ahead there, by +0.4000: run the rest.")
    assert "ahead there" not in verdict(section_of(base=[0.5, 0.6], good=[0.3], bad=[0.4, 0.5]))


def test_variants_of_more_seeds_than_the_ranking_are_judged_at_all_of_theirs(section_of):
    section = section_of(base=[0.5, 0.6, 0.7], good=[0.6, 0.71, 0.8], bad=[0.4], late=[0.9])
    told = verdict(section)
    assert told.startswith("Best on average is **late**, score 0.9000 over one seed.")
    assert "Of the 2 variants that have more seeds: Best on average is **good**, score 0.7033 over 3 seeds." in told
    assert "more seeds" not in verdict(section_of(base=[0.5, 0.6], good=[0.7], bad=[0.4], late=[0.9]))


@pytest.fixture
def alone_and_together(section_of):
    """The baseline answers two tasks, `good` and `bad` one of them each."""
    section = section_of(base=[0.5, 0.6], good=[0.9, 0.8], bad=[0.4, 0.4])
    kept = {"base": ("topic", "mood"), "good": ("topic",), "bad": ("mood",)}
    for variant in section.variants:
        for line in variant.lines.values():
            values = {
                "topic": {"metric": "accuracy", "value": line["score"]},
                "mood": {"metric": "mae", "value": line["score"]},
            }
            line["tasks"] = {name: values[name] for name in kept[variant.name]}
    return section


def test_variants_of_other_tasks_are_compared_task_by_task(alone_and_together):
    found = alone_and_together.differences()
    assert list(found) == ["good: topic", "bad: mood"]
    assert found["good: topic"].mean.value == pytest.approx(0.3)
    assert found["bad: mood"].mean.value == pytest.approx(0.15)  # an error: less is better
    assert found["bad: mood"].variant == "bad"
    assert found["good: topic"].holm_p == 2 * found["good: topic"].p


def test_a_variant_without_all_tasks_is_never_the_best(alone_and_together):
    assert [variant.name for variant in alone_and_together.ranked] == ["base"]
    told = verdict(alone_and_together)
    assert told.startswith("Best on average is **base**, score 0.5500 over 2 seeds. Without all of the tasks")
    assert told.endswith("compared task by task: **good**, **bad**.")
    alone_and_together.variants.pop(0)
    assert alone_and_together.ranked == []
    assert verdict(alone_and_together).startswith("No variant answers all tasks, so none is the best")


def test_cells_without_a_line_and_failed_ones_are_counted(study_of):
    study = study_of(NAMED + "seeds: 2")
    cells = plan_cells(study)
    failed = dict(zip(("recipe", "size", "variant", "seed"), cells[0].place, strict=True)) | {"error": "no"}
    [section] = compare(cells, study.baseline, [failed])
    assert (section.variant("base").num_failed, section.variant("base").num_absent) == (1, 1)
    assert section.variant("good").num_absent == 2
    assert verdict(section) == "Nothing was measured here."


def test_the_verdict_says_when_seeds_cannot_tell_variants_apart(section_of):
    told = verdict(section_of(base=[0.5, 0.6, 0.7], good=[0.6, 0.5, 0.8], bad=[0.1, 0.1, 0.1]))
    assert told.startswith("Best on average is **good**, score 0.6333 over 3 seeds.")
    assert "3 seeds cannot tell it apart from **base**: from the next it differs by +0.0333" in told


def test_a_variant_of_fewer_seeds_that_cannot_be_told_apart_is_told_with_their_number(section_of):
    section = section_of(base=[0.5, 0.61, 0.7], good=[0.6, 0.7, 0.8], bad=[0.59])
    told = verdict(section)
    assert "3 seeds cannot tell it apart from **bad** (one seed): from **base**, the next, it" in told


def test_the_verdict_says_what_a_clear_difference_rests_on(section_of):
    told = verdict(section_of(base=[0.5, 0.6, 0.7], good=[0.7, 0.81, 0.9], bad=[0.1, 0.1, 0.1]))
    assert "3 seeds tell it apart from every other variant by the t interval" in told
    assert "so few seeds prove nothing (p is 0.25 at least)" in told
    six = verdict(section_of(base=[0.5] * 6, good=[0.7, 0.71] * 3, bad=[0.1] * 6))
    assert "6 seeds tell it apart" in six
    assert "permutation p 0.031" in six
    assert "prove nothing" not in six


def test_one_seed_gives_no_order(section_of):
    told = verdict(section_of(base=[0.5], good=[0.9], bad=[0.1]))
    assert "One seed cannot tell how much of a difference is chance" in told


def test_one_seed_names_no_cheaper_variant(section_of):
    assert "fastest" not in verdict(section_of({"bad": 1.0}, base=[0.5], good=[0.9], bad=[0.1]))


def test_the_cheapest_of_those_that_are_not_told_apart_is_named_with_its_score(section_of):
    scores = {"base": [0.5, 0.6, 0.7], "good": [0.6, 0.5, 0.8], "bad": [0.1, 0.1, 0.1]}
    told = verdict(section_of({"base": 4.0, "bad": 1.0}, **scores))
    assert told.endswith("Of these, **base** trains fastest, 4 s against 10 s, with a score of 0.6000.")
    assert "fastest" not in verdict(section_of({"bad": 1.0}, **scores))


def test_the_front_holds_those_that_no_other_beats_in_score_and_time(section_of):
    scores = {"base": [0.7, 0.7], "good": [0.8, 0.8], "bad": [0.6, 0.6]}
    front = pareto_front(section_of({"base": 10.0, "good": 20.0, "bad": 15.0}, **scores))
    assert [variant.name for variant in front] == ["base", "good"]


def test_the_cost_is_that_of_the_clock_where_another_device_trains(section_of):
    variant = section_of({"base": 4.0}, base=[0.5, 0.6]).variant("base")
    assert variant.cost == 4.0
    for line in variant.lines.values():
        line["versions"] = {"device": "cuda:0"}
    assert variant.cost == 99.0


def test_a_share_of_time_is_that_of_the_seeds_which_both_have(section_of):
    section = section_of({"base": 4.0, "good": 3.0}, base=[0.5, 0.6], good=[0.7])
    base, good = section.variant("base"), section.variant("good")
    base.lines[43]["processor_seconds"] = 400.0  # a slower machine, on which the other has not run
    assert time_share(good, base) == 0.75
    assert time_share(good, base.at([43])) is None


def test_a_seed_that_ran_on_two_processors_counts_in_no_share_of_time(section_of):
    section = section_of({"base": 4.0, "good": 3.0}, base=[0.5, 0.6], good=[0.7, 0.7])
    base, good = section.variant("base"), section.variant("good")
    good.lines[43] |= {"processor_seconds": 300.0, "versions": {"device": "cpu", "device_name": "a slower one"}}
    assert time_share(good, base) == 0.75
    good.lines[42]["versions"] = {"device": "cpu", "threads": 2}
    assert time_share(good, base) is None


def test_the_fastest_of_those_not_told_apart_is_so_at_the_seeds_which_both_have(section_of):
    def told(seconds_of_good):
        scores = {"base": [0.5, 0.6, 0.7], "good": [0.52, 0.58], "bad": [0.1, 0.1, 0.1]}
        section = section_of({"good": seconds_of_good}, **scores)
        section.variant("base").lines[44]["processor_seconds"] = 400.0  # a slower machine, on which good has not run
        return verdict(section)

    assert "Of these, **good** trains fastest, 8 s against 10 s" in told(8.0)
    assert "fastest" not in told(9.5)


def test_a_mean_curve_has_the_steps_of_all_seeds(section_of):
    variant = section_of(base=[0.5, 0.6]).variant("base")
    variant.lines[42]["curve"] = [[2, 0.25], [4, 0.5]]
    variant.lines[43]["curve"] = [[2, 0.75], [4, 0.75], [6, 0.5]]
    assert mean_curve(variant) == ([2, 4], [0.5, 0.625])


def test_a_variant_far_below_the_others_does_not_press_them_together(section_of):
    (panel,) = draw_pareto([section_of({"bad": 7.0}, base=[0.8, 0.81], good=[0.7, 0.71], bad=[0.1, 0.12])]).axes

    lowest, highest = panel.get_ylim()
    assert 0.11 < lowest < 0.705  # good's mean
    assert highest > 0.805
    (told,) = panel.texts
    assert (told.get_text(), told.xy) == ("\N{DOWNWARDS ARROW} 0.11", (7.0, lowest))


def test_every_variant_stands_in_the_picture_where_none_is_far_below(section_of):
    (panel,) = draw_pareto([section_of(base=[0.8], good=[0.7], bad=[0.4])]).axes

    assert panel.get_ylim()[0] < 0.4
    assert not panel.texts


def test_learning_curves_stand_over_the_time_that_each_variant_takes(section_of):
    (panel,) = draw_curves([section_of({"good": 30.0}, base=[0.8], good=[0.6])]).axes

    base, good = panel.get_lines()
    assert list(base.get_xdata()) == [5.0, 10.0]  # half and whole of 10 seconds
    assert list(good.get_xdata()) == [15.0, 30.0]
    assert list(good.get_ydata()) == [0.3, 0.6]


def test_scores_below_zero_and_runs_without_a_curve_can_be_drawn(section_of):
    section = section_of(base=[-0.2], good=[-0.1], bad=[-0.3])
    for variant in section.measured:
        variant.lines[42]["curve"] = []

    (pareto,), (curves,) = draw_pareto([section]).axes, draw_curves([section]).axes
    assert pareto.get_ylim()[0] < -0.3
    assert not pareto.texts
    assert [list(line.get_xdata()) for line in curves.get_lines()] == [[], [], []]
