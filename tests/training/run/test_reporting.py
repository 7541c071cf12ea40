"""Services beside the run's own log: off by default, and named when they are missing."""

from importlib.util import find_spec

import pytest
from transformers.integrations import TensorBoardCallback

from polyhead.training.run.reporting import report_into


def test_a_service_that_is_unknown_or_not_installed_is_refused(arguments):
    missing = next(name for name in ("wandb", "trackio", "comet_ml", "swanlab") if find_spec(name) is None)

    with pytest.raises(
        ValueError, match=f"report_to: the package of '{missing}' is not installed; pip install {missing}"
    ):
        arguments(report_to=missing)
    with pytest.raises(ValueError, match=r"report_to: 'tensorbord' is no service; .*tensorboard"):
        arguments(report_to=["tensorbord"])
    assert arguments().report_to == []


def test_tensorboards_files_lie_in_the_runs_folder_unless_told_otherwise(tmp_path):
    callback = object.__new__(TensorBoardCallback)  # its own construction needs the package
    callback.logging_dir = None
    report_into(tmp_path, [callback])
    assert callback.logging_dir == str(tmp_path / "tensorboard")
    report_into(tmp_path / "other", [callback])
    assert callback.logging_dir == str(tmp_path / "tensorboard")
