"""Figures: their rows and intervals are those of the run, and charts draw them where they belong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from bench.analysis import frames, pairs
from bench.analysis.budgets import reached
from bench.analysis.comparison import changes, compare
from bench.analysis.geometric import geometric_means
from bench.analysis.ranking import performance_profile
from bench.analysis.together import together
from bench.api import load
from bench.figures import FIGURES, Figure, Tables, metrics
from bench.figures.bias import NEGLIGIBLE
from bench.figures.captions import caption_of_run
from bench.figures.composition import chart_of, composed, records
from bench.figures.export import draw
from bench.figures.figure_tables import of_a_run, of_several_runs
from bench.figures.marks import DATA
from bench.page.charts import FIRST, PLACES
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED
from tests.parameters import some
from tests.runs import run_of
from tests.scene import marks

SCENARIO = """
schema: 1
name: figures
version: 1
problem:
  {name: expectation, distribution: {normal: {loc: 1.0, scale: 1.0}}, parameters: [loc, scale],
   cost: {quadratic: {k: 0.5}}}
estimators: [reinforce, {reinforce: {baseline: leave_one_out}, label: rloo}, reparameterization]
sweep:
  sample_sizes: [2, 8, 32, 128]
  devices: [cpu]
  dtypes: [float32, float64]
  options: {problem.cost.quadratic.k: [0.0, 0.5, 20.0]}
