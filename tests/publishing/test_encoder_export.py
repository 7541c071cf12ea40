import json

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

from polyhead.modeling.sentence_transformers_polyhead import POOLING_FLAGS
from polyhead.publishing.encoder_export import export_encoder

TEXTS = ["the cat sat", "a dog ran far, far away!", " zebra\n", "the " * 100]
SETTINGS = {
    **{pooling: {"pooling": pooling} for pooling in POOLING_FLAGS},
    "several with projection": {"pooling": ["mean", "max"], "projection_dim": 8},
    "unnormalized": {"normalize": False},
    "short": {"max_length": 5},
    "prompt": {"prompts": {"query": "the: "}, "default_prompt_name": "query"},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_sentence_transformers_gives_the_embeddings_of_encode(make_model, all_tasks, tmp_path, settings):
    model = make_model(all_tasks(), **settings)
    export_encoder(model, tmp_path / "out")
    theirs = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    np.testing.assert_allclose(theirs.encode(TEXTS), model.encode(TEXTS), rtol=1e-6, atol=1e-6)


def test_the_plain_classes_of_transformers_load_it_without_a_word(make_model, all_tasks, tmp_path, backbone_name):
    model = make_model(all_tasks(), backbone=backbone_name)
    export_encoder(model, tmp_path / "out")
    plain, info = AutoModel.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert type(plain) is type(model.backbone)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    weights = model.backbone.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in plain.state_dict().items())
    assert AutoTokenizer.from_pretrained(tmp_path / "out")(TEXTS)["input_ids"] == model.tokenizer(TEXTS)["input_ids"]


def test_nothing_of_polyhead_is_left_in_the_folder(make_model, all_tasks, tmp_path):
    model = make_model(all_tasks(), projection_dim=8)
    model.save_pretrained(tmp_path / "first")
    export_encoder(type(model).from_pretrained(tmp_path / "first"), tmp_path / "out")
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "modules.json"),
        *("sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json"),
        *("2_Dense/config.json", "2_Dense/model.safetensors"),
    }
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architectures"] == ["BertModel"]
    assert not {"polyhead", "auto_map", "id2label", "_name_or_path"} & set(config)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"pooling": "attention"}, "this model has pooling 'attention', which sentence-transformers cannot express"),
        ({"pooling": ["mean", "attention"], "mix_last_layers": 2}, "'attention' and mix_last_layers 2, which"),
    ],
)
def test_poolings_that_sentence_transformers_lacks_are_refused(make_model, tmp_path, settings, told):
    with pytest.raises(ValueError, match=told):
        export_encoder(make_model(**settings), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
