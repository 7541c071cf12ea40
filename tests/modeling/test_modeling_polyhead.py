import pytest
import torch
from torch.nn import functional

from polyhead.configuration.configuration_polyhead import PolyheadConfig
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel

SPORTS = TaskConfig(name="topic", kind="single_label_classification", labels=["Science", "Sports"])


def test_one_pass_gives_the_embedding_and_every_tasks_logits(tiny_model, inputs):
    output = tiny_model(**inputs)
    assert {name: tuple(logits.shape) for name, logits in output.logits.items()} == {
        "topic": (3, 3),
        "toxic": (3, 1),
        "tags": (3, 3),
        "affect": (3, 2),
        "grade": (3, 2),  # three ranks, two steps
        "slots": (3, 7, 5),
        "closeness": (3,),
        "entails": (3, 2),
    }
    assert output.sentence_embedding.shape == (3, 32)
    assert output.last_hidden_state.shape == (3, 7, 32)
    assert (output.loss, output.losses) == (None, None)


def test_pair_tasks_stay_silent_without_second_texts(tiny_model, inputs):
    output = tiny_model(inputs["input_ids"], inputs["attention_mask"])
    assert list(output.logits) == ["topic", "toxic", "tags", "affect", "grade", "slots"]


def test_only_the_tasks_asked_for_are_answered(tiny_model, inputs):
    assert list(tiny_model(**inputs, tasks=["grade", "closeness"]).logits) == ["grade", "closeness"]
    assert tiny_model(**inputs, tasks=[]).logits is None


def test_a_task_that_is_not_there_is_refused(tiny_model, inputs):
    with pytest.raises(ValueError, match=r"no task 'topics' in this model. Its tasks: topic, toxic"):
        tiny_model(**inputs, tasks=["topics"])


def test_a_pair_task_with_one_text_is_refused(tiny_model, inputs):
    with pytest.raises(
        ValueError, match=r"tasks \['entails'\] compare two texts, but the input has one; give pair_inp"
    ):
        tiny_model(inputs["input_ids"], tasks=["topic", "entails"])


def test_labels_for_a_task_that_is_not_there_are_refused(tiny_model, inputs):
    with pytest.raises(ValueError, match=r"labels for \['topics'\], but the tasks are \['topic', 'toxic'"):
        tiny_model(**inputs, labels={"topics": torch.zeros(3)})


def test_a_task_without_labels_cannot_be_built(make_model):
    with pytest.raises(ValueError, match=r"task 'topic' has no labels. List them in their order"):
        make_model([TaskConfig(name="topic", kind="single_label_classification")])


def test_a_missing_mask_means_that_all_tokens_are_real(tiny_model, inputs):
    ids = inputs["input_ids"]
    assert torch.equal(tiny_model(ids).sentence_embedding, tiny_model(ids, torch.ones_like(ids)).sentence_embedding)


def test_embeddings_may_come_in_place_of_ids(tiny_model, inputs):
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    vectors = tiny_model.backbone.embeddings.word_embeddings(ids)
    by_vectors = tiny_model(inputs_embeds=vectors, attention_mask=mask)
    torch.testing.assert_close(by_vectors.sentence_embedding, tiny_model(ids, mask).sentence_embedding)


@pytest.mark.parametrize("normalize", [True, False])
def test_the_embedding_has_length_one_where_that_is_wanted(make_model, inputs, normalize):
    model = make_model(normalize=normalize)
    ids = inputs["input_ids"]
    raw = model(ids, normalize=False).sentence_embedding
    assert (raw.norm(dim=-1) - 1).abs().min() > 0.1
    torch.testing.assert_close(model(ids, normalize=True).sentence_embedding, functional.normalize(raw, dim=-1))
    assert torch.equal(model(ids).sentence_embedding, model(ids, normalize=normalize).sentence_embedding)


def test_a_head_reads_the_vector_that_it_asks_for(make_model, inputs):
    names = ("pooled", "projected", "normalized")
    tasks = [TaskConfig(name=f"reads_{name}", kind="regression", head_input=name) for name in names]
    model = make_model(tasks, pooling="mean", projection_dim=8)
    output = model(inputs["input_ids"], normalize=False)
    pooled = output.last_hidden_state.mean(1)  # no padding
    projected = model.polyhead.projection(pooled)
    torch.testing.assert_close(output.sentence_embedding, projected)
    vectors = {"pooled": pooled, "projected": projected, "normalized": projected / projected.norm(dim=-1, keepdim=True)}
    for name, vector in vectors.items():
        linear = model.polyhead.heads[f"reads_{name}"].output
        expected = vector @ linear.weight.T + linear.bias
        torch.testing.assert_close(output.logits[f"reads_{name}"], expected)


def test_similarity_is_the_cosine_of_the_two_embeddings(make_model, inputs):
    model = make_model([TaskConfig(name="closeness", kind="pair_similarity")], projection_dim=8)
    output = model(**inputs)
    second = model(inputs["pair_input_ids"], inputs["pair_attention_mask"]).sentence_embedding
    torch.testing.assert_close(output.logits["closeness"], (output.sentence_embedding * second).sum(-1))


def test_a_pair_head_reads_the_first_text_before_the_second(make_model, inputs):
    model = make_model([TaskConfig(name="entails", kind="pair_classification", labels=["yes", "no"])], normalize=False)
    output = model(**inputs)
    first = output.sentence_embedding
    second = model(inputs["pair_input_ids"], inputs["pair_attention_mask"]).sentence_embedding
    linear = model.polyhead.heads["entails"].output
    expected = (
        torch.cat([first, second, (first - second).abs(), first * second], dim=-1) @ linear.weight.T + linear.bias
    )
    torch.testing.assert_close(output.logits["entails"], expected)