replicates: 100
"""
OPTION = "problem.cost.quadratic.k"
CELL = ["problem", "estimator", "sample_size", "device", "dtype"]
LINE = ["value", "estimator", "sample_size", "device", "dtype"]
Rows = pd.DataFrame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("figures"), SCENARIO)


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return with_noise(load(folder))


def with_noise(run: Run) -> Run:
    """The run with numbers in the columns that only a monitored training fills."""
    frame = run.measurements
    factors = {"sampling_variance": 0.25, "data_variance": 0.75, "noise_scale": 32.0, "batch_cosine": 1e-6}
    made = {
        f"{name}{end}": factor * frame[f"variance{end}"]
        for name, factor in factors.items()
        for end in ("", "_low", "_high")
    }
    return run.of(frame.assign(**made))


@pytest.fixture(scope="module")
def runs(run: Run) -> list[Run]:
    return [run, later(run)]


def later(run: Run) -> Run:
    """A later run of the same scenario, whose estimates are not quite the same."""
    factor = np.random.default_rng(0).uniform(0.5, 1.5, len(run.replicates))
    columns = {name: run.replicates[name] * factor for name in ("squared_deviation", "squared_error")}
    return Run(run.measurements, run.replicates.assign(**columns), {**run.record, "started": "2031-01-01"})


@pytest.fixture(scope="module")
def tables(run: Run, runs: list[Run]) -> dict[str, pd.DataFrame]:
    """The tables of the run, and those of both runs, as far as one run has none of that name."""
    return {**of_several_runs(runs), **of_a_run(run)}


# --- the rows of each figure ----------------------------------------------------------------------


def same(rows: Rows, frame: pd.DataFrame, key: list[str], columns: dict[str, str]) -> None:
    """Every row of a frame is drawn once, and columns of rows are columns of the frame, to the last bit."""
    assert len(rows) == len(frame) > 0
    one, other = rows.set_index(key), frame.set_index(key).loc[rows.set_index(key).index]
    for drawn, measured in columns.items():
        np.testing.assert_array_equal(one[drawn].astype(float), other[measured].astype(float), measured)


def own(name: str) -> dict[str, str]:
    return {f"{name}{end}": f"{name}{end}" for end in ("", "_low", "_high")}


def whole(run: Run) -> pd.DataFrame:
    return run.measurements[run.measurements["parameter"] == "all"].assign(value=run.measurements[OPTION])


def of_cells(name: str) -> Callable[[Rows, Run], None]:
    return lambda rows, run: same(rows, whole(run), CELL, own(name))


def along(name: str) -> Callable[[Rows, Run], None]:
    return lambda rows, run: same(rows, whole(run), LINE, own(name))


def in_shares(key: list[str]) -> Callable[[Rows, Run], None]:
    def check(rows: Rows, run: Run) -> None:
        frame = whole(run)
        same(rows, frame, key, own("bias"))
        for end in ("", "_low", "_high"):
            known = frame.assign(share=frame[f"bias{end}"] / frame["truth_norm"])
            same(rows, known, key, {f"share{end}": "share"})

    return check


def variance(rows: Rows, run: Run) -> None:
    same(rows, whole(run), CELL, own("variance") | {"variance_exact": "variance_exact"})
    for _, line in rows.groupby(["problem", "estimator", "dtype"]):
        np.testing.assert_allclose(line["guide"] * line["sample_size"], line["guide"].iloc[0] * 2)


def error(rows: Rows, run: Run) -> None:
    same(rows, whole(run), CELL, own("mse") | {"variance": "variance"})
    np.testing.assert_array_equal(rows["whole"], np.fmax(rows["mse"], rows["variance"]))
    np.testing.assert_allclose(rows["whole"] * (1 - rows["bias_share"]), rows["variance"])


def cost(rows: Rows, run: Run) -> None:
    for name in ("seconds", "evaluations"):
        part = rows[rows["cost"] == name]
        same(part, whole(run), CELL, own("variance") | {"value": name})
        assert 0 < part["front"].sum() < len(part)


def devices(rows: Rows, run: Run) -> None:
    for name in ("seconds", "variance"):
        part = rows[rows["metric"] == name]
        columns = zip(("value", "low", "high"), own(name), strict=True)
        same(part, whole(run), CELL, dict(columns))
    assert set(rows["setting"]) == {"float32", "float64"}


def blocks(rows: Rows, run: Run) -> None:
    same(rows, run.measurements, [*CELL, "parameter"], own("variance"))


def by_parameter(rows: Rows, run: Run) -> None:
    parts = run.measurements[run.measurements["parameter"] != "all"]
    same(rows, parts, [*CELL, "parameter"], own("variance"))


def parts_along(rows: Rows, run: Run) -> None:
    for words, name in (("of sampling", "sampling_variance"), ("of the data", "data_variance")):
        columns = {f"noise{end}": f"{name}{end}" for end in ("", "_low", "_high")}
        same(rows[rows["part"] == words], whole(run), LINE, columns)


def blocks_along(rows: Rows, run: Run) -> None:
    frame = run.measurements.assign(value=run.measurements[OPTION])
    same(rows, frame[frame["parameter"] != "all"], [*LINE, "parameter"], own("snr"))


def rate(rows: Rows, run: Run) -> None:
    columns = {name: name for name in ("slope", "low", "high")}
    same(rows, frames.rate_fits(run), ["problem", "estimator", "device", "dtype"], columns)


def ratios(rows: Rows, run: Run) -> None:
    key = [*CELL, "metric", "control"]
    labels = run.measurements["estimator"].unique()
    found = pd.concat([compare(pairs.within(run, label), tuple(COMPARED)).frame for label in labels])
    same(rows, found, key, {name: name for name in ("ratio", "low", "high")})


def spread(rows: Rows, run: Run) -> None:
    shares = rows.groupby("cell")["share"].sum()
    assert len(shares) == len(whole(run))
    np.testing.assert_allclose(shares, 1)
    every = run.replicates[run.replicates["parameter"] == "all"].groupby("cell")["squared_deviation"]
    largest = rows.dropna(subset="largest").set_index("cell")["largest"]
    np.testing.assert_allclose(largest, (every.max() / every.mean())[largest.index])


def scatter(rows: Rows, run: Run) -> None:
    assert set(rows["sample_size"]) == {128}
    assert len(rows) == 3 * 3 * 2 * 2
    error = np.sqrt(rows["variance"] / 100)
    np.testing.assert_allclose(rows["high"] - rows["mean"], error, rtol=1e-6)
    np.testing.assert_allclose(rows["mean"] - rows["low"], error, rtol=1e-6)


def budget(rows: Rows, run: Run) -> None:
    found = reached(run.measurements.assign(run=run.measurements["problem"]))
    key = ["problem", "device", "dtype", "currency", "budget", "estimator"]
    same(rows, found.assign(problem=found["run"]), key, {name: name for name in ("error", "low", "high")})


def changed(rows: Rows, run: Run) -> None:
    found = changes([run, later(run)]).frame
    same(rows, found, [*CELL, "metric"], {name: name for name in ("ratio", "low", "high")})


def means(rows: Rows, run: Run) -> None:
    found = geometric_means([run, later(run)], "rloo", tuple(COMPARED)).frame
    names = ("ratio", "low", "high", "least", "most")
    same(rows[rows["control"] == "rloo"], found, ["metric", "estimator"], {name: name for name in names})


def histograms(rows: Rows, run: Run) -> None:
    drawn = rows[rows["share"] > 0]
    assert set(drawn["head"]) == {"k = 0", "k = 0.5", "k = 20"}
    assert set(drawn["at"]) == {f"N = {N}" for N in (2, 8, 32, 128)}
    key = ["estimator", "at", "dtype", "head"]
    found = run.replicates[run.replicates["parameter"] == "all"]
    for row in whole(run).itertuples():
        place = (row.estimator, f"N = {row.sample_size}", row.dtype, f"k = {row.value:g}")
        bins = drawn[(drawn[key] == list(place)).all(axis=1)]
        coordinates = run.coordinates[run.coordinates["cell"] == row.cell].set_index("index")
        coordinate = coordinates.loc[bins["index"].iloc[0]]
        for name in ("truth", "mean"):
            assert (bins[name] == coordinate[name]).all()
        assert (bins["sd"] ** 2).to_numpy() == pytest.approx(coordinate["variance"])
        estimates = found.loc[found["cell"] == row.cell, f"estimate_{coordinate['kept']}"].to_numpy(float)
        edges = [*bins["low"], bins["high"].iloc[-1]]
        inside = np.mean((estimates >= edges[0]) & (estimates <= edges[-1]))
        assert bins["share"].sum() == pytest.approx(inside)
        assert inside > 0.97


def profile(rows: Rows, run: Run) -> None:
    for metric, part in rows.groupby("metric"):
        found = performance_profile(together([run, later(run)]), str(metric))
        ends = part.groupby("estimator")["factor"].transform("max")
        same(part[part["factor"] < ends], found, ["estimator", "factor"], {"share": "share"})


CHECKS: dict[str, Callable[[Rows, Run], None]] = {
    "variance": variance,
    **{figure.name: of_cells(figure.name) for figure in metrics.FIGURES},
    "histograms": histograms,
    "bias": in_shares(CELL),
    "error": error,
    "cost": cost,
    "devices": devices,
    "blocks": blocks,
    "by_parameter": by_parameter,
    "rate": rate,
    "ratios": ratios,
    "spread": spread,
    "scatter": scatter,
    "budget": budget,
    "variance_by_option": along("variance"),
    "bias_by_option": in_shares(LINE),
    "snr_by_option": along("snr"),
    "parts_by_option": parts_along,
    "noise_scale_by_option": along("noise_scale"),
    "batch_cosine_by_option": along("batch_cosine"),
    "blocks_by_option": blocks_along,
    "changed": changed,
    "means": means,
    "profile": profile,
}


def test_every_figure_is_listed_here() -> None:
    assert set(CHECKS) == set(FIGURES)


@pytest.mark.parametrize("name", some(FIGURES, 12))
def test_rows_and_intervals_are_those_of_the_run(
    name: str, tables: dict[str, pd.DataFrame], run: Run
) -> None:
    CHECKS[name](FIGURES[name].drawn(tables), run)


def the_bias(frame: pd.DataFrame) -> pd.DataFrame:
    return FIGURES["bias"].rows(frame).assign(share_low=frame["bias_low"], share_high=frame["bias_high"])


def the_variance(frame: pd.DataFrame) -> pd.DataFrame:
    scale = frame["work_normalized_variance"] / frame["variance"]
    ends = {f"work_normalized_variance{end}": frame[f"variance{end}"] * scale for end in ("_low", "_high")}
    return FIGURES["work_normalized_variance"].rows(frame.assign(**ends))


@pytest.mark.parametrize(("name", "rows"), [("bias", the_bias), ("work_normalized_variance", the_variance)])
def test_an_interval_of_something_else_or_of_another_scale_is_seen(
    name: str, rows: Any, tables: dict[str, pd.DataFrame], run: Run
) -> None:
    # The control.
    wrong = replace(FIGURES[name], rows=rows)
    with pytest.raises(AssertionError):
        CHECKS[name](wrong.drawn(tables), run)


# --- the marks of a chart -------------------------------------------------------------------------


def one_panel(figure: Figure, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of the panel that has the largest value; budgets are in evaluations, not in measured time."""
    rows = figure.drawn(tables)
    if "currency" in rows:
        rows = rows[rows["currency"] == "evaluations"]
        assert len(rows)
    largest = rows.loc[rows[figure.interval[0]].astype(float).idxmax()]
    for column in [*figure.panels(rows), "sample_size"]:
        if column in rows and column != figure.against and not (column == "sample_size" and figure is BIAS):
            rows = rows[rows[column] == largest[column]]
    return rows


