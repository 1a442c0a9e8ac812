"""The figures of the page: what they draw of a run, in a real browser and by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bench.analysis.frames import costs, spread
from bench.analysis.rows import heavy_tailed
from bench.api import load
from bench.cli import main
from bench.figures.distributions import MOST_FLAGS
from bench.page.one_run import one_run
from bench.page.render import page
from bench.page.report import write_report
from bench.results.frames import MEASUREMENTS
from bench.results.run import Run
from tests.browser import DESKTOP, PHONE, Opened, browser, data_of, needs_browser
from tests.edited_run import forget_hashes
from tests.runs import in_memory, run_of

__all__ = ["browser"]
pytestmark = [needs_browser, pytest.mark.slow]

SCENARIO = """
schema: 1
name: figures
version: 1
problem:
  {name: expectation, distribution: {normal: {loc: 1.0, scale: 1.0}}, parameters: [loc, scale], cost: z**6}
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}, label: biased}
  - reparameterization
sweep: {sample_sizes: [2, 4, 16, 64], devices: [cpu], dtypes: [float32, float64]}
replicates: 200
"""
CELLS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose float64 cells pass for those of another device, and whose second estimator for biased."""
    made = run_of(tmp_path_factory.mktemp("figures"), SCENARIO)
    frame = load(made).measurements
    frame["device"] = np.where(frame["dtype"] == "float64", "cuda", "cpu")
    frame["dtype"] = "float32"
    biased = frame["estimator"] == "biased"
    frame.loc[biased, "mse"] = 1.25 * frame.loc[biased, "variance"]
    frame.to_parquet(made / "measurements.parquet", index=False)
    forget_hashes(made)
    return made


@pytest.fixture(scope="module")
def page_file(folder: Path) -> Path:
    (path,), _ = write_report([load(folder)])
    return path


@pytest.fixture(scope="module")
def opened(browser: Any, page_file: Path) -> Iterator[Opened]:
    made = Opened(browser, page_file, DESKTOP)
    yield made
    made.context.close()


@pytest.fixture(scope="module")
def measured(folder: Path) -> pd.DataFrame:
    frame = load(folder).measurements
    return frame[frame["parameter"] == "all"]


def table(path: Path, name: str) -> pd.DataFrame:
    """The rows that a figure of the page may draw."""
    figures = data_of(path)["views"][0]["figures"]
    return pd.DataFrame(next(figure["rows"] for figure in figures if figure["name"] == name))


