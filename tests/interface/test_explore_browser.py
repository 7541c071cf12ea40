"""The page of `polyhead explore` in a headless Chromium: pointed at, clicked, tapped, and used with keys alone."""

import numpy as np
import pytest

from polyhead.explore.colorings import Coloring
from polyhead.explore.map_page import render_map

from .browser import DESKTOP, PHONE, open_page, scrolls_sideways

pytestmark = pytest.mark.slow
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
# A cross: one point in the middle, one on each side.
POINTS = np.array([[0.5, 0.5], [0, 0.5], [1, 0.5], [0.5, 0], [0.5, 1]])
TEXTS = [HOSTILE, "left", "right", "above", "below"]
COLORINGS = [Coloring("topic", ["<b>b</b>", "c"], [0, 0, 0, 1, 1]), Coloring("stars", None, [0.0, 1.0, 2.0, 3.0, 4.0])]
SHOWN = {"topic": ["<b>b</b> 0.9", "b 0.8", "b 0.7", "c 0.6", "c 0.5"]}


@pytest.fixture
def address(tmp_path):
    file = tmp_path / "map.html"
    file.write_text(render_map("pets", "pca", TEXTS, POINTS, COLORINGS, SHOWN), encoding="utf-8")
    return file.as_uri()


def color_at(page, x, y):
    """Return red, green, blue and alpha of the map at a share of its width and height."""
    return page.evaluate(
        "([x, y]) => { const map = document.getElementById('map');"
        " return [...map.getContext('2d').getImageData(x * map.width, y * map.height, 1, 1).data]; }",
        [x, y],
    )


def test_arrow_keys_go_from_text_to_text(address):
    with open_page(DESKTOP) as page:
        page.goto(address)
        answer = page.locator("#answer")
        page.locator("#map").focus()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
        page.keyboard.press("ArrowUp")  # the first arrow chooses what is in the middle
        assert answer.inner_text().splitlines()[0] == HOSTILE
        for key, text in (("Up", "above"), ("Down", HOSTILE), ("Left", "left"), ("Right", HOSTILE), ("Right", "right")):
            page.keyboard.press(f"Arrow{key}")
            assert answer.inner_text().splitlines()[0] == text
        assert "topic" in answer.inner_text()
        assert "b 0.7" in answer.inner_text()


def test_pointing_shows_the_text_and_its_answers_as_text(address):
    with open_page(DESKTOP) as page:
        page.goto(address)
        box = page.locator("#map").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert page.locator("#answer p").inner_text() == HOSTILE
        assert page.locator("#answer dd").inner_text() == "<b>b</b> 0.9"
        assert page.locator("#answer img, #legend b").count() == 0


def test_the_choice_of_a_task_changes_colours_and_legend(address):
    with open_page(DESKTOP) as page:
        page.goto(address)
        assert page.locator("#legend li").all_inner_texts() == ["<b>b</b> (3)", "c (2)"]
        by_topic = color_at(page, 0.5, 0.5)
        assert by_topic[3] > 0
        page.get_by_label("Colour by").select_option("stars")
        assert "dark to light" in page.locator("#legend").inner_text()
        assert color_at(page, 0.5, 0.5) != by_topic


def test_a_group_is_hidden_from_the_legend(address):
    with open_page(DESKTOP) as page:
        page.goto(address)
        button = page.get_by_role("button", name="<b>b</b> (3)")
        button.press("Enter")
        assert button.get_attribute("aria-pressed") == "false"
        assert color_at(page, 0.5, 0.5)[3] == 0
        button.press("Enter")
        assert color_at(page, 0.5, 0.5)[3] > 0


def test_the_map_can_be_enlarged_and_shown_whole_again(address):
    with open_page(DESKTOP) as page:
        page.goto(address)
        whole = page.evaluate("place(3)")
        page.get_by_role("button", name="Zoom in").click()
        assert page.evaluate("place(3)")[1] < whole[1]
        page.get_by_role("button", name="Whole map").click()
        assert page.evaluate("place(3)") == whole


def test_it_fits_a_phone_and_a_tap_chooses(address):
    with open_page(PHONE, has_touch=True, is_mobile=True) as page:
        page.goto(address)
        assert not scrolls_sideways(page)
        page.locator("#map").tap()
        assert page.locator("#answer p").inner_text() == HOSTILE
        assert not scrolls_sideways(page)


def test_ten_thousand_texts_are_drawn_and_found(tmp_path):
    generator = np.random.default_rng(0)
    texts = [f"text {number}" for number in range(10_000)]
    topics = Coloring("topic", [f"label {number}" for number in range(30)], generator.integers(0, 30, 10_000).tolist())
    page_text = render_map("many", "tsne", texts, generator.random((10_000, 2)), [topics], {"topic": texts})
    (tmp_path / "map.html").write_text(page_text, encoding="utf-8")
    with open_page(DESKTOP) as page:
        page.goto((tmp_path / "map.html").as_uri())
        assert page.locator("#legend li").count() == 10  # nine labels, and the others in one
        milliseconds = page.evaluate(
            "() => { const start = performance.now(); draw(); return performance.now() - start; }"
        )
        assert milliseconds < 1000
        page.locator("#map").hover()
        assert page.locator("#answer p").inner_text().startswith("text ")
