import json

import pytest
from transformers import AutoConfig, BertConfig

from polyhead.configuration.configuration_polyhead import AUTO_MAP, POOLINGS, UNTRAINED, PolyheadConfig
from polyhead.configuration.tasks_polyhead import TaskConfig

TOPIC = {"name": "topic", "kind": "single_label_classification", "labels": ["Sports", "Arts", "Science"]}


@pytest.fixture
def config(backbone_config, all_tasks):
    """Every field differs from its default."""
    return PolyheadConfig(
        text_config=backbone_config("BERT"),
        pooling=["mean", "cls"],
        mix_last_layers=2,
        projection_dim=16,
        normalize=False,
        max_length=20,
        prompts={"query": "query: ", "passage": ""},
        default_prompt_name="query",
        tasks=all_tasks(),
        results=[{"task": "topic", "metric": "accuracy", "value": 0.5, "dataset": "d", "split": "test"}],
    )


def read(folder):
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def test_a_config_without_arguments_is_a_bert_of_default_size():
    config = PolyheadConfig()
    assert isinstance(config.text_config, BertConfig)
    assert (config.hidden_size, config.num_hidden_layers, config.vocab_size) == (768, 12, 30522)
    assert (config.tasks, config.prompts, config.results, config.embedding_size) == ([], {}, [], 768)


def test_a_saved_config_loads_as_its_equal(config, tmp_path):
    config.save_pretrained(tmp_path)
    loaded = PolyheadConfig.from_pretrained(tmp_path)
    assert loaded == config
    assert loaded.to_dict() == config.to_dict()
    assert type(loaded.text_config) is BertConfig


def test_each_architecture_comes_back_as_its_own_config(backbone_name, backbone_config, tmp_path):
    config = PolyheadConfig(text_config=backbone_config(backbone_name), tasks=[TOPIC])
    config.save_pretrained(tmp_path)
    loaded = PolyheadConfig.from_pretrained(tmp_path)
    assert loaded == config
    assert type(loaded.text_config) is type(config.text_config)
    assert (loaded.hidden_size, loaded.num_hidden_layers, loaded.vocab_size) == (32, 2, 64)


@pytest.mark.parametrize(
    "change",
    [{"pooling": "cls"}, {"normalize": True}, {"projection_dim": 8}, {"tasks": [TOPIC]}, {"prompts": {"query": "q"}}],
)
def test_configs_that_differ_in_one_field_are_not_equal(config, change):
    fields = {name: getattr(config, name) for name in ("pooling", "normalize", "projection_dim", "tasks", "prompts")}
    same = PolyheadConfig(text_config=config.text_config, default_prompt_name="query", **fields)
    other = PolyheadConfig(text_config=config.text_config, default_prompt_name="query", **{**fields, **change})
    assert same == PolyheadConfig(text_config=config.text_config, default_prompt_name="query", **fields)
    assert same != other


def test_configs_of_different_backbones_are_not_equal(backbone_config):
    wide = backbone_config("BERT", intermediate_size=96)
    assert PolyheadConfig(text_config=backbone_config("BERT")) != PolyheadConfig(text_config=wide)


def test_the_file_is_the_backbones_config_and_one_block_of_ours(config, tmp_path):
    config.save_pretrained(tmp_path)
    saved = read(tmp_path)
    assert saved["model_type"] == "bert"
    assert (saved["hidden_size"], saved["num_hidden_layers"], saved["vocab_size"]) == (32, 2, 64)
    assert saved["auto_map"] == AUTO_MAP
    assert {"text_config", "tasks", "pooling", "sub_configs"}.isdisjoint(saved)
    assert sorted(saved["polyhead"]) == [
        "default_prompt_name",
        "max_length",
        "mix_last_layers",
        "normalize",
        "pooling",
        "projection_dim",
        "prompts",
        "results",
        "tasks",
    ]
    assert [task["name"] for task in saved["polyhead"]["tasks"]] == [task.name for task in config.tasks]


def test_the_root_labels_say_that_a_plain_classifier_is_untrained(config, tmp_path):
    config.save_pretrained(tmp_path)
    assert read(tmp_path)["id2label"] == {"0": UNTRAINED}
    assert read(tmp_path)["label2id"] == {UNTRAINED: 0}


def test_the_file_is_plain_bert_to_whoever_does_not_know_us(config, tmp_path):
    config.save_pretrained(tmp_path)
    plain = AutoConfig.from_pretrained(tmp_path)
    assert type(plain) is BertConfig
    assert (plain.hidden_size, plain.intermediate_size) == (32, 48)


def test_the_path_of_the_backbone_is_not_written(backbone_config, tmp_path):
    text_config = backbone_config("BERT")
    text_config._name_or_path = str(tmp_path / "secret")
    config = PolyheadConfig(text_config=text_config)
    config._name_or_path = str(tmp_path / "secret")
    config.save_pretrained(tmp_path)
    assert "secret" not in (tmp_path / "config.json").read_text(encoding="utf-8")
    assert "secret" not in str(config.to_dict())


def test_labels_keep_their_order_in_the_file(backbone_config, tmp_path):
    labels = ["zebra", "10", "9", "Ä", "apple"]  # neither sorted nor sortable as numbers
    tasks = [{**TOPIC, "labels": labels}, {"name": "aaa", "kind": "regression", "labels": ["z", "a"]}]
    PolyheadConfig(text_config=backbone_config("BERT"), tasks=tasks).save_pretrained(tmp_path)
    loaded = PolyheadConfig.from_pretrained(tmp_path)
    assert [task.name for task in loaded.tasks] == ["topic", "aaa"]
    assert loaded.task("topic").labels == labels
    assert loaded.task("aaa").labels == ["z", "a"]


