import math

import pytest
import torch
from torch.nn import functional

from polyhead.configuration.configuration_polyhead import PolyheadConfig
from polyhead.configuration.task_kinds_polyhead import LOSSES
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.losses_polyhead import count_labelled
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.pair_losses_polyhead import (
    EmbeddedPairs,
    multiple_negatives_items,
    number_texts,
    pair_loss_items,
)

NAN = float("nan")
MNR = "multiple_negatives_ranking"
E = math.exp


def closeness(**fields):
    return TaskConfig(name="close", kind="pair_similarity", **fields)


def pairs(first, second, first_numbers=None, second_numbers=None):
    """Pairs of texts that all differ, unless numbers are given."""
    rows = len(first)
    return EmbeddedPairs(
        torch.tensor(first, dtype=torch.float32),
        torch.tensor(second, dtype=torch.float32),
        torch.tensor(first_numbers or list(range(rows))),
        torch.tensor(second_numbers or list(range(rows, 2 * rows))),
    )


# Cosines of each first text with each second one: (1, 0) with 0.6 and 0; (0, 1) with 0.8 and 1.
TWO = ([[2.0, 0.0], [0.0, 1.0]], [[0.6, 0.8], [0.0, 3.0]])
# Unit vectors: cosines of (1, 0) are 1, 0, -1; of (0, 1): 0, 1, 0; of (0.6, 0.8): 0.6, 0.8, -0.6.
THREE = ([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])


def check(losses, expected):
    torch.testing.assert_close(losses, torch.tensor(expected, dtype=torch.float32), rtol=1e-5, atol=1e-6)


def test_a_pair_is_ranked_among_the_second_texts_of_all_pairs():
    # -log of the softmax at the own second text, cosines times 20.
    check(multiple_negatives_items(pairs(*TWO)), [math.log(1 + E(20 * (0 - 0.6))), math.log(1 + E(20 * (0.8 - 1)))])


def test_the_scale_is_the_inverse_temperature():
    expected = [
        math.log(E(1) + E(0) + E(-1)) - 1,
        math.log(E(0) + E(1) + E(0)) - 1,
        math.log(E(0.6) + E(0.8) + E(-0.6)) + 0.6,
    ]
    check(multiple_negatives_items(pairs(*THREE), scale=1.0), expected)


@pytest.mark.parametrize(
    ("first_numbers", "second_numbers"),
    [
        ([0, 1, 2], [3, 4, 3]),  # the third pair has the second text of the first
        ([0, 1, 0], [3, 4, 5]),  # ... or its first text
    ],
)
def test_duplicates_are_no_negatives_of_each_other(first_numbers, second_numbers):
    expected = [
        math.log(E(1) + E(0)) - 1,  # without the third second text
        math.log(E(0) + E(1) + E(0)) - 1,
        math.log(E(0.8) + E(-0.6)) + 0.6,  # without the first one
    ]
    check(multiple_negatives_items(pairs(*THREE, first_numbers, second_numbers), scale=1.0), expected)


def test_a_text_is_no_negative_of_itself():
    # The second text of the third pair is the first text of the first pair.
    expected = [
        math.log(E(1) + E(0)) - 1,
        math.log(E(0) + E(1) + E(0)) - 1,
        math.log(E(0.6) + E(0.8) + E(-0.6)) + 0.6,
    ]
    check(multiple_negatives_items(pairs(*THREE, [5, 1, 2], [3, 4, 5]), scale=1.0), expected)


def test_a_pair_alone_has_no_negatives_and_sends_no_gradient():
    first = torch.tensor([[1.0, 0.0]], requires_grad=True)
    alone = EmbeddedPairs(first, torch.tensor([[0.0, 1.0]]), torch.tensor([0]), torch.tensor([1]))
    losses = multiple_negatives_items(alone)
    losses.sum().backward()
    assert (losses.tolist(), first.grad.tolist()) == ([0.0], [[0.0, 0.0]])


def test_only_pairs_at_the_top_of_the_range_belong_together_and_only_they_are_negatives():
    task, labels = closeness(loss=MNR, value_range=[0, 5]), torch.tensor([5.0, 4.9, NAN, 5.0])
    first, second = [[1.0, 0.0], [9.0, 9.0], [8.0, 8.0], [0.0, 1.0]], [[0.6, 0.8], [7.0, 7.0], [6.0, 6.0], [0.0, 1.0]]
    losses = pair_loss_items(task, pairs(first, second), labels)
    check(losses, multiple_negatives_items(pairs(*TWO)).tolist())
    assert count_labelled(task, labels).item() == len(losses) == 2


@pytest.mark.parametrize("loss", LOSSES["pair_similarity"])
def test_without_any_label_there_is_no_item(loss):
    labels = torch.tensor([NAN, NAN])
    assert pair_loss_items(closeness(loss=loss), pairs(*TWO), labels).shape == (0,)
    assert count_labelled(closeness(loss=loss), labels).item() == 0


@pytest.mark.parametrize("loss", LOSSES["pair_similarity"])
def test_a_matryoshka_loss_is_the_mean_over_the_truncated_embeddings(loss):
    first, second, labels = torch.randn(4, 6), torch.randn(4, 6), torch.tensor([0.0, 1.0, 1.0, NAN])
    numbers = (torch.arange(4), torch.arange(4, 8))
    alone = [
        pair_loss_items(closeness(loss=loss), EmbeddedPairs(first[:, :dim], second[:, :dim], *numbers), labels)
        for dim in (6, 3, 1)
    ]
    nested = pair_loss_items(
        closeness(loss=loss, matryoshka_dims=[6, 3, 1]), EmbeddedPairs(first, second, *numbers), labels
    )
    torch.testing.assert_close(nested, (alone[0] + alone[1] + alone[2]) / 3)


