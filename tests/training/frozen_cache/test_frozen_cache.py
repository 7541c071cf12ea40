"""What frozen layers give is computed once, and nothing else changes."""

import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.frozen_cache.cache_callback import FrozenCacheCallback
from polyhead.training.frozen_cache.mapped_file import mapped_tensor

from ..conftest import COUNT, LOUD, PET, SAME, SLOTS, moved, weights
from ..test_trainer_losses import SETS

TASKS = (PET, LOUD, COUNT, SLOTS, SAME)
SENTENCE_TASKS = (PET, LOUD, COUNT)
OPTIONS = {"per_device_train_batch_size": 3, "num_train_epochs": 2, "seed": 11, "logging_steps": 1}
OPTIONS |= {"learning_rates": {"backbone": 1e-3, "heads": 1e-2}, "gradient_accumulation_steps": 2}
BACKBONE = [{"part": "backbone"}]
BOTTOM = [{"part": "bottom.1"}]


def sets_of(tasks):
    names = {task.name for task in tasks}
    kept = {
        name: [
            {**row, "labels": {task: label for task, label in row["labels"].items() if task in names}} for row in rows
        ]
        for name, rows in SETS.items()
    }
    return {name: rows for name, rows in kept.items() if any(row["labels"] for row in rows)}


@pytest.fixture
def train(new_model, trainer_for):
    """Train a model with dropout; return its weights and the trainer."""

    def _train(tasks=TASKS, backbone="BERT", settings=None, resume=None, seed=0, gain=1.0, **options):
        model = new_model(*tasks, backbone=backbone, seed=seed, dropout=0.3, **(settings or {}))
        with torch.no_grad():
            for weight in (weight for weight in model.backbone.parameters() if weight.ndim > 1):
                weight *= gain
        trainer = trainer_for(model, sets_of(tasks), **{**OPTIONS, **options})
        torch.manual_seed(0)
        trainer.train(resume_from_checkpoint=resume)
        return weights(model), trainer

    return _train


def caches(trainer):
    return [callback for callback in trainer.callback_handler.callbacks if isinstance(callback, FrozenCacheCallback)]


def furthest(first, second):
    return max((first[name] - second[name]).abs().max().item() for name in first)


@pytest.fixture
def encodings(monkeypatch):
    """Every cache that a run builds, in order."""
    built = []
    follow = FrozenCacheCallback._follow

    def _follow(self, model):
        follow(self, model)
        built.append(self.encoding)

    monkeypatch.setattr(FrozenCacheCallback, "_follow", _follow)
    return built


@pytest.mark.parametrize("backbone", ["BERT", "DistilBERT", "ModernBERT", "ELECTRA", "DeBERTa-v2", "MPNet"])
@pytest.mark.parametrize("part", ["bottom.1", "backbone"])
def test_weights_come_out_as_without_it(part, backbone, train, encodings):
    expected, _ = train(backbone=backbone, freeze=[{"part": part}])
    found, _ = train(backbone=backbone, freeze=[{"part": part}], frozen_cache_gb=1.0)

    assert furthest(expected, found) < 1e-6
    assert encodings[0].num_computed > 0


def test_layers_that_are_shared_are_left_out_only_as_a_whole(train, encodings):
    for part in ("embeddings", "backbone"):
        expected, _ = train(backbone="ALBERT", freeze=[{"part": part}])
        found, _ = train(backbone="ALBERT", freeze=[{"part": part}], frozen_cache_gb=1.0)
        assert furthest(expected, found) < 1e-6
    partial, whole = encodings
    assert partial is None
    assert whole.num_computed > 0


def test_every_text_goes_through_the_frozen_layers_once(train, encodings):
    sentences = {row["text"] for rows in sets_of(SENTENCE_TASKS).values() for row in rows}
    train(SENTENCE_TASKS, freeze=BACKBONE, frozen_cache_gb=1.0, num_train_epochs=5)

    assert encodings[0].num_computed == encodings[0].store.num_texts == len(sentences)
    assert not encodings[0].store.by_token


def test_layers_below_the_boundary_are_not_run_again(new_model, trainer_for):
    model = new_model(*SENTENCE_TASKS)
    runs = []
    lower, upper = model.backbone.encoder.layer
    for layer in (lower, upper):
        layer.attention.register_forward_hook(lambda module, *_: runs.append(module))
    trainer = trainer_for(model, sets_of(SENTENCE_TASKS), **OPTIONS, freeze=BOTTOM, frozen_cache_gb=1.0)
    trainer.train()

    (cache,) = caches(trainer)
    assert runs.count(lower.attention) == 1  # all texts fit into one block
    assert runs.count(upper.attention) == len(trainer.get_train_dataloader()) * 2
    assert cache.encoding is None  # the model is as it was found
    assert "encode_tokens" not in vars(model)
    assert "forward" not in vars(lower)


