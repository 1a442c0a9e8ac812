"""The first screen of a page: question, answer, picture and strip within a window, and what is on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.api import load
from bench.page.report import write_report
from tests.browser import Opened, browser, needs_browser
from tests.runs import run_of

__all__ = ["browser"]

pytestmark = [needs_browser, pytest.mark.slow]

WINDOW, NARROW, PAPER = (
    {"width": 1400, "height": 800},
    {"width": 390, "height": 800},
    {"width": 718, "height": 1015},
)

SCENARIO = """
schema: 1
name: seven
version: 1
question: Which of seven estimators is best, and which of them are not to be believed?
problem:
  {name: expectation, distribution: {normal: {loc: 0.1, scale: 0.5}}, parameters: [loc], cost: exp(z)}
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}, label: reinforce (leave-one-out)}
  - {reinforce: {baseline: optimal}, label: reinforce (optimal)}
  - {finite_differences: {step: 1.5}, label: finite differences}
  - measure_valued
  - {measure_valued: {coupled: false}, label: measure-valued (independent)}
  - reparameterization
sweep: {sample_sizes: [2, 8, 32, 512]}
replicates: 1000
"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,), _ = write_report([load(run_of(tmp_path_factory.mktemp("first"), SCENARIO))])
    return path


@pytest.fixture(scope="module")
def measured(page_file: Path) -> pd.DataFrame:
    found = load(page_file.parent).measurements
    return found[(found["parameter"] == "all") & (found["sample_size"] == 512)].set_index("estimator")


@pytest.fixture(scope="module")
def opened(browser: Any, page_file: Path) -> Iterator[Opened]:
    made = Opened(browser, page_file, WINDOW)
    yield made
    made.context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_answer_picture_and_strip_are_seen_without_scrolling(
    browser: Any, page_file: Path, dark: bool
) -> None:
    opened = Opened(browser, page_file, WINDOW, dark=dark)
    for part in ("h1", ".question", ".answer", "#chart-histograms", "#strip"):
        box = opened.box(part)
        assert box["bottom"] <= WINDOW["height"], part
        assert box["right"] <= WINDOW["width"], part
    assert opened.page.locator(".claims").is_hidden()
    assert opened.complaints == []
    opened.keep(f"first-{'dark' if dark else 'light'}")
    opened.context.close()


def test_a_phone_shows_all_of_it_without_scrolling_sideways(browser: Any, page_file: Path) -> None:
    opened = Opened(browser, page_file, NARROW)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    for part in (".answer", "#chart-histograms svg", "#strip"):
        assert opened.box(part)["right"] <= NARROW["width"], part
    assert opened.complaints == []
    opened.keep("first-phone")
    opened.context.close()


def test_the_picture_has_five_rows_until_all_are_asked_for(opened: Opened) -> None:
    chart = opened.page.locator("#chart-histograms svg")
    texts = chart.locator("text").all_text_contents()
    assert {"finite differences, biased", "reparameterization", "reinforce"} < set(texts)
    assert sum(text.startswith("sd ") for text in texts) == 15  # five estimators at three N
    assert [text for text in texts if text.startswith("N = ")] == ["N = 2", "N = 32", "N = 512"]
    opened.page.check("[data-unfolds]")
    opened.drawn()
    texts = chart.locator("text").all_text_contents()
    assert sum(text.startswith("sd ") for text in texts) == 21
    assert "all=" in opened.page.url
    opened.page.uncheck("[data-unfolds]")
    opened.drawn()


def test_the_strip_goes_from_the_best_to_the_biased(opened: Opened, measured: pd.DataFrame) -> None:
    rows = [row.split("\t") for row in opened.page.locator("#strip tbody tr").all_inner_texts()]
    names = [row[0].strip() for row in rows]
    assert names[-1] == "finite differences"
    right = measured[measured["verdict"] != "biased"].sort_values("variance")
    assert names[:-1] == list(right.index)
    assert rows[0][1].strip() == "best"
    ratio = right["variance"].iloc[1] / right["variance"].iloc[0]
    assert float(rows[1][1].split("(")[0]) == pytest.approx(ratio, rel=0.01)
    assert rows[-1][2].strip() == "biased"
    note = opened.page.locator("#strip td.biased").get_attribute("title")
    assert note.startswith("biased; bias ")
    work = measured.loc[names[0], "work_normalized_variance"]
    assert float(rows[0][4]) == pytest.approx(work, rel=0.01)


