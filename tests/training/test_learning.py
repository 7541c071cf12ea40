"""A tiny model learns each kind of task by heart in a few seconds."""

import itertools
import random

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.evaluation import evaluate_model

from .conftest import LOUD, PET, SAME, SLOTS, as_dataset, row

FAST = {"learning_rates": {"backbone": 2e-3, "heads": 1e-2}, "per_device_train_batch_size": 8, "num_train_epochs": 12}
NOISE = ["the", "a", "so", "it", "no", "up"]
YEARS = TaskConfig(name="years", kind="regression", target_mean=[2000.0], target_scale=[1.0])
SIZE = TaskConfig(name="size", kind="ordinal_regression", labels=["none", "one", "both"])
SEEN = TaskConfig(name="seen", kind="multi_label_classification", labels=["cat", "dog"])
NEAR = TaskConfig(name="near", kind="pair_similarity", value_range=[1, 5])


def sentences(number=40):
    """Words in which a cat and a dog may stand, and a mark at the end."""
    draw = random.Random(0)
    for _ in range(number):
        pets = draw.choice([[], ["cat"], ["dog"], ["cat", "dog"]])
        words = draw.sample(NOISE, draw.randint(1, 3)) + pets
        draw.shuffle(words)
        yield words, set(pets), draw.choice([[], ["!"]])


@pytest.fixture
def scores_of(new_model, trainer_for):
    def _scores_of(rows, *tasks, **options):
        model = new_model(*tasks, seed=1)
        trainer_for(model, rows, **{**FAST, **options}).train()
        return evaluate_model(model, as_dataset(model, rows)), model

    return _scores_of


def test_two_tasks_of_one_sentence(scores_of):
    rows = []
    for number, (words, pets, end) in enumerate(sentences()):
        pet = 2 if len(pets) != 1 else ["cat", "dog"].index(next(iter(pets)))
        rows.append(row(" ".join(words + end), number, pet=pet, loud=int(bool(end))))
    scores, model = scores_of(rows, PET, LOUD, num_train_epochs=20)

    assert scores["pet"]["accuracy"] > 0.95
    assert scores["loud"]["accuracy"] > 0.95
    assert model.predict("a dog !", ["loud"])["loud"]["label"] == "yes"


def test_tags_of_words(scores_of):
    rows = [
        row(words + end, number, slots=[int(word in pets) for word in words + end])
        for number, (words, pets, end) in enumerate(sentences())
    ]
    scores, model = scores_of(rows, SLOTS, num_train_epochs=6)

    assert scores["slots"]["f1"] > 0.95
    (found,) = model.predict("so the dog")["slots"]["entities"]
    assert (found["label"], found["start"], found["end"], found["text"]) == ("pet", 7, 10, "dog")


def test_pairs_of_texts(scores_of):
    texts = [(" ".join(words), sorted(pets)) for words, pets, _ in sentences(41)]
    rows = [
        row((first, second), number, same=int(pets == others), near=5.0 if pets == others else 1.0)
        for number, ((first, pets), (second, others)) in enumerate(itertools.pairwise(texts))
    ]
    scores, model = scores_of(rows, SAME, NEAR, num_train_epochs=25)

    assert scores["same"]["accuracy"] > 0.95
    assert scores["near"]["pearson"] > 0.95
    near, far = (answer["value"] for answer in model.predict([("a cat", "the cat"), ("a cat", "the dog")])["near"])
    assert near > far + 0.5


def test_numbers_come_in_the_datas_own_unit(scores_of):
    rows = [
        row(" ".join(words + end), number, years=2000.0 + len(pets))
        for number, (words, pets, end) in enumerate(sentences())
    ]
    scores, model = scores_of(rows, YEARS, num_train_epochs=25)

    assert scores["years"]["mae"] < 0.15
    assert model.predict("the cat so")["years"]["value"] == pytest.approx(2001, abs=0.4)


def test_ordered_and_several_labels(scores_of):
    rows = [
        row(" ".join(words + end), number, size=len(pets), seen=[float("cat" in pets), float("dog" in pets)])
        for number, (words, pets, end) in enumerate(sentences())
    ]
    scores, model = scores_of(rows, SIZE, SEEN, num_train_epochs=20)

    assert scores["size"]["accuracy"] > 0.95
    assert scores["seen"]["f1_macro"] > 0.95
    assert model.predict("cat dog")["seen"]["labels"] == ["cat", "dog"]
