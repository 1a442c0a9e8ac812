"""Files that `bench new` writes work as they are, and nothing is overwritten."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import bench
from bench.catalogue import _ADDED
from bench.cli import main


def called(*words: str) -> Result:
    done = CliRunner().invoke(main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.api.draw", lambda *_: ([], []))
    for kind in _ADDED:
        monkeypatch.setitem(_ADDED, kind, {})
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [("normal", "problem"), ("problem", "problem"), ("tensor", "estimator"), ("none", "estimator"),
     ("label", "estimator"), ("name", "estimator")],
)  # fmt: skip
def test_a_name_that_would_hide_another_is_refused(here: Path, name: str, kind: str) -> None:
    done = called("new", name, f"--{kind}")
    assert done.exit_code == 2
    assert f"wanted another, such as my_{name}" in done.stderr
    assert list(here.iterdir()) == []
    assert called("new", f"my_{name}", f"--{kind}").exit_code == 0


def test_a_new_scenario_runs(here: Path) -> None:
    done = called("new", "mine")
    assert done.stdout.splitlines() == ["mine.yaml", "next:", "  bench run mine.yaml"]
    run = bench.run("mine.yaml", quick=True, progress=False)
    assert (run.measurements["status"] == "ok").all()
    assert run.record["scenario"]["name"] == "mine"


def test_a_new_estimator_is_what_it_claims_to_be_and_can_be_run(here: Path) -> None:
    done = called("new", "my_own", "--estimator")
    assert done.stdout.splitlines()[:3] == ["my_own.py", "test_my_own.py", "next:"]
    assert called("certify", "my_own.py", "--quick").exit_code in (0, 2)
    ran = called(
        "--plugin", "my_own.py", "run", "gaussian", "-e", "reinforce,my_own", "--quick", "--no-report"
    )
    assert ran.exit_code == 2  # the scenario does not name it
    bench.plugin("my_own.py")
    scenario = "estimators=[reinforce, my_own, {my_own: {baseline: 5.0}}]"
    run = bench.run("gaussian", quick=True, overrides=[scenario], progress=False)
    frame = run.measurements.set_index(["estimator", "sample_size"])["variance"].dropna()  # no cuda
    assert frame["my_own"].tolist() == pytest.approx(frame["reinforce"].tolist())
    assert (frame["my_own(baseline=5.0)"] < frame["my_own"]).all()


def test_the_test_of_a_new_estimator_passes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called("new", "tested_one", "--estimator")
    monkeypatch.syspath_prepend(str(here))
    spec = importlib.util.spec_from_file_location("test_tested_one", here / "test_tested_one.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.bench, "certify", lambda estimator: bench_certificate(estimator))
    module.test_it_is_what_it_claims_to_be()
    sys.modules.pop("tested_one", None)


def bench_certificate(estimator: bench.Estimator) -> object:
    from bench.certification.certify import certify
    from bench.certification.problems import PROBLEMS

    return certify(estimator, {name: PROBLEMS[name] for name in ("gaussian", "bernoulli")}, replicates=2000)


def test_a_new_problem_runs_and_its_gradient_is_known(here: Path) -> None:
    done = called("new", "my_problem", "--problem")
    assert done.stdout.splitlines()[:2] == ["my_problem.py", "my_problem.yaml"]
    bench.plugin("my_problem.py")
    run = bench.run("my_problem.yaml", quick=True, progress=False)
    assert (run.measurements["status"] == "ok").all()
    assert set(run.measurements["truth"]) == {"closed_form"}
    assert run.measurements["truth_norm"].tolist() == pytest.approx([3.0] * len(run.measurements))


@pytest.mark.parametrize("kind", ["--scenario", "--estimator", "--problem"])
def test_nothing_is_overwritten(here: Path, kind: str) -> None:
    assert called("new", "mine", kind).exit_code == 0
    before = {path.name: path.read_text() for path in here.iterdir()}
    (first, *_) = sorted(before)
    (here / first).write_text("mine")
    done = called("new", "mine", kind)
    assert done.exit_code == 2
    assert "there is one already; nothing was written" in done.stderr
    assert (here / first).read_text() == "mine"
    for other in set(before) - {first}:
        (here / other).unlink()
    assert called("new", "mine", kind).exit_code == 2
    assert [path.name for path in here.iterdir()] == [first]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "--scenario") for name in ("a/b", "..", "Mine", "", "mine.", "con")),
        *((name, "--estimator") for name in ("my-own", "class", "A", "", "null", "true", "wé")),
        *((name, "--problem") for name in ("1st", "../up", "none ")),
    ],
)
def test_a_name_that_is_none_is_refused(here: Path, name: str, kind: str) -> None:
    done = called("new", kind, "--", name)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{name!r} as the name of a")
    assert re.search("wanted|choose another", done.stderr)
    assert ".yaml" not in done.stderr  # no file is spoken of that there is not
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("mine.yaml", "--scenario", "wanted it without .yaml, such as mine; it makes NAME.yaml"),
        ("mine.py", "--estimator", "wanted it without .py, such as mine; it makes NAME.py and test_NAME.py"),
        ("mine.yml", "--problem", "wanted it without .yml, such as mine; it makes NAME.py and NAME.yaml"),
        ("Mine", "--scenario", "; such as mine\n"),
        ("my-own", "--estimator", "; such as my_own\n"),
        ("class", "--problem", "a keyword of Python; wanted another, such as my_class"),
        ("true", "--problem", "YAML reads it as a value; wanted another, such as my_true"),
        ("rloo", "--estimator", "an estimator has it already, see `bench show estimator:rloo`"),
        ("reinforce", "--problem", "an estimator has it already"),
        ("pathwise", "--estimator", "an estimator has it already"),
        ("vae", "--problem", "a problem has it already, see `bench show problem:vae`; wanted another"),
        *(
            (name, "--estimator", f"Python has a module {name}, and {name}.py would hide it")
            for name in ("torch", "math", "dataclasses", "bench", "estimators", "test", "sys")
        ),
    ],
)
def test_a_name_that_does_not_fit_or_is_taken_is_told(here: Path, name: str, kind: str, told: str) -> None:
    done = called("new", kind, name)
    assert done.exit_code == 2
    assert told in done.stderr
    assert list(here.iterdir()) == []


def test_modules_are_looked_for_and_not_imported(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(here))
    (here / "my_module").mkdir()  # hides nothing: a module of that name goes before it
    assert called("new", "my_module", "--estimator").exit_code == 0
    (here / "elsewhere").mkdir()
    (here / "elsewhere" / "found_there.py").write_text("raise AssertionError('it was imported')")
    monkeypatch.syspath_prepend(str(here / "elsewhere"))
    assert "Python has a module found_there" in called("new", "found_there", "--estimator").stderr
    # A file that is already here is told as that, whether or not it can be imported.
    assert "my_module.py: there is one already" in called("new", "my_module", "--problem").stderr


WITHOUT_TORCH = """
import sys
from bench.cli import main
for words in (["new", "mine", "--estimator"], ["new", "torch", "--problem"]):
    try:
        main(words)
    except SystemExit as done:
        print(done.code, "torch" in sys.modules)
