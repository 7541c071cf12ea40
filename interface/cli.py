"""The command line: `polyhead --help`.

Commands import what they need when they run, so that help does not wait for torch.
"""

from typing import Annotated

import typer

from . import __version__
from .commands_answer import encode, predict
from .commands_calibrate import calibrate
from .commands_check import check
from .commands_demo import demo
from .commands_env import env
from .commands_evaluate import evaluate
from .commands_explore import explore
from .commands_export import export
from .commands_heads import heads
from .commands_plan import plan
from .commands_publish import push, verify
from .commands_study import study
from .commands_train import train
from .mistakes import CarefulGroup

app = typer.Typer(
    cls=CarefulGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # tracebacks are for POLYHEAD_DEBUG=1, see mistakes.py
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (train, evaluate, predict, encode, plan, check, study, calibrate, verify, push, demo, explore, env):
    app.command()(command)
app.add_typer(heads, name="heads")
app.add_typer(export, name="export")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def polyhead(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """One transformers encoder, one sentence embedding, many named task heads, one checkpoint."""


def main() -> None:
    """Run the command line; exit code 0 good, 2 a mistake that the message says how to mend, 1 anything else."""
    app(prog_name="polyhead")