def test_gradual_unfreezing_forgets_at_every_thaw(train, encodings):
    options = {"thaw_every_steps": 2, "num_train_epochs": 3}
    expected, _ = train(**options)
    found, _ = train(**options, frozen_cache_gb=1.0)

    assert furthest(expected, found) < 1e-6
    assert [encoding is not None for encoding in encodings] == [True, True, False, False]


def test_what_freezes_again_is_computed_anew(train):
    rules = [{"part": "backbone", "until_step": 2}, {"part": "backbone", "from_step": 4}]
    expected, _ = train(freeze=rules, num_train_epochs=3)
    found, _ = train(freeze=rules, num_train_epochs=3, frozen_cache_gb=1.0)

    assert furthest(expected, found) < 1e-6


def test_a_resumed_run_ends_bit_equal(train, tmp_path):
    options = {
        "freeze": BOTTOM,
        "frozen_cache_gb": 1.0,
        "save_strategy": "steps",
        "save_steps": 1,
        "save_total_limit": None,
    }
    expected, _ = train(**options, output_dir=str(tmp_path / "whole"))
    resumed, _ = train(
        **options, output_dir=str(tmp_path / "again"), seed=7, resume=str(tmp_path / "whole" / "checkpoint-3")
    )

    assert moved(expected, resumed) == set()


def test_texts_beyond_the_memory_are_computed_as_ever(train, encodings):
    expected, _ = train(freeze=BOTTOM)
    found, _ = train(freeze=BOTTOM, frozen_cache_gb=4 * 32 * 25 / 1e9)  # 25 tokens of 32 numbers

    assert furthest(expected, found) < 1e-6
    assert 0 < encodings[0].store.num_kept < encodings[0].store.num_texts


@pytest.mark.parametrize(
    ("settings", "tasks"),
    [
        ({"pooling": "attention"}, SENTENCE_TASKS),
        ({"projection_dim": 8}, SENTENCE_TASKS),
        ({"mix_last_layers": 2}, SENTENCE_TASKS),
        ({"mix_last_layers": 2, "pooling": ["mean", "cls"]}, SENTENCE_TASKS),
        ({"mix_last_layers": 2, "pooling": "max"}, SENTENCE_TASKS),
        ({"mix_last_layers": 2}, TASKS),
    ],
    ids=["attention pooling", "projection", "mix", "mix pooled twice", "mix, then maximum", "mix for tokens"],
)
def test_what_trains_on_top_still_trains(settings, tasks, train, encodings):
    gain = 10.0  # else layers of random weights hardly differ
    expected, _ = train(tasks, settings=settings, gain=gain, freeze=BACKBONE)
    found, _ = train(tasks, settings=settings, gain=gain, freeze=BACKBONE, frozen_cache_gb=1.0)

    assert furthest(expected, found) < 1e-6
    assert encodings[-1].num_computed == encodings[-1].store.num_texts  # once each


def test_a_mix_of_layers_reads_those_that_would_be_left_out(train, encodings):
    train(settings={"mix_last_layers": 2}, freeze=BOTTOM, frozen_cache_gb=1.0)

    assert encodings == [None]


def test_heads_that_read_tokens_get_tokens(train, encodings):
    task = TaskConfig(name="pet", kind="single_label_classification", labels=list(PET.labels), head="attention")
    task.head_num_attention_heads = 2
    expected, _ = train((task,), freeze=BACKBONE)
    found, _ = train((task,), freeze=BACKBONE, frozen_cache_gb=1.0)

    assert furthest(expected, found) < 1e-6
    assert encodings[0].store.by_token


def test_measuring_reads_the_kept_states_too(new_model, trainer_for, encodings):
    rows = sets_of(SENTENCE_TASKS)
    scores = []
    for options in ({}, {"frozen_cache_gb": 1.0}):
        trainer = trainer_for(
            new_model(*SENTENCE_TASKS), rows, rows, **OPTIONS, freeze=BACKBONE, eval_strategy="epoch", **options
        )
        trainer.train()
        scores.append([log["eval_loss"] for log in trainer.state.log_history if "eval_loss" in log])

    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert encodings[0].num_computed == encodings[0].store.num_texts


