import math

import pytest
import torch

from polyhead.configuration.configuration_polyhead import POOLINGS
from polyhead.modeling.pooling_polyhead import PARAMETER_FREE, AttentionPooling, LayerMix, Pooling

# Three tokens of width 2, which every expectation below is computed from by hand.
TOKENS = [[1.0, 10.0], [5.0, -2.0], [3.0, 4.0]]
FAR_OFF = [1000.0, -1000.0]  # stands at the padding: any leak of it shows
EXPECTED = {
    "cls": [1.0, 10.0],
    "last_token": [3.0, 4.0],
    "mean": [9 / 3, 12 / 3],
    "mean_sqrt_len": [9 / math.sqrt(3), 12 / math.sqrt(3)],
    "max": [5.0, 10.0],
    "weighted_mean": [(1 * 1 + 2 * 5 + 3 * 3) / 6, (1 * 10 + 2 * -2 + 3 * 4) / 6],
    "attention": [9 / 3, 12 / 3],  # starts as the mean
}


@pytest.fixture(params=POOLINGS)
def kind(request):
    return request.param


@pytest.fixture
def pool(kind):
    """Return the pooling as a function of token embeddings (batch, seq, 2) and mask (batch, seq)."""
    return Pooling([kind], hidden_size=2)


def batch(*rows):
    """Rows of (tokens, mask) as tensors."""
    return torch.tensor([tokens for tokens, _ in rows]), torch.tensor([mask for _, mask in rows])


def test_every_pooling_has_a_hand_computed_expectation():
    assert sorted(EXPECTED) == sorted(POOLINGS) == sorted([*PARAMETER_FREE, "attention"])


def test_pooling_gives_the_hand_computed_vector(pool, kind):
    torch.testing.assert_close(pool(*batch((TOKENS, [1, 1, 1]))), torch.tensor([EXPECTED[kind]]))


@pytest.mark.parametrize(
    ("tokens", "mask"),
    [
        ([*TOKENS, FAR_OFF, FAR_OFF], [1, 1, 1, 0, 0]),
        ([FAR_OFF, FAR_OFF, *TOKENS], [0, 0, 1, 1, 1]),
        ([FAR_OFF, *TOKENS, FAR_OFF], [0, 1, 1, 1, 0]),
        ([TOKENS[0], FAR_OFF, TOKENS[1], FAR_OFF, TOKENS[2]], [1, 0, 1, 0, 1]),
    ],
    ids=["right", "left", "both", "between"],
)
def test_pooling_ignores_padding_wherever_it_stands(pool, kind, tokens, mask):
    torch.testing.assert_close(pool(*batch((tokens, mask))), torch.tensor([EXPECTED[kind]]))


def test_pooling_does_not_mix_the_rows_of_a_batch(pool, kind):
    alone = batch(([*TOKENS, FAR_OFF], [1, 1, 1, 0]))
    beside = batch(([FAR_OFF] * 4, [1, 1, 1, 1]), ([*TOKENS, FAR_OFF], [1, 1, 1, 0]), ([FAR_OFF] * 4, [0, 0, 0, 0]))
    torch.testing.assert_close(pool(*beside)[1], pool(*alone)[0], rtol=0, atol=1e-6)


def test_a_row_of_padding_alone_is_all_zeros(pool):
    pooled = pool(*batch((TOKENS, [0, 0, 0]), (TOKENS, [1, 1, 1])))
    assert pooled[0].tolist() == [0.0, 0.0]
    assert pooled[1].abs().min() > 0


@pytest.mark.parametrize("dtype", [torch.long, torch.bool, torch.float32])
def test_the_mask_may_have_any_type(pool, kind, dtype):
    tokens, mask = batch(([*TOKENS, FAR_OFF], [1, 1, 1, 0]))
    torch.testing.assert_close(pool(tokens, mask.to(dtype)), torch.tensor([EXPECTED[kind]]))


def test_bfloat16_tokens_are_pooled_into_float32(pool):
    tokens, mask = batch((TOKENS, [1, 1, 1]))
    assert pool.bfloat16()(tokens.bfloat16(), mask).dtype == torch.float32


def test_the_mean_over_bfloat16_tokens_keeps_small_addends():
    tokens = torch.tensor([[[4096.0]] + [[1.0]] * 255]).bfloat16()
    pooled = Pooling(["mean"], hidden_size=1)(tokens, torch.ones(1, 256, dtype=torch.long))
    assert pooled.item() == (4096 + 255) / 256


def test_attention_pooling_weighs_by_the_softmax_of_its_scores():
    pooling = AttentionPooling(hidden_size=2)
    with torch.no_grad():
        pooling.scores.copy_(torch.tensor([[1.0, 0.0]]))
    weights = [math.exp(1.0), math.exp(5.0)]
    expected = [(weights[0] * 1 + weights[1] * 5) / sum(weights), (weights[0] * 10 + weights[1] * -2) / sum(weights)]
    torch.testing.assert_close(pooling(*batch((TOKENS, [1, 1, 0]))), torch.tensor([expected]))


def test_each_attention_head_weighs_its_own_slice():
    pooling = AttentionPooling(hidden_size=2, num_attention_heads=2)
    with torch.no_grad():
        pooling.scores.copy_(torch.tensor([[100.0, 0.0], [0.0, 100.0]]))  # each looks for its slice's largest
    torch.testing.assert_close(pooling(*batch((TOKENS, [1, 1, 1]))), torch.tensor([[5.0, 10.0]]))


def test_attention_heads_that_do_not_divide_the_hidden_size_are_refused():
    with pytest.raises(ValueError, match="hidden size 6 is not a multiple of 4 attention heads; choose head_num_atten"):
        AttentionPooling(hidden_size=6, num_attention_heads=4)


def test_several_poolings_are_concatenated_in_the_order_given():
    pooled = Pooling(["cls", "max", "mean"], hidden_size=2)(*batch((TOKENS, [1, 1, 1])))
    torch.testing.assert_close(pooled, torch.tensor([EXPECTED["cls"] + EXPECTED["max"] + EXPECTED["mean"]]))


def test_gradients_reach_every_real_token_and_no_padding(pool, kind):
    tokens, mask = batch(([*TOKENS, FAR_OFF], [1, 1, 1, 0]))
    tokens.requires_grad_()
    pool(tokens, mask).sum().backward()
    reached = tokens.grad[0].abs().sum(-1) > 0
    assert not reached[3]
    assert reached[:3].any()
    if kind not in ("cls", "last_token", "max"):  # these read one token a dimension
        assert reached[:3].all()


def test_the_layer_mix_starts_as_the_mean_of_the_last_layers():
    layers = tuple(torch.full((1, 2, 3), value) for value in (100.0, 1.0, 5.0))
    torch.testing.assert_close(LayerMix(2)(layers), torch.full((1, 2, 3), 3.0))


def test_the_layer_mix_weighs_layers_by_the_softmax_of_its_weights():
    mix = LayerMix(2)
    with torch.no_grad():
        mix.weights.copy_(torch.tensor([0.0, math.log(3.0)]))  # softmax: 1/4 and 3/4
    layers = tuple(torch.full((1, 1, 1), value) for value in (100.0, 1.0, 5.0))
    assert mix(layers).item() == pytest.approx(0.25 * 1 + 0.75 * 5)
