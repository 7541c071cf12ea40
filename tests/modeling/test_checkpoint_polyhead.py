import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer, T5Config

from polyhead.configuration.configuration_polyhead import PolyheadConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel

TEXTS = ["the cat sat", "a dog ran far, far away!"]


@pytest.fixture
def saved(make_model, all_tasks, tmp_path):
    """Folder of a saved model with all tasks."""
    make_model(all_tasks()).save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.fixture
def plain_folder(backbone_config, make_tokenizer, tmp_path):
    """Folder of a plain BERT with its tokenizer, as one downloads it."""
    AutoModel.from_config(backbone_config("BERT")).save_pretrained(tmp_path / "plain")
    make_tokenizer().save_pretrained(tmp_path / "plain")
    return tmp_path / "plain"


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unequal(first, second):
    return [name for name in first.keys() | second.keys() if not torch.equal(first[name], second[name])]


def test_new_heads_leave_the_backbone_bit_equal(plain_folder, all_tasks):
    backbone = AutoModel.from_pretrained(plain_folder)
    model = PolyheadModel.from_backbone(str(plain_folder), tasks=all_tasks())
    assert unequal(model.backbone.state_dict(), backbone.state_dict()) == []
    assert sorted(model.polyhead.heads) == ["affect", "entails", "grade", "slots", "tags", "topic", "toxic"]
    assert not model.training
    assert model.encode("a cat").shape == (32,)


def test_a_new_model_follows_the_options_of_its_backbone(plain_folder, all_tasks):
    options = {"dtype": torch.bfloat16, "attn_implementation": "eager"}
    model = PolyheadModel.from_backbone(str(plain_folder), tasks=all_tasks(), projection_dim=8, **options)
    assert {weights.dtype for weights in model.parameters()} == {torch.bfloat16}
    assert model.backbone.config._attn_implementation == "eager"
    assert model.encode("a cat").shape == (8,)


def test_a_sentence_transformers_model_lends_its_settings(minilm_folder):
    config = PolyheadModel.from_backbone(str(minilm_folder)).config
    assert (config.pooling, config.normalize, config.max_length) == ("mean", True, 256)
    own = PolyheadModel.from_backbone(str(minilm_folder), pooling="cls", normalize=False, max_length=64).config
    assert (own.pooling, own.normalize, own.max_length) == ("cls", False, 64)


@pytest.mark.parametrize(("name", "longest"), [("BERT", 40), ("RoBERTa", 39), ("MPNet", 38), ("ModernBERT", 40)])
def test_the_longest_input_fits_the_backbones_positions(make_model, name, longest):
    # 40 positions; RoBERTa's kind starts to count behind the padding's id, 0 here and always 1 in MPNet.
    model = make_model(backbone=name)
    assert model.max_length == longest
    assert model.encode("a " * 100).shape == (32,)


def test_a_maximum_beyond_the_backbones_positions_is_refused(plain_folder):
    with pytest.raises(ValueError, match=r"max_length 41 is more than the 40 tokens"):
        PolyheadModel.from_backbone(str(plain_folder), max_length=41)


def test_a_plain_backbone_is_refused_with_a_hint(plain_folder):
    with pytest.raises(
        ValueError, match=r"is no polyhead checkpoint: .*use PolyheadModel\.from_backbone\(name, tasks="
    ):
        PolyheadModel.from_pretrained(plain_folder)


def test_an_encoder_decoder_is_refused(tmp_path):
    T5Config(d_model=8, num_layers=1, num_heads=1, d_kv=8, d_ff=8, vocab_size=10).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"\(t5\) is an encoder-decoder; choose an encoder, such as BERT"):
        PolyheadModel.from_backbone(str(tmp_path))


def test_everything_comes_back_from_a_saved_model(make_model, all_tasks, tmp_path):
    settings = {"pooling": ["mean", "attention"], "mix_last_layers": 2, "projection_dim": 8, "normalize": False}
    model = make_model(all_tasks(), **settings, max_length=20, prompts={"query": "the: "})
    model.save_pretrained(tmp_path)
    loaded = PolyheadModel.from_pretrained(tmp_path)
    assert loaded.config == model.config
    assert unequal(loaded.state_dict(), model.state_dict()) == []
    assert loaded.predict(TEXTS) == model.predict(TEXTS)
    assert loaded.encode(TEXTS, prompt_name="query").tolist() == model.encode(TEXTS, prompt_name="query").tolist()
    assert not loaded.training


