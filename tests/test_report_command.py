"""`bench report`: what it writes, what it refuses, and that it estimates nothing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import vl_convert
from click.testing import CliRunner, Result

import bench
import bench.engine.replicate
from bench.api import load, run
from bench.cli import main
from bench.page.one_run import one_run
from bench.page.render import LIBRARIES, page
from bench.page.report import write_report
from bench.results.folder import write_pictures
from bench.results.run import Run
from tests.edited_run import forget_hashes

SCENARIO = """
schema: 1
name: example
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [4, 16]}
replicates: 200
"""
VENDOR = Path(bench.__file__).parent / "page" / "vendor"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    (root / "example.yaml").write_text(SCENARIO)
    folder = run(root / "example.yaml", out=root).folder
    assert folder is not None
    return folder


def report(*words: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, words)])


def test_the_page_lies_in_the_folder_of_the_run(folder: Path) -> None:
    done = report(folder)
    assert done.exit_code == 0, done.output
    assert str(folder / "report.html") in done.output
    assert (folder / "report.html").read_text().startswith("<!doctype html>")


def test_texts_for_papers_are_written_where_they_are_asked_for(folder: Path, tmp_path: Path) -> None:
    words = ["-o", tmp_path / "a.html", "--tex", tmp_path / "a.tex", "--markdown", tmp_path / "a.md"]
    done = report(folder, *words, "--control", "pathwise")
    assert done.exit_code == 0, done.output
    assert {path.name for path in tmp_path.iterdir()} == {"a.html", "a.tex", "a.md"}
    assert r"\toprule" in (tmp_path / "a.tex").read_text()
    assert "reinforce" in (tmp_path / "a.md").read_text()


@pytest.mark.slow
def test_the_control_is_that_of_all_texts(folder: Path, tmp_path: Path) -> None:
    words = ["-o", tmp_path / "a.html", "--tex", tmp_path / "a.tex"]
    for control, other in (("pathwise", "reinforce"), ("reinforce", "pathwise")):
        assert report(folder, *words, "--control", control).exit_code == 0
        name = "reparameterization" if control == "pathwise" else control
        for path in (tmp_path / "a.html", tmp_path / "a.tex"):
            assert f"variance than {name}" in path.read_text(), (path, other)
        assert f"Ratios of variances to that of {name} have" in (tmp_path / "a.html").read_text()


DRAWN = [
    "histograms",
    "mse",
    "snr",
    "cosine",
    "seconds",
    "variance",
    "bias",
    "error",
    "cost",
    "work_normalized_variance",
    "budget",
    "ratios",
    "spread",
]
"""The figures of a run with a single coordinate, on one device, with two sample sizes."""


def figures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def drawn(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The figures in every format, and what was said of them."""
    root = tmp_path_factory.mktemp("drawn")
    done = report(folder, "-o", root / "page.html", "--figures", "pdf,svg, PNG,png", "--titles")
    assert done.exit_code == 0, done.output
    return root / "figures", done


@pytest.mark.slow
def test_figures_lie_beside_the_page(drawn: tuple[Path, Result], folder: Path) -> None:
    beside, done = drawn
    names = {f"{name}.{kind}" for name in DRAWN for kind in ("pdf", "svg", "png")}
    assert set(figures(beside)) == names
    assert all(f"report   {beside / name}" in done.output for name in names)


@pytest.mark.slow
@pytest.mark.slow
def test_the_same_run_gives_the_same_figures(
    drawn: tuple[Path, Result], folder: Path, tmp_path: Path
) -> None:
    words = ["-o", tmp_path / "page.html", "--figures", "svg,pdf", "--titles"]
    assert report(folder, *words).exit_code == 0
    once = figures(drawn[0])
    again = figures(tmp_path / "figures")
    assert set(again) == {name for name in once if not name.endswith(".png")}
    # Parts of a PDF file come in any order.
    assert all(len(again[name]) == pytest.approx(len(once[name]), rel=0.01) for name in again)
    assert all(again[name] == once[name] for name in again if name.endswith(".svg"))
    by_run = {path.name: path.read_bytes() for path in (folder / "figures").glob("*.png")}
    assert by_run == {name: once[name] for name in ("bias.png", "variance.png")}


@pytest.mark.slow
def test_pictures_come_from_the_run(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(folder, copied, ignore=shutil.ignore_patterns("figures"))
    write_pictures(copied, {"data": np.eye(8)[None]})
    assert report(copied, "--figures", "svg").exit_code == 0
    assert {"pictures.svg", "variance.svg"} <= set(figures(copied / "figures"))
    (copied / "pictures.npz").write_text("broken")
    done = report(copied)
    assert done.exit_code == 2
    assert "not the pictures of a run" in done.stderr


@pytest.mark.parametrize("formats", ["gif", "png,gif", "", "png,", "../x"])
def test_unknown_formats_are_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, formats: str
) -> None:
    done = report(folder, "-o", tmp_path / "page.html", "--figures", formats)
    assert done.exit_code == 2, done.output
    assert "figures have no format" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_figures_that_cannot_be_written_are_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("a file, not a folder")
    done = report(folder, "-o", tmp_path / "page.html", "--figures", "png")
    assert done.exit_code == 2, done.output
    assert "figures: cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["/nowhere"], "not the folder of a run"),
        (["FOLDER", "--control", "nothing"], "nothing"),
        (["FOLDER", "-o", "/nowhere/a.html"], "cannot be written"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, words: list[str], told: str) -> None:
    done = report(*[str(folder) if word == "FOLDER" else word for word in words])
    assert done.exit_code == 2, done.output
    assert told in done.stderr


