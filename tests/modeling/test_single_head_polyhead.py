import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, pipeline

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.single_head_polyhead import (
    PolyheadForSequenceClassification,
    PolyheadForTokenClassification,
)

TEXTS = ["the cat sat", "a dog ran far, far away!", "zebra"]


@pytest.fixture(scope="module")
def checkpoint(make_model, all_tasks, tmp_path_factory):
    """Folder of a saved model with all eight tasks."""
    folder = tmp_path_factory.mktemp("single") / "checkpoint"
    make_model(all_tasks()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def answers(checkpoint):
    return PolyheadModel.from_pretrained(checkpoint).predict(TEXTS)


def classify(checkpoint, head, **options):
    """Return what an ordinary pipeline, which runs the checkpoint's own code, says of each text."""
    classifier = pipeline(
        "text-classification", model=str(checkpoint), trust_remote_code=True, model_kwargs={"head": head}
    )
    return classifier(TEXTS, **options)


def by_label(rows):
    return [{entry["label"]: pytest.approx(entry["score"], abs=1e-6) for entry in row} for row in rows]


@pytest.mark.parametrize("head", ["topic", "toxic", "grade"])
def test_a_pipeline_scores_the_labels_of_one_answer_as_predict_does(checkpoint, answers, head):
    assert [row["scores"] for row in answers[head]] == by_label(classify(checkpoint, head, top_k=None))
    best = classify(checkpoint, head)
    assert [row["label"] for row in answers[head]] == [row["label"] for row in best]


def test_a_pipeline_scores_each_of_several_labels_as_predict_does(checkpoint, answers):
    assert [row["scores"] for row in answers["tags"]] == by_label(classify(checkpoint, "tags", top_k=None))


def test_a_pipeline_gives_a_regressions_values_in_the_unit_of_the_data(checkpoint, answers):
    assert [row["values"] for row in answers["affect"]] == by_label(classify(checkpoint, "affect", top_k=None))


def test_a_token_pipeline_tags_each_word_as_predict_does(make_model, tmp_path):
    # The pipeline decodes token by token, `predict` the best valid sequence: the same where any `I-` may follow any tag.
    slots = TaskConfig(name="slots", kind="token_classification", labels=["O", "I-pet", "I-toy"], temperature=2.0)
    make_model([slots]).save_pretrained(tmp_path)
    tagger = pipeline("token-classification", model=str(tmp_path), trust_remote_code=True)
    for text, row in zip(TEXTS, PolyheadModel.from_pretrained(tmp_path).predict(TEXTS)["slots"], strict=True):
        pieces = {piece["start"]: piece for piece in tagger(text, ignore_labels=[])}
        for entity in row["entities"]:
            assert pieces[entity["start"]]["entity"].endswith(f"-{entity['label']}")
        outside = {start for start, piece in pieces.items() if piece["entity"] == "O"}
        assert outside.isdisjoint(entity["start"] for entity in row["entities"])
        one_word = [entity for entity in row["entities"] if " " not in entity["text"]]
        assert [pieces[e["start"]]["score"] for e in one_word] == pytest.approx(
            [e["score"] for e in one_word], abs=1e-5
        )


@pytest.mark.parametrize("head", ["topic", "toxic", "tags", "affect", "grade"])
def test_the_loss_is_that_of_the_task(checkpoint, head):
    shared = PolyheadModel.from_pretrained(checkpoint)
    single = PolyheadForSequenceClassification.from_pretrained(checkpoint, head=head)
    ids = torch.randint(5, 64, (2, 6))
    labels = {"tags": [[1.0, 0, 1], [0, 0, 1]], "affect": [[1.0, 2.0], [0.5, -1.0]]}.get(head, [1, 0])
    expected = shared(ids, labels={head: torch.tensor(labels)}, tasks=[head]).losses[head]
    assert torch.equal(single(ids, labels=torch.tensor(labels)).loss, expected)


def test_a_token_head_learns_from_a_tag_a_token(checkpoint):
    model = PolyheadForTokenClassification.from_pretrained(checkpoint)
    output = model(torch.randint(5, 64, (2, 6)), labels=torch.tensor([[-100, 0, 1, 2, 0, -100]] * 2))
    assert output.logits.shape == (2, 6, 5)
    assert output.loss > 0


@pytest.mark.parametrize(
    ("head", "problem_type", "labels"),
    [
        ("topic", "single_label_classification", ["Science", "Sports", "Arts"]),
        ("toxic", "single_label_classification", ["no", "yes"]),
        ("grade", "single_label_classification", ["low", "mid", "high"]),
        ("tags", "multi_label_classification", ["x", "y", "z"]),
        ("affect", "regression", ["valence", "arousal"]),
    ],
)
def test_the_config_tells_the_standard_fields(checkpoint, head, problem_type, labels):
    config = PolyheadForSequenceClassification.from_pretrained(checkpoint, head=head).config
    assert (config.problem_type, config.num_labels) == (problem_type, len(labels))
    assert config.id2label == dict(enumerate(labels))
    assert config.label2id == {label: number for number, label in enumerate(labels)}


def test_the_only_head_that_fits_needs_no_name(checkpoint):
    assert PolyheadForTokenClassification.from_pretrained(checkpoint).head.name == "slots"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"PolyheadForSequenceClassification: no head was named\. Pass head=\.\.\. with one of \['topic', 'toxic'"),
        ({"head": "topics"}, r"there is no such head 'topics'\. Pass head=.* \(in a pipeline: model_kwargs="),
        ({"head": "slots"}, "there is no such head 'slots'"),  # it answers per word
        ({"head": "entails"}, "there is no such head 'entails'"),  # it reads two texts
    ],
)
def test_a_head_that_is_not_named_or_does_not_fit_is_refused(checkpoint, options, message):
    with pytest.raises(ValueError, match=message):
        PolyheadForSequenceClassification.from_pretrained(checkpoint, **options)


@pytest.mark.parametrize("how", ["argument", "config"])
def test_a_tuple_comes_back_where_no_dict_is_wanted(checkpoint, how):
    model = PolyheadForSequenceClassification.from_pretrained(checkpoint, head="topic")
    ids = torch.randint(5, 64, (2, 6))
    expected = model(ids).logits
    if how == "config":
        model.config.return_dict = False
    (logits,) = model(ids, **({"return_dict": False} if how == "argument" else {}))
    assert torch.equal(logits, expected)


def test_a_model_with_one_head_in_front_encodes_and_predicts_with_all(checkpoint, answers):
    single = PolyheadForSequenceClassification.from_pretrained(checkpoint, head="topic")
    assert single.predict(TEXTS) == answers
    assert (single.encode(TEXTS) == PolyheadModel.from_pretrained(checkpoint).encode(TEXTS)).all()


def test_a_model_with_one_head_in_front_saves_all_heads(checkpoint, tmp_path):
    single = PolyheadForSequenceClassification.from_pretrained(checkpoint, head="topic")
    single.save_pretrained(tmp_path)
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file():
            assert (tmp_path / path.relative_to(checkpoint)).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("auto_class", "options", "name"),
    [
        (AutoModelForSequenceClassification, {"head": "grade"}, "PolyheadForSequenceClassification"),
        (AutoModelForTokenClassification, {}, "PolyheadForTokenClassification"),
    ],
)
def test_auto_classes_find_the_single_heads_with_trust(checkpoint, auto_class, options, name):
    model = auto_class.from_pretrained(checkpoint, trust_remote_code=True, **options)
    assert type(model).__name__ == name
    assert type(model).__module__.startswith("transformers_modules")
