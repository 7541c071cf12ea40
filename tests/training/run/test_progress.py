"""What stands on the screen while a model trains."""

import logging

from ..conftest import LOUD, PET, row

ROWS = [row(text, number, pet=number % 3, loud=number % 2) for number, text in enumerate(["a cat", "dog", "the", "!"])]
RUN = {"disable_tqdm": False, "max_steps": 3, "per_device_train_batch_size": 2, "logging_steps": 1}


def test_a_warning_stands_on_a_line_of_its_own_beside_the_bar(new_model, trainer_for, capfd, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as on a user's machine
    trainer = trainer_for(new_model(PET, LOUD), ROWS, ROWS, guard={"max_drift": 0.0}, eval_strategy="epoch", **RUN)
    trainer.train()

    shown = capfd.readouterr().err
    assert "3/3" in shown
    warnings = [line.rpartition("\r")[2] for line in shown.split("\n") if "beyond max_drift" in line]
    assert len(warnings) == 2
    assert all(line.startswith("guard: the embedding drifted") for line in warnings)
    assert not logging.lastResort.filters
