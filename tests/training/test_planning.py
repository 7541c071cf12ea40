import pytest
import torch

from polyhead.training.planning import draw_rates, plan_run

from .conftest import LOUD, PET, moved, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RUN = {"per_device_train_batch_size": 2, "num_train_epochs": 5, "learning_rate": 1.0, "warmup_steps": 0}


def planned(new_model, trainer_for, num_timed_steps=0, **fields):
    model = new_model(PET, LOUD)
    return plan_run(trainer_for(model, ROWS, **{**RUN, **fields}), num_timed_steps)


def by_name(plan):
    return {group.name: group for group in plan.groups}


def test_steps_epochs_and_tokens_are_those_of_the_run(new_model, trainer_for):
    plan = planned(new_model, trainer_for)

    assert (plan.num_steps, plan.steps_per_epoch, plan.num_epochs) == (10, 2, 5)
    assert plan.num_rows == {"toy": 4}
    assert plan.num_tokens == 5 * (4 + 5 + 3 + 4)  # with [CLS] and [SEP]
    assert planned(new_model, trainer_for, max_steps=3).num_epochs == 1.5


def test_rates_start_peak_and_end_where_the_schedule_takes_them(new_model, trainer_for):
    groups = by_name(planned(new_model, trainer_for, layer_decay=0.5, learning_rates={"heads": 4.0}))

    # A linear fall over 10 steps: the last of them runs at a tenth.
    assert (groups["heads"].start, groups["heads"].peak, groups["heads"].end) == pytest.approx((4.0, 4.0, 0.4))
    assert groups["layers.0"].start == 0.5
    assert groups["layers.0"].depth == 1


def test_a_group_that_spans_several_depths_names_them_all(new_model, trainer_for):
    groups = by_name(planned(new_model, trainer_for))

    # Embeddings 0, two layers 1 and 2, heads on top.
    assert (groups["backbone"].depth, groups["backbone"].depths) == (None, [1, 2])
    assert (groups["embeddings"].depth, groups["embeddings"].depths) == (0, [0])
    assert groups["heads"].depths == [3]


def test_warm_up_starts_at_zero_and_peaks_later(new_model, trainer_for):
    head = by_name(planned(new_model, trainer_for, warmup_steps=4))["heads"]

    assert (head.start, head.peak) == (0.0, 1.0)


def test_each_group_tells_in_which_steps_it_trains(new_model, trainer_for):
    freeze = [{"part": "heads.loud"}, {"part": "embeddings", "from_step": 4, "until_step": 6}]
    groups = by_name(
        planned(
            new_model, trainer_for, freeze=freeze, thaw_every_epochs=1.0, head_multipliers={"pet": 2.0, "loud": 2.0}
        )
    )

    assert groups["heads.pet"].trainable == [(1, 10)]
    assert groups["heads.loud"].trainable == []
    assert groups["embeddings"].trainable == [(7, 10)]


def test_the_plan_agrees_with_the_rates_that_the_run_logs(new_model, trainer_for):
    fields = {"layer_decay": 0.5, "lr_scheduler_type": "cosine", "warmup_steps": 3, "logging_steps": 1}
    plan = planned(new_model, trainer_for, **fields)
    trainer = trainer_for(new_model(PET, LOUD), ROWS, **{**RUN, **fields})
    trainer.train()

    logged = [entry for entry in trainer.state.log_history if "lr/layers.0" in entry]
    for name in ("heads", "layers.0", "embeddings"):
        assert [entry[f"lr/{name}"] for entry in logged] == pytest.approx(by_name(plan)[name].rates)


def test_memory_counts_gradients_and_moments_of_what_trains_only(new_model, trainer_for):
    whole = planned(new_model, trainer_for)
    size = 4 * sum(group.num_parameters for group in whole.groups)
    heads = 4 * sum(group.num_parameters for group in whole.groups if group.name.startswith("heads"))

    assert whole.memory_bytes == 4 * size
    assert planned(new_model, trainer_for, freeze=[{"part": "backbone"}]).memory_bytes == size + 3 * heads


def test_planning_with_timed_steps_leaves_the_weights_alone(new_model, trainer_for):
    model = new_model(PET, LOUD)
    before = weights(model)
    plan = plan_run(trainer_for(model, ROWS, **RUN), num_timed_steps=1)

    assert plan.seconds > 0
    assert moved(before, weights(model)) == set()
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("part", ["backbone", "everything"])
def test_what_never_trains_costs_the_timed_steps_no_backward_pass(new_model, trainer_for, part):
    model, seen = new_model(PET, LOUD), set()
    weight = next(model.backbone.parameters())
    model.backbone.register_forward_hook(lambda *_: seen.add(weight.requires_grad))

    plan_run(trainer_for(model, ROWS, **RUN, freeze=[{"part": part}]), num_timed_steps=1)
    plan_run(trainer_for(model, ROWS, **RUN, freeze=[{"part": part, "until_step": 1}]), num_timed_steps=1)

    assert seen == {False, True}
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(("bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_steps_are_timed_in_the_precision_of_training(new_model, trainer_for, bf16, dtype):
    model, seen = new_model(PET), set()
    layer = next(module for module in model.backbone.modules() if isinstance(module, torch.nn.Linear))
    layer.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))

    plan_run(trainer_for(model, ROWS, **RUN, bf16=bf16), num_timed_steps=1)

    assert seen == {dtype}


def test_the_picture_is_a_png(new_model, trainer_for, tmp_path):
    draw_rates(planned(new_model, trainer_for, thaw_every_epochs=1.0), tmp_path / "rates.png")

    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
