"""`bench plot`: any column against any other, what is left out, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from bench.api import load, run
from bench.cli import main
from bench.report.chosen import Chosen, select
from bench.report.columns import draw

SCENARIO = """
schema: 1
name: example
version: 1
problem:
  {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc, scale], cost: z**2}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [4, 64], devices: [cpu, cuda]}
replicates: 100
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plot")
    (root / "example.yaml").write_text(SCENARIO)
    return Path(run(root / "example.yaml", out=root).attrs["run"])


@pytest.fixture(scope="module")
def whole(folder: Path) -> pd.DataFrame:
    frame = load(folder)
    return frame[frame["parameter"] == "all"].reset_index(drop=True)


def plot(*words: object) -> Result:
    return CliRunner().invoke(main, ["plot", *map(str, words)])


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.pdf"])
def test_a_figure_is_written(folder: Path, tmp_path: Path, name: str) -> None:
    done = plot(folder, "-o", tmp_path / name)
    assert done.exit_code == 0, done.output
    assert (tmp_path / name).stat().st_size > 1000
    assert "left out of 8 rows: 4 whose status is not ok" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--x", "estimator", "--y", "mse"],
        ["--x", "seconds", "--y", "variance", "--facet", "sample_size", "--log", "both"],
        ["--x", "parameter", "--y", "variance", "--by", "estimator"],
        ["--y", "bias", "--log", "x", "--parameter", "loc"],
    ],
)
def test_columns_can_be_chosen(folder: Path, tmp_path: Path, words: list[str]) -> None:
    done = plot(folder, *words, "-o", tmp_path / "a.png")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.png").exists()


def test_what_is_drawn_is_what_the_table_says(whole: pd.DataFrame) -> None:
    selection = select(whole, Chosen())
    figure = draw(selection)
    drawn = {
        (float(x), float(y)) for line in figure.axes[0].lines for x, y in zip(*line.get_data(), strict=True)
    }
    ok = whole[whole["status"] == "ok"]
    assert {(float(r.sample_size), r.variance) for r in ok.itertuples()} <= drawn
    assert figure.axes[0].get_yscale() == figure.axes[0].get_xscale() == "log"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--y", "varience"], 2, "did you mean 'variance'"),
        (["--x", "nothing", "--by", "none"], 2, "no column 'none'"),
        (["--y", "estimator"], 2, "holds words"),
        (["--parameter", "nothing"], 2, "no block of parameters"),
        (["--y", "data_variance"], 4, "nothing can be drawn"),
    ],
)
def test_what_makes_no_sense_is_refused(
    folder: Path, tmp_path: Path, words: list[str], code: int, told: str
) -> None:
    done = plot(folder, *words, "-o", tmp_path / "a.png")
    assert done.exit_code == code, done.output
    assert told in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.gif", "nowhere/a.png"])
def test_files_that_cannot_be_are_refused(folder: Path, tmp_path: Path, name: str) -> None:
    assert plot(folder, "-o", tmp_path / name).exit_code == 2


def test_too_many_groups_are_refused(whole: pd.DataFrame) -> None:
    many = pd.concat([whole.assign(estimator=f"e{i}") for i in range(13)], ignore_index=True)
    with pytest.raises(ValueError, match="it has 13 values"):
        select(many, Chosen())


@pytest.mark.parametrize("label", ["<script>", r"$\frac{", "x" * 10_000, "\x1b[31m\n", "θ"])
def test_labels_are_text(whole: pd.DataFrame, label: str) -> None:
    hostile = whole.assign(estimator=whole["estimator"].replace("reinforce", label))
    for chosen in (Chosen(), Chosen(x="estimator"), Chosen(facet="estimator")):
        draw(select(hostile, chosen)).canvas.draw()
