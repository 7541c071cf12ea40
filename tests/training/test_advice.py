import pytest

from polyhead import TaskConfig
from polyhead.training.advice.advice import advise
from polyhead.training.planning import plan_run

from .conftest import LOUD, PET, SLOTS, row

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RUN = {"per_device_train_batch_size": 2, "num_train_epochs": 5, "learning_rate": 2e-3, "warmup_steps": 0}
HEADS_ALONE = {"freeze": [{"part": "backbone"}]}
CACHE = {"frozen_cache_gb": 1.0}
MOODS = TaskConfig(name="moods", kind="multi_label_classification", labels=[f"mood {index}" for index in range(28)])


@pytest.fixture
def advice(new_model, trainer_for, tmp_path):
    def _advice(*tasks, rows=ROWS, name="", flags="avx2", num_layers=2, settings=None, start="", **fields):
        model = new_model(*(tasks or (PET, LOUD)), num_layers=num_layers, **(settings or {}))
        model.config.text_config._name_or_path = name  # set where a pretrained backbone was loaded
        model.config._name_or_path = start  # and this one where a trained model was
        trainer = trainer_for(model, rows, **{**RUN, **fields})
        (tmp_path / "cpuinfo").write_text(f"flags\t\t: {flags}\n")
        return advise(trainer, plan_run(trainer, num_timed_steps=0), tmp_path / "cpuinfo")

    return _advice


def test_a_run_in_which_everything_learns_needs_no_advice(advice):
    assert advice() == []


def test_heads_alone_at_the_rate_of_a_whole_model_are_told_a_higher_one(advice):
    (found,) = advice(**HEADS_ALONE, **CACHE)

    assert "at 0.002 at most" in found
    assert "0.01" in found
    assert "'Which way to train'" in found


@pytest.mark.parametrize(
    "changed",
    [
        {"learning_rate": 1e-2},
        {"freeze": [{"part": "backbone", "until_epoch": 2}]},
        {"freeze": [{"part": "bottom.1"}]},
        {"freeze": [{"part": "heads"}]},
    ],
    ids=["fast heads", "the backbone thaws", "a part of the backbone learns", "no head learns"],
)
def test_a_rate_is_advised_for_slow_heads_alone_only(advice, changed):
    cache = {} if changed.get("freeze") == [{"part": "heads"}] else CACHE

    assert advice(**{**HEADS_ALONE, **cache, **changed}) == []


def test_no_rate_is_advised_for_heads_that_were_not_measured(advice):
    attention = TaskConfig(
        name="pet", kind="single_label_classification", labels=["cat", "dog", "none"], head="attention"
    )

    assert advice(attention, rows=[row("a cat", pet=0), row("the", pet=2)], **HEADS_ALONE, **CACHE) == []


def test_a_narrow_backbone_that_learns_slowly_in_few_steps_is_told_a_higher_rate(advice):
    found = advice(name="a/backbone", learning_rate=5e-5, freeze=[{"part": "embeddings"}])

    assert len(found) == 1
    assert "learns at 5e-05 at most" in found[0]
    assert "backbone: 2e-4" in found[0]
    assert "'What was measured of rates'" in found[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"learning_rate": 1e-4},
        {"learning_rates": {"backbone": 1e-4, "heads": 5e-5}},
        {"num_train_epochs": 200},
        {"lora": {"rank": 2}},
        {"freeze": [{"part": "backbone"}], "learning_rates": {"heads": 1e-2}, **CACHE},
    ],
    ids=["random weights", "faster", "the backbone faster", "many steps", "LoRA", "the backbone is frozen"],
)
def test_no_rate_is_advised_for_a_backbone_that_was_not_measured_so(advice, changed):
    slow = {"name": "a/backbone", "learning_rate": 5e-5, "freeze": [{"part": "embeddings"}]}

    assert not any("2e-4" in sentence for sentence in advice(**{**slow, **changed}))


