"""Runs that are gone on with: what is measured again and what is not, what is told, and what is shared."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import bench
from bench.cli import main
from bench.engine.plan import Cell, Experiment
from bench.engine.truth import Truth, truth_of
from bench.results import keys, store
from bench.results.keys import digest, key_of_cell
from bench.results.part_cache import PartCache
from bench.results.runs import runs_in
from bench.results.store import CellPieces
from bench.scenario.prepared import prepare
from tests.parameters import some
from tests.small_scenario import SMALL

TIMES = ("seconds", "fit_seconds", "work_normalized")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL)
    return tmp_path


def called(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [*map(str, words)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def run(*words: object, code: int = 0) -> Result:
    return called("run", "small.yaml", "--no-report", *words, code=code)


def folders(root: str = "results") -> list[Path]:
    return [each.folder for each in runs_in(Path(root))]


def numbers(folder: Path) -> pd.DataFrame:
    frame = bench.load(folder).measurements
    return frame[[name for name in frame if not str(name).startswith(TIMES)]]


def in_order(folder: Path) -> pd.DataFrame:
    return numbers(folder).sort_values(["estimator", "sample_size"], ignore_index=True)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The cells that are measured, as they are begun."""
    begun: list[str] = []
    begin = store.Store.begin

    def noted(self: store.Store, experiment: Experiment, cell: Cell) -> store.CellPieces:
        begun.append(f"{cell.named.label} {cell.sample_size}")
        return begin(self, experiment, cell)

    monkeypatch.setattr(store.Store, "begin", noted)
    return begun


# --- going on -------------------------------------------------------------------------------------


def test_what_is_missing_is_measured_and_nothing_else(here: Path, measured: list[str]) -> None:
    run()
    (folder,) = folders()
    whole = numbers(folder)
    assert len(measured) == 6
    lost = sorted((folder / "parts").glob("*.cell"))[:2]
    for path in lost:
        path.unlink()
    (folder / "run.json").unlink()
    status = called("status", folder).output
    assert "6 cells: 4 done, 0 failed, 2 missing; 0 stale" in status
    assert f"to go on: bench resume {folder}" in status
    measured.clear()
    called("resume", folder, "--no-report")
    assert len(measured) == 2
    pd.testing.assert_frame_equal(numbers(folder), whole, check_exact=True)
    assert "6 cells: 6 done" in called("status", folder).output


@pytest.mark.slow
def test_collecting_measures_nothing(here: Path, measured: list[str]) -> None:
    run()
    (folder,) = folders()
    whole = numbers(folder)
    for name in ("measurements.parquet", "replicates.parquet", "run.json"):
        (folder / name).unlink()
    measured.clear()
    called("collect", folder, "--no-report")
    assert measured == []
    pd.testing.assert_frame_equal(numbers(folder), whole, check_exact=True)
    next((folder / "parts").glob("*.cell")).unlink()
    assert "some cells are missing; to go on:" in called("collect", folder, "--no-report", code=3).output
    assert measured == []


def test_the_same_command_goes_on(here: Path, measured: list[str]) -> None:
    run("--resume")
    run("--resume")
    assert len(measured) == 6
    run("--resume", "-r", 30)
    assert len(measured) == 12
    (folder,) = folders()
    assert set(numbers(folder)["replicates"]) == {30}
    run("--resume", "--seed", 1)
    assert len(folders()) == 2, "another question"


@pytest.mark.slow
def test_more_replicates_have_the_numbers_of_a_run_of_so_many(here: Path) -> None:
    run("--resume")
    run("--resume", "-r", 50)
    run("-r", 50, "-o", "fresh")
    pd.testing.assert_frame_equal(numbers(folders()[0]), numbers(folders("fresh")[0]), check_exact=True)


@pytest.mark.slow
def test_another_estimator_in_the_scenario_leaves_the_others_as_they_are(
    here: Path, measured: list[str]
) -> None:
    run("--cache", "shared")
    measured.clear()
    Path("small.yaml").write_text(
        SMALL.replace("[reinforce,", "[exact, reinforce,").replace("name: small", "name: other")
    )
    run("--cache", "shared")
    assert measured == ["exact 10", "exact 30"]


