"""Entities stand where they are in the text, each with its label, and a legend says what the colours mean."""

import re
from html import unescape

from polyhead.demo.marked_text import NUM_COLORS, mark_entities

TEXT = "Ann & Bob <b>met</b>\nin Rome"


def entity(label, part):
    start = TEXT.index(part)
    return {"label": label, "start": start, "end": start + len(part), "text": part, "score": 0.5}


def test_each_entity_is_marked_with_its_label_and_its_colour():
    shown = mark_entities(TEXT, [entity("person", "Ann"), entity("person", "Bob"), entity("city", "Rome")])
    marks = re.findall(r'<mark class="ph-color-(\d)" title="(.*?)">(.*?)<small>(.*?)</small></mark>', shown)
    assert marks == [
        ("1", "person, 0.50", "Ann", "person"),
        ("1", "person, 0.50", "Bob", "person"),
        ("0", "city, 0.50", "Rome", "city"),
    ]


def test_the_text_is_whole_and_nothing_of_it_is_html():
    shown = mark_entities(TEXT, [entity("person", "Bob"), entity("city", "Rome")]).partition("</p>")[0]
    without_labels = re.sub(r"<small>.*?</small>", "", shown)
    assert unescape(re.sub(r"</?(p|mark)[^>]*>", "", without_labels)) == TEXT
    assert "&lt;b&gt;met&lt;/b&gt;" in shown


def test_the_legend_counts_what_is_there():
    shown = mark_entities(TEXT, [entity("person", "Ann"), entity("person", "Bob"), entity("city", "Rome")])
    legend = shown.partition('<ul class="ph-legend"')[2]
    assert re.findall(r"</span>(.*?)</li>", legend) == ["city (1)", "person (2)"]


def test_a_text_without_entities_says_so():
    assert mark_entities("<i>", []) == '<p class="ph-text">&lt;i&gt;</p><p>No entity found.</p>'


def test_more_labels_than_colours_share_them():
    words = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
    text = " ".join(words)
    entities = [
        {"label": f"L{n}", "start": 2 * n, "end": 2 * n + 1, "text": word, "score": 1} for n, word in enumerate(words)
    ]
    assert len(words) == NUM_COLORS + 1
    assert mark_entities(text, entities).count('<mark class="ph-color-0"') == 2