def test_nothing_is_estimated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an estimate was made")

    monkeypatch.setattr(bench.engine.replicate, "timed", refuse)
    before = {path: path.read_bytes() for path in folder.glob("*.parquet")}
    assert report(folder).exit_code == 0
    assert {path: path.read_bytes() for path in folder.glob("*.parquet")} == before


@pytest.mark.slow
def test_the_libraries_are_those_that_draw_the_files() -> None:
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    assert (VENDOR / LIBRARIES).read_text() == bundle
    for name in ("vega", "vega-lite", "vega-embed"):
        assert "Redistribution and use" in (VENDOR / f"LICENSE.{name}.txt").read_text()


@pytest.mark.slow
def test_the_page_has_no_address_to_fetch(folder: Path) -> None:
    report(folder)
    text = (folder / "report.html").read_text()
    ours = text.split("<script>")[0]
    addresses = re.findall(r"""\s(?:src|href)\s*=\s*["']?([^"'>\s]*)""", ours)
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert "default-src 'none'" in ours


def large(folder: Path, cells: int) -> Run:
    """A run of many cells, made of one of few."""
    few = load(folder)
    copies = cells // 4
    sizes = np.repeat(np.arange(copies) + 1, 4)

    def many(frame: pd.DataFrame, rows_of_four: int) -> pd.DataFrame:
        copied = pd.concat([frame] * copies, ignore_index=True)
        number = np.repeat(np.arange(copies), rows_of_four)
        return copied.assign(cell=copied["cell"] + number.astype(str))

    measurements = many(few.measurements, 4).assign(sample_size=sizes)
    some = few.replicates.groupby("cell").head(10)
    replicates = many(some, 40)
    coordinates = many(few.coordinates, 4)
    return Run(measurements, replicates, few.record, coordinates)


@pytest.mark.slow
def test_ten_thousand_cells_take_twenty_megabytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the sentences, which compare all cells with one another; tests/speed has the time.
    for name in ("answer", "claims"):
        monkeypatch.setattr(f"bench.page.one_run.{name}", lambda *_: [])
    monkeypatch.setattr("bench.page.one_run.methods", lambda *_: "")
    run_ = large(folder, 10_000)
    assert len(run_.measurements) == 10_000
    text = page([one_run(run_)])
    assert len(text.encode()) < 20e6
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert len(data["views"][0]["measurements"]["cell"]) == 10_000
    assert "sample sizes" in text.split('id="notice-ratios">')[1].split("<")[0]


@pytest.mark.slow
def test_what_was_not_measured_is_on_the_page(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(folder, copied)
    record = json.loads((copied / "run.json").read_text()) | {"interrupted": True}
    (copied / "run.json").write_text(json.dumps(record))
    forget_hashes(copied)
    frame = load(folder).measurements
    lost = frame["estimator"] == "reinforce"
    frame.loc[lost, "status"], frame.loc[lost, "reason"] = "error", "it broke"
    frame.to_parquet(copied / "measurements.parquet", index=False)
    (path,), _ = write_report([load(copied)])
    text = path.read_text().split('id="data"')[0]
    assert "Not measured: reinforce: error (it broke)." in text
    assert "Not measured: what was left when the run was interrupted." in text


@pytest.mark.slow
def test_what_is_partly_finite_or_roughly_timed_is_on_the_page(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(folder, copied)
    frame = load(folder).measurements
    frame = frame.assign(seconds_low=0.9 * frame["seconds"], seconds_high=1.1 * frame["seconds"])
    some, busy = frame["estimator"] == "reinforce", frame["sample_size"] == frame["sample_size"].max()
    frame.loc[some, ["status", "nonfinite", "reason"]] = ["nonfinite", 1, "1 of 8 estimates are not finite"]
    frame.loc[busy, "seconds_high"] = 3 * frame["seconds"]
    frame.to_parquet(copied / "measurements.parquet", index=False)
    forget_hashes(copied)
    (path,), _ = write_report([load(copied)])
    text, data = path.read_text().split('id="data">')
    R = frame.loc[some, "replicates"].iloc[0]
    assert f">1 of {R} not finite</td>" in text
    assert (
        f"Not finite: reinforce: 1 of {R} estimates; the numbers are of the others and are not compared."
        in text
    )
    assert (
        f'<p class="notice">not finite: reinforce: 1 of {R} estimates; the numbers are of the others</p>'
        in text
    )
    whole = frame[frame["parameter"] == "all"]
    cells = whole.loc[whole["sample_size"] == whole["sample_size"].max(), "cell"].tolist()
    spread = (
        f"timings spread by more than a factor of two in {len(cells)} of {len(whole)} cells: the machine was"
    )
    assert text.count(spread) == 1
    view = json.loads(data.split("</script>")[0])["views"][0]
    assert view["rough"] == cells


@pytest.mark.slow
def test_several_runs_of_which_nothing_was_measured_have_a_page(folder: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(folder, copied)
    lost = load(folder).measurements.assign(status="unavailable")
    lost.to_parquet(copied / "measurements.parquet", index=False)
    forget_hashes(copied)
    done = report(copied, copied, "-o", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    assert "Nothing was measured." in (tmp_path / "page.html").read_text()


@pytest.mark.slow
def test_a_budget_is_of_one_type_of_numbers(folder: Path) -> None:
    run_ = load(folder)
    again = run_.measurements.assign(dtype="float64", cell=run_.measurements["cell"] + "b")
    both = pd.concat([run_.measurements, again], ignore_index=True)
    twice = run_.of(both)
    view = one_run(twice)
    (figure,) = (each for each in view["figures"] if each["name"] == "budget")
    drawn = [*figure["switched"], "estimator", "budget"]
    assert not pd.DataFrame(figure["rows"])[drawn].duplicated().any()