def test_tasks_may_be_dicts_or_objects(backbone_config):
    as_dicts = PolyheadConfig(text_config=backbone_config("BERT"), tasks=[TOPIC])
    as_objects = PolyheadConfig(text_config=backbone_config("BERT"), tasks=[TaskConfig(**TOPIC)])
    assert as_dicts.tasks == as_objects.tasks == [TaskConfig(**TOPIC)]


def test_the_backbone_may_be_a_dict(backbone_config):
    fields = backbone_config("BERT").to_dict()
    assert PolyheadConfig(text_config=fields).text_config.to_dict() == fields


def test_a_backbone_field_given_by_name_goes_to_the_backbone(backbone_config):
    config = PolyheadConfig(text_config=backbone_config("BERT"), hidden_dropout_prob=0.3)
    assert config.text_config.hidden_dropout_prob == 0.3
    assert "hidden_dropout_prob" not in vars(config)


def test_a_backbone_field_given_while_loading_goes_to_the_backbone(config, tmp_path):
    config.save_pretrained(tmp_path)
    loaded, unused = PolyheadConfig.from_pretrained(
        tmp_path, hidden_dropout_prob=0.3, projection_dim=8, foreign=1, return_unused_kwargs=True
    )
    assert loaded.text_config.hidden_dropout_prob == 0.3
    assert loaded.projection_dim == 8
    assert unused == {"foreign": 1}


def test_a_backbone_field_under_the_common_name_reaches_an_architecture_with_another(backbone_config):
    config = PolyheadConfig(text_config=backbone_config("DistilBERT"), num_hidden_layers=1)
    assert config.text_config.n_layers == 1
    assert config.num_hidden_layers == 1


def test_the_backbones_attention_implementation_is_kept(backbone_config):
    text_config = backbone_config("BERT", attn_implementation="eager")
    config = PolyheadConfig(text_config=text_config)
    assert config._attn_implementation == "eager"
    assert config.text_config._attn_implementation == "eager"


def test_poolings_stand_in_the_order_of_sentence_transformers(backbone_config):
    config = PolyheadConfig(text_config=backbone_config("BERT"), pooling=["last_token", "mean", "cls"])
    assert config.poolings == ["cls", "mean", "last_token"]
    assert (config.pooled_size, config.embedding_size) == (96, 96)


def test_the_projection_sets_the_embedding_size(backbone_config):
    config = PolyheadConfig(text_config=backbone_config("BERT"), pooling=["mean", "max"], projection_dim=10)
    assert (config.pooled_size, config.embedding_size) == (64, 10)


@pytest.mark.parametrize("pooling", [*POOLINGS, ["mean", "attention"], ("mean", "max")])
def test_every_pooling_survives_the_file(backbone_config, pooling, tmp_path):
    config = PolyheadConfig(text_config=backbone_config("BERT"), pooling=pooling)
    config.save_pretrained(tmp_path)
    assert PolyheadConfig.from_pretrained(tmp_path) == config


def test_the_vocabulary_size_is_the_backbones(backbone_config):
    config = PolyheadConfig(text_config=backbone_config("BERT"))
    config.get_text_config().vocab_size = 70
    assert config.vocab_size == 70


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pooling": "avg"}, "pooling 'avg' is unknown. Choose from cls, max, mean"),
        ({"pooling": ["mean", "avg"]}, r"pooling \['mean', 'avg'\] is unknown"),
        ({"pooling": []}, r"pooling \[\] is unknown"),
        ({"tasks": [TOPIC, TOPIC]}, r"task names must differ, but tasks are \['topic', 'topic'\]"),
        ({"tasks": [{**TOPIC, "labels": ["one"]}]}, "task 'topic', field 'labels'"),
        ({"mix_last_layers": 0}, "mix_last_layers 0 must be between 1 and 2 layers"),
        ({"mix_last_layers": 3}, "mix_last_layers 3 must be between 1 and 2 layers"),
        ({"projection_dim": 0}, "projection_dim 0 must be at least 1, or None"),
        ({"max_length": 0}, "max_length 0 must be at least 1, or None"),
        ({"default_prompt_name": "query"}, r"default_prompt_name 'query' is not in prompts \[\]"),
        ({"text_config": {"hidden_size": 8}}, "text_config has no 'model_type': name the architecture"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(backbone_config, fields, message):
    with pytest.raises(ValueError, match=message):
        PolyheadConfig(**{"text_config": backbone_config("BERT"), **fields})


def test_a_task_that_is_not_there_is_named_with_those_that_are(config):
    with pytest.raises(ValueError, match=r"no task 'topics' in this model\. Its tasks: topic, toxic, tags"):
        config.task("topics")
    with pytest.raises(ValueError, match="Its tasks: none"):
        PolyheadConfig().task("topic")


def test_a_plain_backbones_config_is_refused_with_a_hint(backbone_config, tmp_path):
    backbone_config("BERT").save_pretrained(tmp_path)
    with pytest.raises(
        ValueError, match=r"no polyhead checkpoint: .*no 'polyhead' block.*use PolyheadModel.from_backb"
    ):
        PolyheadConfig.from_pretrained(tmp_path)