"""


def test_new_does_without_torch(here: Path) -> None:
    root = str(Path(__file__).parents[1])
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root},
    ).stdout.splitlines()  # fmt: skip
    assert [line for line in told if line.endswith(("True", "False"))] == ["0 False", "2 False"]


@pytest.mark.parametrize("name", ["null", "123", "1e5", "1e999", "true", "0x1f", "a.b-c_d"])
def test_a_scenario_may_be_called_what_yaml_reads_as_a_value(here: Path, name: str) -> None:
    assert called("new", name).exit_code == 0
    assert called("validate", f"{name}.yaml").exit_code == 0
    assert f'name: "{name}"' in (here / f"{name}.yaml").read_text() or name == "a.b-c_d"


def test_one_kind_is_made_at_a_time(here: Path) -> None:
    done = called("new", "mine", "--estimator", "--problem")
    assert done.exit_code == 2
    assert "--estimator and --problem: wanted one of them" in done.stderr
    assert list(here.iterdir()) == []


def test_where_one_file_cannot_be_written_none_stays(here: Path) -> None:
    (here / "test_mine.py").symlink_to("no/such/folder/test_mine.py")
    done = called("new", "mine", "--estimator")
    assert done.exit_code == 2
    assert "test_mine.py: cannot be written" in done.stderr
    assert done.stdout == ""
    assert [path.name for path in here.iterdir()] == ["test_mine.py"]
