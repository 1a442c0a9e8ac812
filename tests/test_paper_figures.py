"""Figures as files: each row of what they draw is there, harmless, and nothing else is written."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bench.report.figures import draw_run, draw_several
from bench.report.paper import OF_A_RUN, OF_SEVERAL
from bench.report.paper.about import About, about, of_several
from bench.report.paper.spread import MOST_FLAGS
from bench.report.plots import PLOTS
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.report import canvas, frames
from bench.report import figures as files
from bench.report.canvas import Numbers
from bench.report.pairs import Measured
from bench.report.several.budget import reached
from bench.report.several.frames import profiles
from bench.report.several.geometric import geometric_means
from bench.report.several.runs import together
from bench.report.style import looks
from bench.runs import read_run
from bench.store.folder import load
from tests.runs import run_of
from tests.test_report import CASES, HOSTILE, hostile, ordinary, with_blocks, words

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
ESTIMATORS, SIZES, TYPES, POINTS = 3, 4, 2, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("paper"), SCENARIO)


@pytest.fixture(scope="module")
def run(folder: Path) -> Measured:
    return read_run(folder)


@pytest.fixture(scope="module")
def rows(run: Measured, folder: Path) -> dict[str, pd.DataFrame]:
    return frames.frames_of(run, load(folder, "coordinates"))[0]


def drawn(name: str, rows: dict[str, pd.DataFrame], said: About) -> Figure:
    figure = OF_A_RUN[name].draw(rows[OF_A_RUN[name].table], said)
    assert figure is not None
    return figure


def points(figure: Figure, many: bool = False) -> list[Numbers]:
    """Places of all markers, those of lines with several points apart from single ones."""
    lines = [line for ax in figure.axes for line in ax.lines if line.get_marker() not in ("None", "", None)]
    found = [np.column_stack(line.get_data()).astype(float) for line in lines]
    return [line for line in found if (len(line) > 1) == many]


def test_a_rate_is_a_point_and_a_bar_for_each_fit(run: Measured, rows: dict[str, pd.DataFrame]) -> None:
    figure = drawn("rate", rows, about(run.measurements, run.record["scenario"]))
    found = rows["rates"]
    assert len(found) == ESTIMATORS * TYPES * POINTS
    assert sorted(p[0, 0] for p in points(figure)) == pytest.approx(sorted(found["slope"]))
    bars = [line.get_xdata() for line in figure.axes[0].lines if line.get_marker() == "None"]
    ends = sorted(tuple(map(float, bar)) for bar in bars if bar[0] != bar[1])
    assert ends == sorted(zip(found["low"], found["high"], strict=True))


def test_an_error_is_a_bar_of_variance_with_the_bias_on_its_end() -> None:
    frame = ordinary()
    frame.loc[frame["estimator"] == "reinforce", "mse"] *= 1.25
    figure = OF_A_RUN["error"].draw(frame, about(frame, {"question": "?"}))
    assert figure is not None
    bars = [bar for ax in figure.axes for bar in ax.patches if isinstance(bar, Rectangle)]
    assert len(bars) == 2 * len(frame)
    for ax, (_, part) in zip(figure.axes, frame.groupby("sample_size"), strict=True):
        lengths = sorted(bar.get_width() for bar in ax.patches if bar.get_x() == 0)
        assert lengths == pytest.approx(sorted(part["variance"]))
        (biased,) = part.loc[part["estimator"] == "reinforce", "variance"]
        longest = max(bar.get_width() for bar in ax.patches if bar.get_x() > 0)
        assert longest == pytest.approx(0.25 * biased)
        assert [text.get_text() for text in ax.texts] == [" bias² 20 %"]


@pytest.mark.parametrize("currency", ["seconds", "evaluations"])
def test_a_budget_is_a_line_for_each_estimator(
    run: Measured, rows: dict[str, pd.DataFrame], currency: str
) -> None:
    figure = drawn(f"budget_of_{currency}", rows, about(run.measurements, run.record["scenario"]))
    found = rows["budget"][rows["budget"]["currency"] == currency]
    assert len(figure.axes) == TYPES * POINTS
    places = np.concatenate([*points(figure), *points(figure, many=True)])
    assert sorted(map(tuple, places)) == sorted(zip(found["budget"], found["error"], strict=True))


def test_devices_and_types_stand_side_by_side(run: Measured, rows: dict[str, pd.DataFrame]) -> None:
    figure = drawn("devices", rows, about(run.measurements, run.record["scenario"]))
    seconds = rows["settings"].query("metric == 'seconds'")
    places = np.concatenate(points(figure))
    assert sorted(places[:, 0]) == pytest.approx(sorted(seconds["value"]))
    assert len(np.unique(places[:, 1].round(6))) == ESTIMATORS * TYPES


def test_a_spread_is_a_histogram_for_each_cell(run: Measured, rows: dict[str, pd.DataFrame]) -> None:
    figure = drawn("spread", rows, about(run.measurements, run.record["scenario"]))
    cells = ESTIMATORS * SIZES * TYPES * POINTS
    assert len(points(figure)) == cells  # its largest deviation
    steps = [line for ax in figure.axes for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert len(steps) == cells
    for line in steps:
        assert sum(line.get_ydata()) == pytest.approx(1)
    heavy = rows["spread"].groupby(["sample_size", "problem"], sort=False)["heavy"].sum()
    assert heavy.sum() > 0
    assert sum(len(ax.texts) for ax in figure.axes) == heavy.clip(upper=MOST_FLAGS).sum()


def test_an_estimator_under_two_labels_is_drawn_under_both(tmp_path: Path) -> None:
    text = SCENARIO.replace("reparameterization]", "{reinforce: {}, label: again}]")
    folder = run_of(tmp_path, text, "sweep.options={}", "sweep.sample_sizes=[2]")
    twice, coordinates = read_run(folder), load(folder, "coordinates")
    rows = frames.frames_of(twice, coordinates)[0]
    shares = rows["spread"].groupby(["estimator", "dtype"])["share"].sum()
    assert shares.to_numpy() == pytest.approx(np.ones(3 * TYPES))
    assert rows["spread"].groupby("estimator")["largest"].count().tolist() == [TYPES] * 3
    assert rows["coordinates"].groupby("estimator").size().tolist() == [2 * TYPES] * 3
    said = about(twice.measurements, twice.record["scenario"])
    assert len(points(drawn("spread", rows, said))) == 3 * TYPES


def test_a_map_has_a_field_for_each_block() -> None:
    frame = with_blocks()
    figure = OF_A_RUN["blocks"].draw(frame, about(frame, {}))
    assert figure is not None
    maps = [ax.collections[0].get_array() for ax in figure.axes[:3]]
    known = frame[frame["status"] == "ok"]
    assert sum(int((~np.ma.getmaskarray(each)).sum()) for each in maps) == len(known)
    values = np.sort(np.concatenate([each.compressed() for each in maps]))
    assert values == pytest.approx(np.sort(known["variance"]))


def test_a_mean_stands_against_its_truth(run: Measured, rows: dict[str, pd.DataFrame]) -> None:
    figure = drawn("scatter", rows, about(run.measurements, run.record["scenario"]))
    places = np.concatenate(points(figure, many=True))
    found = rows["coordinates"]
    assert len(places) == len(found) == ESTIMATORS * TYPES * POINTS * 2
    assert sorted(map(tuple, places)) == sorted(zip(found["truth"], found["mean"], strict=True))
    bars = [c for ax in figure.axes for c in ax.collections if isinstance(c, LineCollection)]
    assert sum(len(bar.get_segments()) for bar in bars) == len(found)


def test_a_curve_along_an_option_has_its_values(run: Measured, rows: dict[str, pd.DataFrame]) -> None:
    figure = drawn("along", rows, about(run.measurements, run.record["scenario"]))
    lines = points(figure, many=True)
    assert len(lines) == ESTIMATORS * SIZES * TYPES
    assert all(list(line[:, 0]) == [0.0, 0.5, 20.0] for line in lines)
    figure.draw_without_rendering()
    ticks = [text.get_text() for text in figure.axes[-1].get_xticklabels()]
    assert ticks == ["0", "0.5", "20"]
    assert words(figure).count("N = ") == SIZES


def test_a_bias_along_an_option_is_told_in_units_of_the_gradient(
    run: Measured, rows: dict[str, pd.DataFrame]
) -> None:
    figure = drawn("bias_along", rows, about(run.measurements, run.record["scenario"]))
    found = rows["along"]
    places = np.concatenate(points(figure, many=True))
    shares = found["bias"] / found["truth_norm"]
    assert np.sort(places[:, 0]) == pytest.approx(np.sort(found["value"]))
    assert np.sort(places[:, 1]) == pytest.approx(np.sort(shares))
    bars = [c for ax in figure.axes for c in ax.collections if isinstance(c, LineCollection)]
    ends = np.concatenate([np.asarray(bar.get_segments()) for bar in bars])  # [bars, 2, 2]
    assert sorted(ends[:, 1, 1]) == pytest.approx(sorted(found["bias_high"] / found["truth_norm"]))


def test_of_a_long_sweep_there_are_curves_and_not_a_panel_for_each_point(
    folder: Path, run: Measured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "MOST_PROBLEMS", POINTS - 1)
    rows = frames.frames_of(run, load(folder, "coordinates"))
    written = draw_run(tmp_path, run, *rows, {"data": np.ones((1, 3, 3))}, None, ("svg",))
    assert [path.stem for path in written] == [*files.OF_A_LONG_SWEEP, "pictures"]


def test_means_and_profiles_have_every_estimator(run: Measured) -> None:
    runs = [run, run]
    whole = together(runs)
    rows = {
        "means": geometric_means(runs, None, ["variance", "mse"]).frame,
        "profile": profiles(whole),
        "budget": reached(whole),
    }
    for name, drawing in OF_SEVERAL.items():
        figure = drawing.draw(rows[drawing.table], of_several(whole))
        assert figure is not None, name
        if name == "means":
            ratios = np.concatenate(points(figure))[:, 0]
            assert sorted(ratios) == pytest.approx(sorted(rows["means"]["ratio"]))
        if name == "profile":
            assert (
                sum(len(ax.lines) for ax in figure.axes)
                == rows["profile"].groupby(["metric", "estimator"]).ngroups
            )


def measured_rows(measurements: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows that measurements alone give."""
    return {
        "measurements": measurements,
        "rates": frames.rate_fits(measurements),
        "settings": frames.settings(measurements.assign(seconds_low=math.nan, seconds_high=math.nan)),
        "budget": reached(measurements.assign(run=measurements["problem"])),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_no_measurements_are_too_odd(case) -> None:
    measurements = case()
    rows = measured_rows(measurements)
    for drawing in OF_A_RUN.values():
        if drawing.table in rows:
            figure = drawing.draw(rows[drawing.table], about(measurements, {"question": "Why $x_1$?"}))
            if case is hostile and figure is not None:
                figure.draw_without_rendering()
                assert HOSTILE[0] in words(figure)


def test_no_rows_are_no_figure(rows: dict[str, pd.DataFrame]) -> None:
    said = About("", ["reinforce"], "")
    for drawing in OF_A_RUN.values():
        assert drawing.draw(rows[drawing.table].iloc[:0], said) is None


def test_an_estimator_looks_alike_in_every_figure(run: Measured, rows: dict[str, pd.DataFrame]) -> None:
    said = about(run.measurements, run.record["scenario"])
    for name in ("rate", "devices", "budget_of_seconds", "along", "scatter", "spread"):
        colors = {
            line.get_color() for ax in drawn(name, rows, said).axes for line in ax.lines
            if line.get_marker() not in ("None", "", None)
        }  # fmt: skip
        assert colors == {look.color for look in looks(said.labels).values()}, name


def test_of_many_panels_some_are_drawn_and_the_others_told() -> None:
    panels, notice = canvas.kept({str(i): i for i in range(30)})
    assert list(panels.values()) == list(range(24))
    assert notice == "not drawn: 6 further panels"
    assert canvas.kept({"a": 1}) == ({"a": 1}, "")


def one_point(run: Measured) -> Measured:
    """The part of a run with one value of the option, and one type of numbers."""
    frame = run.measurements
    kept = frame["problem"].str.contains("0.5") & (frame["dtype"] == "float32")
    return Measured(frame[kept], run.replicates, run.record)


def test_every_figure_is_written_and_nothing_else(run: Measured, folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "new" / "figures"
    some = one_point(run)
    rows = frames.frames_of(some, load(folder, "coordinates"))
    written = draw_run(place, some, *rows, {"data": np.ones((2, 3, 3))}, None, ("svg",))
    names = [name for name in [*PLOTS, *OF_A_RUN] if name not in ("devices", *files.CURVES)] + [
        "ratios",
        "pictures",
    ]
    assert written == [place / f"{name}.svg" for name in names]
    assert sorted(place.iterdir()) == sorted(written)
    assert all(path.stat().st_size > 1000 for path in written)


def test_runs_together_have_figures_of_their_own(run: Measured, tmp_path: Path) -> None:
    later = {**run.record, "started": "2031-01-01T00:00:00+00:00"}
    runs = [one_point(run), Measured(one_point(run).measurements, run.replicates, later)]
    written = draw_several(tmp_path, runs, None, ("svg",))
    assert [path.stem for path in written] == [*OF_SEVERAL, "changes"]


def test_runs_that_differ_in_a_number_are_curves_along_it(run: Measured, tmp_path: Path) -> None:
    record = copy.deepcopy(dict(run.record))
    record["scenario"]["problem"]["distribution"]["normal"]["loc"] = 2.5
    runs = [one_point(run), Measured(one_point(run).measurements, run.replicates, record)]
    written = draw_several(tmp_path, runs, None, ("svg",))
    assert [path.stem for path in written] == [*OF_SEVERAL, *files.CURVES]


def test_a_failed_write_leaves_nothing(run: Measured, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        draw_run(tmp_path, run, *frames.frames_of(run, load(folder, "coordinates")), {}, None, ("nonsense",))
    assert not list(tmp_path.iterdir())
