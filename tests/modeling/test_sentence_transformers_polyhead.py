import json

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from polyhead.configuration.configuration_polyhead import POOLINGS
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.sentence_transformers_polyhead import POOLING_FLAGS, read_settings

TEXTS = ["the cat sat", "a dog ran far, far away!", " zebra\n", "the " * 100]
SETTINGS = {
    **{pooling: {"pooling": pooling} for pooling in POOLING_FLAGS},
    "several": {"pooling": ["last_token", "mean", "cls"]},
    "projection": {"pooling": "mean", "projection_dim": 8},
    "several with projection": {"pooling": ["mean", "max"], "projection_dim": 8},
    "unnormalized": {"normalize": False},
    "short": {"max_length": 5},
}


def sentence_transformer(folder):
    """Load as anyone would: without trust in the folder's code."""
    return SentenceTransformer(str(folder), device="cpu")


def test_every_pooling_that_both_sides_have_is_compared():
    assert {*POOLING_FLAGS, "attention"} == set(POOLINGS)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_sentence_transformers_gives_the_same_embeddings(make_model, all_tasks, tmp_path, settings):
    model = make_model(all_tasks(), **settings)
    model.save_pretrained(tmp_path)
    theirs = sentence_transformer(tmp_path)
    expected = model.encode(TEXTS)
    np.testing.assert_allclose(theirs.encode(TEXTS), expected, rtol=1e-6, atol=1e-6)
    assert theirs.max_seq_length == model.max_length


def test_sentence_transformers_gives_the_same_embeddings_on_any_architecture(make_model, backbone_name, tmp_path):
    model = make_model(backbone=backbone_name)
    model.save_pretrained(tmp_path)
    np.testing.assert_allclose(sentence_transformer(tmp_path).encode(TEXTS), model.encode(TEXTS), rtol=1e-6, atol=1e-6)


def test_the_real_minilm_gives_the_same_embeddings_before_and_after(minilm_folder, all_tasks, tmp_path):
    model = PolyheadModel.from_backbone(str(minilm_folder), tasks=all_tasks())
    model.save_pretrained(tmp_path)
    before = sentence_transformer(minilm_folder).encode(TEXTS)
    np.testing.assert_allclose(model.encode(TEXTS), before, rtol=0, atol=1e-6)
    np.testing.assert_allclose(sentence_transformer(tmp_path).encode(TEXTS), before, rtol=0, atol=1e-6)


def test_prompts_are_shared(make_model, tmp_path):
    model = make_model(prompts={"query": "the: ", "other": "a: "}, default_prompt_name="query")
    model.save_pretrained(tmp_path)
    theirs = sentence_transformer(tmp_path)
    np.testing.assert_allclose(theirs.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
    other = model.encode(TEXTS, prompt_name="other")
    np.testing.assert_allclose(theirs.encode(TEXTS, prompt_name="other"), other, atol=1e-6)
    assert np.abs(other - model.encode(TEXTS)).max() > 1e-3


@pytest.mark.parametrize(
    "settings", [{"pooling": "attention"}, {"pooling": ["mean", "attention"]}, {"mix_last_layers": 2}]
)
def test_what_sentence_transformers_cannot_do_fails_loudly(make_model, tmp_path, settings):
    make_model(**settings).save_pretrained(tmp_path)
    with pytest.raises(Exception, match="NotInSentenceTransformers_LoadWithPolyhead"):
        sentence_transformer(tmp_path)


@pytest.mark.parametrize("settings", [*SETTINGS.values()], ids=SETTINGS)
def test_what_is_written_is_read_as_the_settings_of_a_backbone(make_model, tmp_path, settings):
    model = make_model(**settings)
    model.save_pretrained(tmp_path)
    read = read_settings(str(tmp_path))
    assert read["normalize"] == model.config.normalize
    assert read["max_length"] == model.max_length
    pooling = [read["pooling"]] if isinstance(read["pooling"], str) else read["pooling"]
    assert sorted(pooling) == sorted(model.config.poolings)


def test_a_folder_that_is_no_sentence_transformer_lends_nothing(tmp_path):
    assert read_settings(str(tmp_path)) == {}


def test_layers_that_are_not_taken_over_are_named(make_model, tmp_path, caplog):
    make_model(projection_dim=8).save_pretrained(tmp_path)
    read_settings(str(tmp_path))
    assert [record.getMessage() for record in caplog.records if "not taken over" in record.getMessage()] == [
        f"'{tmp_path}' has layers that are not taken over, so its embeddings will differ: Dense."
    ]


def test_empty_prompts_of_a_backbone_are_no_prompts(make_model, tmp_path):
    make_model().save_pretrained(tmp_path)
    described = {"prompts": {"query": "q: ", "document": ""}, "default_prompt_name": "document"}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(described))
    settings = read_settings(str(tmp_path))
    assert (settings["prompts"], settings["default_prompt_name"]) == ({"query": "q: "}, None)


@pytest.mark.parametrize(
    ("described", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, ["mean", "max"]),
        ({"pooling_mode": "lasttoken"}, "last_token"),
        ({"pooling_mode": ["weightedmean", "mean_sqrt_len_tokens"]}, ["weighted_mean", "mean_sqrt_len"]),
        ({}, "mean"),
    ],
)
def test_both_ways_of_writing_a_pooling_are_read(tmp_path, described, pooling):
    modules = [{"idx": 0, "name": "0", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(described))
    assert read_settings(str(tmp_path))["pooling"] == pooling
