"""The pictures of a finished run, drawn from its log and its confusion matrices."""

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...configuration.tasks_polyhead import TaskConfig
from ..metrics.confusion import Confusion
from .metrics_file import METRICS, read_metrics


def draw_pictures(
    folder: Path, tasks: Sequence[TaskConfig], confusions: Mapping[str, Confusion] | None = None
) -> list[Path] | None:
    """Draw what a run has logged as PNG files beside its log.

    Args:
        folder: Holds `metrics.jsonl`.
        tasks: Of the model.
        confusions: By task, of the validation split.

    Returns:
        The files; none of what was never logged. None where matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return None
    from .pictures_confusion import draw_confusion
    from .pictures_curves import draw_losses, draw_scores
    from .pictures_rates import draw_rates
    from .pictures_shares import draw_shares

    entries = read_metrics(folder / METRICS)
    drawn = {
        "losses": draw_losses(entries, tasks),
        "scores": draw_scores(entries, tasks),
        "rates": draw_rates(entries),
        "shares": draw_shares(entries, tasks),
        **{f"confusion_{name}": draw_confusion(name, confusion) for name, confusion in (confusions or {}).items()},
    }
    files = []
    for name, figure in drawn.items():
        if figure is not None:
            files.append(folder / f"{name}.png")
            with warnings.catch_warnings():
                # Labels in a script that matplotlib's font lacks are drawn as boxes.
                warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
                figure.savefig(files[-1], dpi=110)
    return files
