"""One answer as a card: bars, their order, and no HTML from outside."""

import re

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.demo.bars import bar, render_card

HOSTILE = "<script>alert(1)</script>"


def task(kind, **fields):
    return TaskConfig(name="t", kind=kind, **fields)


def lines(card):
    """Return label, width of the bar and number of each line, and the labels that are marked as chosen."""
    pattern = r'<li( class="ph-chosen")?><span class="ph-label">(.*?)</span>.*?width:(.*?)%.*?"ph-number">(.*?)</span>'
    found = re.findall(pattern, card)
    return [(label, float(width), number) for _, label, width, number in found], [it[1] for it in found if it[0]]


def test_the_likeliest_label_stands_first_and_is_chosen():
    scores = {"a": 0.1, "b": 0.7, "c": 0.2}
    card = render_card(
        task("single_label_classification", labels=list("abc")), {"label": "b", "score": 0.7, "scores": scores}, "x"
    )
    assert lines(card) == ([("b", 70.0, "0.70"), ("c", 20.0, "0.20"), ("a", 10.0, "0.10")], ["b"])


def test_a_binary_answer_below_its_threshold_is_chosen_though_it_is_not_the_likeliest():
    answer = {"label": "no", "score": 0.4, "scores": {"no": 0.4, "yes": 0.6}}
    assert lines(render_card(task("binary_classification", labels=["no", "yes"], thresholds=[0.7]), answer, "x"))[
        1
    ] == ["no"]


def test_of_many_labels_five_are_shown_and_the_others_unfold():
    labels = [f"label{number}" for number in range(77)]
    scores = {label: (77 - number) / 3003 for number, label in enumerate(labels)}
    card = render_card(
        task("single_label_classification", labels=labels), {"label": "label0", "score": 0.03, "scores": scores}, "x"
    )
    shown, folded = card.split("<details>")
    assert [label for label, *_ in lines(shown)[0]] == labels[:5]
    assert [label for label, *_ in lines(folded)[0]] == labels[5:]
    assert "<summary>72 more</summary>" in folded


def test_every_label_of_a_multi_label_answer_is_shown_and_chosen():
    labels = [f"label{number}" for number in range(8)]
    several = task("multi_label_classification", labels=labels, thresholds=[0.1])
    scores = dict.fromkeys(labels, 0.2)
    card = render_card(several, {"labels": labels[:6], "scores": scores}, "x")
    assert lines(card.split("<details>")[0])[1] == labels[:6]
    assert "No label reaches its threshold." in render_card(several, {"labels": [], "scores": scores}, "x")


def test_ordinal_steps_keep_their_order():
    answer = {"label": "high", "score": 0.6, "scores": {"low": 0.1, "mid": 0.3, "high": 0.6}, "value": 1.5}
    card = render_card(task("ordinal_regression", labels=["low", "mid", "high"]), answer, "x")
    assert [label for label, *_ in lines(card)[0]] == ["low", "mid", "high"]
    assert "Expected step: 1.50 of 0 to 2." in card


def test_a_values_bar_spans_three_standard_deviations_on_either_side_of_the_mean():
    kind = task("regression", labels=["joy", "calm"], target_mean=[3.0, 0.0], target_scale=[2.0, 1.0])
    # joy 6 is 1.5 deviations above its mean: three quarters of the bar; calm -9 is beyond the lower end.
    card = render_card(kind, {"values": {"joy": 6.0, "calm": -9.0}}, "x")
    assert lines(card)[0] == [("joy", 75.0, "6.00"), ("calm", 0.0, "-9.00")]


def test_a_value_without_known_spread_is_a_number_without_a_bar():
    card = render_card(task("regression"), {"value": 2.5}, "x")
    assert "value 2.500" in card
    assert "ph-track" not in card


def test_similarity_is_a_bar():
    assert lines(render_card(task("pair_similarity"), {"value": 0.25}, "x"))[0] == [("cosine", 25.0, "0.250")]


def test_labels_texts_and_errors_are_escaped():
    classes = task("single_label_classification", labels=[HOSTILE, "b"])
    named = {"label": HOSTILE, "score": 1.0, "scores": {HOSTILE: 1.0, "b": 0.0}}
    tagged = {"entities": [{"label": HOSTILE, "start": 0, "end": 5, "text": HOSTILE, "score": 1.0}]}
    cards = [
        render_card(classes, named, HOSTILE),
        render_card(task("token_classification", labels=["O", "B-x", "I-x"]), tagged, HOSTILE),
        render_card(classes, {"error": HOSTILE}, HOSTILE),
        bar(HOSTILE, 0.5, HOSTILE),
    ]
    for card in cards:
        assert "<script" not in card
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in card
