"""Contrastive tasks train the embedding itself, beside the heads."""

import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.evaluation import evaluate_model

from .conftest import PET, as_dataset, moved, row, weights

WORDS = ["cat", "dog", "fox", "the", "hat", "sun", "old", "map"]
# What belongs together has no word in common.
PAIRS = [row((f"a {word}", f"{WORDS[number - 3]} !"), number, answer=1.0) for number, word in enumerate(WORDS)]
PETS = [row(word, number, pet=min(number, 2)) for number, word in enumerate(WORDS)]
FAST = {"learning_rates": {"backbone": 1e-2, "heads": 1e-2}, "lr_scheduler_type": "constant"}


def answer(**fields):
    return TaskConfig(name="answer", kind="pair_similarity", loss="multiple_negatives_ranking", **fields)


def test_pairs_and_labels_are_learned_together_at_every_size(new_model, trainer_for):
    model = new_model(answer(matryoshka_dims=[32, 8]), PET, seed=1)
    data = {"pairs": PAIRS, "pets": PETS}
    before = evaluate_model(model, as_dataset(model, data))
    trainer_for(model, data, num_train_epochs=20, per_device_train_batch_size=8, **FAST).train()

    after = evaluate_model(model, as_dataset(model, data))
    assert before["answer"]["recall_at_1"] < 0.3
    assert (after["answer"]["recall_at_1"], after["answer"]["recall_at_1_8"]) == (1.0, 1.0)
    assert after["pet"]["accuracy"] == 1.0


@pytest.mark.parametrize("loss", ["cosent", "multiple_negatives_ranking"])
def test_the_logged_loss_is_the_mean_over_pairs_of_batches_ranked_apart(new_model, trainer_for, loss):
    task = TaskConfig(name="answer", kind="pair_similarity", loss=loss)
    model = new_model(task)
    data = [row(pair["text"], number, answer=float(number % 3 > 0)) for number, pair in enumerate(PAIRS)]
    losses, counts = [], []
    dataset = as_dataset(model, data)
    trainer = trainer_for(
        model,
        data,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        max_steps=1,
        logging_steps=1,
        train_sampling_strategy="random",
    )
    for batch in trainer.get_train_dataloader():
        batch.pop("where")
        with torch.no_grad():
            losses.append(model(**batch).losses["answer"].item())
        labels = batch["labels"]["answer"]
        counts.append(int((labels == 1).sum()) if loss == "multiple_negatives_ranking" else len(labels))
    assert len(dataset) == 8
    trainer.train()

    expected = sum(value * count for value, count in zip(losses, counts, strict=True)) / sum(counts)
    (logged,) = [entry["loss/answer"] for entry in trainer.state.log_history if "loss/answer" in entry]
    assert logged == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("sizes", [{"per_device_train_batch_size": 1}, {"batch_sizes": {"toy": 1}}], ids=str)
def test_batches_of_one_row_are_refused_because_they_would_teach_nothing(new_model, trainer_for, sizes):
    trainer = trainer_for(new_model(answer()), PAIRS, gradient_accumulation_steps=8, **sizes)
    with pytest.raises(ValueError, match=r"'answer': loss multiple_negatives_ranking .* 'toy' has batches of 1 row"):
        trainer.train()


def test_batches_of_one_row_are_fine_where_nothing_is_ranked(new_model, trainer_for):
    model = new_model(TaskConfig(name="answer", kind="pair_similarity"))
    before = weights(model)
    trainer_for(model, PAIRS, per_device_train_batch_size=1, max_steps=1, warmup_steps=0).train()
    assert moved(before, weights(model))


@pytest.mark.parametrize("loss", ["cosent", "multiple_negatives_ranking"])
def test_a_broken_embedding_is_told_with_its_rows(new_model, trainer_for, loss):
    model = new_model(TaskConfig(name="answer", kind="pair_similarity", loss=loss))
    with torch.no_grad():  # the vector of "!", which stands in one row only
        broken = model.tokenizer.convert_tokens_to_ids("!")
        model.backbone.embeddings.word_embeddings.weight[broken] = float("nan")
    data = [row(("cat", "dog"), 1, answer=1.0), row(("fox", "fox !"), 2, answer=1.0), row(("a", "the"), 3, answer=0.0)]
    trainer = trainer_for(model, data, per_device_train_batch_size=3, max_steps=1)
    with pytest.raises(FloatingPointError, match=r"task 'answer': loss nan on toy\.jsonl:2\. "):
        trainer.train()
