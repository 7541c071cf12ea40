import pytest
import torch
from torch import nn

from polyhead.modeling.heads_polyhead import Head, SentencePooling, pair_features


def test_a_linear_head_is_one_affine_map():
    head = Head(2, 2, dropout=0.0)
    with torch.no_grad():
        head.output.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        head.output.bias.copy_(torch.tensor([0.5, -0.5]))
    # [1*5 + 2*6 + 0.5, 3*5 + 4*6 - 0.5]
    assert head(torch.tensor([[5.0, 6.0]])).tolist() == [[17.5, 38.5]]


def test_an_mlp_head_goes_through_its_hidden_layers():
    head = Head(2, 1, dropout=0.0, hidden_size=2, num_hidden_layers=2, activation="relu", layer_norm=False)
    first, second = (layer for layer in head.hidden if isinstance(layer, nn.Linear))
    with torch.no_grad():
        for layer, weight in ((first, [[1.0, 0.0], [0.0, -1.0]]), (second, [[2.0, 0.0], [1.0, 1.0]])):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.zero_()
        head.output.weight.copy_(torch.tensor([[1.0, 10.0]]))
        head.output.bias.zero_()
    # [3, 4] -> relu [3, -4] = [3, 0] -> [6, 3] -> 6 + 30
    assert head(torch.tensor([[3.0, 4.0]])).item() == 36.0


@pytest.mark.parametrize("layer_norm", [True, False])
def test_layer_norm_follows_each_hidden_layer_where_asked_for(layer_norm):
    head = Head(4, 2, num_hidden_layers=3, layer_norm=layer_norm)
    assert sum(isinstance(layer, nn.LayerNorm) for layer in head.hidden) == (3 if layer_norm else 0)


@pytest.mark.parametrize(("hidden_size", "width"), [(None, 4), (7, 7)])
def test_hidden_layers_have_the_width_asked_for_or_that_of_the_input(hidden_size, width):
    head = Head(4, 2, num_hidden_layers=2, hidden_size=hidden_size)
    shapes = [tuple(layer.weight.shape) for layer in head.hidden if isinstance(layer, nn.Linear)]
    assert shapes == [(width, 4), (width, width)]
    assert head(torch.randn(3, 4)).shape == (3, 2)


def test_dropout_acts_in_training_only():
    head = Head(64, 8, dropout=0.5)
    features = torch.randn(4, 64)
    assert not torch.equal(head(features), head(features))
    head.eval()
    assert torch.equal(head(features), head(features))


def test_logits_are_float32_also_under_bfloat16_weights():
    assert Head(4, 2, num_hidden_layers=1).bfloat16()(torch.randn(3, 4)).dtype == torch.float32


def test_a_head_reads_single_vectors_and_sequences_of_them():
    head = Head(4, 3).eval()
    features = torch.randn(2, 5, 4)
    assert head(features).shape == (2, 5, 3)
    torch.testing.assert_close(head(features)[1, 2], head(features[1, 2]))


def test_an_unknown_activation_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"head_activation 'swoosh' is unknown; choose from .*gelu.*relu"):
        Head(4, 2, num_hidden_layers=1, activation="swoosh")


def test_a_heads_own_pooling_is_normalised_where_asked_for():
    tokens, mask = torch.randn(2, 3, 8), torch.ones(2, 3)
    pooled = SentencePooling(8, num_attention_heads=2, layer_norm=True)(tokens, mask)
    torch.testing.assert_close(pooled.mean(-1), torch.zeros(2), rtol=0, atol=1e-6)
    plain = SentencePooling(8, num_attention_heads=2, layer_norm=False)
    torch.testing.assert_close(plain(tokens, mask), plain.attention(tokens, mask))


def test_pair_features_are_both_vectors_their_distance_and_their_product():
    combined = pair_features(torch.tensor([[1.0, 5.0]]), torch.tensor([[3.0, 2.0]]))
    assert combined.tolist() == [[1, 5, 3, 2, 2, 3, 3, 10]]
