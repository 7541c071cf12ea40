import socket

import pytest
from transformers import AutoConfig, BertConfig

from polyhead.modeling import backbone_polyhead
from polyhead.modeling.backbone_polyhead import (
    OFFLINE_NAME,
    check_backbone,
    hub_is_reachable,
    load_backbone,
    resolve_backbone,
)


def test_a_folder_is_its_own_address(backbone_config, tmp_path):
    backbone_config("BERT").save_pretrained(tmp_path)
    assert resolve_backbone(str(tmp_path)) == str(tmp_path)


def test_minilm_comes_from_its_package_where_the_hub_is_out_of_reach(minilm_folder):
    assert resolve_backbone(OFFLINE_NAME) == str(minilm_folder)
    backbone, tokenizer, settings = load_backbone(OFFLINE_NAME)
    assert (backbone.config.hidden_size, len(tokenizer), settings["pooling"]) == (384, 30522, "mean")


@pytest.mark.parametrize("name", ["nobody/nothing", "/no/such/folder", "sentence-transformers/all-MiniLM-L6-v3"])
def test_a_name_that_cannot_be_loaded_is_refused_with_what_to_do(name):
    with pytest.raises(ValueError, match=rf"backbone '{name}' cannot be loaded: .*pip install 'polyhead\[offline\]'"):
        load_backbone(name)


def test_nothing_connects_in_offline_mode(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert not hub_is_reachable()


def test_a_host_that_takes_no_connection_is_unreachable(monkeypatch):
    with socket.socket() as unused:  # bound, so that nobody else listens there
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(backbone_polyhead, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(backbone_polyhead, "getproxies", dict)
        monkeypatch.setattr(backbone_polyhead, "ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert not hub_is_reachable(timeout_seconds=1)
        unused.listen()
        assert hub_is_reachable(timeout_seconds=1)


def test_code_of_a_backbones_own_is_refused(backbone_config, tmp_path):
    backbone_config("BERT").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="backbones with code of their own are not supported, because a checkpoint"):
        load_backbone(str(tmp_path), trust_remote_code=True)


def test_a_backbone_that_names_code_is_loaded_as_transformers_own_class(backbone_config):
    config = backbone_config("BERT")
    config.auto_map = {"AutoModel": "evil.Model"}
    check_backbone("some", config)
    assert not hasattr(config, "auto_map")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (AutoConfig.for_model("bart"), r"'some' \(bart\) is an encoder-decoder; choose an encoder, such as BERT"),
        (AutoConfig.for_model("t5"), r"'some' \(t5\) is an encoder-decoder"),
        (AutoConfig.for_model("clip"), r"'some' \(clip\) has no single hidden size; choose a text encoder"),
    ],
    ids=["bart", "t5", "clip"],
)
def test_what_is_no_text_encoder_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        check_backbone("some", config)


def test_every_architecture_passes(backbone_config, backbone_name):
    check_backbone("some", backbone_config(backbone_name))
    check_backbone("some", BertConfig())
