"""The page of a run in a real browser, from disk, with the network refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.analysis.rows import without_empty
from bench.api import load
from bench.cards import cards
from bench.page.report import write_report
from bench.results.columns import OF_TRAININGS
from tests.browser import DESKTOP, PHONE, Opened, browser, data_of, needs_browser, opened, window
from tests.runs import run_of

__all__ = ["browser", "opened", "window"]

pytestmark = [needs_browser, pytest.mark.slow]

SCENARIO = """
schema: 1
name: example
version: 1
question: Which is best?
problem:
  {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc, scale], cost: z**2}
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}, label: "</script><script>alert(1)</script>"}
  - {reparameterization: null, label: LABEL}
sweep: {sample_sizes: [4, 16], devices: [cpu, cuda]}
replicates: 400
"""
LONG = "x" * 10_000
HOSTILE = "</script><script>alert(1)</script>"
QUOTED = """z * "1" + '2' && datum["x"] \\" ' ` ${alert(1)} <img src=x onerror=alert(1)>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("page"), SCENARIO.replace("LABEL", LONG))


@pytest.fixture(scope="module")
def page_file(folder: Path) -> Path:
    (path,), _ = write_report([load(folder)])
    return path


@pytest.fixture(scope="module")
def measured(folder: Path) -> pd.DataFrame:
    frame = load(folder).measurements
    return frame[(frame["parameter"] == "all") & (frame["status"] == "ok")]


# --- the page as it comes -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_asks_for_nothing_and_complains_of_nothing(
    browser: Any, page_file: Path, size: dict[str, int], dark: bool
) -> None:
    opened = Opened(browser, page_file, size, dark=dark)
    assert opened.requests == [page_file.as_uri()]
    assert opened.complaints == []
    # Nothing is wider than the window: what is, scrolls within its own place.
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    opened.keep(f"{'phone' if size is PHONE else 'desktop'}-{'dark' if dark else 'light'}")
    opened.context.close()


def test_a_request_or_a_complaint_would_be_seen(browser: Any, tmp_path: Path) -> None:
    # The control.
    path = tmp_path / "wrong.html"
    path.write_text(
        "<html data-drawn=yes><script src='https://example.com/x.js'></script><script>throw 1</script>"
    )
    opened = Opened(browser, path, DESKTOP)
    assert len(opened.requests) == 2
    assert opened.complaints
    opened.context.close()


def test_each_figure_has_as_many_marks_as_rows(opened: Opened, measured: pd.DataFrame) -> None:
    cells = len(measured)
    assert cells == 6
    for figure in ("variance", "bias", "mse", "snr", "cosine", "seconds", "work_normalized_variance"):
        opened.choose(figure)
        assert opened.rows(figure) == cells
        assert opened.marks(figure) == cells
    assert opened.rows("cost") == opened.marks("cost") == cells
    assert opened.rows("error") == cells
    assert opened.marks("error", "rect") == 2 * cells  # two parts of each bar
    assert opened.rows("ratios") == opened.marks("ratios") == 4  # two estimators at two N, against the third
    assert opened.rows("scatter") == 6  # two coordinates of three estimators, at the largest N
    assert opened.rows("blocks") == 18  # all, loc and scale


def test_every_number_is_that_of_the_run(folder: Path, page_file: Path) -> None:
    told = pd.DataFrame(data_of(page_file)["views"][0]["measurements"])
    every = load(folder).measurements
    frame = without_empty(every)
    assert set(every).difference(frame) == set(OF_TRAININGS), "all other columns are there, empty or not"
    assert list(told.columns) == list(frame.columns)
    for name in frame.columns:
        numbers = pd.api.types.is_numeric_dtype(frame[name])
        for a, b in zip(told[name], frame[name], strict=True):
            missing = b is None or (isinstance(b, float) and not abs(b) < float("inf"))
            assert pd.isna(a) if missing else a == b, (name, a, b)
            assert missing or isinstance(a, str) != numbers


def test_the_page_is_small_without_its_data(page_file: Path) -> None:
    text = page_file.read_text()
    data = text.split('id="data">')[1].split("</script>")[0]
    assert len(text.encode()) - len(data.encode()) < 1_500_000


# --- what a reader can do -------------------------------------------------------------------------


def test_the_legend_hides_an_estimator_everywhere(opened: Opened) -> None:
    opened.toggle("reinforce")
    for figure in ("variance", "bias", "work_normalized_variance"):
        opened.choose(figure)
        assert opened.rows(figure) == opened.marks(figure) == 4
    assert opened.rows("cost") == opened.marks("cost") == 4
    opened.choose("variance")
    assert opened.rows("ratios") == 4  # the control itself is no row
    assert "6 of" not in opened.page.inner_text("#count")
    assert "hide=0" in opened.page.url
    opened.toggle("reinforce")
    assert opened.rows("variance") == 6


def test_the_control_can_be_changed(opened: Opened) -> None:
    opened.page.select_option("#control", index=1)
    opened.drawn()
    data = opened.page.evaluate(
        "JSON.parse(document.getElementById('data').textContent).views[0].figures"
        ".find((figure) => figure.name === 'ratios').rows"
    )
    wanted = sum(
        control == HOSTILE and metric == "variance"
        for control, metric in zip(data["control"], data["metric"], strict=True)
    )
    assert wanted == 4
    assert opened.rows("ratios") == opened.marks("ratios") == wanted
    assert "control=1" in opened.page.url


