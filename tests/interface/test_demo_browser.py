"""The page of `polyhead demo`, clicked through in a headless Chromium; nothing but this machine is asked for anything."""

import csv
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager

import pytest

from .browser import DESKTOP, PHONE, open_page, scrolls_sideways

pytestmark = pytest.mark.slow
HOSTILE = "the <script>alert(1)</script> <img src=x onerror=alert(2)> ${alert(3)} {{cat}} cat"


@contextmanager
def proxy():
    """Yield the environment that leads every request to another machine here, and the list of those that came."""
    came = []
    server = socket.create_server(("127.0.0.1", 0))

    def note():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            came.append(connection.recv(200))
            connection.close()

    threading.Thread(target=note, daemon=True).start()
    address = f"http://127.0.0.1:{server.getsockname()[1]}"
    names = {f"{scheme}_proxy": address for scheme in ("http", "https", "all")}
    names |= {name.upper(): value for name, value in names.items()}
    yield {**names, "no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}, came
    server.close()


@contextmanager
def served(command, port, **environment):
    """Run a command that serves a page and wait until it does."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=60).close()
                break
            except OSError:
                assert process.poll() is None, process.stdout.read().decode()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def address(all_kinds, module_port, tmp_path_factory):
    """Where the page of a model with all eight kinds of task is served."""
    uploads = tmp_path_factory.mktemp("uploads")
    code = "from polyhead.cli import main; main()"
    command = [sys.executable, "-c", code, "demo", str(all_kinds), "--port", str(module_port)]
    with proxy() as (environment, came):
        with served(command, module_port, TMPDIR=str(uploads), **environment) as address:
            yield address
        assert came == []
    assert list(uploads.glob("polyhead-demo-*")) == []  # nobody's files stay behind


@pytest.fixture(scope="module")
def module_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def visit(page, address):
    page.goto(address)
    page.wait_for_load_state("networkidle")  # Gradio builds its page in steps, and takes the focus away in between


def test_a_text_gives_cards_and_a_second_one_gives_more(address):
    with open_page(DESKTOP) as page:
        visit(page, address)
        page.get_by_label("Text", exact=True).fill("the cat")
        page.get_by_role("button", name="Answer", exact=True).click()
        page.locator(".ph-card").nth(5).wait_for()
        assert page.locator(".ph-card h2").all_inner_texts() == ["topic", "toxic", "tags", "affect", "grade", "slots"]
        assert page.locator(".ph-track span").first.evaluate("bar => bar.getBoundingClientRect().width") > 0

        page.get_by_label("Second text").fill("a dog")
        page.get_by_role("button", name="Answer", exact=True).click()
        page.locator(".ph-card").nth(7).wait_for()


def test_what_a_user_writes_is_shown_and_never_run(address):
    with open_page(DESKTOP) as page:
        visit(page, address)
        page.get_by_label("Text", exact=True).fill(HOSTILE)
        page.get_by_role("button", name="Answer", exact=True).click()
        shown = page.locator(".ph-text")
        shown.wait_for()
        assert re.sub(r"(x|pet|toy)(?=\W|$)", "", shown.inner_text()).split()[0] == "the"
        without_labels = shown.evaluate(
            "text => { const copy = text.cloneNode(true); copy.querySelectorAll('small').forEach(it => it.remove());"
            " return copy.textContent; }"
        )
        assert without_labels == HOSTILE
        assert page.locator("#answers script, #answers img").count() == 0


def test_labels_of_marks_are_as_dark_as_their_text_in_the_dark(address):
    with open_page(DESKTOP, color_scheme="dark") as page:
        visit(page, address)
        page.get_by_label("Text", exact=True).fill(HOSTILE)
        page.get_by_role("button", name="Answer", exact=True).click()
        page.locator(".ph-text mark small").first.wait_for()
        colors = page.evaluate(
            "['mark', 'mark small', ''].map(it => getComputedStyle(document.querySelector('.ph-text ' + it)).color)"
        )
        assert colors[0] == colors[1] != colors[2]


def test_an_example_is_answered_when_it_is_chosen(address):
    with open_page(DESKTOP) as page:
        visit(page, address)
        page.get_by_role("button", name="How do I change the PIN of my card?").click()
        page.locator(".ph-card").first.wait_for()
        assert page.get_by_label("Text", exact=True).input_value() == "How do I change the PIN of my card?"


def test_the_keyboard_is_enough_and_shows_where_it_is(address):
    with open_page(DESKTOP) as page:
        visit(page, address)
        page.get_by_role("tab", name="Many texts").focus()
        page.keyboard.press("Tab")
        page.keyboard.type("the cat")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.innerText") == "Answer"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
        page.keyboard.press("Enter")
        page.locator(".ph-card").first.wait_for()

        page.get_by_role("tab", name="Many texts").focus()
        page.keyboard.press("Enter")
        page.get_by_label("Texts, one a line").wait_for()


def test_lines_and_a_file_become_a_table_and_a_download(address, tmp_path):
    with open_page(DESKTOP) as page:
        visit(page, address)
        page.get_by_role("tab", name="Many texts").click()
        page.get_by_label("Texts, one a line").fill("the cat\na dog")
        page.get_by_role("button", name="Answer the lines").click()
        page.locator(".ph-table tbody tr").nth(1).wait_for()

        (tmp_path / "pets.csv").write_text("id,words\n1,cat\n2,dog\n3,\n")
        page.locator("#file input[type=file]").set_input_files(tmp_path / "pets.csv")
        page.get_by_text("pets.csv").first.wait_for()
        page.get_by_role("button", name="Answer the file").click()
        page.get_by_text("pets.csv has no column 'text'").wait_for()
        page.get_by_label("Column with the texts").fill("words")
        page.get_by_role("button", name="Answer the file").click()
        page.locator(".ph-table tbody tr").nth(2).wait_for()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the answers as CSV").click()
        assert download.value.suggested_filename == "pets_answers.csv"
        with download.value.path().open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [(row["id"], row["words"]) for row in rows] == [("1", "cat"), ("2", "dog"), ("3", "")]
        assert [bool(row["topic"]) for row in rows] == [True, True, False]


def test_nothing_is_wider_than_a_phone(address):
    with open_page(PHONE, has_touch=True, is_mobile=True) as page:
        visit(page, address)
        page.get_by_label("Text", exact=True).fill("the cat " + "without_a_space" * 20)
        page.get_by_role("button", name="Answer", exact=True).tap()
        page.locator(".ph-card").first.wait_for()
        assert not scrolls_sideways(page)
        page.get_by_role("tab", name="Many texts").tap()
        page.get_by_label("Texts, one a line").fill("the cat " + "without_a_space" * 20)
        page.get_by_role("button", name="Answer the lines").tap()
        page.locator(".ph-table td").first.wait_for()
        assert not scrolls_sideways(page)


def test_a_space_answers_in_a_process_without_polyhead(all_kinds, polyhead, tmp_path, free_port):
    done = polyhead("demo", all_kinds, "--space", tmp_path / "space")
    assert done.exit_code == 0, done.output
    code = "import runpy, sys; sys.modules['polyhead'] = None; sys.path.insert(0, '.'); runpy.run_path('app.py')"
    command = ["env", "-C", str(tmp_path / "space"), sys.executable, "-c", code]
    with served(command, free_port, GRADIO_SERVER_PORT=str(free_port)) as address, open_page(DESKTOP) as page:
        visit(page, address)
        page.get_by_label("Text", exact=True).fill("the cat")
        page.get_by_role("button", name="Answer", exact=True).click()
        page.locator(".ph-card").nth(5).wait_for()
