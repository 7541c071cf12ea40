import pytest

from polyhead.training.closest_name import suggest_name


@pytest.mark.parametrize(("name", "closest"), [("poolin", "pooling"), ("POOLING", "pooling"), ("promts", "prompts")])
def test_the_nearest_name_is_suggested_whatever_its_case(name, closest):
    assert suggest_name(name, ["pooling", "prompts"]) == f"closest is '{closest}'"


def test_where_none_is_near_the_first_names_are_listed():
    assert suggest_name("xyz", ["a", "b"]) == "known: a, b"
    assert suggest_name("xyz", [f"n{n}" for n in range(15)]).endswith("n11 and 3 more")
    assert suggest_name("xyz", []) == "known: none"