def test_mse_at_two_sizes_by_hand():
    # Cosine of (3, 4) with (3, 0): 0.6 in both dimensions, 1 in the first alone; the label is 0.5.
    losses = pair_loss_items(closeness(matryoshka_dims=[2, 1]), pairs([[3.0, 4.0]], [[3.0, 0.0]]), torch.tensor([0.5]))
    check(losses, [(0.1**2 + 0.5**2) / 2])


def test_texts_have_one_number_if_their_tokens_are_equal_whatever_the_padding():
    first = torch.tensor([[2, 7, 3, 9], [2, 8, 3, 0], [2, 7, 3, 0]])
    second = torch.tensor([[2, 7, 3], [2, 9, 3], [2, 8, 3]])
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0]])  # the first 9 is padding
    numbers = torch.cat(number_texts(first, mask, second, torch.ones_like(second))).tolist()
    a, b, c = numbers[0], numbers[1], numbers[4]
    assert numbers == [a, b, a, a, c, b]
    assert len({a, b, c}) == 3


def test_padding_is_not_taken_for_a_token():
    longer, shorter = torch.tensor([[2, 0, 0], [2, 0, 0]]), torch.tensor([[2], [4]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    numbers = torch.cat(number_texts(longer, mask, shorter, torch.ones_like(shorter))).tolist()
    assert numbers[0] not in numbers[1:]  # "2 0" is another text than "2"
    assert numbers[1] == numbers[2]


def test_texts_without_token_ids_count_as_different():
    mask = torch.ones(2, 3)
    assert torch.cat(number_texts(None, mask, torch.ones(2, 3), mask)).unique().shape == (4,)


@pytest.mark.parametrize("loss", LOSSES["pair_similarity"])
@pytest.mark.parametrize("dims", [None, [8, 2]])
def test_the_loss_of_a_batch_is_that_of_its_embeddings_and_reaches_the_backbone(make_model, inputs, loss, dims):
    task = closeness(loss=loss, matryoshka_dims=dims)
    model = make_model([task], projection_dim=8)
    labels = torch.tensor([1.0, 0.5, 1.0])
    output = model(**inputs, labels={"close": labels})
    embedded = pairs(output.sentence_embedding.tolist(), output.pair_sentence_embedding.tolist())
    torch.testing.assert_close(output.losses["close"], pair_loss_items(task, embedded, labels).mean())
    output.loss.backward()
    assert model.backbone.embeddings.word_embeddings.weight.grad.abs().sum() > 0
    assert model.polyhead.projection.weight.grad.abs().sum() > 0


def test_the_model_knows_equal_texts_by_their_tokens(make_model, inputs):
    model = make_model([closeness(loss=MNR)])
    assert model(**inputs, labels={"close": torch.ones(3)}).loss > 0
    thrice = {name: tensor[[1, 1, 1]] for name, tensor in inputs.items()}
    assert model(**thrice, labels={"close": torch.ones(3)}).loss == 0  # no negative is left
    one_question = inputs | {name: tensor[[1, 1, 1]] for name, tensor in inputs.items() if "pair" not in name}
    assert model(**one_question, labels={"close": torch.ones(3)}).loss == 0


def test_the_embedding_of_the_second_text_is_what_it_is_alone(make_model, inputs):
    model = make_model([closeness()], projection_dim=8)
    output = model(**inputs, normalize=False)
    alone = model(inputs["pair_input_ids"], inputs["pair_attention_mask"], normalize=False)
    torch.testing.assert_close(output.pair_sentence_embedding, alone.sentence_embedding)
    torch.testing.assert_close(
        model(**inputs).pair_sentence_embedding, functional.normalize(alone.sentence_embedding, dim=-1)
    )
    assert alone.pair_sentence_embedding is None


def test_cosines_are_not_rounded_under_autocast(make_model, inputs):
    first, second = torch.randn(8, 16), torch.randn(8, 16)
    embedded = EmbeddedPairs(first, second, torch.arange(8), torch.arange(8, 16))
    with torch.autocast("cpu", torch.bfloat16):
        cosines = embedded.cosines_with(embedded)
    assert torch.equal(cosines, embedded.cosines_with(embedded))
    torch.testing.assert_close(cosines.diagonal(), functional.cosine_similarity(first, second))


def test_matryoshka_dimensions_beyond_the_embedding_are_refused_when_the_model_is_built(make_model):
    task = closeness(matryoshka_dims=[16, 8])
    with pytest.raises(
        ValueError, match=r"'close', field 'matryoshka_dims': 16 is more than the 8 dimensions .* from 1 to 8"
    ):
        make_model([task], projection_dim=8)
    assert make_model([task]).config.embedding_size == 32


def test_loss_and_dimensions_survive_the_checkpoint(make_model, inputs, tmp_path):
    model = make_model([closeness(loss=MNR, matryoshka_dims=[32, 8])])
    model.save_pretrained(tmp_path)
    loaded = PolyheadModel.from_pretrained(tmp_path)
    (task,) = loaded.config.tasks
    assert (task.loss, task.matryoshka_dims) == (MNR, [32, 8])
    labels = {"close": torch.ones(3)}
    assert torch.equal(loaded(**inputs, labels=labels).loss, model(**inputs, labels=labels).loss)


def test_a_checkpoint_without_these_fields_loads_unchanged():
    config = PolyheadConfig(tasks=[{"name": "close", "kind": "pair_similarity", "loss": "cosent"}])
    assert config.tasks[0].matryoshka_dims is None
    assert config.to_dict()["polyhead"]["tasks"] == [{"name": "close", "kind": "pair_similarity", "loss": "cosent"}]
