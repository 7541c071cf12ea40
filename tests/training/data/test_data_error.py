import pytest

from polyhead.training.data.data_error import DataError, DataProblems


def test_no_problem_raises_nothing():
    DataProblems().raise_if_any()


def test_the_same_complaint_is_listed_once_a_file_and_column():
    problems = DataProblems()
    for where, column in (("a.csv:1", "x"), ("a.csv:2", "x"), ("a.csv:2", "y"), ("b.csv:2", "x")):
        problems.add(where, column, "empty")

    with pytest.raises(DataError, match="the data have 4 problems, 3 listed") as caught:
        problems.raise_if_any()

    assert caught.value.problems == [
        "a.csv:1 column 'x': empty (and 1 more row like it)",
        "a.csv:2 column 'y': empty",
        "b.csv:2 column 'x': empty",
    ]


def test_problems_that_ended_the_reading_of_a_file_are_counted_too():
    problems = DataProblems()
    problems.extend(DataError(["a.csv: broken"], total=30))
    problems.add("b.csv:1", "x", "empty")

    with pytest.raises(DataError) as caught:
        problems.raise_if_any()

    assert caught.value.total == 31
    assert caught.value.problems == ["a.csv: broken", "b.csv:1 column 'x': empty"]
