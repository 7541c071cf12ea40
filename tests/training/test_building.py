"""The model that a recipe asks for."""

import pytest
import torch
import yaml

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.building import build_model
from polyhead.training.data.rows import LoadedData
from polyhead.training.recipe.recipe import load_recipe

from .conftest import PET, row

TASKS = [TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b"])]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
ARCHITECTURES = {
    "bert": SIZES,
    "roberta": SIZES,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48},
    "modernbert": {**SIZES, "local_attention": 8},
    "electra": {**SIZES, "embedding_size": 16},
    "albert": {**SIZES, "embedding_size": 16},
    "deberta-v2": SIZES,
    "mpnet": SIZES,
}


@pytest.fixture
def build(tmp_path):
    """Build what the section `model` says, for rows of every kind."""
    words = row(["gamma", "delta"])
    rows = {"posts": [row("alpha beta")], "words": [words], "pairs": [row(("epsilon", "zeta"))]}
    data = LoadedData(TASKS, {"train": rows, "validation": {}, "test": {}})

    def _build(**section):
        content = {
            "model": section,
            "tasks": [{"name": "topic", "kind": "single_label_classification"}],
            "data": [{"name": "posts", "train": "posts.jsonl", "text": "text", "labels": {"topic": "topic"}}],
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content))
        return build_model(load_recipe(path), data)

    return _build


@pytest.mark.parametrize("model_type", list(ARCHITECTURES))
def test_any_encoder_can_be_built_from_scratch_and_answers(build, tmp_path, model_type):
    fields = {"model_type": model_type, "max_position_embeddings": 20, **ARCHITECTURES[model_type]}
    model = build(from_scratch=fields).eval()

    assert model.config.text_config.vocab_size == len(model.tokenizer)
    assert model.max_length <= 20
    text = "alpha beta " * 30
    assert model.encode(text).shape == (32,)
    model.save_pretrained(tmp_path / "saved")
    assert (PolyheadModel.from_pretrained(tmp_path / "saved").encode(text) == model.encode(text)).all()


def test_its_tokenizer_learns_from_all_training_rows(build):
    model = build(from_scratch={"model_type": "bert", **SIZES}, vocab_size=200)

    for word in ("alpha", "gamma", "delta", "epsilon", "zeta"):
        assert "[UNK]" not in model.tokenizer.tokenize(word)
    assert model.tokenizer.tokenize("omega!") != ["omega", "!"]


def test_a_tokenizer_that_is_named_is_used(build, make_tokenizer, tmp_path):
    make_tokenizer().save_pretrained(tmp_path / "words")
    model = build(from_scratch={"model_type": "bert", **SIZES}, tokenizer="./words")

    assert model.tokenizer.get_vocab() == make_tokenizer().get_vocab()
    assert model.config.text_config.vocab_size == 64


def test_settings_of_the_section_reach_the_model(build):
    prompts = {"query": "find: "}
    model = build(
        from_scratch={"model_type": "bert", **SIZES},
        pooling=["mean", "max"],
        mix_last_layers=2,
        projection_dim=8,
        normalize=False,
        max_length=12,
        prompts=prompts,
        default_prompt_name="query",
    )

    config = model.config
    assert (config.poolings, config.mix_last_layers, config.projection_dim) == (["max", "mean"], 2, 8)
    assert (config.normalize, config.max_length, config.prompts) == (False, 12, prompts)
    assert config.default_prompt_name == "query"
    assert [task.name for task in config.tasks] == ["topic"]


def test_a_length_that_the_positions_do_not_allow_is_refused(build):
    with pytest.raises(ValueError, match=r"section model of .*recipe.yaml: max_length 50 is more than the 20 tokens"):
        build(from_scratch={"model_type": "bert", **SIZES, "max_position_embeddings": 20}, max_length=50)


def test_new_weights_follow_the_seed(build):
    models = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        models.append(build(from_scratch={"model_type": "bert", **SIZES}).backbone.embeddings.word_embeddings.weight)

    assert torch.equal(models[0], models[1])
    assert not torch.equal(models[0], models[2])


def test_a_saved_encoder_is_a_backbone_and_keeps_its_weights_and_settings(build, new_model, tmp_path):
    source = new_model(PET, normalize=False, pooling="cls")
    source.backbone.save_pretrained(tmp_path / "encoder")
    source.tokenizer.save_pretrained(tmp_path / "encoder")
    model = build(backbone="./encoder", projection_dim=8)

    assert torch.equal(
        model.backbone.encoder.layer[0].output.dense.weight, source.backbone.encoder.layer[0].output.dense.weight
    )
    assert (model.config.pooling, model.config.normalize, model.config.embedding_size) == ("mean", True, 8)


def test_a_backbone_that_is_not_there_names_the_section(build):
    with pytest.raises(
        ValueError, match=r"correct section model of .*recipe.yaml: backbone 'nobody/nothing' cannot be"
    ):
        build(backbone="nobody/nothing")