def test_the_file_names_the_backbones_tensors_as_its_own_class_does(saved, backbone_config):
    names = set(load_file(saved / "model.safetensors"))
    plain = set(AutoModel.from_config(backbone_config("BERT")).state_dict())
    assert plain <= names
    assert all(name.startswith("polyhead.") for name in names - plain)


def test_loaded_weights_lie_aligned_wherever_they_stand_in_the_file(saved, plain_folder):
    # Sums over unaligned weights end in another last bit, and one head more in the file moves all others.
    for model in (PolyheadModel.from_pretrained(saved), PolyheadModel.from_backbone(str(plain_folder))):
        assert [name for name, weights in model.named_parameters() if weights.data_ptr() % 64] == []


def test_fields_of_the_backbone_given_while_loading_reach_it(saved):
    model = PolyheadModel.from_pretrained(saved, hidden_dropout_prob=0.3, attn_implementation="eager")
    assert model.backbone.embeddings.dropout.p == 0.3
    assert model.backbone.config._attn_implementation == "eager"


def test_a_resized_vocabulary_is_saved_and_loaded(make_model, all_tasks, tmp_path):
    model = make_model(all_tasks())
    model.tokenizer.add_tokens(["zebra", "okapi"])
    model.resize_token_embeddings(len(model.tokenizer))
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["vocab_size"] == 66
    loaded = PolyheadModel.from_pretrained(tmp_path)
    assert loaded.get_input_embeddings().weight.shape == (66, 32)
    assert loaded.encode(["a zebra"]).tolist() == model.encode(["a zebra"]).tolist()
    assert AutoModel.from_pretrained(tmp_path).get_input_embeddings().weight.shape == (66, 32)


def test_a_task_taken_away_leaves_the_others_bit_equal(saved):
    before = PolyheadModel.from_pretrained(saved).predict(TEXTS)
    config = PolyheadConfig.from_pretrained(saved)
    config.tasks = [task for task in config.tasks if task.name != "topic"]
    after = PolyheadModel.from_pretrained(saved, config=config).predict(TEXTS)
    assert after == {name: rows for name, rows in before.items() if name != "topic"}


def test_a_task_with_another_number_of_labels_does_not_load(saved):
    config = PolyheadConfig.from_pretrained(saved)
    config.task("topic").labels.append("Politics")
    with pytest.raises(RuntimeError, match="ignore_mismatched_sizes"):
        PolyheadModel.from_pretrained(saved, config=config)


def test_heads_dropped_by_another_library_are_missed(saved, tmp_path):
    config = json.loads((saved / "config.json").read_text())
    AutoModel.from_pretrained(saved).save_pretrained(tmp_path / "again")
    (tmp_path / "again" / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        ValueError, match=r"lacks the weights of: polyhead\.heads\.affect\..* and \d+ more\. Their answers"
    ):
        PolyheadModel.from_pretrained(tmp_path / "again")


def test_whoever_asks_gets_what_was_missing(saved):
    weights = load_file(saved / "model.safetensors")
    del weights["polyhead.heads.toxic.output.bias"]
    save_file(weights, saved / "model.safetensors", metadata={"format": "pt"})
    _, info = PolyheadModel.from_pretrained(saved, allow_missing=True, output_loading_info=True)
    assert set(info["missing_keys"]) == {"polyhead.heads.toxic.output.bias"}


def test_weights_that_are_offloaded_are_refused(make_model, tmp_path):
    model = make_model()
    model.backbone.embeddings.word_embeddings.to("meta")
    with pytest.raises(
        ValueError, match=r"cannot save: 1 weights are offloaded, such as backbone\.embeddings\.word_emb"
    ):
        model.save_pretrained(tmp_path)


