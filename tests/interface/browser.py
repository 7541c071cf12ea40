"""The system's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

HOW = "apt-get install -y --no-install-recommends chromium, or name the program in POLYHEAD_CHROMIUM"
DESKTOP, PHONE = {"width": 1100, "height": 800}, {"width": 390, "height": 844}


@contextmanager
def open_page(viewport, **options) -> Iterator:
    """Open a browser's page; whatever goes wrong on it, or is asked of another machine, fails the test at the end."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("POLYHEAD_CHROMIUM") or shutil.which("chromium")
    assert program, f"no chromium here, which this test clicks with: {HOW}"
    problems = []
    with sync_playwright() as playwright:
        # Without a sandbox: root, as in a container, has none.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            page = browser.new_context(viewport=viewport, **options).new_page()
            page.on("pageerror", lambda error: problems.append(f"error: {error}"))
            page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("request", lambda request: problems.append(request.url) if _leaves(request.url) else None)
            yield page
        finally:
            browser.close()
    assert problems == []


def _leaves(url):
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:", "file:"))


def scrolls_sideways(page):
    """Say whether the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
