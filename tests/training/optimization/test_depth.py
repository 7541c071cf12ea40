import re

import pytest
from torch import nn

from polyhead.training.optimization.depth import depth_map, num_depths

from ..conftest import LOUD, PET

LAYER = re.compile(r"\.(?:layer|layers)\.(\d+)\.")


def test_layers_count_from_below_and_ours_stands_on_top(new_model, backbone_name):
    model = new_model(PET, LOUD, backbone=backbone_name, projection_dim=8, pooling=["mean", "attention"])
    depths = depth_map(model)

    assert set(depths) == {name for name, _ in model.named_parameters()}
    for name, depth in depths.items():
        layer = LAYER.search(name)
        if name.startswith("polyhead."):
            assert depth == num_depths(model) - 1 == 3
        elif layer:
            assert depth == int(layer[1]) + 1
        elif name.startswith("backbone.embeddings."):
            assert depth == 0


def test_albert_has_one_group_of_weights_as_deep_as_its_last_use(new_model):
    depths = depth_map(new_model(PET, backbone="ALBERT"))

    assert {depth for name, depth in depths.items() if "albert_layer_groups" in name} == {2}
    assert depths["backbone.encoder.embedding_hidden_mapping_in.weight"] == 0


def test_what_all_layers_share_acts_from_below_and_what_follows_them_lies_on_top(new_model):
    assert depth_map(new_model(PET, backbone="MPNet"))["backbone.encoder.relative_attention_bias.weight"] == 0
    assert depth_map(new_model(PET, backbone="DeBERTa-v2"))["backbone.encoder.rel_embeddings.weight"] == 0
    assert depth_map(new_model(PET, backbone="ELECTRA"))["backbone.embeddings_project.weight"] == 0
    assert depth_map(new_model(PET, backbone="ModernBERT"))["backbone.final_norm.weight"] == 2
    assert depth_map(new_model(PET, backbone="BERT"))["backbone.pooler.dense.weight"] == 2


def test_a_backbone_without_a_list_of_layers_is_refused(new_model):
    model = new_model(PET)
    model.backbone.encoder = nn.Linear(2, 2)

    with pytest.raises(ValueError, match=r"BertModel has no list of 2 layers.*learning_rates"):
        depth_map(model)
