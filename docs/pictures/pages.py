"""Takes the pictures of the pages: python docs/pictures/pages.py MODEL TEXTS.

MODEL has a token task and a pair task, TEXTS is a file for `polyhead explore`. Needs Chromium, see CONTRIBUTING.md.
"""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
POLYHEAD = Path(sys.executable).with_name("polyhead")
TEXT = "Play the new album by Nina Simone on Spotify, please. I love her voice!"
SECOND = "Put on some jazz tonight."
LINES = "Book a table for two in Boston.\nWhat awful weather!\nThe laptop weighs one kilo."
DESKTOP, PHONE = {"width": 1100, "height": 760}, {"width": 390, "height": 1180}


def take(page: Page, name: str, **options: bool) -> None:
    page.wait_for_timeout(1000)  # Gradio fades its answers in
    page.screenshot(path=HERE / name, **options)
    Image.open(HERE / name).convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(HERE / name, optimize=True)
    print(f"{name}: {(HERE / name).stat().st_size / 1000:.0f} kB")


def fill(page: Page) -> None:
    page.locator("#text textarea").fill(TEXT)
    page.locator("#second textarea").fill(SECOND)
    page.locator("#answer").click()
    page.locator(".ph-card").first.wait_for()


def take_demo(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport=DESKTOP)
    page.goto(address)
    fill(page)
    take(page, "demo_one_text.png", full_page=True)
    page.get_by_role("tab", name="Many texts").click()
    page.locator("#lines textarea").fill(LINES)
    page.locator("#answer-lines").click()
    page.locator(".ph-table").wait_for()
    take(page, "demo_many_texts.png", full_page=True)
    page = browser.new_page(viewport=PHONE)
    page.goto(address)
    fill(page)
    take(page, "demo_phone.png")


def take_map(browser: Browser, file: Path) -> None:
    page = browser.new_page(viewport=DESKTOP)
    page.goto(file.as_uri())
    page.get_by_label("Colour by").select_option("intent")
    page.locator("#map").press("ArrowUp")  # the text in the middle
    take(page, "map.png")


def main(model: str, texts: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "map.html"
        subprocess.run([POLYHEAD, "explore", model, texts, "--output", file], check=True)
        process = subprocess.Popen([POLYHEAD, "demo", model, "--port", str(port)], stdout=subprocess.PIPE)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        try:
            process.stdout.readline()  # the address, told just before it is served
            while process.poll() is None:
                try:
                    urllib.request.urlopen(address, timeout=60).close()
                    break
                except OSError:
                    time.sleep(0.2)
            take_demo(browser, address)
            take_map(browser, file)
        finally:
            process.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:])