def test_a_wide_backbone_may_learn_slowly(advice, monkeypatch):
    monkeypatch.setattr("polyhead.training.advice.advice_on_rates.NARROW", 16)  # below the tiny model's

    assert advice(name="a/backbone", learning_rate=5e-5, freeze=[{"part": "embeddings"}]) == []


FAST = {"name": "a/backbone", "learning_rate": 8e-4, "freeze": [{"part": "embeddings"}]}


def test_a_pretrained_backbone_that_learns_fast_at_every_depth_is_told_a_lower_rate(advice):
    (found,) = advice(**FAST)

    assert "learns at 0.0008 at every depth" in found
    assert "backbone: 2e-4" in found
    assert "'What was measured of rates'" in found


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"learning_rate": 4e-4},
        {"learning_rates": {"backbone": 4e-4}},
        {"layer_decay": 0.8},
        {"lora": {"rank": 2}},
        {"freeze": [{"part": "backbone"}], "learning_rates": {"heads": 1e-2}, **CACHE},
    ],
    ids=["random weights", "slower", "the backbone slower", "falling rates", "LoRA", "the backbone is frozen"],
)
def test_no_lower_rate_is_advised_where_none_was_measured_to_be_better(advice, changed):
    assert not any("at every depth" in sentence for sentence in advice(**{**FAST, **changed}))


def test_gradient_projection_is_told_its_price(advice):
    (found,) = advice(balance="pcgrad")

    assert "three times the time" in found
    assert "'What was measured of sampling and balancing'" in found


@pytest.mark.parametrize("freeze", [[{"part": "bottom.1"}], [{"part": "backbone", "until_epoch": 2}]])
def test_frozen_layers_that_run_in_every_epoch_are_told_of_the_cache(advice, freeze):
    (found,) = advice(freeze=freeze)

    assert "frozen_cache_gb" in found


@pytest.mark.parametrize(
    "fields",
    [
        {"freeze": [{"part": "bottom.1"}], "frozen_dropout": True},
        {"freeze": [{"part": "bottom.1"}], "num_train_epochs": 1},
        {"freeze": [{"part": "layers.1"}]},
        {"freeze": [{"part": "embeddings"}]},
        {"freeze": [{"part": "bottom.1", "from_epoch": 1}]},
    ],
    ids=["dropout in frozen layers", "one epoch", "an upper layer", "embeddings alone", "frozen later"],
)
def test_no_cache_is_advised_where_it_cannot_help(advice, fields):
    assert advice(**fields) == []


def test_few_rows_that_train_a_whole_pretrained_backbone_are_told_of_its_upper_half(advice):
    (found,) = advice(name="a/backbone", learning_rate=2e-4)

    assert "learns from 4 rows" in found
    assert "freeze: [{part: bottom.1}], frozen_cache_gb" in found
    assert advice(name="a/backbone", learning_rate=2e-4, rows=ROWS * 814) != []  # up to what was measured


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"rows": ROWS * 815},
        {"lora": {"rank": 2}},
        {"freeze": [{"part": "embeddings"}]},
        {"thaw_every_epochs": 1.0, **CACHE},
    ],
    ids=["random weights", "more rows", "LoRA", "a part is frozen", "layers thaw"],
)
def test_no_half_is_advised_where_it_was_not_measured(advice, fields):
    assert advice(**{"name": "a/backbone", "learning_rate": 2e-4, **fields}) == []


TAGGED = [{"words": ["a", "cat"], "labels": {"slots": [0, 1]}, "where": "here"}, row("the", pet=2)]


def test_no_half_is_advised_where_words_are_tagged(advice):
    assert advice(PET, SLOTS, rows=TAGGED, name="a/backbone", learning_rate=2e-4) == []
    assert advice(PET, SLOTS, name="a/backbone", learning_rate=2e-4) != []  # no row has tags


