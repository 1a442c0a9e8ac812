"""`bench plot`: the table's numbers are what is drawn, what is left out is counted, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from bench.cli import main
from bench.figures.looks import looks
from bench.report.chosen import MOST_GROUPS, MOST_PLACES, NO_NUMBER, NOT_OK, NOT_POSITIVE, Chosen, select
from bench.report.columns import LONGEST_WORD, draw
from bench.results.folder import write_record, write_tables
from bench.text.labels import distinct
from tests.test_report import HOSTILE, cell, endless_intervals, ordinary, several_devices, with_blocks

WORSE = (r"$\frac{", "".join(map(chr, range(32))), *HOSTILE)[: MOST_GROUPS - 1]


def figure_of(frame: pd.DataFrame, **chosen: Any) -> Figure:
    return draw(select(frame, Chosen(**chosen)))


def series(ax: Axes) -> list[Line2D]:
    return [line for line in ax.lines if line.get_marker() != "None"]


def points(figure: Figure) -> list[tuple[float, float]]:
    found = [line.get_xydata() for ax in figure.axes for line in series(ax)]
    return sorted((float(x), float(y)) for xy in found for x, y in np.asarray(xy))


def looks_of(figure: Figure) -> list[tuple[str, str]]:
    return [(line.get_color(), line.get_marker()) for line in series(figure.axes[0])]


def bars(figure: Figure) -> np.ndarray:
    """The lower ends of all bars in order, and the upper ones."""
    drawn = [part[:, 1] for ax in figure.axes for c in ax.collections for part in c.get_segments()]
    return np.sort(np.array(drawn).reshape(-1, 2), axis=0)


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def entries(figure: Figure) -> list[str]:
    owners = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    return [text.get_text() for legend in owners for text in legend.get_texts()]


# --- what is drawn --------------------------------------------------------------------------------


def test_the_points_are_the_rows() -> None:
    frame = ordinary()
    for x, y in (("sample_size", "variance"), ("seconds", "mse"), ("evaluations", "kurtosis")):
        wanted = sorted(zip(frame[x].astype(float), frame[y], strict=True))
        assert points(figure_of(frame, x=x, y=y)) == wanted


def test_intervals_are_those_of_y() -> None:
    frame = ordinary()
    wanted = np.sort(frame[["mse_low", "mse_high"]].to_numpy(), axis=0)
    np.testing.assert_allclose(bars(figure_of(frame, y="mse")), wanted)
    without = figure_of(frame, y="evaluations")
    assert not len(bars(without))
    assert "95 % intervals" not in words(without)


@pytest.mark.parametrize("y", ["bias", "variance"])
def test_an_endless_interval_leaves_the_panel(y: str) -> None:
    figure = figure_of(endless_intervals(), y=y)
    bottom, top = figure.axes[0].get_ylim()
    ends = bars(figure)
    assert np.isfinite([bottom, top]).all()
    assert np.isfinite(ends).all()
    assert ends[:, 0].min() < bottom
    assert ends[:, 1].max() > top


def test_an_estimator_looks_as_in_other_figures() -> None:
    frame = ordinary()
    frame.loc[frame["estimator"] == "reinforce", "status"] = "error"
    wanted = [look.color for look in looks(frame["estimator"]).values()][1:]
    assert [color for color, *_ in looks_of(figure_of(frame, y="mse", x="seconds"))] == wanted


def test_words_along_x_are_points_side_by_side() -> None:
    frame = ordinary()
    figure = figure_of(frame, x="estimator", by="sample_size")
    names = list(distinct(frame["estimator"], LONGEST_WORD).values())
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == names
    assert all(line.get_linestyle() == "None" for line in series(figure.axes[0]))
    assert [y for _, y in points(figure)] == list(frame["variance"])
    assert [round(x) for x, _ in points(figure)] == [0] * 5 + [1] * 5 + [2] * 5
    assert len({x for x, _ in points(figure)}) == len(frame)
    assert entries(figure)[:2] == ["N = 10", "N = 100"]


def test_words_that_have_looks_need_no_legend() -> None:
    figure = figure_of(ordinary(), x="estimator")
    assert entries(figure) == []
    assert "points that look alike differ in N" in " ".join(words(figure).split())


def test_each_value_of_a_facet_has_a_panel() -> None:
    frame = several_devices()
    figure = figure_of(frame, facet="device")
    axes = {ax.get_title(loc="left"): ax for ax in figure.axes if series(ax)}
    assert list(axes) == ["cpu", "mps"]
    for device, ax in axes.items():
        drawn = np.sort(np.concatenate([line.get_ydata() for line in series(ax)]))
        np.testing.assert_array_equal(drawn, np.sort(frame.loc[frame["device"] == device, "variance"]))
    assert "not drawn: every estimator on cuda: unavailable" in words(figure)


def test_numbers_as_panels_are_in_order() -> None:
    frame = ordinary().iloc[::-1].reset_index(drop=True)
    figure = figure_of(frame, x="seconds", facet="sample_size")
    titles = [ax.get_title(loc="left") for ax in figure.axes if series(ax)]
    assert titles == ["N = 10", "N = 100", "N = 1000", "N = 10000", "N = 100000"]


def test_a_block_is_named() -> None:
    assert "vae: encoder" in words(figure_of(with_blocks().query("parameter == 'encoder'")))


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
    ax = figure_of(ordinary(), y="kurtosis", log=log).axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == scales


@pytest.mark.parametrize(("biases", "scale"), [((-1.0, 1.0, 100.0), "linear"), ((1.0, 10.0, 5.0), "log")])
def test_an_axis_is_logarithmic_from_a_factor_of_10_on(biases: tuple[float, ...], scale: str) -> None:
    frame = pd.DataFrame([cell("a", 10**i, 1.0, bias=b) for i, b in enumerate(biases)])
    assert figure_of(frame, y="bias").axes[0].get_yscale() == scale


def test_points_above_one_another_are_not_joined() -> None:
    figure = figure_of(ordinary(), x="replicates")
    assert all(line.get_linestyle() == "None" for line in series(figure.axes[0]))


@pytest.mark.parametrize("chosen", [{}, {"x": "estimator"}, {"facet": "estimator"}, {"by": "reason"}])
def test_labels_are_only_text(chosen: dict[str, str], tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [
            cell(label, N, 1 / N, scenario=r"$\frac{", reason=label)
            for label in (WORSE[::2] if "facet" in chosen else WORSE)  # panels are slow
            for N in (1, 10)
        ]
        + [cell(WORSE[0], 100, 1.0, status="error", reason=r"$\frac{ " * 99)]
    )
    figure = figure_of(frame, **chosen)
    figure.savefig(tmp_path / "a.svg")
    assert len(points(figure)) == len(frame) - 1
    assert max(len(text.get_text()) for text in figure.findobj(Text)) < 400
    assert "<script" not in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize("x", ["estimator", "sample_size"])
@pytest.mark.parametrize("log", ["none", None])
def test_a_single_point_is_drawn(x: str, log: str | None) -> None:
    figure = figure_of(ordinary().head(1), x=x, log=log)
    figure.draw_without_rendering()
    assert len(points(figure)) == 1


# --- what is left out, and what is refused --------------------------------------------------------


def stored(folder: Path, frame: pd.DataFrame) -> str:
    """The folder of a run with these measurements."""
    folder.mkdir()
    write_tables(folder, {"measurements": frame})
    write_record(folder, {"scenario": {"name": "gaussian"}})
    return str(folder)


def plotted(run: str, out: Path, *words: str) -> Result:
    result = CliRunner().invoke(main, ["plot", run, "-o", str(out), *words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_figure_is_written(tmp_path: Path, kind: str) -> None:
    out = tmp_path / f"a.{kind}"
    result = plotted(stored(tmp_path / "run", several_devices()), out, "--y", "mse")
    assert result.exit_code == 0, result.output
    assert out.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])
    assert "left out of 45 rows: 15 whose status is not ok" in result.stderr


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
    left_out = select(frame, Chosen(log="y")).left_out
    assert {why: len(part) for why, part in left_out.items()} == {NOT_OK: 15, NO_NUMBER: 15, NOT_POSITIVE: 15}
    assert NOT_POSITIVE not in select(frame, Chosen()).left_out


@pytest.mark.parametrize("changes", [{"status": "error"}, {"variance": math.nan}, {"variance": math.inf}])
def test_a_figure_of_nothing_is_not_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    result = plotted(stored(tmp_path / "run", ordinary().assign(**changes)), tmp_path / "a.png")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-1] == "nothing can be drawn: no row is left"
    assert "left out of 15 rows: 15 " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            ["--by", "Estimator"],
            "--by: no column 'Estimator' in the table of measurements; did you mean 'est",
        ),
        (["--facet", "\x1b[31m"], "--facet: no column '\\x1b[31m'"),
        (["--x", "estimator", "--log", "both"], "--log both --x 'estimator': this column holds words"),
        (["--log", "z"], "'z' is not one of"),
        (["--y", "estimator"], "this column holds words"),
        (["--parameter", "nothing"], "no block of parameters 'nothing'"),
        (
            ["--x", "samplesize", "--facet", "devic"],
            "did you mean 'sample_size'?\n--facet: no column 'devic'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, wrong: list[str], told: str) -> None:
    result = plotted(stored(tmp_path / "run", ordinary()), tmp_path / "a.png", *wrong)
    assert result.exit_code == 2
    assert told in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("option", "most"), [("by", MOST_GROUPS), ("facet", MOST_GROUPS), ("x", MOST_PLACES)]
)
def test_too_many_values_are_refused(tmp_path: Path, option: str, most: int) -> None:
    frame = pd.DataFrame([cell("a", 10, 1.0, verdict=f"v{i}") for i in range(most + 1)])
    result = plotted(stored(tmp_path / "run", frame), tmp_path / "a.png", f"--{option}", "verdict")
    assert result.exit_code == 2
    assert f"--{option} 'verdict': it has {most + 1} values, and no more than {most}" in result.stderr
    assert len(select(frame.head(most), Chosen(**{option: "verdict"})).points) == most


@pytest.mark.parametrize("name", ["a.gif", "a", "nowhere/a.png"])
def test_files_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    assert plotted("/nowhere", tmp_path / name).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_number_that_was_not_recorded_cannot_be_drawn(tmp_path: Path) -> None:
    result = plotted(stored(tmp_path / "run", ordinary()), tmp_path / "a.png", "--y", "data_variance")
    assert result.exit_code == 4
    assert "15 without a finite number" in result.stderr


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(figure: Figure, path: Path, **_: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    run = stored(tmp_path / "run", ordinary())
    monkeypatch.setattr(Figure, "savefig", half)
    result = plotted(run, tmp_path / "a.png")
    assert result.exit_code == 2
    assert "cannot be written: No space left on device" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
