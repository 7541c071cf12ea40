"""Which colour an answer of each kind gives its text."""

from polyhead.explore.colorings import NONE, Coloring, colorings


def label(name):
    return {"label": name, "score": 0.9, "scores": {name: 0.9}}


def entity(name, score):
    return {"label": name, "start": 0, "end": 1, "text": "x", "score": score}


def test_the_largest_group_comes_first_and_ties_go_by_name():
    answers = {"topic": [label(name) for name in ("b", "a", "c", "c", "b", "c", "a")]}
    assert colorings(answers) == [Coloring("topic", ["c", "a", "b"], [2, 1, 0, 0, 2, 0, 1])]


def test_an_ordinal_answer_is_a_label_and_a_regression_a_number():
    answers = {"grade": [{**label("low"), "value": 0.2}], "stars": [{"value": 3.5}]}
    assert colorings(answers) == [Coloring("grade", ["low"], [0]), Coloring("stars", None, [3.5])]


def test_each_value_of_a_regression_is_a_choice():
    answers = {"affect": [{"values": {"joy": 1.0, "calm": 2.0}}, {"values": {"joy": 3.0, "calm": 4.0}}]}
    assert colorings(answers) == [Coloring("affect: joy", None, [1.0, 3.0]), Coloring("affect: calm", None, [2.0, 4.0])]


def test_of_several_labels_or_entities_the_surest_counts():
    answers = {
        "tags": [
            {"labels": ["x", "y"], "scores": {"x": 0.6, "y": 0.8}},
            {"labels": [], "scores": {"x": 0.1, "y": 0.2}},
        ],
        "slots": [{"entities": [entity("pet", 0.7), entity("toy", 0.9)]}, {"entities": []}],
    }
    assert colorings(answers) == [Coloring("tags", [NONE, "y"], [1, 0]), Coloring("slots", [NONE, "toy"], [1, 0])]