def test_layers_that_stay_frozen_under_a_tagging_task_are_told_what_they_cost(advice):
    frozen = {"name": "a/backbone", "learning_rate": 2e-4, "freeze": [{"part": "bottom.1"}], **CACHE}

    (found,) = advice(PET, SLOTS, rows=TAGGED, **frozen)

    assert "'slots' tags words above frozen layers" in found
    assert advice(PET, SLOTS, **frozen) == []
    assert advice(PET, SLOTS, rows=TAGGED, **{**frozen, "freeze": [{"part": "bottom.1", "until_epoch": 2}]}) == []


def test_many_labels_with_a_small_weight_beside_another_task_are_told_a_larger_one(advice):
    rows = [row("a cat", pet=0, moods=[0, 3]), row("the", pet=2, moods=[1])]

    (found,) = advice(PET, MOODS, rows=rows)

    assert "'moods'" in found
    assert "weight: 28" in found


@pytest.mark.parametrize(
    ("tasks", "fields"),
    [
        ((MOODS,), {}),
        ((PET, MOODS), {"heterogeneous_batches": False}),
        ((PET, MOODS), {"balance": "uncertainty"}),
        ((PET, TaskConfig(name="moods", kind="multi_label_classification", labels=MOODS.labels, weight=7.0)), {}),
    ],
    ids=["alone", "batches of one data set", "weights are learnt", "weight is large"],
)
def test_no_weight_is_advised_where_it_was_not_measured_to_matter(advice, tasks, fields):
    rows = [row("a cat", **{task.name: {"pet": 0, "moods": [0, 3]}[task.name] for task in tasks})] * 2

    assert not any("weight: 28" in sentence for sentence in advice(*tasks, rows=rows, **fields))


def test_a_processor_that_multiplies_bfloat16_is_told_of_it(advice):
    (found,) = advice(flags="avx2 avx512_bf16")

    assert "bf16: true" in found
    assert "'What was measured of bfloat16'" in found


def test_bfloat16_is_not_advised_where_it_is_on(advice):
    assert advice(flags="avx2 avx512_bf16", bf16=True) == []


PET_ALONE = {"rows": [row("a cat", pet=0), row("the", pet=2)], "learning_rate": 1e-2, **CACHE}
PET_ALONE |= {"settings": {"projection_dim": 8}}


def test_a_projection_that_moves_what_tasks_without_rows_answer_is_told(advice):
    (found,) = advice(**PET_ALONE, **HEADS_ALONE)

    assert "(loud)" in found
    assert "{part: encoder}" in found


@pytest.mark.parametrize(
    "changed",
    [
        {"freeze": [{"part": "encoder"}]},
        {"settings": {}},
        {"rows": ROWS},
        {"freeze": [{"part": "bottom.1"}]},
    ],
    ids=["nothing of the embedding moves", "no projection", "no task without rows", "the backbone learns"],
)
def test_nothing_is_told_of_a_projection_where_nothing_else_moves_by_it(advice, changed):
    assert advice(**{**PET_ALONE, **HEADS_ALONE, **changed}) == []


FROZEN = {"name": "a/backbone", "num_layers": 3, "learning_rate": 1e-2, "num_train_epochs": 20, **HEADS_ALONE, **CACHE}


def test_heads_on_the_top_layer_of_a_frozen_backbone_are_told_of_a_mix(advice):
    (found,) = advice(**FROZEN)

    assert "model: mix_last_layers: 3" in found


@pytest.mark.parametrize(
    "changed",
    [
        {"settings": {"mix_last_layers": 2}},
        {"freeze": [{"part": "encoder"}]},
        {"freeze": [{"part": "backbone", "until_epoch": 19}], "learning_rate": 2e-3},
        {"name": ""},
        {"num_layers": 2},
        {"start": "runs/old"},
    ],
    ids=[
        "it has one",
        "the embedding is to stay",
        "the backbone thaws",
        "random weights",
        "too few layers",
        "a trained model",
    ],
)
def test_no_mix_is_advised_where_it_was_not_measured_or_may_not_be(advice, changed):
    assert not any("mix_last_layers" in sentence for sentence in advice(**{**FROZEN, **changed}))
