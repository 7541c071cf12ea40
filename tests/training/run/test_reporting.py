"""Services beside the run's own log: off by default, and named when they are missing."""

from importlib.util import find_spec

import pytest
from transformers.integrations import TensorBoardCallback
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from polyhead.training.run.reporting import report_into

from ..conftest import PET, row

ROWS = [row("a cat", 1, pet=0), row("dog", 2, pet=1)] * 2
# Asked for as a user would see it; where the tests run with one of them installed, the others speak for it.
MISSING = [name for name in ("tensorboard", "trackio", "wandb") if find_spec(name) is None]


@pytest.mark.parametrize("name", MISSING)
def test_a_service_whose_package_is_missing_is_refused_before_the_run(name, arguments):
    message = rf"report_to: the package of '{name}' is not installed; pip install {name}, or leave report_to out"
    with pytest.raises(ValueError, match=message):
        arguments(report_to=name)


def test_a_service_that_is_unknown_is_refused(arguments):
    with pytest.raises(ValueError, match=r"report_to: 'tensorbord' is no service; .*tensorboard"):
        arguments(report_to=["tensorbord"])


def test_a_run_reports_nowhere_unless_told_to(new_model, trainer_for):
    trainer = trainer_for(new_model(PET), ROWS)

    assert trainer.args.report_to == []
    assert not {type(callback) for callback in trainer.callback_handler.callbacks} & set(
        INTEGRATION_TO_CALLBACK.values()
    )


def test_tensorboard_shows_what_the_log_holds(new_model, trainer_for, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = trainer_for(new_model(PET), ROWS, report_to="tensorboard", max_steps=2, logging_steps=1)
    report_into(tmp_path, trainer.callback_handler.callbacks)
    trainer.train()
    shown = EventAccumulator(str(tmp_path / "tensorboard")).Reload()

    for name in ("loss", "loss/pet", "share/pet", "lr/heads"):
        logged = {entry["step"]: entry[name] for entry in trainer.state.log_history if name in entry}
        assert len(logged) == 2
        assert {event.step: event.value for event in shown.Scalars(f"train/{name}")} == pytest.approx(logged)


def test_tensorboards_files_lie_in_the_runs_folder_unless_told_otherwise(tmp_path):
    callback = object.__new__(TensorBoardCallback)  # its own construction needs the package
    callback.logging_dir = None
    report_into(tmp_path, [callback])
    assert callback.logging_dir == str(tmp_path / "tensorboard")
    report_into(tmp_path / "other", [callback])
    assert callback.logging_dir == str(tmp_path / "tensorboard")