@pytest.mark.parametrize(
    ("words", "why"),
    some(
        [
            (["--seed", "1"], "seed 0 -> 1"),
            (["--set", "problem.cost=z**3"], ""),
            (["--set", "version=2"], "scenario_version 1 -> 2"),
            (["--precision", "50%"], "precision null -> [0.5"),
        ],
        2,
    ),
)
def test_what_changed_is_told(here: Path, words: list[str], why: str) -> None:
    run()
    (folder,) = folders()
    plan = json.loads((folder / "plan.json").read_text())
    overrides = [f"seed={words[1]}"] if words[0] == "--seed" else [words[1]]
    if words[0] == "--precision":
        overrides = ["precision.variance=0.5"]
    (folder / "plan.json").write_text(json.dumps({**plan, "overrides": overrides}))
    said = called("status", folder, "--why").output
    assert "0 done, 0 failed, 6 missing; 6 stale" in said
    assert why in said


def test_a_run_that_cannot_be_gone_on_with_is_told(here: Path) -> None:
    run()
    (folder,) = folders()
    for verb in ("resume", "collect", "status"):
        assert "has no readable plan.json" in called(verb, "nowhere", code=2).output
    (folder / "plan.json").write_text('{"schema": 9}')
    assert "written with layout 9, this version reads up to 1" in called("resume", folder, code=2).output
    (folder / "plan.json").write_text('{"schema": 1, "text": 3}')
    assert "not the plan of a run" in called("resume", folder, code=2).output


# --- keys -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> tuple[Experiment, Cell, Truth]:
    path = tmp_path_factory.mktemp("scenario") / "small.yaml"
    path.write_text(SMALL)
    (planned,) = prepare(path).plans
    return planned.experiment, planned.cells[0], truth_of(planned.experiment)


