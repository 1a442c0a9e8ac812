"""A real browser for the tests of pages: what a page asks for, complains of and draws."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright import sync_api

BROWSER = os.environ.get("BENCH_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="the page is not tested: there is no Chromium")

SCREENSHOTS = os.environ.get("BENCH_SCREENSHOTS")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


class Opened:
    """The page in a window, with all that it asked for and complained of."""

    def __init__(
        self, browser: Any, path: Path, size: dict[str, int], fragment: str = "", dark: bool = False
    ) -> None:
        scheme = "dark" if dark else "light"
        self.context = browser.new_context(
            viewport=size, offline=True, color_scheme=scheme, accept_downloads=True
        )
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda _: self.complaints.append("a dialog was opened"))
        self.page.goto(path.as_uri() + fragment)
        self.drawn()

    def drawn(self) -> None:
        self.page.wait_for_selector("html[data-drawn=yes]", timeout=60_000)

    def again(self) -> Opened:
        """The page as it was when it was opened."""
        if self.page.evaluate("location.hash.length") > 1:
            self.page.evaluate("document.documentElement.dataset.drawn = 'no'; location.hash = ''")
            self.drawn()
        self.requests[1:], self.complaints[:] = [], []
        return self

    def rows(self, figure: str, prefix: str = "") -> int:
        return int(self.page.get_attribute(f"#{prefix}chart-{figure}", "data-rows"))

    def marks(self, figure: str, kind: str = "symbol", prefix: str = "") -> int:
        """How many points (or rules, or bars) a figure really has."""
        # Arrows at the ends of intervals are hidden from readers who cannot see them.
        marks = f"#{prefix}chart-{figure} svg g.mark-{kind}:not([aria-hidden])"
        return self.page.locator(f"{marks} path, {marks} line").count()

    def toggle(self, label: str) -> None:
        before = self.page.locator("#legend label")
        index = [before.nth(i).locator(".name").inner_text() for i in range(before.count())].index(label)
        before.nth(index).locator("input").click()
        self.drawn()

    def choose(self, figure: str) -> None:
        """Show a figure in the place that it shares with others."""
        select = self.page.locator(
            "select[data-y]:visible", has=self.page.locator(f"option[value='{figure}']")
        )
        select.first.select_option(value=figure)
        self.drawn()

    def box(self, selector: str) -> dict[str, float]:
        """The place of an element in the window, in pixels."""
        found = self.page.locator(selector).bounding_box()
        return {**found, "right": found["x"] + found["width"], "bottom": found["y"] + found["height"]}

    def keep(self, name: str) -> None:
        if SCREENSHOTS:
            Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)


@pytest.fixture(scope="module")
def window(browser: Any, page_file: Path) -> Iterator[Opened]:
    """The page of a module's `page_file`."""
    made = Opened(browser, page_file, DESKTOP)
    yield made
    made.context.close()


@pytest.fixture
def opened(window: Opened) -> Opened:
    """The same, as it was when it was opened."""
    return window.again()


def data_of(path: Path) -> dict[str, Any]:
    text = path.read_text().split('<script type="application/json" id="data">')[1].split("</script>")[0]
    found: dict[str, Any] = json.loads(text)
    return found