def test_axes_and_metrics_can_be_switched(opened: Opened) -> None:
    before = opened.page.inner_text("#chart-variance")
    opened.page.locator("[data-axis='variance.y']").click()
    opened.drawn()
    assert opened.page.inner_text("#chart-variance") != before
    assert "linear=variance.y" in opened.page.url
    opened.page.locator("[data-switch='ratios.metric']").select_option("mse")
    opened.drawn()
    assert opened.rows("ratios") == 4
    assert "show=ratios.metric.mse" in opened.page.url


def column(opened: Opened, name: str) -> list[str]:
    heads = [head.split(" ")[0] for head in opened.page.locator("#measurements th").all_inner_texts()]
    if name not in heads:
        opened.page.check("#wide")
        return column(opened, name)
    index = heads.index(name)
    return opened.page.locator(f"#measurements tbody td:nth-child({index + 1})").all_inner_texts()


def test_the_table_sorts_and_filters(opened: Opened) -> None:
    head = opened.page.locator("#measurements th", has_text="variance").first
    head.focus()
    opened.page.keyboard.press("Enter")
    up = [float(text) for text in column(opened, "variance") if text]
    assert up == sorted(up)
    assert len(up) == 18
    opened.page.keyboard.press("Enter")  # the heading is still in focus
    down = [float(text) for text in column(opened, "variance") if text]
    assert down == sorted(up, reverse=True)
    opened.page.fill("#filter", "unavailable")
    assert set(column(opened, "status")) == {"unavailable"}
    assert opened.page.inner_text("#count") == "18 rows"


def test_the_table_has_eight_columns_of_three_digits_until_all_are_asked_for(
    opened: Opened, measured: pd.DataFrame
) -> None:
    heads = opened.page.locator("#measurements th").all_inner_texts()
    assert heads[0] == "estimator"
    assert len(heads) == 8
    assert {"sample_size", "variance"} < set(heads)
    cells = opened.page.locator(f"#measurements td:nth-child({heads.index('variance') + 1})")
    row = measured.iloc[0]
    assert cells.first.inner_text() == f"{row['variance']:.3g}"
    assert float(cells.first.get_attribute("title")) == row["variance"]
    opened.page.check("#wide")
    every = opened.page.locator("#measurements th")
    assert every.count() == without_empty(measured).shape[1]
    meanings = {card.name: card.summary for card in cards("columns")}
    for head in every.all():
        name, told = head.inner_text().split(" ")[0], head.get_attribute("title")
        whole, _, end = name.rpartition("_")
        words = {"low": "lower", "high": "upper"}.get(end)
        of = f"The {words} end of the interval of {whole}." if words else ""
        assert told == meanings.get(name, of)
    assert "wide" in opened.page.url
    opened.page.evaluate("document.querySelector('#measurements').parentElement.scrollLeft = 500")
    name, place = opened.box("#measurements tbody td >> nth=0"), opened.box(".tall:has(#measurements)")
    assert abs(name["x"] - place["x"]) < 1  # the names stay


def test_rows_are_found_by_all_of_the_words(opened: Opened) -> None:
    opened.page.fill("#filter", "CUDA leave_one_out Unavailable")
    assert opened.page.inner_text("#count") == "6 rows"
    assert set(column(opened, "estimator")) == {HOSTILE}
    assert set(column(opened, "device")) == {"cuda"}
    opened.page.fill("#filter", "cpu nowhere")
    assert opened.page.inner_text("#count") == "0 rows"


def test_a_verdict_leads_to_its_figure_below_the_switches(opened: Opened) -> None:
    assert opened.page.locator("#bias").is_hidden()
    opened.page.click("#verdicts td a >> nth=0")
    opened.drawn()
    assert opened.box("#controls")["bottom"] <= opened.box("#bias-title")["y"] + 1
    assert opened.box("#bias-title")["y"] < 400
    assert "show=samples.y.bias" in opened.page.url


def test_the_download_is_the_table(opened: Opened, folder: Path) -> None:
    with opened.page.expect_download() as download:
        opened.page.click("#csv")
    assert download.value.suggested_filename == "example.csv"
    told = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    frame = load(folder).measurements
    assert len(told) == len(frame)
    for a, b in zip(told, frame.to_dict("records"), strict=True):
        assert a["estimator"] == b["estimator"]
        assert a["variance"] == "" if pd.isna(b["variance"]) else float(a["variance"]) == b["variance"]


def test_the_address_holds_what_is_shown(browser: Any, page_file: Path) -> None:
    opened = Opened(
        browser, page_file, DESKTOP, "#hide=1&control=2&linear=variance.x&sort=-variance&filter=cpu"
    )
    assert opened.rows("variance") == 4
    assert not opened.page.locator("#legend input").nth(1).is_checked()
    assert opened.page.eval_on_selector("#control", "element => element.selectedIndex") == 2
    assert not opened.page.locator("[data-axis='variance.x']").is_checked()
    down = [float(text) for text in column(opened, "variance") if text]
    assert down == sorted(down, reverse=True)
    opened.context.close()


@pytest.mark.parametrize(
    "fragment", ["#hide=99&control=-3&sort=nothing&show=nothing.x", "#%00%ff", "#__proto__=1"]
)
def test_an_address_that_makes_no_sense_is_harmless(browser: Any, page_file: Path, fragment: str) -> None:
    opened = Opened(browser, page_file, DESKTOP, fragment)
    assert opened.complaints == []
    assert opened.rows("variance") == 6
    opened.context.close()


def test_figures_can_be_reached_and_read_without_seeing(opened: Opened) -> None:
    for place in opened.page.locator(".chart").all():
        assert len(place.get_attribute("aria-label")) > 40
    opened.page.click("h1")
    focused = set()
    for _ in range(30):
        opened.page.keyboard.press("Tab")
        focused.add(opened.page.evaluate("document.activeElement.tagName"))
    assert {"INPUT", "SELECT"} <= focused
