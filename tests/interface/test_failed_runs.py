"""A run that no setting of the command made fail ends with exit code 1 and a message."""

import resource

import torch

from polyhead.training.trainer import PolyheadTrainer


def test_model_for_which_the_disk_has_no_room_is_told_with_exit_code_1(polyhead, folder):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))  # the model has 48 716 bytes
    try:
        result = polyhead("train", "recipe.yaml", "--output", "out", "--set", "train.save_strategy=no")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert result.exit_code == 1, result.output
    assert "error: no room to write the model in 'out' (" in result.stderr
    assert "Traceback" not in result.stderr


def test_memory_that_does_not_suffice_is_told_with_exit_code_1_and_what_to_lower(polyhead, folder, monkeypatch):
    compute_loss = PolyheadTrainer.compute_loss

    def _greedy(self, *arguments, **options):
        compute_loss(self, *arguments, **options)
        torch.empty(2**60)  # 4 EiB

    monkeypatch.setattr(PolyheadTrainer, "compute_loss", _greedy)
    result = polyhead("train", "recipe.yaml", "--output", "out", "--no-check")

    assert result.exit_code == 1, result.output
    message = result.stderr[result.stderr.index("error: ") :]
    assert message.startswith(
        "error: memory ran out in training step 1, for a batch of 8 rows, the longest of 5 tokens, of"
    )
    assert "Lower train.per_device_train_batch_size" in message
    assert "Traceback" not in message


def test_numbers_that_break_are_told_with_exit_code_1_by_task_and_row(polyhead, folder):
    overrides = ("--set", "train.learning_rate=1e30", "--set", "train.warmup_steps=0", "--set", "train.max_grad_norm=0")
    result = polyhead("train", "recipe.yaml", "--output", "out", "--no-check", *overrides)

    assert result.exit_code == 1, result.output
    message = result.stderr[result.stderr.index("error: ") :]
    assert "stopped before it changed the weights. task '" in message
    assert "train.jsonl:" in message
    assert "Traceback" not in message
