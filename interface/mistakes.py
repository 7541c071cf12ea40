"""How an error ends a command: whose mistake it is, what is printed, which exit code."""

import errno
import os
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

OK, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130
DEBUG = "POLYHEAD_DEBUG"
TRAIN_PACKAGES = ("accelerate", "datasets", "evaluate", "sklearn", "scipy", "pydantic", "yaml", "pyarrow")
# Typer answers wrong usage itself. The base of those errors is click's, of which newer ones carry a copy.
_ANSWERED_BY_TYPER: tuple[Any, ...] = (typer.Exit, typer.Abort, typer.BadParameter.__bases__[0])


class CarefulGroup(TyperGroup):
    """Commands whose errors are told in one message, without a traceback unless POLYHEAD_DEBUG=1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; any error that Typer does not answer itself ends it here."""
        try:
            return super().invoke(ctx)
        except _ANSWERED_BY_TYPER:
            raise
        except KeyboardInterrupt as error:
            _tell(INTERRUPTED, f"interrupted. {error}".rstrip(), error)
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # `polyhead ... | head`: Typer ends it without a word
            _tell(*describe(error), error)


def describe(error: Exception) -> tuple[int, str]:
    """Return the exit code of an error and what is said about it.

    A ValueError of our own code is the user's mistake, and its message says how to mend it. One from inside a library
    is not: wherever a setting is handed on, our code has caught it and named the setting.
    """
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in TRAIN_PACKAGES:
        return MISTAKE, f"package '{error.name}' is missing, which this command needs: pip install 'polyhead[train]'"
    if isinstance(error, ValueError | ImportError) and is_ours(error):
        return MISTAKE, str(error)  # an import error that is not told above: an optional package, named by us
    if isinstance(error, OSError) and error.filename is not None and error.errno not in (errno.ENOSPC, errno.EIO):
        return MISTAKE, f"'{error.filename}': {error.strerror}. Check the path and its permissions."
    told = isinstance(error, MemoryError | OSError | FloatingPointError)
    if told and error.args and isinstance(error.args[0], str) and is_ours(error):
        return FAILED, str(error)  # no room on the machine or numbers that broke, told in our words
    lines = str(error).strip().splitlines() or ["no message"]
    return FAILED, f"{type(error).__name__}: {lines[0]} (set {DEBUG}=1 for the traceback)"


def is_ours(error: Exception) -> bool:
    """Say whether the error was raised by this package's own code, not by a library below it."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and f"{frames[-1].f_globals.get('__name__')}.".startswith(f"{__package__}.")


def _tell(code: int, message: str, error: BaseException) -> None:
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error)
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(code) from None