def test_what_changes_numbers_changes_the_key(
    cell: tuple[Experiment, Cell, Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, first, truth = cell
    assert truth.gradient is not None
    other = {
        "seed": key_of_cell(replace(experiment, seed=1), first, truth),
        "version": key_of_cell(replace(experiment, version=2), first, truth),
        "problem": key_of_cell(replace(experiment, problem_key="{}"), first, truth),
        "resampled": key_of_cell(replace(experiment, resampled=True), first, truth),
        "N": key_of_cell(experiment, replace(first, sample_size=11), truth),
        "dtype": key_of_cell(experiment, replace(first, dtype="float64"), truth),
        "device": key_of_cell(experiment, replace(first, device="cuda"), truth),
        "options": key_of_cell(experiment, replace(first, named=replace(first.named, options="{1}")), truth),
        "truth": key_of_cell(experiment, first, replace(truth, gradient=truth.gradient + 1e-9)),
    }
    monkeypatch.setattr(type(first.named.estimator), "version", 2)
    other["estimator"] = key_of_cell(experiment, first, truth)
    monkeypatch.undo()
    monkeypatch.setattr(keys, "LAYOUT", "another")
    other["layout"] = key_of_cell(replace(experiment), first, truth)
    monkeypatch.undo()
    digests = {name: digest(key) for name, key in other.items()}
    assert len({*digests.values(), digest(key_of_cell(experiment, first, truth))}) == 1 + len(other)


def test_what_does_not_change_numbers_does_not_change_the_key(cell: tuple[Experiment, Cell, Truth]) -> None:
    experiment, first, truth = cell
    own = digest(key_of_cell(experiment, first, truth))
    same = [
        key_of_cell(replace(experiment, scenario="other"), first, truth),
        key_of_cell(replace(experiment, replicates=7), first, truth),
        key_of_cell(replace(experiment, sample_sizes=(10, 99)), first, truth),
        key_of_cell(replace(experiment, estimators=experiment.estimators[::-1]), first, truth),
        key_of_cell(experiment, replace(first, named=replace(first.named, label="another")), truth),
        key_of_cell(experiment, replace(first, device="cpu:0"), truth),
        key_of_cell(experiment, first, replace(truth, note="said otherwise")),
    ]
    assert {digest(key) for key in same} == {own}


@pytest.mark.slow
def test_the_source_of_a_plugin_and_the_contents_of_data_count(here: Path, measured: list[str]) -> None:
    source = (
        "from estimators.reinforce import Reinforce\n"
        "class Mine(Reinforce):\n    pass\n"
        "ESTIMATORS = {'mine': Mine}\n"
    )
    Path("mine.py").write_text(source)
    Path("small.yaml").write_text(SMALL.replace("[reinforce,", "[mine,"))
    called("--plugin", "mine.py", "run", "small.yaml", "--no-report")
    (folder,) = folders()
    measured.clear()
    Path("mine.py").write_text(source + "# changed\n")
    keys.source_of.cache_clear()
    called("--plugin", "mine.py", "resume", folder, "--no-report")
    assert measured == ["mine 10", "mine 30"]


# --- several runs ---------------------------------------------------------------------------------


def test_runs_are_listed_and_removed_after_a_question(here: Path) -> None:
    for _ in range(3):
        run("-n", 10, "-e", "reinforce")
    every = folders()
    (every[1] / "run.json").unlink()
    said = called("runs").output
    assert said.count("finished") == 3
    assert said.count("unfinished") == 1
    refused = CliRunner().invoke(main, ["clean", "--keep", "1"], input="n\n")
    assert folders() == every
    assert "remove these 2 of 3 runs?" in refused.output
    assert "nothing to remove" in called("clean", "--older", "30d").output
    called("clean", "--keep", 1, "--yes")
    assert folders() == every[-1:]
    assert "wanted --keep N, --older AGE or both" in called("clean", code=2).output
    assert "wanted a number of hours, days or weeks" in called("clean", "--older", "soon", code=2).output


@pytest.mark.slow
def test_runs_of_parts_of_a_scenario_become_one(here: Path, measured: list[str]) -> None:
    run("-e", "reinforce", "-o", "a")
    run("-e", "reparameterization,rloo", "-o", "b")
    measured.clear()
    called("merge", *folders("a"), *folders("b"), "-o", "results/small/all", "--no-report")
    assert measured == []
    run("-o", "whole")
    found, whole = map(in_order, (Path("results/small/all"), *folders("whole")))
    columns = [name for name in found if name not in ("verdict", "bias_p")]
    pd.testing.assert_frame_equal(found[columns], whole[columns], check_exact=True)
    run("--seed", 3, "-o", "c")
    told = called("merge", *folders("a"), *folders("c"), "-o", "results/small/wrong", code=2).output
    assert "of another scenario than" in told


# --- caches ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_finished_cells_are_shared_and_damaged_ones_made_again(here: Path, measured: list[str]) -> None:
    run("--cache", "shared")
    first = numbers(folders()[0])
    run("--cache", "shared")
    assert len(measured) == 6
    kept = sorted(Path("shared").rglob("*.cell"))
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    run("--cache", "shared")
    assert len(measured) == 7
    for folder in folders()[1:]:
        pd.testing.assert_frame_equal(numbers(folder), first, check_exact=True)
    run()
    assert len(measured) == 13, "nothing is shared without being asked"
    assert "exclude one another" in run("--cache", "shared", "--no-cache", code=2).output


@pytest.mark.slow
def test_a_long_reference_is_kept_for_other_runs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(here / "kept"))
    monkeypatch.setattr("bench.engine.truth.exact_gradient", unknown)
    run("-n", 10)
    (kept,) = Path("kept").rglob("*.truth")
    asked: list[str] = []
    get = PartCache.get

    def noted(self: PartCache, name: str) -> object:
        asked.append(name)
        return get(self, name)

    monkeypatch.setattr(PartCache, "get", noted)
    monkeypatch.setattr("bench.running.work.truth_of", unknown)
    run("-n", 10)
    assert asked == [kept.name]
    shutil.rmtree("kept")
    assert run("-n", 10, code=1).exception is not None


def unknown(*_: object) -> Truth:
    from bench.problem import NotApplicable

    raise NotApplicable("by order of the test")


# --- what must not be believed --------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_of_which_no_truth_is_left_is_collected_to_nothing(here: Path) -> None:
    run()
    (folder,) = folders()
    for path in (folder / "parts").glob("*.truth"):
        path.unlink()
    said = called("collect", folder, "--no-report", code=4 - 1).output
    assert "some cells are missing" in said
    assert len(numbers(folder)) == 0


@pytest.mark.slow
def test_a_run_whose_last_pieces_have_files_of_their_own_is_read(
    here: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the first layout of parts."""
    put = CellPieces.put
    with monkeypatch.context() as before:
        before.setattr(CellPieces, "put", lambda self, piece, last: put(self, piece, last and False))
        run()
    (folder,) = folders()
    whole = numbers(folder)
    assert len(list((folder / "parts").glob("*.piece"))) == 6
    measured.clear()
    called("resume", folder, "--no-report")
    assert measured == []
    pd.testing.assert_frame_equal(numbers(folder), whole, check_exact=True)


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is a piece, with a file of its own."""
    monkeypatch.setattr("bench.engine.pieces.BLOCKS", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("pieces")
def test_exchanged_parts_are_set_aside(here: Path) -> None:
    run()
    (folder,) = folders()
    whole = numbers(folder)
    first, second, *_ = sorted((folder / "parts").glob("*.piece"))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    said = called("collect", folder, "--no-report", code=3).output
    assert said.count("it is another part") == 2
    called("resume", folder, "--no-report")
    pd.testing.assert_frame_equal(numbers(folder), whole, check_exact=True)


@pytest.mark.slow
@pytest.mark.usefixtures("pieces")
def test_folders_in_place_of_parts_and_a_journal_of_anything_are_survived(here: Path) -> None:
    run()
    (folder,) = folders()
    whole = numbers(folder)
    for kind in ("cell", "piece", "truth"):
        path = next((folder / "parts").glob(f"*.{kind}"))
        path.unlink()
        path.mkdir()
    (folder / "journal.jsonl").write_text("5\nnull\n[1]\n" + "[" * 100_000)
    called("status", folder)
    called("resume", folder, "--no-report")
    pd.testing.assert_frame_equal(numbers(folder), whole, check_exact=True)


@pytest.mark.slow
def test_failures_are_not_shared(here: Path, measured: list[str]) -> None:
    source = (
        "from estimators.reinforce import Reinforce\n"
        "class Fails(Reinforce):\n"
        "    def gradient(self, problem, theta, sample_size):\n        raise ValueError('no')\n"
        "ESTIMATORS = {'fails': Fails}\n"
    )
    Path("fails.py").write_text(source)
    Path("small.yaml").write_text(SMALL.replace("[reinforce,", "[fails,"))
    for _ in range(2):
        called("--plugin", "fails.py", "run", "small.yaml", "--no-report", "--cache", "shared", code=3)
    assert measured.count("fails 10") == 2
    assert measured.count("reparameterization 10") == 1


def test_code_that_a_problem_names_counts(here: Path) -> None:
    inner = (
        "from bench.problems.linear_gaussian import LinearGaussian\n"
        "class Inner(LinearGaussian):\n    pass\n"
        "PROBLEMS = {'inner': Inner}\n"
    )
    Path("inner.py").write_text(inner)
    bench.plugin("inner.py")
    problem = "problem: {name: importance_weighted, samples: 2, problem: {name: inner}}"
    Path("small.yaml").write_text(re.sub("problem:.*", problem, SMALL))
    found = []
    for more in ("", "# changed\n"):
        Path("inner.py").write_text(inner + more)
        keys.source_of.cache_clear()
        (planned,) = prepare("small.yaml").plans
        found.append(digest(key_of_cell(planned.experiment, planned.cells[0], None)))
        assert not keys.is_ours(planned.experiment)
    assert found[0] != found[1]


@pytest.mark.slow
def test_the_command_that_status_prints_measures_the_cell_alone(here: Path, measured: list[str]) -> None:
    more = "dtypes: [float32, float64], options: {problem.distribution.normal.loc: [1, 2]}"
    Path("small.yaml").write_text(SMALL.replace("[10, 30]", f"[10, 30], {more}"))
    run("--seed", 3)
    (folder,) = folders()
    whole = numbers(folder)
    lost = sorted((folder / "parts").glob("*.cell"))[0]
    lost.unlink()
    said = called("status", folder, "--why").output
    command = next(
        line.strip() for line in said.splitlines() if line.strip().startswith("bench run small.yaml")
    )
    measured.clear()
    called(*shlex.split(command)[1:], "--no-report", "-o", "alone")
    assert len(measured) == 1
    (row,) = numbers(folders("alone")[0]).to_dict("records")
    same = whole[whole["cell"] == row["cell"]].to_dict("records")[0]
    for name in ("variance", "dtype", "problem", "estimator"):
        assert row[name] == same[name]


@pytest.mark.slow
def test_merging_into_a_run_of_another_question_is_refused(here: Path) -> None:
    run("-e", "reinforce", "-o", "a")
    run("-r", 30, "-o", "b")
    before = (folders("b")[0] / "plan.json").read_bytes()
    called("merge", *folders("a"), "-o", folders("b")[0], "--no-report", code=2)
    assert (folders("b")[0] / "plan.json").read_bytes() == before