BIAS = FIGURES["bias"]


def complete(figure: Figure, rows: pd.DataFrame) -> dict[str, Any]:
    return {**chart_of(figure, rows), "datasets": {DATA: records(rows)}}


def pixels_of(figure: Figure, rows: pd.DataFrame, spec: dict[str, Any]) -> Callable[[pd.Series], np.ndarray]:
    """Where numbers are on the axis of values, by the places of the points, whose values are known."""

    def scaled(values: Any) -> np.ndarray:
        values = np.asarray(values, float)
        if figure.interval[0] == "share" and figure.name != "spread":
            return np.sign(values) * np.log1p(np.abs(values) / NEGLIGIBLE)
        return np.log(values) if figure.is_logarithmic else values

    channel = channel_of(figure)
    places = np.sort([item[channel] for item in marks(spec, "symbol")])
    values = np.sort(scaled(rows[figure.interval[0]]))
    values = values if channel == "x" else values[::-1]
    assert len(places) == len(values)
    slope, start = np.polyfit(values, places, 1)
    np.testing.assert_allclose(places, start + slope * values, atol=0.01)
    return lambda numbers: start + slope * scaled(numbers)


def channel_of(figure: Figure) -> str:
    return "y" if figure.against or figure is BIAS else "x"


BARS = ("error", "by_parameter")
POINTS = [name for name, figure in FIGURES.items() if len(figure.interval) == 3 and name not in BARS]


