"""Training on data sets that are streamed: repeatable, resumable, and by steps alone."""

import json

import pytest
import torch
from safetensors.torch import load_file

from polyhead.training.data.data_error import DataError
from polyhead.training.data.row_stream import CHUNK_ROWS, RowStream
from polyhead.training.data.rows import encode_table
from polyhead.training.data.streaming_dataset import StreamingDataset
from polyhead.training.data.tables import read_table
from polyhead.training.planning import plan_run
from polyhead.training.recipe.recipe_sections import DataSource
from polyhead.training.trainer import PolyheadTrainer

from .conftest import LOUD, PET, SAME, as_dataset, moved, row, weights

PETS = ("cat", "dog", "none")
PAIRS = [{"text": ("a cat", "the dog"), "labels": {"same": n % 2}, "where": f"pairs:{n}"} for n in range(5)]
# Streams of 21 and 9 rows and 5 rows in memory, in batches of 3, two batches a step: 6 steps are half a pass and two.
OPTIONS = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 2, "max_steps": 6, "logging_steps": 1}
OPTIONS |= {"sampling_weights": {"pets": 2, "louds": 1, "pairs": 1}, "learning_rate": 1e-2, "seed": 11}


def write(path, num_rows, column, values):
    lines = [
        json.dumps({"text": f"the {'a' * (n % 5)} cat !", column: values[n % len(values)]}) for n in range(num_rows)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def dataset(tmp_path):
    """Two streams on the disk and a data set in memory."""

    def _dataset(model, **fields):
        sources = []
        for name, num_rows, task in (("pets", 21, PET), ("louds", 9, LOUD)):
            if not (tmp_path / f"{name}.jsonl").exists():
                write(tmp_path / f"{name}.jsonl", num_rows, task.name, task.labels)
            given = {"name": name, "train": f"{name}.jsonl", "text": "text", "labels": {task.name: task.name}}
            given |= {"streaming": True, "first_rows": 4, "buffer_rows": 6, **fields}
            sources.append(DataSource.model_validate(given, context={"folder": tmp_path}))
        tasks = model.config.tasks
        rows = {source.name: encode_table(read_table(source, "train"), source, tasks, None) for source in sources}
        known = as_dataset(model, {**rows, "pairs": PAIRS})
        streams = {source.name: RowStream(source, tasks) for source in sources}
        return StreamingDataset(known, streams, model.tokenizer, model.max_length)

    return _dataset


@pytest.fixture
def trained(new_model, dataset, arguments, tmp_path):
    """Train a model with dropout; return its weights, and the rows of each batch."""

    def _trained(seed=0, resume=None, fields=None, **options):
        model = new_model(PET, LOUD, SAME, seed=seed, dropout=0.3)
        trainer = PolyheadTrainer(
            model, arguments(**{**OPTIONS, **options}), train_dataset=dataset(model, **fields or {})
        )
        seen, collate = [], trainer.data_collator
        trainer.data_collator = lambda examples: (
            seen.append([example.where for example in examples]) or collate(examples)
        )
        torch.manual_seed(seed)
        trainer.train(resume_from_checkpoint=resume and str(resume))
        return weights(model), seen

    return _trained


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(trained):
    first, seen = trained()
    again, seen_again = trained()
    other, seen_other = trained(data_seed=12)

    assert moved(first, again) == set()
    assert seen == seen_again
    assert moved(first, other)
    assert sorted(seen) != sorted(seen_other)


def test_all_data_sets_teach_their_tasks_in_the_shares_told(trained, new_model):
    start = weights(new_model(PET, LOUD, SAME, dropout=0.3))
    learned, seen = trained()

    assert len(seen) == 12
    assert [batch[0].split(":")[0] for batch in seen].count("pets.jsonl") == 6
    assert {batch[0].split(":")[0] for batch in seen} == {"pets.jsonl", "louds.jsonl", "pairs"}
    for task in (PET, LOUD, SAME):
        assert any(f"heads.{task.name}." in name for name in moved(start, learned))


@pytest.mark.parametrize("step", [2, 5], ids=["in the first pass", "in a later pass of the small ones"])
def test_a_resumed_run_ends_bit_equal_whatever_the_weights_it_found(trained, tmp_path, step):
    whole, seen = trained(save_strategy="steps", save_steps=1, save_total_limit=None)
    resumed, seen_later = trained(seed=77, resume=tmp_path / "run" / f"checkpoint-{step}")

    assert moved(whole, resumed) == set()
    assert seen_later == seen[2 * step :]


def test_what_is_read_ahead_by_worker_processes_changes_nothing(trained):
    alone, _ = trained()
    with_workers, _ = trained(dataloader_num_workers=1)

    assert moved(alone, with_workers) == set()


def test_rows_that_are_not_needed_are_not_read_and_wrong_ones_end_the_run(trained, tmp_path):
    write(tmp_path / "pets.jsonl", CHUNK_ROWS, "pet", PETS)
    with (tmp_path / "pets.jsonl").open("a") as file:
        file.write('\n{"text": "the cat", "pet": "cta"}\n')
    trained()

    with pytest.raises(
        DataError, match=f"pets.jsonl:{CHUNK_ROWS + 1} column 'pet': 'cta' is not a label of task 'pet'"
    ):
        trained(fields={"buffer_rows": 2 * CHUNK_ROWS})


def test_the_first_rows_and_the_buffer_make_the_fingerprint_later_rows_may_be_mended(new_model, dataset, tmp_path):
    model = new_model(PET, LOUD, SAME)
    before = dataset(model).fingerprint
    lines = (tmp_path / "pets.jsonl").read_text().splitlines()

    (tmp_path / "pets.jsonl").write_text("\n".join([*lines[:10], lines[0], *lines[11:]]))
    assert dataset(model).fingerprint == before
    assert dataset(model, buffer_rows=9).fingerprint != before
    (tmp_path / "pets.jsonl").write_text("\n".join([lines[0], *lines]))
    assert dataset(model).fingerprint != before


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"max_steps": -1}, "max_steps: missing, and data set 'pets' is a stream, .*add `max_steps: 1000`"),
        (
            {"save_strategy": "epoch"},
            "save_strategy: 'epoch' came, .*write `save_strategy: steps` and `save_steps: 500`",
        ),
        ({"freeze": [{"part": "backbone", "until_epoch": 1}]}, "freeze: until_epoch came, .*write until_step"),
        ({"thaw_every_epochs": 0.5}, "thaw_every_epochs: 0.5 came, .*write thaw_every_steps"),
        ({"sampling_weights": None}, "sampling_weights: missing, .*`sampling_weights: {pets: 1, louds: 1, pairs: 1}`"),
        ({"retain": {"tasks": ["pet"]}}, "retain: .*answers all training rows before the first step"),
    ],
)
def test_settings_that_need_the_length_of_a_stream_are_refused(trained, fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        trained(**fields)


def test_batches_of_one_row_are_refused_for_ranking_losses_of_streams_too(new_model, arguments, tmp_path):
    task = type(PET)(name="near", kind="pair_similarity", loss="multiple_negatives_ranking")
    (tmp_path / "near.jsonl").write_text('{"a": "cat", "b": "dog"}\n')
    fields = {"name": "near", "train": "near.jsonl", "text": ["a", "b"], "labels": {"near": None}, "streaming": True}
    source = DataSource.model_validate(fields, context={"folder": tmp_path})
    model = new_model(task)
    known = as_dataset(model, {"near": encode_table(read_table(source, "train"), source, [task], None)})
    stream = StreamingDataset(known, {"near": RowStream(source, [task])}, model.tokenizer, model.max_length)
    options = {"max_steps": 1, "per_device_train_batch_size": 1}

    with pytest.raises(ValueError, match="data set 'near' has batches of 1 row"):
        PolyheadTrainer(model, arguments(**options), train_dataset=stream).train()


def test_parts_thaw_by_steps_and_interference_is_measured_on_the_first_rows(trained, tmp_path):
    freezing = {"freeze": [{"part": "backbone", "until_step": 4}], "interference_every_steps": 3}
    trained(**freezing, save_strategy="steps", save_steps=1, save_total_limit=None)
    kept = [load_file(tmp_path / "run" / f"checkpoint-{step}" / "model.safetensors") for step in (1, 4, 5)]
    layer = "encoder.layer.0.output.dense.weight"
    assert torch.equal(kept[0][layer], kept[1][layer])
    assert not torch.equal(kept[1][layer], kept[2][layer])
    lines = [json.loads(line) for line in (tmp_path / "run" / "interference.jsonl").read_text().splitlines()]
    assert [(line["step"], line["tasks"]) for line in lines] == [
        (3, ["pet", "loud", "same"]),
        (6, ["pet", "loud", "same"]),
    ]


def test_a_plan_tells_steps_and_expected_tokens(new_model, dataset, arguments):
    model = new_model(PET, LOUD, SAME)
    trainer = PolyheadTrainer(model, arguments(**OPTIONS), train_dataset=dataset(model))
    plan = plan_run(trainer, num_timed_steps=1)

    assert plan.num_rows == {"pets": 4, "louds": 4, "pairs": 5}
    assert plan.streams == ["pets", "louds"]
    assert (plan.num_steps, plan.steps_per_epoch, plan.num_epochs) == (6, None, None)
    # 12 batches of 3 rows, half of them of pets; 'the', 'cat', '!' and 0 to 3 pieces of 'a', with [CLS] and [SEP].
    texts = (5 + 6 + 7 + 8) / 4
    assert plan.num_tokens == round(18 * texts + 9 * texts + 9 * (4 + 4))
    assert plan.seconds > 0


def test_validation_rows_are_measured_every_n_steps_and_at_the_end(new_model, dataset, arguments):
    model = new_model(PET, LOUD, SAME)
    options = {**OPTIONS, "eval_strategy": "steps", "eval_steps": 4}
    validation = as_dataset(model, [row("a cat", pet=0), row("the dog", pet=1)])
    trainer = PolyheadTrainer(model, arguments(**options), train_dataset=dataset(model), eval_dataset=validation)
    trainer.train()

    assert [log["step"] for log in trainer.state.log_history if "eval_pet_accuracy" in log] == [4, 6]
