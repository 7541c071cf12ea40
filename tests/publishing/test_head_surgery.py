"""Heads move between models; the answers of the others are the witnesses."""

import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.publishing.head_list import describe_heads
from polyhead.publishing.head_proof import compare_logits, fixed_logits
from polyhead.publishing.head_surgery import add_heads, drop_head, merge_heads, rename_head, replace_head
from polyhead.publishing.trained_head import load_head, save_head, take_heads

ALL = ["topic", "toxic", "tags", "affect", "grade", "slots", "closeness", "entails"]


@pytest.fixture
def model(make_model, all_tasks):
    scores = [{"task": name, "metric": "m", "value": 0.5, "dataset": "d", "split": "test"} for name in ALL]
    return make_model(all_tasks(), pooling=["mean", "cls"], projection_dim=16, results=scores)


def names(model):
    return [task.name for task in model.config.tasks]


def scored(model):
    return [row["task"] for row in model.config.results]


def assert_equal(before, after, kept):
    assert [proof.name for proof in compare_logits(before, after)] == kept
    assert all(torch.equal(before[name], after[name]) for name in kept)


@pytest.mark.parametrize("name", ALL)
def test_dropped_head_is_gone_and_the_others_answer_as_before(model, name):
    before = fixed_logits(model)
    drop_head(model, name)
    kept = [other for other in ALL if other != name]
    assert names(model) == scored(model) == kept == list(fixed_logits(model))
    assert not any(f"heads.{name}." in key for key in model.state_dict())
    assert_equal(before, fixed_logits(model), kept)


@pytest.mark.parametrize("name", ALL)
def test_renamed_head_keeps_place_scores_and_answers(model, name):
    before = fixed_logits(model)
    rename_head(model, name, "another")
    expected = ["another" if other == name else other for other in ALL]
    assert names(model) == scored(model) == expected
    before = {("another" if task == name else task): logits for task, logits in before.items()}
    assert_equal(before, fixed_logits(model), expected)


