"""The page of a map holds all it needs, and nothing that a text could break out of."""

import json
import re

import numpy as np
import pytest

from polyhead.explore.colorings import Coloring
from polyhead.explore.map_page import render_map

HOSTILE = ["</script><script>alert(1)</script>", "<!-- <script>", "a & b \u2028 \ud800", "$title ${x}"]


@pytest.fixture
def page():
    points = np.array([[0.0, 0.5], [1.0, 0.123456], [0.5, 0.5], [0.25, 0.75]])
    groups = [Coloring("topic", ["</script>", "b"], [0, 1, 0, 1]), Coloring("stars", None, [1.00004, 2.0, 3.0, 4.0])]
    shown = {"topic": ["</script> 0.9", "b 0.8", "</script> 0.7", "b 0.6"]}
    return render_map("<b>pets</b>", "tsne", HOSTILE, points, groups, shown)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_texts_points_answers_and_colours_are_in_the_page(page):
    data = data_of(page)
    assert data["texts"] == HOSTILE
    assert data["points"] == [[0.0, 0.5], [1.0, 0.1235], [0.5, 0.5], [0.25, 0.75]]
    assert data["colorings"] == [
        {"name": "topic", "labels": ["</script>", "b"], "values": [0, 1, 0, 1]},
        {"name": "stars", "labels": None, "values": [1.0, 2.0, 3.0, 4.0]},
    ]
    assert data["shown"]["topic"][1] == "b 0.8"


def test_no_text_ends_the_script_that_holds_it_or_becomes_html(page):
    assert page.count("<script") == page.count("</script>") == 2  # the data and the code
    assert "<b>" not in page
    assert "<title>&lt;b&gt;pets&lt;/b&gt;: map</title>" in page


def test_nothing_is_fetched_and_the_browser_is_told_so(page):
    assert "default-src 'none'" in page
    assert not re.findall(r"(?:src|href)=|https?://|@import|url\(", page)


def test_the_method_is_named(page):
    assert "4 texts, t-SNE" in page


def test_texts_never_pass_through_inner_html(page):
    assert "innerHTML" not in page
    assert "insertAdjacentHTML" not in page
