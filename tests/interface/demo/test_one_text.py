"""The cards for one text, for two, and the messages that stand in their place."""

import re

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.demo.one_text import answer_text

SINGLE = ["topic", "toxic", "tags", "affect", "grade", "slots"]


def titles(page):
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_one_text_gives_a_card_for_each_task_that_reads_one(tiny_model):
    assert titles(answer_text(tiny_model, "the cat")) == SINGLE


def test_cards_hold_what_predict_answers(tiny_model):
    answer = tiny_model.predict("the cat")["topic"]
    label = max(answer["scores"], key=answer["scores"].get)
    card = answer_text(tiny_model, "the cat").split("</section>")[0]
    assert re.findall(r'<li class="ph-chosen"><span class="ph-label">(.*?)</span>', card) == [label]
    assert f'<span class="ph-number">{answer["score"]:.2f}</span>' in card


def test_a_calibrated_task_withholds_its_answer_and_says_why(tiny_model):
    tiny_model.config.task("topic").min_confidence = 0.999
    topic, toxic, *_ = answer_text(tiny_model, "the cat").split("</section>")
    assert "<p>No answer: low confidence.</p>" in topic
    assert 'class="ph-chosen"' not in topic
    assert 'class="ph-chosen"' in toxic


def test_a_second_text_adds_the_tasks_that_compare(tiny_model):
    page = answer_text(tiny_model, "the cat", "a dog")
    assert titles(page) == [*SINGLE, "closeness", "entails"]
    cosine = tiny_model.predict(("the cat", "a dog"))["closeness"]["value"]
    assert f'<span class="ph-number">{cosine:.3f}</span>' in page


def test_a_model_without_such_a_task_compares_the_embeddings(make_model):
    model = make_model([TaskConfig(name="toxic", kind="binary_classification", labels=["no", "yes"])])
    page = answer_text(model, "the cat", "the cat")
    assert titles(page) == ["toxic", "similarity"]
    assert '<span class="ph-number">1.000</span>' in page  # a text is as close to itself as can be


def test_the_text_of_a_user_never_becomes_html(tiny_model):
    page = answer_text(tiny_model, "<script>alert(1)</script> <img src=x onerror=alert(1)>", "<b>")
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize("blank", [None, "", "  \n", "\u200b"])
def test_a_blank_text_is_told_in_place_of_the_cards(blank, tiny_model):
    page = answer_text(tiny_model, blank)
    assert page.startswith('<p class="ph-problem" role="alert">')
    assert titles(page) == []


def test_an_unreadable_second_text_is_told(tiny_model):
    assert "is empty or blank" in answer_text(tiny_model, "the cat", "\u200b")


def test_a_text_that_is_cut_is_told(tiny_model):
    assert "longer than the 40 tokens" in answer_text(tiny_model, "cat " * 60)
    assert "longer than" not in answer_text(tiny_model, "cat " * 38)  # with two special tokens: exactly 40
    assert "longer than" in answer_text(tiny_model, "the cat", "dog " * 60)


def test_a_model_of_pair_tasks_alone_asks_for_the_second_text(make_model):
    model = make_model([TaskConfig(name="close", kind="pair_similarity")])
    assert "Write the second one too." in answer_text(model, "the cat")
    assert titles(answer_text(model, "the cat", "a dog")) == ["close"]


def test_a_plain_encoder_compares_two_texts(make_model):
    model = make_model([])
    assert "This model has no tasks." in answer_text(model, "the cat")
    assert titles(answer_text(model, "the cat", "a dog")) == ["similarity"]