@pytest.mark.parametrize("name", ALL)
def test_head_of_a_file_answers_on_another_model_as_on_its_own(model, name, make_model, tmp_path):
    before = fixed_logits(model)
    [head] = take_heads(model, [name])
    save_head(head, tmp_path / "head.safetensors")
    (tmp_path / "other").touch()
    assert (tmp_path / "head.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode
    bare = make_model([], pooling=["mean", "cls"], projection_dim=16)
    bare.load_state_dict(model.state_dict(), strict=False)

    add_heads(bare, [load_head(tmp_path / "head.safetensors")])

    assert names(bare) == scored(bare) == [name]
    assert bare.config.task(name) == model.config.task(name)
    assert_equal(before, fixed_logits(bare), [name])
    assert not bare.training
    assert not any(module.training for module in bare.modules())


def test_merged_heads_are_copies_behind_the_models_own(model, make_model, tmp_path):
    model.save_pretrained(tmp_path)
    first, second = (PolyheadModel.from_pretrained(tmp_path) for _ in range(2))
    for name in ALL[:4]:
        drop_head(second, name)
    for name in ALL[2:]:
        drop_head(first, name)
    before = fixed_logits(model)

    merge_heads(first, second, ["slots", "closeness", "grade"])

    assert names(first) == ["topic", "toxic", "slots", "closeness", "grade"]
    assert_equal(before, fixed_logits(first), ["topic", "toxic", "grade", "slots", "closeness"])
    torch.nn.init.zeros_(second.polyhead.heads["slots"].output.weight)
    assert_equal(before, fixed_logits(first), ["topic", "toxic", "grade", "slots", "closeness"])
    merge_heads(first, second.__class__.from_pretrained(tmp_path), ["tags"])
    assert "tags" in names(first)


@pytest.mark.parametrize("settings", [{}, {"pooling": "max"}, {"mix_last_layers": 2}])
def test_merge_of_models_that_read_otherwise_is_refused_with_what_differs(make_model, settings):
    topic = TaskConfig(name="topic", kind="binary_classification", labels=["no", "yes"])
    first, second = make_model([]), make_model([topic], **settings)
    if not settings:
        torch.nn.init.zeros_(second.backbone.encoder.layer[1].output.dense.bias)
    what = {"pooling": "pooling", "mix_last_layers": "mix_last_layers", None: "encoder.layer.1.output.dense.bias"}
    with pytest.raises(
        ValueError, match=f"head 'topic' was trained on another model.* {what[next(iter(settings), None)]}"
    ):
        merge_heads(first, second)
    assert names(first) == []


def test_head_is_not_held_to_what_it_does_not_read(make_model):
    tokens = TaskConfig(name="slots", kind="token_classification", labels=["O", "B-x", "I-x"])
    pooled = TaskConfig(name="pooled", kind="binary_classification", labels=["n", "y"], head_input="pooled")
    projected = TaskConfig(name="projected", kind="binary_classification", labels=["n", "y"])
    donor = make_model([tokens, pooled, projected], projection_dim=8)
    other_projection, other_pooling = make_model([], projection_dim=12), make_model([], pooling="max", projection_dim=8)
    merge_heads(other_projection, donor, ["slots", "pooled"])
    merge_heads(other_pooling, donor, ["slots"])
    before = fixed_logits(donor)
    assert_equal(before, fixed_logits(other_projection), ["slots", "pooled"])
    assert_equal(before, fixed_logits(other_pooling), ["slots"])
    with pytest.raises(ValueError, match=r"polyhead\.projection\.bias; polyhead\.projection\.weight"):
        merge_heads(other_projection, donor, ["projected"])


def test_tokenizer_with_other_words_is_refused(make_model):
    topic = TaskConfig(name="topic", kind="binary_classification", labels=["no", "yes"])
    first, second = make_model([]), make_model([topic])
    second.tokenizer.add_tokens(["newword"])
    with pytest.raises(ValueError, match="the tokenizer's vocabulary"):
        merge_heads(first, second)


def test_replaced_head_answers_as_the_new_one_in_the_old_place(model):
    before = fixed_logits(model)
    [head] = take_heads(model, ["toxic"])
    torch.nn.init.ones_(head.weights["output.bias"])
    replace_head(model, "toxic", head)
    after = fixed_logits(model)
    assert names(model) == ALL
    assert torch.equal(model.polyhead.heads["toxic"].output.bias, torch.ones(1))
    assert_equal({name: before[name] for name in ALL if name != "toxic"}, after, [n for n in ALL if n != "toxic"])
    assert not torch.equal(before["toxic"], after["toxic"])


def test_model_is_as_it_was_when_a_replacement_does_not_fit(model, make_model):
    before = fixed_logits(model)
    [foreign] = take_heads(make_model([model.config.task("toxic")]), ["toxic"])
    with pytest.raises(ValueError, match="trained on another model"):
        replace_head(model, "toxic", foreign)
    assert names(model) == ALL
    assert sorted(scored(model)) == sorted(ALL)
    assert_equal(before, fixed_logits(model), ALL)


def test_taken_and_unknown_names_are_refused(model):
    heads = take_heads(model, ["topic"])
    for change in (
        lambda: add_heads(model, heads),
        lambda: rename_head(model, "toxic", "topic"),
        lambda: merge_heads(model, model),
    ):
        with pytest.raises(ValueError, match="has a task 'topic' already"):
            change()
    for change in (
        lambda: drop_head(model, "x"),
        lambda: rename_head(model, "x", "y"),
        lambda: take_heads(model, ["x"]),
    ):
        with pytest.raises(ValueError, match=r"no task 'x' in this model\. Its tasks: topic"):
            change()
    with pytest.raises(ValueError, match="plain identifier"):
        rename_head(model, "topic", "../x")
    assert names(model) == ALL


def test_head_whose_tensors_do_not_fit_its_task_is_refused_before_anything_changes(model, make_model):
    good, bad = take_heads(model, ["topic", "toxic"])
    del bad.weights["output.bias"]
    for name in ("topic", "toxic"):
        drop_head(model, name)
    with pytest.raises(ValueError, match=r"head 'toxic' does not fit its task: .*output\.bias"):
        add_heads(model, [good, bad])
    assert names(model) == ALL[2:]
    assert list(model.polyhead.heads) == [name for name in ALL[2:] if name != "closeness"]


@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0{}      ", b"junk" * 100])
def test_file_that_is_no_head_is_refused_by_name(content, tmp_path):
    file = tmp_path / "topic.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=r"topic\.safetensors.*heads extract"):
        load_head(file)


def test_a_folder_in_place_of_a_head_file_is_told_how_to_merge(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder, no head file\. .*`polyhead heads merge`"):
        load_head(tmp_path)


def test_head_file_never_replaces_another(model, tmp_path):
    [head] = take_heads(model, ["topic"])
    (tmp_path / "topic.safetensors").write_bytes(b"mine")
    with pytest.raises(ValueError, match="exists"):
        save_head(head, tmp_path / "topic.safetensors")
    with pytest.raises(ValueError, match="safetensors"):
        save_head(head, tmp_path / "topic.bin")
    assert (tmp_path / "topic.safetensors").read_bytes() == b"mine"


def test_proof_fails_for_one_changed_bit(model):
    before = fixed_logits(model)
    after = fixed_logits(model)
    after["topic"][0, 0] = torch.nextafter(after["topic"][0, 0], torch.tensor(float("inf")))
    proofs = {proof.name: proof.holds for proof in compare_logits(before, after)}
    assert proofs == {name: name != "topic" for name in ALL}


def test_list_says_what_each_head_reads_and_how_large_it_is(model):
    rows = {row["task"]: row for row in describe_heads(model)}
    assert list(rows) == ALL
    assert rows["toxic"] == {
        **{"task": "toxic", "kind": "binary_classification", "labels": 2, "head": "linear"},
        **{"reads": "projected", "parameters": 16 + 1},
    }
    assert rows["tags"]["parameters"] == 3 * 64 + 3
    assert [rows[name]["reads"] for name in ("tags", "grade", "slots", "affect")] == [
        *("pooled", "normalized", "tokens", "tokens")
    ]
    assert rows["closeness"]["head"] is None
    assert rows["closeness"]["parameters"] == 0
