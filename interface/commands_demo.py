"""`polyhead demo`: a page to try a model on, here or as a Space."""

import os
import signal
import socket
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from .placing import place
from .training_rows import tell_training_rows

NO_GRADIO = "the page needs gradio: pip install 'polyhead[demo]'."
_HOST, _PORT, _LAST_PORT = "127.0.0.1", 7860, 65535
_NUM_SENTENCES = 6  # of ours, where the card has no examples


def demo(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a trained model, or its name on the Hub.")],
    host: Annotated[
        str | None,
        typer.Option(help="Address to serve on; 0.0.0.0: the whole network may see the page [default: 127.0.0.1]."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=_LAST_PORT, help=f"Port to serve on [default: {_PORT}].")
    ] = None,
    share: Annotated[
        bool, typer.Option("--share", help="Give the page a public address for a week, through Gradio's servers.")
    ] = False,
    space: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the folder of a Space instead: new or empty.")
    ] = None,
) -> None:
    """Serve a page on which a model's answers can be tried.

    A text or two, many lines, or a CSV file in; cards with bars, marked entities, a table or CSV out. Without
    --share nothing is sent anywhere.
    """
    if space is None:
        _require_free(host or _HOST, port or _PORT)
        _serve(model, host or _HOST, port or _PORT, share)
    elif host or port or share:
        raise ValueError(f"--space {space} came with --host, --port or --share; it serves nothing, leave them out.")
    else:
        _write_space(model, space)


def _write_space(name: str, output: Path) -> None:
    from . import demo
    from .modeling.scope_polyhead import SCOPE
    from .publishing.space import MODEL, write_space

    try:
        gradio = version("gradio")
    except PackageNotFoundError as error:
        raise ImportError(NO_GRADIO) from error
    _load(name)  # a Space of a model that does not load helps nobody
    write_space(output, name, _title(name), _examples(name), Path(demo.__path__[0]), gradio, _commit(name))
    if (output / MODEL / SCOPE).is_file():
        tell_training_rows(SCOPE)
    print(f"space: {output}")


def _serve(name: str, host: str, port: int, share: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="polyhead-demo-") as folder:
        # Gradio reads both when it is imported. What people upload is gone with the page.
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": folder}
        page = _import_page()
        model = _load(name)
        place(model, None)
        built = page.build_page(model, _title(name), _examples(name))
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the folder goes then too
        print(f"page: http://{host}:{port} (Ctrl-C ends it)", flush=True)
        page.serve(built, host, port, share)


def _load(name: str) -> Any:
    from .loading import load_checkpoint

    return load_checkpoint(name)


def _commit(name: str) -> str | None:
    """Return the commit of a model on the Hub that was loaded; None for a folder."""
    from transformers.utils import cached_file
    from transformers.utils.hub import extract_commit_hash

    from .loading import hub_options

    commit: str | None = extract_commit_hash(cached_file(name, "config.json", **hub_options(name)), None)
    return commit


def _import_page() -> Any:
    """Return the module of the page.

    Raises:
        ImportError: Gradio is not installed.
    """
    try:
        from .demo import page
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "gradio":
            raise
        raise ImportError(NO_GRADIO) from error
    return page


def _require_free(host: str, port: int) -> None:
    """Refuse an address that cannot be served on, before the model is loaded.

    Raises:
        ValueError: The port is taken or reserved, or the address is not this machine's.
    """
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
        raise ValueError(f"--host {host} --port {port} cannot be served on: {reason}. Name another --port.") from error


def _title(name: str) -> str:
    return Path(name).resolve().name if Path(name).is_dir() else name


def _examples(name: str) -> list[str]:
    from .loading import hub_options
    from .publishing.card_examples import card_examples
    from .texts_input import DEFAULT_FILE

    own = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()[:_NUM_SENTENCES]
    return card_examples(name, **hub_options(name)) or own