@pytest.mark.parametrize("name", some(POINTS, 8))
def test_intervals_are_drawn_where_their_columns_say(name: str, tables: dict[str, pd.DataFrame]) -> None:
    figure = FIGURES[name]
    rows = one_panel(figure, tables)
    if name in ("ratios", "means"):
        rows = rows[rows["control"] == rows["control"].iloc[0]]
    numbers = rows[list(figure.interval)].astype(float)
    drawable = (numbers[figure.interval[1]] > 0) | (not figure.is_logarithmic)
    rows = rows[drawable & np.isfinite(numbers).all(axis=1)]
    spec, channel = complete(figure, rows), channel_of(figure)
    place = pixels_of(figure, rows, spec)
    drawn = [item for kind in ("area", "rule") for item in marks(spec, kind) if f"{channel}2" in item]
    drawn = [item for item in drawn if item.get("strokeWidth") != 6]  # the pale bars behind means
    wanted = {tuple(np.round(np.sort(place(pair)), 1)) for pair in rows[list(figure.interval[1:])].to_numpy()}
    found = {tuple(np.round(np.sort([item[channel], item[f"{channel}2"]]), 1)) for item in drawn}
    assert len(wanted) > 1
    assert len(found) >= len(wanted)
    for pair in wanted:
        assert min(np.abs(np.subtract(pair, other)).max() for other in found) < 0.2, (pair, sorted(found))


def test_the_interval_of_an_error_is_drawn(tables: dict[str, pd.DataFrame]) -> None:
    figure = FIGURES["error"]
    rows = one_panel(figure, tables)
    spec = complete(figure, rows)
    bars = {round(item["width"], 3) for item in marks(spec, "rect") if item.get("fillOpacity") == 0.75}
    slope = max(bars) / rows["variance"].max()
    ends = sorted(item["x2"] for item in marks(spec, "rule") if "x2" in item)
    assert slope * np.sort(rows["mse_high"]) == pytest.approx(ends, abs=0.1)


@pytest.mark.parametrize("name", ["bias", "bias_by_option"])
def test_the_margin_is_one_percent_of_the_gradient(name: str, tables: dict[str, pd.DataFrame]) -> None:
    figure = FIGURES[name]
    rows = one_panel(figure, tables)
    spec = complete(figure, rows)
    place = pixels_of(figure, rows, spec)
    (margin,) = marks(spec, "rect")
    lower = -0.01 if (rows["share_low"] < 0).any() else 0.0
    edges = sorted([margin["y"], margin["y"] + margin["height"]])
    assert edges == pytest.approx(sorted(place([lower, 0.01])), abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_every_chart_obeys_the_schema_and_is_drawn_in_every_format(
    name: str, run: Run, tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    rows = one_panel(FIGURES[name], tables)
    about = caption_of_run(run)
    formats = ("png", "svg", "pdf")
    some = Tables({FIGURES[name].table: lambda: tables[FIGURES[name].table]})
    small = replace(FIGURES[name], rows=lambda _: rows, several="")
    alt.Chart.from_dict(composed(small, some, about))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FIGURES, name, small)
        written, failed = draw(tmp_path, some, about, formats, True, [name])
    assert failed == []
    assert [path.name for path in written] == [f"{name}.{kind}" for kind in formats]
    starts = (b"\x89PNG", b"<svg", b"%PDF")
    for path, start in zip(written, starts, strict=True):
        assert path.read_bytes().startswith(start)
        assert path.stat().st_size > 3000
    assert len(list(tmp_path.iterdir())) == 3


def test_the_figures_that_share_a_place_on_a_page_are_figures() -> None:
    assert {name for names in PLACES.values() for name in names} <= set(FIGURES)
    assert FIRST in FIGURES
