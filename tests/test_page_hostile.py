"""Pages of runs that cannot be trusted, and of parts that fail: nothing else goes with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.api import load
from bench.figures import FIGURES, Figure
from bench.page.report import write_report
from tests.browser import DESKTOP, Opened, browser, needs_browser, opened, window
from tests.edited_run import forget_hashes
from tests.test_page import HOSTILE, LONG, QUOTED, folder, page_file

__all__ = ["browser", "folder", "opened", "page_file", "window"]

pytestmark = needs_browser


@pytest.mark.slow
def test_labels_are_text(opened: Opened, page_file: Path) -> None:
    assert opened.complaints == []
    assert opened.page.locator("script").count() == 3  # the data, the libraries and our own
    assert HOSTILE not in page_file.read_text()
    names = opened.page.locator("#legend .name").all_inner_texts()
    assert HOSTILE in names
    assert LONG in names
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= DESKTOP["width"]


@pytest.mark.slow
def test_whatever_a_run_folder_says_is_text(browser: Any, folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(folder, copied)
    record = json.loads((copied / "run.json").read_text())
    record["scenario"] |= {"name": HOSTILE, "question": QUOTED, "problem": {"cost": QUOTED, HOSTILE: HOSTILE}}
    record |= {
        "command": ["bench", "run", HOSTILE],
        "git": {"commit": HOSTILE},
        "machine": {"cores": HOSTILE},
    }
    (copied / "run.json").write_text(json.dumps(record))
    forget_hashes(copied)
    frame = load(folder).measurements
    for name in ("scenario", "problem", "options", "verdict", "reason", "truth", "claim"):
        frame[name] = HOSTILE + QUOTED
    frame["parameter"] = frame["parameter"].where(frame["parameter"] == "all", HOSTILE + frame["parameter"])
    frame.to_parquet(copied / "measurements.parquet", index=False)
    path = tmp_path / "page.html"
    write_report([load(copied), load(folder)], path)
    opened = Opened(browser, path, DESKTOP)
    for button in opened.page.locator("#views button").all():
        button.click()
        opened.drawn()
    assert opened.complaints == []
    assert opened.requests == [path.as_uri()]
    assert opened.page.locator("script").count() == 3
    assert HOSTILE not in path.read_text()
    opened.page.locator("#views button").nth(1).click()
    assert opened.page.locator("article:visible h1").inner_text().startswith("</script>")
    opened.context.close()


# --- what fails -----------------------------------------------------------------------------------


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("planted")


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["answer", "claims", "methods", "strip", "verdicts", "pictures_of", "figure"]
)
def test_a_part_that_raises_is_a_line_and_the_rest_appears(
    browser: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    if part == "figure":
        monkeypatch.setitem(FIGURES, "cost", Figure(**{**vars(FIGURES["cost"]), "chart": broken}))
    else:
        monkeypatch.setattr(f"bench.page.one_run.{part}", broken)
    path = tmp_path / "page.html"
    _, failed = write_report([load(folder)], path)
    assert len(failed) == 1
    assert failed[0].endswith("ZeroDivisionError: planted")
    opened = Opened(browser, path, DESKTOP)
    assert opened.complaints == []
    assert failed[0] in opened.page.locator(".notice").all_inner_texts()
    assert opened.rows("variance") == opened.marks("variance") == 6
    assert opened.page.locator("#measurements tbody tr").count() == 36
    opened.context.close()
