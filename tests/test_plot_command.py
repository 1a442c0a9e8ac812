"""The free plot: the numbers of a frame are drawn, the rows left out are counted, nonsense is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from matplotlib.collections import PathCollection
from matplotlib.text import Text
from seaborn import FacetGrid

import bench
from bench.cli import main
from bench.errors import Invalid
from bench.figures.estimator_style import SHAPES, styles
from bench.plotting.free_plot import INTERVALS, MARKERS
from bench.plotting.selection import MOST, select
from bench.results.columns import no_rows
from bench.results.folder import write
from bench.results.run import Run
from bench.statistics.metric_table import METRICS
from tests.parameters import some
from tests.runs import in_memory
from tests.test_report import HOSTILE, cell, endless_intervals, ordinary, several_devices, with_blocks

WORSE = (r"$\frac{", "".join(map(chr, range(32))), *HOSTILE)[: MOST["by"] - 1]


def points(grid: FacetGrid) -> list[tuple[float, float]]:
    """The points of lines and of scatters, arrows left out."""
    found = [line.get_xydata() for ax in grid.axes.flat for line in ax.lines]
    scatters = (c for ax in grid.axes.flat for c in ax.collections if isinstance(c, PathCollection))
    found += [np.asarray(part.get_offsets()) for part in scatters if part.get_clip_on()]
    return sorted((float(x), float(y)) for xy in found for x, y in np.asarray(xy))


def ends(grid: FacetGrid) -> np.ndarray:
    """The corners of all bands, or the ends of all bars, as places and numbers in order."""
    parts = [c for ax in grid.axes.flat for c in ax.collections if not isinstance(c, PathCollection)]
    found = [path.vertices for part in parts for path in part.get_paths()]
    return np.unique(np.concatenate([*found, np.empty((0, 2))]), axis=0)


def arrows(grid: FacetGrid) -> np.ndarray:
    parts = [c for ax in grid.axes.flat for c in ax.collections if isinstance(c, PathCollection)]
    return np.concatenate([np.asarray(c.get_offsets()) for c in parts if not c.get_clip_on()])


def words(grid: FacetGrid) -> str:
    return "\n".join(text.get_text() for text in grid.figure.findobj(Text))


# --- what is drawn --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_points_are_the_rows() -> None:
    frame = ordinary()
    for x, y in (("sample_size", "variance"), ("seconds", "mse"), ("evaluations", "kurtosis")):
        wanted = sorted(zip(frame[x].astype(float), frame[y], strict=True))
        assert points(bench.plot(frame, x=x, y=y)) == wanted


@pytest.mark.slow
def test_a_run_and_its_presets_are_drawn() -> None:
    run = in_memory(ordinary())
    assert points(bench.plot(run)) == points(bench.plot.variance(run)) == points(bench.plot(ordinary()))
    assert points(bench.plot.bias(run)) == points(bench.plot(ordinary(), y="bias"))


def test_any_frame_is_drawn() -> None:
    frame = pd.DataFrame({"steps": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "method": ["a"] * 3})
    grid = bench.plot(frame, x="steps", y="loss", by="method")
    assert points(grid) == [(1.0, 3.0), (2.0, 2.0), (3.0, 1.5)]


@pytest.mark.slow
def test_a_grid_is_of_seaborn_and_has_a_picture() -> None:
    grid = bench.plot(ordinary())
    assert isinstance(grid, FacetGrid)
    assert grid._repr_png_().startswith(b"\x89PNG")
    assert grid.picture("svg") == bench.plot(ordinary()).picture("svg")


WITH_INTERVAL = [column.name for metric in METRICS.values() for column in metric.columns if column.interval]


@pytest.mark.parametrize(
    ("x", "y"), some([("estimator", "mse"), *(("sample_size", y) for y in WITH_INTERVAL)], 4)
)
def test_intervals_are_those_of_y(x: str, y: str) -> None:
    scale = np.linspace(1, 2, 15)  # of every column another, so that no interval is that of another column
    frame = ordinary().assign(**{y: scale, f"{y}_low": scale - 0.5, f"{y}_high": scale + 0.7})
    grid = bench.plot(frame, x=x, y=y)
    wanted = np.unique(np.concatenate([scale - 0.5, scale + 0.7]))
    np.testing.assert_allclose(np.unique(ends(grid)[:, 1]), wanted)
    assert INTERVALS[y] == (y, f"{y}_low", f"{y}_high")


def test_a_column_without_an_interval_has_none() -> None:
    assert not len(ends(bench.plot(ordinary(), y="evaluations")))


@pytest.mark.slow
@pytest.mark.parametrize("y", ["bias", "variance"])
@pytest.mark.parametrize("log", ["x", "both"])
def test_an_endless_interval_has_arrows_at_the_edges(y: str, log: str) -> None:
    grid = bench.plot(endless_intervals(), y=y, log=log)
    bottom, top = grid.ax.get_ylim()
    places = arrows(grid)[:, 1]
    assert np.isfinite([bottom, top]).all()
    below = 1 if log == "both" or y == "bias" else 0  # the variance's is zero, which a linear axis has
    assert sorted(set(places)) == pytest.approx([bottom, top][1 - below :])
    assert len(places) == (1 + below) * len(endless_intervals())


def test_an_estimator_looks_as_in_other_figures() -> None:
    frame = ordinary()
    frame.loc[frame["estimator"] == "reinforce", "status"] = "error"
    wanted = [style.color for style in styles(frame["estimator"]).values()][1:]
    lines = [line for line in bench.plot(frame, y="mse", x="seconds").ax.lines if len(line.get_xdata())]
    assert [line.get_color() for line in lines] == wanted


def test_words_along_x_are_points_side_by_side() -> None:
    frame = ordinary()
    grid = bench.plot(frame, x="estimator", by="sample_size")
    assert [text.get_text()[:9] for text in grid.ax.get_xticklabels()] == ["reinforce"] * 2 + ["reparamet"]
    assert [y for _, y in points(grid)] == list(frame["variance"])
    assert [round(x) for x, _ in points(grid)] == [0] * 5 + [1] * 5 + [2] * 5
    assert len({x for x, _ in points(grid)}) == len(frame)
    assert [text.get_text() for text in grid.legend.get_texts()][:2] == ["N = 10", "N = 100"]


@pytest.mark.slow
def test_words_that_have_styles_need_no_legend() -> None:
    grid = bench.plot(ordinary(), x="estimator")
    assert grid.legend is None
    assert "what looks alike differs in sample size" in words(grid)
    assert "looks alike" not in words(bench.plot(ordinary()))


@pytest.mark.slow
def test_each_value_of_a_facet_has_a_panel() -> None:
    frame = several_devices()
    grid = bench.plot(frame, facet="device")
    assert list(grid.axes_dict) == ["cpu", "mps"]
    for device, ax in grid.axes_dict.items():
        drawn = np.sort(np.concatenate([line.get_ydata() for line in ax.lines]))
        np.testing.assert_array_equal(drawn, np.sort(frame.loc[frame["device"] == device, "variance"]))
    assert "15 of 45 rows are not drawn: their status is not ok" in words(grid)


@pytest.mark.slow
def test_numbers_as_panels_are_in_order() -> None:
    frame = ordinary().iloc[::-1].reset_index(drop=True)
    grid = bench.plot(frame, x="seconds", facet="sample_size")
    assert list(grid.axes_dict) == ["N = 10", "N = 100", "N = 1000", "N = 10000", "N = 100000"]


def test_a_block_is_named() -> None:
    assert "vae, encoder" in words(bench.plot(with_blocks(), parameter="encoder"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("log", "scales"),
    [
        (None, ("log", "linear")),
        ("x", ("log", "linear")),
        ("y", ("linear", "log")),
        ("both", ("log", "log")),
        ("none", ("linear", "linear")),
    ],
)
def test_axes_are_logarithmic_by_choice_or_by_the_numbers(log: str | None, scales: tuple[str, str]) -> None:
    ax = bench.plot(ordinary(), y="kurtosis", log=log).ax
    assert (ax.get_xscale(), ax.get_yscale()) == scales


@pytest.mark.parametrize(("biases", "scale"), [((-1.0, 1.0, 100.0), "linear"), ((1.0, 10.0, 5.0), "log")])
def test_an_axis_is_logarithmic_from_a_factor_of_10_on(biases: tuple[float, ...], scale: str) -> None:
    frame = pd.DataFrame([cell("a", 10**i, 1.0, bias=b) for i, b in enumerate(biases)])
    assert bench.plot(frame, y="bias").ax.get_yscale() == scale


def test_points_above_one_another_are_not_joined() -> None:
    grid = bench.plot(ordinary(), x="replicates")
    assert not any(len(line.get_xdata()) for line in grid.ax.lines)
    assert len(points(grid)) == 15


def test_each_shape_of_a_page_has_a_marker() -> None:
    assert set(MARKERS) == set(SHAPES)
    assert len(set(MARKERS.values())) == len(SHAPES)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [{}, {"x": "estimator"}, {"facet": "estimator"}, {"by": "reason"}])
def test_labels_are_only_text(columns: dict[str, str]) -> None:
    frame = pd.DataFrame(
        [
            cell(label, N, 1 / N, scenario=r"$\frac{", reason=label)
            for label in (WORSE[::2] if "facet" in columns else WORSE)  # panels are slow
            for N in (1, 10)
        ]
        + [cell(WORSE[0], 100, 1.0, status="error", reason=r"$\frac{ " * 99)]
    )
    grid = bench.plot(frame, **columns)
    assert len(points(grid)) == len(frame) - 1
    assert max(len(text.get_text()) for text in grid.figure.findobj(Text)) < 400
    assert b"<script" not in grid.picture("svg")


@pytest.mark.parametrize("x", ["estimator", "sample_size"])
@pytest.mark.parametrize("log", some(["none", None], 1))
def test_a_single_point_is_drawn(x: str, log: str | None) -> None:
    assert len(points(bench.plot(ordinary().head(1), x=x, log=log))) == 1


# --- what is left out, and what is refused --------------------------------------------------------


def stored(folder: Path, frame: pd.DataFrame) -> str:
    """The folder of a run with these measurements."""
    folder.mkdir()
    write(Run(frame, no_rows("replicates"), {"scenario": {"name": "gaussian"}}, folder=folder))
    return str(folder)


def plotted(run: str, out: Path, *words: str) -> Result:
    result = CliRunner().invoke(main, ["plot", run, "-o", str(out), *words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_figure_is_written(tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"a.{kind}"
    result = plotted(stored(tmp_path / "run", several_devices()), out, "--y", "mse")
    assert result.exit_code == 0, result.output
    assert out.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])
    assert "15 of 45 rows are not drawn: their status is not ok" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "wanted",
    [
        ["--x", "seconds", "--facet", "sample_size", "--log", "both"],
        ["--x", "parameter", "--by", "estimator"],
        ["--y", "bias", "--log", "x", "--parameter", "encoder"],
    ],
)
def test_columns_and_blocks_can_be_chosen(tmp_path: Path, wanted: list[str]) -> None:
    result = plotted(stored(tmp_path / "run", with_blocks()), tmp_path / "a.svg", *wanted)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.svg").exists()


def test_what_is_left_out_is_counted() -> None:
    parts = [several_devices(), ordinary().assign(variance=math.nan), ordinary().assign(variance=0.0)]
    frame = pd.concat(parts, ignore_index=True)
    columns = {"x": "sample_size", "y": "variance", "by": "estimator"}
    assert select(frame, columns, "y").left_out == [
        "15 of 75 rows are not drawn: their status is not ok",
        "15 of 75 rows are not drawn: there is no finite number",
        "15 of 75 rows are not drawn: a number is not positive, and the axis is logarithmic",
    ]
    assert not [line for line in select(frame, columns).left_out if "not positive" in line]


@pytest.mark.parametrize("changes", [{"status": "error"}, {"variance": math.nan}, {"variance": math.inf}])
def test_a_figure_of_nothing_is_not_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    result = plotted(stored(tmp_path / "run", ordinary().assign(**changes)), tmp_path / "a.png")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-1] == "nothing can be drawn: no row is left"
    assert "15 of 15 rows are not drawn: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            ["--by", "Estimator"],
            "by: no column 'Estimator' in the table; did you mean 'est",
        ),
        (["--x", "tail"], "x: no column 'tail' in the table; did you mean 'problem.tail'?"),
        (["--facet", "\x1b[31m"], "facet: no column '\\x1b[31m'"),
        (["--x", "estimator", "--log", "both"], "x 'estimator': this column holds text"),
        (["--log", "z"], "'z' is not one of"),
        (["--y", "estimator"], "this column holds text"),
        (["--parameter", "nothing"], "no block of parameters 'nothing'"),
        (
            ["--x", "samplesize", "--facet", "devic"],
            "did you mean 'sample_size'?\nfacet: no column 'devic'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, wrong: list[str], told: str) -> None:
    frame = ordinary().assign(**{"problem.tail": 1.0})
    result = plotted(stored(tmp_path / "run", frame), tmp_path / "a.png", *wrong)
    assert result.exit_code == 2
    assert told in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(("option", "most"), MOST.items())
def test_too_many_values_are_refused(tmp_path: Path, option: str, most: int) -> None:
    frame = pd.DataFrame([cell("a", 10, 1.0, verdict=f"v{i}") for i in range(most + 1)])
    result = plotted(stored(tmp_path / "run", frame), tmp_path / "a.png", f"--{option}", "verdict")
    assert result.exit_code == 2
    assert f"{option} 'verdict': it has {most + 1} values, and no more than {most}" in result.stderr
    columns = {"x": "sample_size", "y": "variance", "by": "estimator"} | {option: "verdict"}
    assert len(select(frame.head(most), columns).points) == most


@pytest.mark.parametrize("name", ["a.gif", "a", "nowhere/a.png"])
def test_files_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    assert plotted("/nowhere", tmp_path / name).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_number_that_was_not_recorded_cannot_be_drawn(tmp_path: Path) -> None:
    result = plotted(stored(tmp_path / "run", ordinary()), tmp_path / "a.png", "--y", "data_variance")
    assert result.exit_code == 4
    assert "15 of 15 rows are not drawn: there is no finite number" in result.stderr


@pytest.mark.slow
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[:9])
        raise OSError(28, "No space left on device")

    run = stored(tmp_path / "run", ordinary())
    monkeypatch.setattr(Path, "write_bytes", half)
    result = plotted(run, tmp_path / "a.png")
    assert result.exit_code == 2
    assert "cannot be written: No space left on device" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(Invalid, match="15 of 15 rows are not drawn: their status is not ok\nnothing can be"):
        bench.plot(ordinary().assign(status="error"))