def test_the_layer_mix_pools_the_last_layers(make_model, inputs):
    model = make_model(mix_last_layers=2, normalize=False)
    torch.nn.init.zeros_(model.polyhead.layer_mix.weights)
    output = model(inputs["input_ids"], output_hidden_states=True)
    expected = (output.hidden_states[-1] + output.hidden_states[-2]).mean(1) / 2
    torch.testing.assert_close(output.sentence_embedding, expected)


def test_fresh_attention_pools_as_the_mean(backbone_config, inputs):
    config = PolyheadConfig(text_config=backbone_config("BERT"), pooling="attention")
    attention = PolyheadModel(config).eval()
    mean = PolyheadModel(PolyheadConfig(text_config=backbone_config("BERT")), backbone=attention.backbone).eval()
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    torch.testing.assert_close(attention(ids, mask).sentence_embedding, mean(ids, mask).sentence_embedding)


@pytest.mark.parametrize("how", ["argument", "config"])
def test_a_tuple_comes_back_where_no_dict_is_wanted(tiny_model, inputs, how):
    expected = tiny_model(**inputs)
    if how == "config":
        tiny_model.config.return_dict = False
    output = tiny_model(**inputs, **({"return_dict": False} if how == "argument" else {}))
    assert isinstance(output, tuple)
    logits, sentence_embedding = output[:2]
    assert torch.equal(logits["topic"], expected.logits["topic"])
    assert torch.equal(sentence_embedding, expected.sentence_embedding)


def test_encode_and_predict_work_whatever_the_config_returns(tiny_model):
    expected = tiny_model.encode("the cat"), tiny_model.predict("the cat")
    tiny_model.config.return_dict = False
    assert tiny_model.encode("the cat").tolist() == expected[0].tolist()
    assert tiny_model.predict("the cat") == expected[1]


def test_states_and_attentions_come_when_asked_for(make_model, inputs):
    model = make_model(backbone="BERT", attn_implementation="eager")
    output = model(**inputs, output_hidden_states=True, output_attentions=True)
    assert [tuple(states.shape) for states in output.hidden_states] == [(3, 7, 32)] * 3
    assert [tuple(weights.shape) for weights in output.attentions] == [(3, 2, 7, 7)] * 2


def test_attention_implementations_agree_and_reach_the_backbone(make_model, backbone_config, inputs):
    outputs = []
    for name in ("eager", "sdpa"):
        model = make_model(backbone=backbone_config("BERT"), attn_implementation=name)
        assert model.backbone.config._attn_implementation == name
        outputs.append(model(**inputs).sentence_embedding)
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-5, atol=1e-6)


def test_the_attention_implementation_can_be_changed_later(tiny_model):
    tiny_model.set_attn_implementation("eager")
    assert tiny_model.backbone.config._attn_implementation == "eager"


def test_every_architecture_answers_all_tasks(make_model, all_tasks, backbone_name, inputs):
    output = make_model(all_tasks(), backbone=backbone_name)(**inputs, token_type_ids=torch.zeros(3, 7).long())
    assert len(output.logits) == 8
    assert all(logits.isfinite().all() for logits in output.logits.values())
    torch.testing.assert_close(output.sentence_embedding.norm(dim=-1), torch.ones(3))


def test_bfloat16_weights_give_answers_near_those_of_float32(tiny_model, inputs):
    exact = tiny_model(**inputs)
    output = tiny_model.bfloat16()(**inputs)
    assert output.last_hidden_state.dtype == torch.bfloat16
    assert output.sentence_embedding.dtype == torch.float32
    cosines = functional.cosine_similarity(output.sentence_embedding, exact.sentence_embedding)
    assert cosines.min() > 0.999
    assert all(logits.dtype == torch.float32 for logits in output.logits.values())


@pytest.mark.parametrize("settings", [{"projection_dim": 8}, {"pooling": "attention"}, {"mix_last_layers": 2}])
def test_bfloat16_goes_through_every_layer_of_ours(make_model, all_tasks, inputs, settings):
    output = make_model(all_tasks(), **settings).bfloat16()(**inputs)
    assert output.sentence_embedding.dtype == torch.float32
    assert output.sentence_embedding.isfinite().all()


def test_a_new_projection_keeps_the_similarities_of_the_backbone(backbone_config, inputs):
    def new_model(**settings):
        torch.manual_seed(0)
        return PolyheadModel(PolyheadConfig(text_config=backbone_config("BERT"), **settings)).eval()

    same_width = new_model(projection_dim=32)  # that of the tiny backbone
    assert torch.equal(same_width(**inputs).sentence_embedding, new_model()(**inputs).sentence_embedding)
    narrow = new_model(projection_dim=8).polyhead.projection.weight
    torch.testing.assert_close(narrow @ narrow.T, torch.eye(8))


def test_new_weights_start_small_and_attention_at_zero(backbone_config):
    config = PolyheadConfig(text_config=backbone_config("BERT"), tasks=[SPORTS], pooling="attention", mix_last_layers=2)
    layers = PolyheadModel(config).polyhead
    assert 0 < layers.heads["topic"].output.weight.std() < 0.05  # initializer_range is 0.02
    assert layers.heads["topic"].output.bias.tolist() == [0.0, 0.0]
    assert layers.pooling.attention.scores.abs().sum() == 0
    assert layers.layer_mix.weights.tolist() == [0.0, 0.0]
