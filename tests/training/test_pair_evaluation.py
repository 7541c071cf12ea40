"""Pairs are scored over their whole split, whatever batches evaluation cuts."""

import numpy as np
import pytest
import torch

from polyhead.configuration.task_kinds_polyhead import LOSSES
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.pair_losses_polyhead import EmbeddedPairs, pair_loss_items
from polyhead.modeling.tokenizing_polyhead import pad
from polyhead.training import pair_evaluation
from polyhead.training.answer_collection import collect_answers, merge_answers
from polyhead.training.evaluation import evaluate_model
from polyhead.training.pair_evaluation import RANKED_TOGETHER, pair_loss

from .conftest import as_dataset, row

MNR = "multiple_negatives_ranking"
TEXTS = ["a cat", "the dog !", "fox", "cat , dog", "no", "the cat .", "dogs", "a b c d e f g"]
ROWS = [
    row((text, other), number, close=float(number % 2))
    for number, (text, other) in enumerate(zip(TEXTS, TEXTS[3:] + TEXTS[:3], strict=True))
]
POSITIVES = [row(pair["text"], number, close=1.0) for number, pair in enumerate(ROWS)]


def closeness(**fields):
    return TaskConfig(name="close", kind="pair_similarity", **fields)


def scores(model, rows, **options):
    return evaluate_model(model, as_dataset(model, rows), **options)["close"]


@pytest.mark.parametrize("loss", LOSSES["pair_similarity"])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_no_score_depends_on_how_evaluation_cuts_its_batches(make_model, loss, batch_size):
    model = make_model([closeness(loss=loss, matryoshka_dims=[32, 8])])
    whole = scores(model, ROWS)
    assert scores(model, ROWS, batch_size=batch_size) == pytest.approx(whole, abs=1e-5)
    assert whole["loss"] > 0


@pytest.mark.parametrize("loss", LOSSES["pair_similarity"])
def test_the_loss_ranks_equal_parts_of_the_rows_in_their_order(loss):
    rows = 2 * RANKED_TOGETHER + 3  # parts of 44, 44 and 43 rows
    pairs = EmbeddedPairs(torch.randn(rows, 4), torch.randn(rows, 4), torch.arange(rows), torch.arange(rows) + rows)
    labels = torch.randint(0, 2, (rows,)).double().numpy()
    parts = [slice(0, 44), slice(44, 88), slice(88, 131)]
    losses = [pair_loss_items(closeness(loss=loss), pairs[part], torch.from_numpy(labels[part])) for part in parts]
    assert pair_loss(closeness(loss=loss), pairs, labels) == pytest.approx(torch.cat(losses).mean().item(), rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES["pair_similarity"])
def test_pairs_that_several_processes_have_read_are_ranked_together(make_model, loss):
    model = make_model([closeness(loss=loss)])
    rows = POSITIVES if loss == MNR else ROWS
    shares = [collect_answers(model, as_dataset(model, rows), process=(number, 3)) for number in range(3)]
    merged = merge_answers(shares)["close"].scores(model.config.task("close"))

    assert merged == pytest.approx(scores(model, rows), abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_rows_are_ranked_in_the_order_of_their_file_and_not_of_the_batches(make_model, monkeypatch, batch_size):
    monkeypatch.setattr(pair_evaluation, "RANKED_TOGETHER", 2)
    model = make_model([closeness(loss=MNR)])
    parts = [scores(model, POSITIVES[start : start + 2])["loss"] for start in (0, 2, 4, 6)]
    assert scores(model, POSITIVES, batch_size=batch_size)["loss"] == pytest.approx(sum(parts) / 4, rel=1e-4)


def test_the_loss_of_a_small_split_is_that_of_one_batch_in_training(make_model):
    model = make_model([closeness(loss=MNR, matryoshka_dims=[32, 8])])
    dataset = as_dataset(model, POSITIVES)
    pad_token_id = model.tokenizer.pad_token_id
    batch = pad([e.first for e in dataset.examples], pad_token_id)
    batch |= pad([e.second for e in dataset.examples], pad_token_id, prefix="pair_")
    with torch.no_grad():
        expected = model(**batch, labels={"close": torch.ones(8)}).loss.item()
    assert scores(model, POSITIVES)["loss"] == pytest.approx(expected, rel=1e-4)


def test_scores_at_a_smaller_size_are_those_of_embeddings_cut_there(make_model):
    model = make_model([closeness(loss="cosent", matryoshka_dims=[32, 8])])
    first = model.encode([pair["text"][0] for pair in ROWS], truncate_dim=8)
    second = model.encode([pair["text"][1] for pair in ROWS], truncate_dim=8)
    expected = np.corrcoef((first * second).sum(1), [pair["labels"]["close"] for pair in ROWS])[0, 1]

    found = scores(model, ROWS)
    assert list(found) == ["loss", "spearman", "pearson", "spearman_8", "pearson_8"]
    assert found["pearson_8"] == pytest.approx(expected, abs=1e-5)
    assert found["pearson_8"] != pytest.approx(found["pearson"], abs=1e-3)


def test_pairs_that_belong_together_are_scored_by_retrieval(make_model):
    model = make_model([closeness(loss=MNR)])
    first, second = model.encode([r["text"][0] for r in POSITIVES]), model.encode([r["text"][1] for r in POSITIVES])
    cosines = first @ second.T
    for number, (text, _) in enumerate(r["text"] for r in POSITIVES):
        itself = [r["text"][1] for r in POSITIVES].index(text)
        cosines[number, itself] = -2  # a text is no wrong answer to itself
    ranks = (cosines >= np.diag(cosines)[:, None]).sum(1)

    found = scores(model, POSITIVES)
    assert list(found) == ["loss", "mrr", "recall_at_1"]
    assert found["mrr"] == pytest.approx((1 / ranks).mean())
    assert found["recall_at_1"] == (ranks == 1).mean()


def test_data_sets_of_one_task_are_ranked_together(make_model):
    model = make_model([closeness(loss=MNR)])
    assert scores(model, {"a": POSITIVES[:2], "b": POSITIVES[2:]}) == pytest.approx(scores(model, POSITIVES))
