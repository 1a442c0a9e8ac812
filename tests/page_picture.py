"""The picture of a page for the guide: `make pictures`, after a change of how it looks; needs Chromium."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright import sync_api

import bench
from tests.browser import BROWSER, Opened

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "pictures" / "page.png"
SIZE = {"width": 1400, "height": 800}


def take(path: Path) -> None:
    """Write the first screen of the reference run of the Gaussian example, as a PNG."""
    with tempfile.TemporaryDirectory() as folder, sync_api.sync_playwright() as playwright:
        page = bench.load(ROOT / "results" / "reference" / "gaussian").report(Path(folder) / "page.html")
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        Opened(browser, page, SIZE).page.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    take(PICTURE)
    sys.exit(0)
