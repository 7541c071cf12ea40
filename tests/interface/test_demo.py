"""`polyhead demo`: what it refuses, and the folder of a Space. The page itself is clicked through in test_demo_browser.py."""

import socket
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from polyhead import commands_demo

NO_GRADIO = "error: the page needs gradio: pip install 'polyhead[demo]'.\n"


def test_without_gradio_it_is_told_what_to_install(polyhead, trained, monkeypatch, free_port):
    monkeypatch.setitem(sys.modules, "gradio", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "polyhead.demo.page", raising=False)
    result = polyhead("demo", trained, "--port", free_port)
    assert (result.exit_code, result.stderr) == (2, NO_GRADIO)


def test_a_space_without_gradio_is_told_the_same(polyhead, trained, monkeypatch, tmp_path):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(commands_demo, "version", missing)
    result = polyhead("demo", trained, "--space", tmp_path / "space")
    assert (result.exit_code, result.stderr) == (2, NO_GRADIO)
    assert not (tmp_path / "space").exists()


def test_a_port_in_use_is_told_before_anything_is_loaded(polyhead):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = polyhead("demo", "no/model", "--port", port)
    assert result.exit_code == 2
    assert f"--host 127.0.0.1 --port {port} cannot be served on: address already in use. Name another" in result.stderr


def test_an_address_of_another_machine_is_told(polyhead):
    result = polyhead("demo", "no/model", "--host", "192.0.2.1")  # TEST-NET-1, nobody's
    assert result.exit_code == 2
    assert "--host 192.0.2.1" in result.stderr
    assert "cannot be served on" in result.stderr


def test_a_space_is_written_and_named(polyhead, trained, monkeypatch, tmp_path):
    monkeypatch.setattr(commands_demo, "version", lambda _: "6.31.0")
    result = polyhead("demo", trained, "--space", tmp_path / "space")
    assert result.exit_code == 0, result.output
    assert result.stdout.replace("\n", "") == f"space: {tmp_path / 'space'}"
    assert (tmp_path / "space" / "model" / "model.safetensors").is_file()
    assert 'NAME = "model"' in (tmp_path / "space" / "app.py").read_text()  # the folder's name
    again = polyhead("demo", trained, "--space", tmp_path / "space")
    assert again.exit_code == 2
    assert "is not empty. Name a new one, or remove it first." in again.stderr


@pytest.mark.parametrize("where", [[], ["--space", "out"]])
def test_no_model_is_told(where, polyhead, folder, free_port, monkeypatch):
    monkeypatch.setattr(commands_demo, "version", lambda _: "6.31.0")
    monkeypatch.setattr(commands_demo, "_import_page", lambda: None)
    result = polyhead("demo", ".", *where or ["--port", free_port])
    assert result.exit_code == 2
    assert "there is no config.json in this folder" in result.stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize("option", [["--share"], ["--port", "7861"], ["--host", "0.0.0.0"]])
def test_a_space_takes_no_option_of_the_server(option, polyhead, trained, folder):
    result = polyhead("demo", trained, "--space", "out", *option)
    assert result.exit_code == 2
    assert "--space out came with --host, --port or --share; it serves nothing, leave them out." in result.stderr
    assert not (folder / "out").exists()
