"""Several runs in one page, in a real browser: what is common to them, and each by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bench.analysis.rows import without_empty
from bench.api import load
from bench.cli import main
from bench.page.report import write_report
from tests.browser import DESKTOP, PHONE, Opened, browser, data_of, needs_browser, opened, window
from tests.runs import run_of

__all__ = ["browser", "opened", "window"]
pytestmark = [needs_browser, pytest.mark.slow]

SCENARIO = """
schema: 1
name: NAME
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: COST}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [4, 16]}
replicates: 200
"""
VAE = """
schema: 1
name: pictures
version: 1
problem:
  {name: vae, batch_size: 3, latent: 2, hidden: 4, theta: {train: {steps: 1, estimator: reparameterization}}}
estimators: [reparameterization]
sweep: {sample_sizes: [2]}
replicates: 20
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two scenarios; and the first of them again, on other random numbers."""
    root = tmp_path_factory.mktemp("several")
    square = SCENARIO.replace("NAME", "square").replace("COST", "z**2")
    return [
        run_of(root, square),
        run_of(root, SCENARIO.replace("NAME", "cosine").replace("COST", "cos(z)")),
        run_of(root, square, "seed=1"),
    ]


@pytest.fixture(scope="module")
def page_file(folders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "several.html"
    write_report([load(each) for each in folders], path)
    return path


def measurements(path: Path, view: int) -> pd.DataFrame:
    return pd.DataFrame(data_of(path)["views"][view]["measurements"])


def drawn_rows(path: Path, name: str) -> pd.DataFrame:
    """The rows that a figure of all runs together may draw."""
    figures = data_of(path)["views"][0]["figures"]
    return pd.DataFrame(next(figure["rows"] for figure in figures if figure["name"] == name))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_asks_for_nothing_and_complains_of_nothing(browser: Any, page_file: Path, size: Any) -> None:
    window = Opened(browser, page_file, size)
    for button in window.page.locator("#views button").all():
        button.click()
        window.drawn()
    assert window.requests == [page_file.as_uri()]
    assert window.complaints == []
    assert window.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    window.keep(f"several-{size['width']}")
    window.context.close()


def test_every_number_of_every_run_is_on_the_page(folders: list[Path], page_file: Path) -> None:
    for i, folder in enumerate(folders):
        told, frame = measurements(page_file, 1 + i), without_empty(load(folder).measurements)
        assert list(told.columns) == list(frame.columns)
        for name in ("variance", "variance_low", "bias", "seconds", "cell"):
            assert told[name].tolist() == frame[name].tolist()


def test_there_is_a_view_of_all_runs_and_one_of_each(opened: Opened, folders: list[Path]) -> None:
    buttons = opened.page.locator("#views button")
    assert buttons.all_inner_texts() == [
        "All runs",
        "square (seed = 0)",
        "cosine",
        "square (seed = 1)",
    ]
    assert opened.page.locator("article:visible").count() == 1
    buttons.nth(2).click()
    opened.drawn()
    assert opened.page.locator("article:visible h1").inner_text() == "cosine"
    assert "view=2" in opened.page.url
    # A point for each cell, and as many arrows where an interval is open.
    is_open = np.isinf(load(folders[1]).measurements["variance_high"]).any()
    drawn = opened.page.locator("#run1-chart-variance svg g.mark-symbol path").count()
    assert drawn == (8 if is_open else 4)


def test_what_all_runs_have_in_common_is_drawn(opened: Opened, page_file: Path) -> None:
    opened.page.select_option("[data-switch='changed.metric']", "mse")
    opened.drawn()
    # Two estimators at two N, in the later run of the first scenario; and one estimator against the control.
    assert opened.rows("changed", "all-") == opened.marks("changed", prefix="all-") == 4
    assert opened.rows("means", "all-") == opened.marks("means", prefix="all-") == 1
    profile = drawn_rows(page_file, "profile")
    assert opened.rows("profile", "all-") == (profile["metric"] == "variance").sum()
    budget = drawn_rows(page_file, "budget")
    of_first = (budget["run"] == budget["run"][0]) & (budget["currency"] == budget["currency"][0])
    assert opened.rows("budget", "all-") == opened.marks("budget", prefix="all-") == of_first.sum()
    assert of_first.sum() > 1


def test_the_legend_hides_an_estimator_in_every_view(opened: Opened) -> None:
    opened.toggle("reinforce")
    assert opened.rows("changed", "all-") == 2
    opened.page.locator("#views button").nth(1).click()
    opened.drawn()
    assert opened.rows("variance", "run0-") == 2


def test_the_control_can_be_changed(opened: Opened, page_file: Path) -> None:
    means = drawn_rows(page_file, "means")
    opened.page.select_option("#control", "reparameterization")
    opened.drawn()
    assert opened.rows("means", "all-") == 1
    ratios = means[means["metric"] == "variance"].set_index("control")["ratio"]
    assert ratios["reparameterization"] == pytest.approx(1 / ratios["reinforce"], rel=0.05)


def test_the_curve_along_an_option_and_its_pictures(browser: Any, tmp_path: Path) -> None:
    steps = [0, 10, 100]
    folders = [run_of(tmp_path, VAE, f"problem.theta.train.steps={n}") for n in steps if n] + [
        run_of(tmp_path, VAE, "problem.theta.train.steps=1")
    ]
    path = tmp_path / "along.html"
    write_report([load(each) for each in folders], path)
    window = Opened(browser, path, DESKTOP)
    assert window.rows("variance_by_option", "all-") == window.marks("variance_by_option", prefix="all-") == 3
    assert "steps" in window.page.locator("#all-chart-variance_by_option svg text").all_text_contents()
    # Data once; reconstructions and samples of each run; eight samples, three of all else.
    labels = window.page.locator("#all-pictures th").all_inner_texts()
    assert len(labels) == 1 + 2 * 3
    assert sum("steps = 100" in label for label in labels) == 2
    assert window.page.locator("#all-pictures img").count() == 3 + 3 * (3 + 8)
    assert window.page.evaluate("document.querySelector('#all-pictures img').naturalWidth") == 8
    assert window.complaints == []
    window.context.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "say with -o where it goes"),
        (["-o", "OUT", "--control", "nothing"], "nothing"),
        (["-o", "OUT", "/nowhere"], "not the folder of a run"),
    ],
)
def test_what_makes_no_sense_is_refused(
    folders: list[Path], words: list[str], told: str, tmp_path: Path
) -> None:
    out = tmp_path / "x.html"
    given = [str(out) if word == "OUT" else word for word in words]
    done = CliRunner().invoke(main, ["report", *map(str, folders), *given])
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert not out.exists()


def test_texts_and_figures_of_several_runs(folders: list[Path], tmp_path: Path) -> None:
    words = ["-o", tmp_path / "a.html", "--tex", tmp_path / "a.tex", "--markdown", tmp_path / "a.md"]
    done = CliRunner().invoke(main, ["report", *map(str, [*folders[:2], *words, "--figures", "svg"])])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.tex").read_text().count(r"\toprule") == 2
    assert (tmp_path / "a.md").read_text().count("## Provenance") == 2
    for folder in folders[:2]:
        assert (tmp_path / "figures" / folder.name / "variance.svg").exists()
