"""`bench gate`, `bench baseline` and what `bench plan` says of them, as they are typed."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import bench as package
from bench.cli import main
from bench.engine.streams import LAYOUT
from bench.regression.baseline import Baseline, read, write
from tests import gates

TEXT = gates.TEXT.format(estimator="reinforce, reparameterization", N=10, seed=0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario and its baseline, as the command writes it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "example.yaml").write_text(TEXT)
    done = bench("baseline", "save", folder / "example.yaml", "-o", folder)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def bench(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env={"COLUMNS": "160"})


def gate(folder: Path, *words: object) -> Result:
    return bench("gate", folder / "example.yaml", "--baseline", folder, *words)


def changed(folder: Path, change: Callable[[Baseline], Baseline]) -> None:
    path = folder / "example.json"
    write(path, change(read(path)))


def scaled(factor: float) -> Callable[[Baseline], Baseline]:
    """As if the variance had been so many times what it was, and no digest agreed."""

    def change(was: Baseline) -> Baseline:
        cells = {
            name: entry.model_copy(update={"variance": factor * entry.variance, "mse": factor * entry.mse})
            for name, entry in was.cells.items()
        }
        return was.model_copy(update={"cells": cells, "stream_layout": "another"})

    return change


def test_a_baseline_and_its_anchor_are_written_and_shown(made: Path) -> None:
    assert {path.name for path in made.iterdir()} == {"example.yaml", "example.json", "example.anchor.json"}
    assert (made / "example.json").read_text() == (made / "example.anchor.json").read_text()
    shown = bench("baseline", "show", made / "example.json")
    assert shown.exit_code == 0
    assert "reparameterization" in shown.output
    assert ": made" in shown.output


def test_what_has_a_baseline_is_not_saved_again(folder: Path) -> None:
    before = (folder / "example.json").read_bytes()
    done = bench("baseline", "save", folder / "example.yaml", "-o", folder)
    assert done.exit_code == 2
    assert "`bench baseline update` changes it" in done.stderr
    assert (folder / "example.json").read_bytes() == before


def test_the_gate_passes_and_says_by_what(folder: Path) -> None:
    done = gate(folder)
    assert done.exit_code == 0, done.output
    assert done.output.count("digest") == 2
    assert "probability of a false alarm below 0.0001" in done.output
    assert "pass: 2 pass" in done.output


def test_the_gate_is_a_function_too(folder: Path) -> None:
    report = package.gate(str(folder / "example.yaml"), folder)
    assert report.exit_code == 0
    assert [cell.stage for cell in report.cells] == ["digest", "digest"]
    some = package.gate([folder / "example.yaml"], folder / "example.json", only=["pathwise"], epoch="a")
    assert [cell.cell.named.name for cell in some.cells] == ["reparameterization"]
    with pytest.raises(package.Invalid, match="one file for 2 scenarios"):
        package.gate([folder / "example.yaml"] * 2, folder / "example.json")
    with pytest.raises(package.Invalid, match="no such file"):
        package.gate(folder / "absent.yaml", folder)


def test_reports_are_written(folder: Path) -> None:
    changed(folder, scaled(0.7))
    summary = folder / "summary.md"
    words = ["--junit", folder / "a.xml", "--json", folder / "a.json", "--github", "--seed-epoch", "a"]
    done = CliRunner().invoke(
        main,
        ["gate", str(folder / "example.yaml"), "--baseline", str(folder), *map(str, words)],
        env={"GITHUB_STEP_SUMMARY": str(summary)},
    )
    assert done.exit_code == 1, done.output
    assert "::error file=" in done.output
    suite = ET.parse(folder / "a.xml").getroot()[0]
    assert suite.attrib["failures"] == "4"
    plain = json.loads((folder / "a.json").read_text())
    assert plain["epoch"] == "a"
    assert [cell["verdict"] for cell in plain["cells"]] == ["regression", "regression"]
    assert "### bench gate: regression" in summary.read_text()


def test_only_some_estimators_may_be_asked_for(folder: Path) -> None:
    done = gate(folder, "-e", "pathwise")
    assert done.exit_code == 0
    assert "pass: 1 pass" in done.output
    assert "no longer in the scenario" not in done.output
    assert gate(folder, "-e", "nothing").exit_code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--junit", "/nowhere/a.xml"], "no such folder"),
        (["--set", "gate.variance.max_increase=-1"], "percentage"),
        (["--set", "gate.variance.indifference=30%"], "indifference below"),
        (["--set", "gate.estimators={mine: {}}"], "no estimator is called 'mine'"),
        (["--set", "gate.sample_sizes=[7]"], "7 is not in sweep.sample_sizes"),
        (["--set", "gate.varience={}"], "did you mean 'variance'"),
        (["--set", "gate.estimators.reinforce={varience: {}}"], "did you mean 'variance'"),
        (["--set", "gate.estimators.reinforce={variance: 3}"], "wanted a mapping such as"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, words: list[str], told: str) -> None:
    done = gate(folder, *words)
    assert done.exit_code == 2, done.output
    assert told in done.stderr


def test_one_file_is_not_for_two_scenarios(folder: Path) -> None:
    both = [folder / "example.yaml", folder / "example.yaml"]
    for words in (["gate", *both, "--baseline"], ["baseline", "save", *both, "-o"]):
        done = bench(*words, folder / "example.json")
        assert done.exit_code == 2
        assert "one file for 2 scenarios" in done.stderr


def test_an_update_refuses_what_is_worse_unless_it_is_accepted(folder: Path) -> None:
    changed(folder, scaled(0.7))
    before = (folder / "example.json").read_bytes()
    words = ["baseline", "update", folder / "example.yaml", "-o", folder]
    done = bench(*words)
    assert done.exit_code == 1
    assert done.output.count("worse") >= 4
    assert '--accept-regression "why"' in done.stderr
    assert (folder / "example.json").read_bytes() == before
    done = bench(*words, "--accept-regression", "half the time")
    assert done.exit_code == 0, done.output
    now = read(folder / "example.json")
    assert now.history[-1].reason == "half the time"
    assert {one.metric for one in now.history[-1].accepted} == {"variance", "mse"}
    assert all(abs(one.ratio * 0.7 - 1) < 0.01 for one in now.history[-1].accepted)
    assert bench("baseline", "show", folder / "example.json").output.count("4 worsenings accepted") == 1
    assert gate(folder).exit_code == 0
    for nonsense in ("", "two\nlines"):
        assert bench(*words, "--accept-regression", nonsense).exit_code == 2


@pytest.mark.slow
def test_an_update_tells_of_another_layout_of_the_random_numbers(folder: Path) -> None:
    changed(folder, scaled(1.0))
    assert "compared as independent samples until the baseline is updated" in gate(folder).output
    before = (folder / "example.json").read_bytes()
    words = ("baseline", "update", folder / "example.yaml", "-o", folder)
    some = bench(*words, "-e", "reparameterization")
    assert some.exit_code == 2
    assert "example.json: its random numbers are those of another, now " in some.stderr
    assert some.stderr.rstrip().endswith(": update all estimators at once")
    assert (folder / "example.json").read_bytes() == before
    done = bench(*words)
    assert done.exit_code == 0, done.output
    assert "no estimate comes again" in done.stderr
    assert read(folder / "example.json").stream_layout == LAYOUT
    assert gate(folder).exit_code == 0
    assert "random numbers are those of" not in bench(*words).output


def test_an_update_of_some_estimators_leaves_the_others(folder: Path) -> None:
    changed(folder, lambda was: scaled(2.0)(was).model_copy(update={"stream_layout": LAYOUT}))
    done = bench("baseline", "update", folder / "example.yaml", "-o", folder, "-e", "reparameterization")
    assert done.exit_code == 0, done.output
    was, now = read(folder / "example.anchor.json"), read(folder / "example.json")
    ratios = sorted(round(now.cells[name].variance / was.cells[name].variance, 6) for name in was.cells)
    assert ratios == [1.0, 2.0]
    assert now.history[-1].reason == "updated"


def test_a_difference_is_printed_with_its_interval(folder: Path) -> None:
    changed(folder, scaled(1.5))
    done = bench("baseline", "diff", folder / "example.anchor.json", folder / "example.json")
    assert done.exit_code == 0
    assert done.output.count("worse") == 4
    assert "1.50" in done.output
    same = bench("baseline", "diff", folder / "example.json", folder / "example.json")
    assert "worse" not in same.output


def test_a_plan_prints_the_thresholds_and_who_said_so(folder: Path) -> None:
    (folder / "example.yaml").write_text(
        TEXT + "gate: {variance: {max_increase: 20%}, bias: {margin: 1%},"
        " estimators: {reinforce: {variance: {indifference: 1%}, mse: {max_increase: 50%}}}}\n"
    )
    done = bench("plan", folder / "example.yaml")
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    # Each estimator heads its own; those with the same would share them.
    first = lines.index("gate: reinforce")
    assert lines[first + 1 : first + 8] == [
        "variance +20 % +1 % gate.estimators.reinforce",
        "mse +50 % +10 % gate.estimators.reinforce",
        "bias 1 % of the gradient gate",
        "gate: reparameterization",
        "variance +20 % +4 % gate",
        "mse +10 % +2 % default",
        "bias 1 % of the gradient gate",
    ]
    (folder / "example.yaml").write_text(TEXT)
    assert "gate: reinforce and reparameterization\n" in bench("plan", folder / "example.yaml").output


def test_a_scenario_of_another_version_is_not_compared(folder: Path) -> None:
    (folder / "example.yaml").write_text(TEXT.replace("version: 1", "version: 2"))
    done = gate(folder)
    assert done.exit_code == 4
    assert "is of version 1 of the scenario, which is now 2" in done.output


def test_the_baseline_lies_in_the_usual_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert bench("gate", "example.yaml").exit_code == 2
    usual = folder / "results" / "baselines"
    usual.mkdir(parents=True)
    shutil.copy(folder / "example.json", usual)
    assert bench("gate", "example.yaml").exit_code == 0
