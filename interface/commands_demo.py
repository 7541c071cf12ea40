"""`polyhead demo`: a page to try a model on, here or as a Space."""

import os
import socket
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

NO_GRADIO = "the page needs gradio: pip install 'polyhead[demo]'."
_LAST_PORT = 65535


def demo(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a trained model, or its name on the Hub.")],
    host: Annotated[
        str, typer.Option(help="Address to serve on; 0.0.0.0: the whole network may see the page.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=_LAST_PORT, help="Port to serve on.")] = 7860,
    share: Annotated[
        bool, typer.Option("--share", help="Give the page a public address for a week, through Gradio's servers.")
    ] = False,
    space: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the folder of a Space instead: new or empty.")
    ] = None,
) -> None:
    """Serve a page on which a model's answers can be tried.

    A text or two, many lines, or a CSV file in; cards with bars, marked entities, a table or CSV out. Nothing is sent
    anywhere.
    """
    if space is None:
        _require_free(host, port)
        _serve(model, host, port, share)
    else:
        _write_space(model, space)


def _write_space(name: str, output: Path) -> None:
    from . import demo
    from .publishing.card_examples import card_examples
    from .publishing.space import write_space

    try:
        gradio = version("gradio")
    except PackageNotFoundError as error:
        raise ImportError(NO_GRADIO) from error
    revision = getattr(_load(name).config, "_commit_hash", None)
    examples = card_examples(name) or _own_sentences()
    write_space(output, name, _title(name), examples, Path(demo.__path__[0]), gradio, revision)
    print(f"space: {output}")


def _serve(name: str, host: str, port: int, share: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="polyhead-demo-") as folder:
        # Gradio reads both when it is imported. What people upload is gone with the page.
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": folder}
        page = _import_page()
        from .publishing.card_examples import card_examples

        model = _load(name)
        built = page.build_page(model, _title(name), card_examples(name) or _own_sentences())
        print(f"page: http://{host}:{port} (Ctrl-C ends it)", flush=True)
        page.serve(built, host, port, share)


def _load(name: str) -> Any:
    from .loading import load_checkpoint

    return load_checkpoint(name)


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


def _own_sentences() -> list[str]:
    from .texts_input import DEFAULT_FILE

    return DEFAULT_FILE.read_text(encoding="utf-8").splitlines()[:6]
