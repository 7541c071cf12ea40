"""Learning without forgetting: old heads answer as they did at the start, as far as `retain` asks for it."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from polyhead.configuration.tasks_polyhead import TaskConfig

from ..conftest import COUNT, LOUD, PET, SAME, SLOTS, moved, row, weights
from ..test_trainer_losses import GRADE, NEAR, TAGS, TEXTS, largest_difference

OLD = (PET, COUNT, TAGS, GRADE, SLOTS, SAME, NEAR)
NEW = [row(text, number, loud=number % 2) for number, text in enumerate(TEXTS)]
PAIRS = [row((text, TEXTS[number - 1]), number, same=number % 2) for number, text in enumerate(TEXTS)]
RUN = {"learning_rate": 3e-3, "max_steps": 12, "per_device_train_batch_size": 4, "logging_steps": 12, "warmup_steps": 0}


@pytest.fixture
def old_model(new_model):
    """A model of old tasks and a new one, in the state in which a run finds it."""

    def _old_model(*tasks):
        return new_model(*(tasks or (PET, LOUD)), seed=1).eval()

    return _old_model


def answers(model, task, texts=TEXTS):
    with torch.no_grad():
        return torch.cat([output.logits[task] for _, _, output in model.run_batches(texts, tasks=[task], batch_size=1)])


def forgetting(model, before, task="pet"):
    return (answers(model.eval(), task).softmax(-1) - before.softmax(-1)).abs().mean().item()


def test_an_old_head_stays_closer_to_its_answers_the_heavier_they_weigh(old_model, trainer_for):
    distances = []
    for weight in (None, 10.0, 100.0):
        model = old_model()
        before = answers(model, "pet")
        retain = None if weight is None else {"tasks": ["pet"], "weight": weight}
        # Plain descent: Adam's steps are as long for a small distance as for a large one.
        trainer_for(
            model, NEW, retain=retain, **{**RUN, "optim": "sgd", "learning_rate": 0.05, "max_steps": 30}
        ).train()
        distances.append(forgetting(model, before))

    assert distances[0] > 2 * distances[1] > 3 * distances[2] > 0


def test_the_new_task_is_learned_beside_it(old_model, trainer_for):
    model = old_model()
    trainer = trainer_for(model, NEW, retain={"tasks": ["pet"]}, **{**RUN, "logging_steps": 1, "max_steps": 30})
    trainer.train()
    losses = [log["loss/loud"] for log in trainer.state.log_history if "loss/loud" in log]

    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])


def test_the_embedding_stays_where_it_was_the_heavier_it_weighs(old_model, trainer_for):
    cosines = []
    for weight in (0.0, 100.0):
        model = old_model()
        before = torch.tensor(model.encode(TEXTS))
        retain = {"tasks": ["pet"], "weight": 0.0, "embedding": weight}
        trainer_for(model, NEW, retain=retain, **RUN).train()
        cosines.append(torch.cosine_similarity(before, torch.tensor(model.eval().encode(TEXTS))).mean().item())

    assert 1 - cosines[1] < 0.1 * (1 - cosines[0])


def test_a_frozen_head_stays_bit_equal_and_still_teaches_the_backbone(old_model, trainer_for):
    distances = []
    for retain in (None, {"tasks": ["pet"], "weight": 100.0}):
        model = old_model()
        start, before = weights(model), answers(model, "pet")
        trainer_for(model, NEW, retain=retain, freeze=[{"part": "heads.pet"}], **RUN).train()
        changed = moved(start, weights(model))
        assert not [name for name in changed if "heads.pet" in name]
        assert "polyhead.heads.loud.output.weight" in changed
        distances.append(forgetting(model, before))

    assert distances[0] > 2 * distances[1]


def test_the_first_step_has_nothing_to_keep_yet(old_model, trainer_for):
    model = old_model(*OLD, LOUD)
    retain = {"tasks": [task.name for task in OLD], "embedding": 1.0}
    trainer = trainer_for(
        model, {"new": NEW, "pairs": PAIRS}, retain=retain, **{**RUN, "max_steps": 4, "logging_steps": 1}
    )
    trainer.train()
    first = trainer.state.log_history[0]

    kept = {name: value for name, value in first.items() if name.startswith("loss/retain_")}
    assert kept
    assert list(kept.values()) == pytest.approx([0.0] * len(kept), abs=1e-5)
    named = {name for log in trainer.state.log_history for name in log if name.startswith("loss/retain_")}
    assert named == {f"loss/retain_{name}" for name in (*retain["tasks"], "embedding")}


def test_accumulated_batches_are_kept_as_one(old_model, trainer_for):
    results = []
    for rows, steps in ((8, 1), (2, 4), (3, 3)):
        model = old_model(PET, SLOTS, LOUD)
        options = {"per_device_train_batch_size": rows, "gradient_accumulation_steps": steps, "max_steps": 3}
        retain = {"tasks": ["pet", "slots"], "weight": 3.0, "embedding": 1.0}
        options |= {"optim": "sgd", "learning_rate": 0.5, "max_grad_norm": 0.0, "logging_steps": 3}
        trainer = trainer_for(model, NEW, retain=retain, **{**RUN, **options})
        trainer.train()
        results.append((weights(model), trainer.state.log_history[0]))

    for result, logs in results[1:]:
        assert largest_difference(results[0][0], result) < 1e-5
        for name in ("loss/retain_pet", "loss/retain_slots", "loss/retain_embedding"):
            assert logs[name] == pytest.approx(results[0][1][name], rel=1e-3)
            assert logs[name] > 0


SAVING = {**RUN, "max_steps": 6, "save_strategy": "steps", "save_steps": 3, "save_total_limit": None}
RETAIN = {"tasks": ["pet"], "weight": 10.0, "embedding": 1.0}


def test_a_run_resumed_in_the_middle_ends_bit_equal_whatever_the_model_it_found(old_model, trainer_for, tmp_path):
    whole = old_model()
    trainer_for(whole, NEW, retain=RETAIN, **SAVING).train()
    other = old_model()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(3.0)
    trainer_for(other, NEW, retain=RETAIN, **SAVING).train(
        resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-3")
    )

    assert moved(weights(whole), weights(other)) == set()


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_resumed_run_says_what_is_wrong_with_the_answers_it_finds(old_model, trainer_for, tmp_path, damage):
    trainer_for(old_model(), NEW, retain=RETAIN, **SAVING).train()
    file = tmp_path / "run" / "retained.safetensors"
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        save_file(load_file(file), file, metadata={**safe_open(file, "pt").metadata(), "training rows": "others"})
    told = {"missing": "is missing", "cut": "is damaged", "other": "training rows changed since"}[damage]

    with pytest.raises(ValueError, match=f"cannot resume: .*{told}.* start in a new one"):
        trainer_for(old_model(), NEW, retain=RETAIN, **SAVING).train(
            resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-3")
        )


def test_a_loss_that_breaks_names_itself_and_the_rows(old_model, trainer_for):
    model = old_model()
    trainer = trainer_for(model, NEW, retain={"tasks": ["pet"]}, **RUN)
    trainer.add_callback(_Breaker(trainer))

    with pytest.raises(FloatingPointError, match=r"training step 1 stopped .* loss 'retain_pet': nan on toy.jsonl"):
        trainer.train()


class _Breaker(TrainerCallback):
    """Puts answers into the data that no model gives."""

    def __init__(self, trainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **kwargs):
        for example in self.trainer.train_dataset.examples:
            example.earlier = {"pet": torch.full((3,), torch.inf)}


@pytest.mark.parametrize(
    ("retain", "problem"),
    [
        ({"tasks": ["pte"]}, "train.retain.tasks: no task 'pte' in this model. Its tasks: pet, loud"),
        ({"task": ["pet"]}, "retain.task: unknown key; closest is 'tasks'"),
        ({"tasks": "pet"}, "retain.tasks: 'pet' came; write a list"),
        ({"tasks": ["pet"], "weight": "high"}, "retain.weight: 'high' came; write a number"),
        ({"tasks": ["pet"], "weight": -1}, "retain.weight: -1 is negative; give 0 or more"),
        ({"tasks": ["pet"], "temperature": 0}, "retain.temperature: 0 is not above 0"),
        ({"tasks": ["pet", "pet"]}, "retain.tasks: pet stands twice"),
        ({}, "retain: nothing is kept; name `tasks`"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(old_model, trainer_for, retain, problem):
    with pytest.raises(ValueError, match=problem):
        trainer_for(old_model(), NEW, retain=retain, **RUN)


def test_a_task_with_the_name_of_a_loss_is_refused(old_model, trainer_for):
    clash = TaskConfig(name="retain_pet", kind="regression")

    with pytest.raises(ValueError, match="clash with task names; rename"):
        trainer_for(old_model(PET, LOUD, clash), NEW, retain={"tasks": ["pet"]}, **RUN)