# --- the metric that it is about --------------------------------------------------------------------

SWEPT = """
schema: 1
name: swept
version: 1
question: How does the signal change?
headline: snr
problem:
  name: expectation
  distribution: {normal: {loc: 1.0, scale: 1.0}}
  parameters: [loc]
  cost: {bump: {k: 1.0}}
estimators: [reinforce, reparameterization]
sweep:
  sample_sizes: [4]
  options: {problem.cost.bump.k: [0.5, 1, 2, 4], problem.distribution.normal.loc: [0.5, 1.0]}
replicates: 200
"""


def test_the_headline_is_what_strip_and_first_figure_are_about(browser: Any, tmp_path: Path) -> None:
    (path,), _ = write_report([load(run_of(tmp_path, SWEPT))])
    opened = Opened(browser, path, WINDOW)
    assert opened.complaints == []
    assert opened.page.locator("#strip th").all_inner_texts()[1] == "signal-to-noise ratio"
    measured = load(path.parent).measurements
    last = measured[(measured["problem"] == measured["problem"].iloc[-1]) & (measured["parameter"] == "all")]
    best = last.sort_values("snr").iloc[-1]
    first = opened.page.locator("#strip tbody tr").first.inner_text().split("\t")
    assert first[0].strip() == best["estimator"]
    assert float(first[1].split("(")[0]) == pytest.approx(best["snr"], rel=0.01)
    assert opened.page.locator("section.figure:visible").nth(1).get_attribute("id") == "snr_by_option"
    # The other option has a panel for each of its values, and there is no figure against the single N.
    titles = opened.page.locator("#chart-snr_by_option svg text").all_text_contents()
    assert sum("loc = " in title for title in titles) == 2
    assert opened.rows("snr_by_option") == 16
    assert opened.page.locator("#variance").count() == 0
    opened.choose("variance_by_option")
    assert opened.page.locator("#variance_by_option").is_visible()
    assert opened.page.locator("#snr_by_option").is_hidden()
    opened.context.close()


# --- off the page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("figure", ["histograms", "variance", "ratios", "error"])
def test_an_exported_chart_has_title_and_legend(opened: Opened, figure: str) -> None:
    with opened.page.expect_download() as download:
        opened.page.click(f"[data-save='{figure}.svg']")
    assert download.value.suggested_filename == f"{figure}.svg"
    text = Path(download.value.path()).read_text()
    title = opened.page.inner_text(f"#{figure}-title")
    assert f">{title}<" in text
    assert ">reparameterization<" in text
    with opened.page.expect_download() as download:
        opened.page.click(f"[data-save='{figure}.png']")
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_paper_has_charts_of_its_width_with_titles_and_legends(browser: Any, page_file: Path) -> None:
    opened = Opened(browser, page_file, PAPER)
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    opened.drawn()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
    assert opened.page.locator("#controls").is_hidden()
    assert opened.page.locator(".claims").is_visible()
    for chart in opened.page.locator(".chart:visible svg.marks").all():
        box = chart.bounding_box()
        assert box["x"] + box["width"] <= PAPER["width"]
    texts = opened.page.locator("#chart-variance svg text").all_text_contents()
    assert "Variance against the number of samples" in texts
    assert "reinforce (optimal)" in texts
    assert "512" in texts  # the last N is not cut off
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    opened.drawn()
    assert "reinforce (optimal)" not in opened.page.locator("#chart-variance svg text").all_text_contents()
    opened.context.close()


def test_printing_waits_for_the_charts(opened: Opened) -> None:
    # This listener is called after that of the page, when all that follows from it without waiting is done.
    opened.page.evaluate(
        "window.printed = []; addEventListener('beforeprint', () => window.printed.push("
        "document.querySelector('#chart-variance svg').textContent))"
    )
    assert len(opened.page.pdf(format="A4")) > 50_000
    assert "reinforce (optimal)" in opened.page.evaluate("window.printed[0]")
    opened.drawn()