def test_adapters_inside_frozen_layers_make_nothing_constant(train, encodings):
    train(SENTENCE_TASKS, freeze=[{"part": "heads.pet"}], lora={"rank": 2}, frozen_cache_gb=1.0)

    assert encodings == [None]


@pytest.mark.parametrize("freeze", [BACKBONE, BOTTOM])
def test_states_in_a_file_give_the_same_weights_bit_by_bit(freeze, train, encodings, tmp_path):
    expected, _ = train(freeze=freeze, frozen_cache_gb=1.0)
    found, _ = train(freeze=freeze, frozen_cache_gb=1.0, frozen_cache_on_disk=True)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert all(encoding.store.num_kept for encoding in encodings)


def test_the_file_of_states_has_no_name_and_is_as_large_as_they_are(tmp_path):
    states = mapped_tensor((10, 4), torch.bfloat16, tmp_path / "new")
    states[3] = 1.5
    assert states[3].tolist() == [1.5] * 4
    assert states.untyped_storage().nbytes() == 80
    assert not list((tmp_path / "new").iterdir())
    assert mapped_tensor((0, 4), torch.float32, tmp_path).shape == (0, 4)


def test_a_disk_without_room_is_told_before_training(tmp_path):
    with pytest.raises(ValueError, match=r"GB of frozen states do not fit on the disk of .*; lower frozen_cache_gb"):
        mapped_tensor((1 << 40, 64), torch.float32, tmp_path)
    assert not list(tmp_path.iterdir())


def test_states_in_bfloat16_take_half_the_room_and_move_weights_a_little(train, encodings):
    expected, _ = train(freeze=BOTTOM, frozen_cache_gb=1.0)
    found, _ = train(freeze=BOTTOM, frozen_cache_gb=1.0, frozen_cache_dtype="bfloat16")
    assert 0 < furthest(found, expected) < 0.02
    whole, half = (encoding.store for encoding in encodings)
    assert half.num_bytes * 2 == whole.num_bytes


@pytest.mark.parametrize("freeze", [BOTTOM, BACKBONE], ids=["bottom", "backbone"])
def test_a_run_in_bfloat16_has_the_weights_that_it_has_without_the_cache(freeze, train, encodings):
    settings = {"pooling": "attention", "projection_dim": 4}  # both train, and run where kept states are computed
    exact, _ = train(settings=settings, freeze=freeze)
    expected, _ = train(settings=settings, freeze=freeze, bf16=True)
    found, _ = train(settings=settings, freeze=freeze, bf16=True, frozen_cache_gb=1.0)

    # Padding differs, and may move a number by one step of bfloat16; all together it must not move more than rounding does.
    assert furthest(expected, found) <= furthest(exact, expected) > 0
    assert encodings[0].num_computed > 0


def test_half_the_room_keeps_as_many_texts_in_bfloat16(train, encodings):
    train(freeze=BOTTOM, frozen_cache_gb=2e-6)
    train(freeze=BOTTOM, frozen_cache_gb=1e-6, frozen_cache_dtype="bfloat16")
    whole, half = (encoding.store for encoding in encodings)
    assert 0 < whole.num_kept == half.num_kept < whole.num_texts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frozen_cache_gb": 1.0}, "nothing is frozen"),
        ({"frozen_cache_on_disk": True, "freeze": BOTTOM}, "nothing is kept without it"),
        ({"frozen_cache_dtype": "bfloat16", "freeze": BOTTOM}, "nothing is kept without it"),
        ({"frozen_cache_gb": -1.0, "freeze": BOTTOM}, "is below 0"),
        ({"frozen_cache_gb": 1.0, "freeze": BOTTOM, "frozen_dropout": True}, "with frozen_dropout"),
        ({"frozen_cache_gb": 1.0, "freeze": BOTTOM, "neftune_noise_alpha": 5.0}, "with neftune_noise_alpha"),
    ],
    ids=["nothing frozen", "on disk", "in bfloat16", "below 0", "dropout", "noise on embeddings"],
)
def test_settings_that_do_not_go_together_are_refused(options, message, arguments):
    with pytest.raises(ValueError, match=f"frozen_cache_gb: .*{message}"):
        arguments(**options)


def test_other_numbers_are_refused(arguments):
    with pytest.raises(ValueError, match="frozen_cache_dtype: 'float16' is unknown; choose float32 or bfloat16"):
        arguments(frozen_cache_gb=1.0, freeze=BOTTOM, frozen_cache_dtype="float16")