def texts(opened: Opened, figure: str) -> list[str]:
    return opened.page.locator(f"#chart-{figure} svg text").all_text_contents()


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Measurements made by hand."""
    usual = {"parameter": "all", "status": "ok", "device": "cpu", "dtype": "float32", "evaluations": 10.0}
    usual |= {"problem": "expectation"}
    records = [
        {**dict.fromkeys(MEASUREMENTS, math.nan), **usual, "cell": str(i), **row}
        for i, row in enumerate(rows)
    ]
    return pd.DataFrame(records)


def point(seconds: float, variance: float, **more: Any) -> dict[str, Any]:
    return {"estimator": "a", "sample_size": 1, "seconds": seconds, "variance": variance, **more}


# --- the Pareto frontier --------------------------------------------------------------------------


def front(measurements: pd.DataFrame, cost: str) -> list[bool]:
    found = costs(in_memory(measurements))
    kept: list[bool] = found.loc[found["cost"] == cost, "front"].tolist()
    return kept


def test_the_front_is_what_nothing_beats_in_both() -> None:
    cells = frame(point(1, 9), point(2, 5), point(3, 6), point(4, 1), point(5, 1), point(2, 7))
    assert front(cells, "seconds") == [True, True, False, True, False, False]


def test_each_device_and_type_has_a_front_of_its_own() -> None:
    cells = frame(point(1, 1), point(2, 2, device="cuda"), point(3, 3, dtype="float64"), point(4, 4))
    assert front(cells, "seconds") == [True, True, True, False]


def test_the_front_depends_on_the_cost() -> None:
    cells = frame(point(1, 2, evaluations=20.0), point(2, 3, evaluations=10.0))
    assert front(cells, "seconds") == [True, False]
    assert front(cells, "evaluations") == [True, True]


def test_a_cell_of_unknown_cost_or_variance_is_not_on_it() -> None:
    cells = frame(point(math.nan, 1), point(1, math.nan), point(2, 2), point(1, 1, status="nonfinite"))
    assert front(cells, "seconds") == [True]
    assert len(costs(in_memory(cells))) == 3  # two of them by evaluations


@pytest.mark.parametrize("cost", ["seconds", "evaluations"])
def test_points_of_the_front_stand_out(opened: Opened, page_file: Path, cost: str) -> None:
    opened.page.locator("[data-switch='cost.cost']").select_option(cost)
    opened.drawn()
    costs = table(page_file, "cost")
    costs = costs[costs["cost"] == cost]
    assert opened.rows("cost") == opened.marks("cost") == len(costs) == CELLS
    faint = opened.page.locator("#chart-cost svg g.mark-symbol path[opacity='0.35']").count()
    assert CELLS - faint == costs["front"].sum()
    assert 0 < faint < CELLS


# --- rates ----------------------------------------------------------------------------------------


def test_rates_are_those_of_the_text(opened: Opened, folder: Path, page_file: Path) -> None:
    said = CliRunner().invoke(main, ["show", str(folder)], terminal_width=200).output
    printed = [line.removeprefix("rate: ") for line in said.splitlines() if line.startswith("rate: ")]
    drawn = [
        f"{row['estimator']} on {row['device']}, {row['dtype']}: "
        f"N^{row['slope']:.3f} ({row['low']:.3f} … {row['high']:.3f}), {row['verdict']}"
        for row in table(page_file, "rate").to_dict("records")
    ]
    assert drawn == printed
    assert opened.rows("rate") == opened.marks("rate") == len(drawn) == 6


def test_settings_are_named_where_they_vary(opened: Opened) -> None:
    assert texts(opened, "rate").count("cuda") == 3
    assert "cpu, float32" not in texts(opened, "rate")


# --- tails ----------------------------------------------------------------------------------------


def test_a_heavy_tail_is_one_that_the_remarks_would_tell() -> None:
    cells = pd.DataFrame(
        {
            "effective_dof": [49.9, 50.0, 50.0, math.nan, 20.0],
            "largest_share": [0.05, 0.05, 0.051, math.nan, 0.2],
            "kurtosis": [9.0, 9.0, 9.0, math.nan, 2.2],  # the last has few replicates, and no heavy tail
        }
    )
    assert heavy_tailed(cells).tolist() == [True, False, True, False, False]


def test_heavy_tails_are_told_with_their_kurtosis(opened: Opened, measured: pd.DataFrame) -> None:
    uncertain = (measured["effective_dof"] < 50) | (measured["largest_share"] > 0.05)
    heavy = measured[uncertain & (measured["kurtosis"] > 3)]
    assert len(heavy) > 4
    wanted = [
        f"heavy tail: kurtosis {kurtosis:.3g} ({device})"
        for _, cells in heavy.groupby("sample_size")
        for kurtosis, device in cells.nlargest(MOST_FLAGS, "kurtosis")[["kurtosis", "device"]].to_numpy()
    ]
    told = [text for text in texts(opened, "spread") if text.startswith("heavy")]
    assert sorted(told) == sorted(wanted)
    faint = opened.page.locator("#chart-spread svg g.mark-symbol path[opacity='0.35']").count()
    assert opened.marks("spread") == CELLS
    assert CELLS - faint == len(heavy)


def test_the_largest_deviation_of_each_cell_is_marked(folder: Path) -> None:
    found = spread(load(folder))
    marked = found.dropna(subset="largest").set_index("cell")["largest"]
    every = load(folder).replicates
    cells = every[every["parameter"] == "all"].groupby("cell")["squared_deviation"]
    wanted = cells.max() / cells.mean()
    assert len(marked) == CELLS
    np.testing.assert_allclose(marked, wanted[marked.index], rtol=1e-12)
    assert (found.loc[found["largest"].notna(), "high"] >= marked.to_numpy().clip(max=1000)).all()


# --- devices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["seconds", "variance"])
def test_devices_stand_side_by_side(opened: Opened, measured: pd.DataFrame, metric: str) -> None:
    opened.page.locator("[data-switch='devices.metric']").select_option(metric)
    opened.drawn()
    symbols = "#chart-devices svg .mark-symbol.role-mark:not([aria-hidden]) path"
    plotted = opened.page.locator(symbols).count()
    assert opened.rows("devices") == plotted == len(measured) == CELLS
    rules = opened.page.locator("#chart-devices svg .mark-rule.role-mark line")
    assert rules.count() == CELLS


def test_devices_and_blocks_are_drawn_only_if_there_are_several(folder: Path) -> None:
    whole = load(folder)
    drawn = figures_of(whole)
    assert {"devices", "blocks", "rate", "scatter"} <= drawn
    one = whole.measurements[whole.measurements["device"] == "cpu"]
    assert "devices" not in figures_of(whole.of(one))
    alone = one[(one["parameter"] == "all") & (one["sample_size"] > 2)]
    assert not {"blocks", "rate"} & figures_of(whole.of(alone))


def figures_of(run: Run) -> set[str]:
    text = page([one_run(run)])
    return set(re.findall(r'<section class="figure" id="(\w+)"', text))


# --- errors, coordinates, blocks, axes ------------------------------------------------------------


def test_squared_bias_is_told_beside_its_bar(opened: Opened, measured: pd.DataFrame) -> None:
    beside = [text for text in texts(opened, "error") if "bias² 20 %" in text]
    assert len(beside) == 8  # of the estimator whose error was made 1.25 times its variance
    excess = 1 - measured["variance"] / measured["mse"]
    assert sum("bias²" in text for text in texts(opened, "error")) == (excess >= 0.01).sum()
    assert opened.marks("error", "rect") == 2 * CELLS


def bars(opened: Opened, ink: str) -> tuple[list[float], list[float]]:
    """How wide the parts of the bars are: the variance, and the squared bias in the color of the text."""
    paths = opened.page.locator("#chart-error svg g.mark-rect path").all()
    parts = [(path.get_attribute("fill"), path.bounding_box()["width"]) for path in paths]
    variances, tips = ([width for fill, width in parts if (fill == ink) == tip] for tip in (False, True))
    return variances, tips


def test_squared_bias_is_seen_in_light_and_dark(browser: Any, page_file: Path, opened: Opened) -> None:
    dark = Opened(browser, page_file, DESKTOP, dark=True)
    for variances, tips in (bars(opened, "#1b1b1b"), bars(dark, "#e8e8e8")):
        assert len(variances) == len(tips) == CELLS
        assert sum(width > 5 for width in tips) >= 3
        # Of the estimator whose error was made 1.25 times its variance a fifth, in all bars that are wide.
        shares = [tip / (tip + rest) for rest, tip in zip(variances, tips, strict=True) if tip + rest > 10]
        assert sum(share == pytest.approx(0.2, abs=0.01) for share in shares) >= 4
    assert dark.complaints == opened.complaints == []
    dark.context.close()


def test_each_n_has_its_name_and_the_title_stands_once(opened: Opened) -> None:
    for figure in ("error", "devices", "spread"):
        assert [text for text in texts(opened, figure) if text.startswith("N = ")] == [
            f"N = {N}" for N in (2, 4, 16, 64)
        ]
    assert sum(text.startswith("mean squared error") for text in texts(opened, "error")) == 1


def test_coordinates_have_their_standard_errors(opened: Opened, page_file: Path) -> None:
    found = table(page_file, "scatter")
    assert opened.marks("scatter") == len(found) == 12
    error = np.sqrt(found["variance"] / 200)
    digit = 10 ** (np.floor(np.log10(found[["high", "low"]].abs().max(axis=1))) - 8)  # the ninth is the last
    assert (np.abs(found["high"] - found["mean"] - error) <= 1.01 * digit).all()
    assert (np.abs(found["mean"] - found["low"] - error) <= 1.01 * digit).all()


def test_a_block_has_a_field_for_each_cell(opened: Opened) -> None:
    fields = opened.page.locator("#chart-blocks svg .mark-rect.role-mark path").count()
    assert opened.rows("blocks") == fields == 3 * CELLS


def test_labels_are_powers_of_ten_and_only_they_have_grid_lines(opened: Opened) -> None:
    labels = opened.page.locator("#chart-variance .role-axis").last.locator(".role-axis-label text")
    power = re.compile(r"(\d(\.\d+)?·)?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
    shown = [text for text in labels.all_text_contents() if text]
    assert 2 <= len(shown) <= 8
    assert all(power.fullmatch(text) for text in shown)
    lines = opened.page.locator("#chart-variance .role-axis-grid line").all()
    seen = [line for line in lines if line.get_attribute("opacity") != "0"]
    named = opened.page.locator("#chart-variance .role-axis-label text").all_text_contents()
    assert len(seen) == len([text for text in named if text])


def test_a_phone_shows_them_without_complaint(browser: Any, page_file: Path) -> None:
    opened = Opened(browser, page_file, PHONE)
    assert opened.complaints == []
    bars = opened.page.locator("#chart-error svg.marks").bounding_box()
    assert bars["width"] <= PHONE["width"]
    opened.context.close()