def test_given_weights_are_saved_in_place_of_the_models_own(make_model, tmp_path):
    model = make_model(projection_dim=8)
    doubled = {name: 2 * tensor for name, tensor in model.state_dict().items()}
    model.save_pretrained(tmp_path, state_dict=doubled)
    assert unequal(PolyheadModel.from_pretrained(tmp_path).state_dict(), doubled) == []
    dense = load_file(tmp_path / "2_Dense" / "model.safetensors")
    assert torch.equal(dense["linear.weight"], doubled["polyhead.projection.weight"])


def test_only_the_main_process_writes(make_model, tmp_path):
    make_model().save_pretrained(tmp_path / "saved", is_main_process=False)
    assert not (tmp_path / "saved").exists() or contents(tmp_path / "saved") == {}


def test_saving_depends_neither_on_use_nor_on_time(make_model, all_tasks, tmp_path):
    model = make_model(all_tasks())
    model.save_pretrained(tmp_path / "fresh")
    model.predict(TEXTS)
    model.save_pretrained(tmp_path / "used")
    model.save_pretrained(tmp_path / "fresh")
    assert contents(tmp_path / "used") == contents(tmp_path / "fresh")


def test_no_path_of_this_machine_is_saved(plain_folder, all_tasks, tmp_path):
    PolyheadModel.from_backbone(str(plain_folder), tasks=all_tasks()).save_pretrained(tmp_path / "one")
    PolyheadModel.from_pretrained(tmp_path / "one").save_pretrained(tmp_path / "two")
    for folder in (tmp_path / "one", tmp_path / "two"):
        leaks = [name for name, data in contents(folder).items() if str(tmp_path).encode() in data]
        assert leaks == []


def test_the_hubs_token_is_never_saved(plain_folder, tmp_path):
    secret = "hf_abcdefghijklmnop"
    PolyheadModel.from_backbone(str(plain_folder), token=secret).save_pretrained(tmp_path / "one")
    model = PolyheadModel.from_pretrained(tmp_path / "one", token=secret)
    model.save_pretrained(tmp_path / "two")
    model.tokenizer = AutoTokenizer.from_pretrained(plain_folder, token=secret)
    model.save_pretrained(tmp_path / "three")
    for name in ("one", "two", "three"):
        assert [file for file, data in contents(tmp_path / name).items() if secret.encode() in data] == []


def test_a_readme_written_by_hand_survives_a_save(saved):
    assert "rendered by polyhead" in (saved / "README.md").read_text(encoding="utf-8")
    (saved / "README.md").write_text("# Mine\n", encoding="utf-8")
    PolyheadModel.from_pretrained(saved).save_pretrained(saved)
    assert (saved / "README.md").read_text(encoding="utf-8") == "# Mine\n"


def test_a_rendered_readme_is_rendered_anew(saved):
    model = PolyheadModel.from_pretrained(saved)
    model.config.results = [{"task": "topic", "metric": "accuracy", "value": 0.875, "dataset": "d", "split": "test"}]
    model.save_pretrained(saved)
    assert "0.8750" in (saved / "README.md").read_text(encoding="utf-8")


def test_a_model_without_a_tokenizer_saves_what_it_has(backbone_config, tmp_path):
    model = PolyheadModel(PolyheadConfig(text_config=backbone_config("BERT")))
    model.save_pretrained(tmp_path)
    assert {"config.json", "model.safetensors", "modeling_polyhead.py"} <= set(contents(tmp_path))
    assert not (tmp_path / "tokenizer.json").exists()
    assert unequal(PolyheadModel.from_pretrained(tmp_path).state_dict(), model.state_dict()) == []


def test_the_code_beside_the_weights_is_flat_and_complete(saved):
    files = {path.name for path in saved.glob("*.py")}
    here = Path(__file__).parents[2]
    assert files == {
        path.name for folder in ("configuration", "modeling") for path in here.glob(f"{folder}/*_polyhead.py")
    }
    climbing = [name for name in files if re.search(r"^\s*from \.\.", (saved / name).read_text("utf-8"), re.MULTILINE)]
    assert climbing == []
