"""The first steps from Python: a scenario as data, words as on the command line, what a run gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import bench

SCENARIO: dict[str, Any] = {
    "schema": 1,
    "name": "tiny",
    "version": 1,
    "question": "Which is best?",
    "problem": {
        "name": "expectation",
        "distribution": {"normal": {"loc": 2.0, "scale": 1.0}},
        "parameters": ["loc"],
        "cost": "z²",
    },
    "estimators": ["reinforce", {"reinforce": {"baseline": "leave_one_out"}, "label": "rloo"}, "pathwise"],
    "sweep": {"sample_sizes": [4, 8]},
    "replicates": 120,
}


@pytest.fixture(autouse=True)
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.api.draw", lambda *_: ([], []))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bench.Run:
    return bench.run(SCENARIO, out=tmp_path_factory.mktemp("out"), progress=False)


def test_a_scenario_may_be_plain_data(made: bench.Run) -> None:
    assert made.folder is not None
    assert (made.measurements["status"] == "ok").all()
    again = bench.load(made.folder)
    assert again.record["scenario"]["problem"]["cost"] == "z²"
    assert "cost: z²" in again.record["text"]


def test_a_scenario_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = bench.run("gaussian", quick=True, estimators=["pathwise"], out="out", progress=False)
    assert run.record["scenario"]["name"] == "gaussian"
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "gaussian.yaml").write_text("schema: 1\n")  # one's own goes first
    with pytest.raises(bench.Invalid, match=r"scenarios/gaussian\.yaml:1:1: missing key"):
        bench.run("gaussian")
    with pytest.raises(bench.Invalid, match=r"gausian: there is no scenario .* did you mean gaussian\?"):
        bench.run("gausian")


@pytest.mark.slow
def test_words_are_those_of_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = bench.run(
        SCENARIO, estimators=["pathwise", "rloo"], sample_sizes=[2, 16], replicates=30, seed=7,
        devices=["cpu"], precision="50%", overrides=["problem.cost=z**3"], out=tmp_path,
    )  # fmt: skip
    frame = run.measurements
    assert set(frame["estimator"]) == {"pathwise", "rloo"}
    assert set(frame["sample_size"]) == {2, 16}
    scenario = run.record["scenario"]
    assert (scenario["replicates"], scenario["seed"]) == (30, 7)
    assert scenario["precision"] == {"variance": 0.5}
    assert scenario["problem"]["cost"] == "z**3"
    assert "N = 16" in capsys.readouterr().err
    bench.run(SCENARIO, quick=True, out=tmp_path, progress=False)
    assert capsys.readouterr().err == ""


def test_all_mistakes_of_plain_data_are_told_without_lines_that_nobody_wrote(tmp_path: Path) -> None:
    with pytest.raises(bench.Invalid) as caught:
        bench.run(SCENARIO | {"estimators": ["reinforc"], "seed": -1, "nam": 2}, out=tmp_path)
    lines = str(caught.value).splitlines()
    assert sorted(lines) == [
        "scenario: seed: wanted a whole number from 0 to 2**64 - 1, got -1",
        "scenario: unknown estimator 'reinforc'; did you mean 'reinforce'?",
        "scenario: unknown key 'nam'; did you mean 'name'?",
    ]
    with pytest.raises(bench.Invalid, match=r"scenario\.seed: wanted a mapping, a list, .* got a object"):
        bench.run(SCENARIO | {"seed": object()}, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_compares_its_estimators(made: bench.Run) -> None:
    by_first = made.compare()
    assert set(by_first["control"]) == {"reinforce"}
    by_name, by_label = made.compare("pathwise"), made.compare("rloo", metrics=["variance", "mse"])
    assert set(by_name["estimator"]) == {"reinforce", "rloo"}
    assert set(by_label["metric"]) == {"variance", "mse"}
    assert (made.compare("reparameterization") == by_name).all(axis=None)
    same = bench.compare(made, made)
    assert same["ratio"].tolist() == [1.0] * 6
    with pytest.raises(bench.Invalid, match="no estimator 'nobody' here"):
        made.compare("nobody")
    with pytest.raises(bench.Invalid, match="did you mean 'variance'"):
        made.compare(metrics=["varianc"])
    with pytest.raises(bench.Invalid, match="a control is for a single run"):
        bench.compare(made, made, control="rloo")


@pytest.mark.slow
def test_a_run_writes_its_page(made: bench.Run, tmp_path: Path) -> None:
    assert made.report(tmp_path / "page.html") == tmp_path / "page.html"
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "Which is best?" in text
    # Parts are named by their headings, for those who hear the page.
    shown = text[: text.index("<script")]
    parts = re.findall(r"<(?:section|article)\b[^>]*>", shown)
    named = [re.search(r'aria-labelledby="([^"]+)"', part) for part in parts]
    assert len(parts) > 5
    assert all(found is not None and f'id="{found[1]}"' in shown for found in named)
    assert made.folder is not None
    assert made.report() == made.folder / "report.html"


class HalfPath(bench.Estimator):
    """Halves the pathwise gradient."""

    bias: ClassVar[Any] = "biased"

    def gradient(self, problem: bench.Problem, theta: Tensor, sample_size: int) -> Tensor:
        x = problem.distribution(theta).rsample((sample_size,))
        (gradient,) = torch.autograd.grad(problem.cost(x, theta).mean(0).sum(), theta)
        return gradient / 2


def test_a_class_may_be_named_in_a_scenario(tmp_path: Path) -> None:
    assert bench.plugin(HalfPath) == ["half_path"]
    run = bench.run(SCENARIO | {"estimators": ["half_path"]}, out=tmp_path, progress=False)
    assert run.measurements["mean"].tolist() == pytest.approx([2.0, 2.0], abs=0.5)  # of 4
    assert bench.plugin(HalfPath) == ["half_path"]

    class Reinforce(HalfPath):
        pass

    with pytest.raises(bench.Invalid, match="the name 'reinforce' is taken"):
        bench.plugin(Reinforce)
    with pytest.raises(bench.Invalid, match="neither an Estimator nor a Problem"):
        bench.plugin(dict)
    with pytest.raises(bench.Invalid, match="no such file"):
        bench.plugin(tmp_path / "nothing.py")


WRONG: dict[str, tuple[Callable[[Any, Any], object], str]] = {
    "scenario": (
        lambda b, _: b.run(5),
        "scenario: wanted a file, the name of a scenario, or .*, got 5",
    ),
    "no scenario": (lambda b, _: b.run(None), "scenario: wanted a file"),
    "file": (lambda b, _: b.run(open), "scenario: wanted a file.* got a builtin_function"),
    "bytes": (lambda b, _: b.run(b"gaussian"), "scenario: wanted a file.* got a bytes"),
    "many threads": (lambda b, _: b.run(SCENARIO, threads=10**6), "threads: wanted a whole number from 1 to"),
    "no threads": (lambda b, _: b.run(SCENARIO, threads=0), "threads: wanted a whole number from 1"),
    "half": (lambda b, _: b.run(SCENARIO, threads=1.5), "threads: wanted .* got 1.5"),
    "estimators": (
        lambda b, _: b.run(SCENARIO, estimators=[]),
        r"estimators: wanted a list of.* got \[\]",
    ),
    "bytes name": (lambda b, _: b.run(SCENARIO, estimators=b"rloo"), "estimators: wanted a list of names"),
    "dictionary": (
        lambda b, _: b.run(SCENARIO, estimators=[{"rloo": 1}]),
        "estimators: wanted a list of names",
    ),
    "overrides": (lambda b, _: b.run(SCENARIO, overrides=[5]), "overrides: wanted a list of key=value"),
    "number": (lambda b, _: b.run(SCENARIO, overrides=5), "overrides: wanted a list of key=value, got 5"),
    "sizes": (
        lambda b, _: b.run(SCENARIO, sample_sizes=object()),
        "sample_sizes: wanted a list, got a",
    ),
    "replicates": (lambda b, _: b.run(SCENARIO, replicates=object()), "replicates: wanted a number"),
    "out": (lambda b, _: b.run(SCENARIO, out=None), "out: wanted a folder, got None"),
    "run": (lambda b, _: b.compare("results"), "run: wanted a run, such as .* got 'results'"),
    "other": (lambda b, run: b.compare(run, "results"), "other: wanted a run"),
    "control": (lambda _, run: run.compare(["rloo"]), "control: wanted the label or name of an estimator"),
    "metrics": (lambda _, run: run.compare(metrics=[]), "metrics: wanted a list of names"),
    "page": (lambda _, run: run.report(""), "path: wanted the path of a file, got ''"),
    "page number": (lambda _, run: run.report(5), "path: wanted the path of a file, got 5"),
    "plugin": (lambda b, _: b.plugin(5), "plugin: wanted a module, a file that ends in .py, or a class"),
    "load": (lambda b, run: b.load(run), "folder: wanted the folder of a run, got a Run"),
    "gate": (lambda b, _: b.gate([]), r"scenarios: wanted a scenario file, or a list of them, got \[\]"),
    "gate data": (lambda b, _: b.gate(SCENARIO), "scenarios: wanted a scenario file, or a list of them"),
    "baseline": (lambda b, _: b.gate("gaussian", 5), "baseline: wanted the path of a file or folder, got 5"),
    "plot": (lambda b, _: b.plot(5), "data: wanted a run or a data frame, got 5"),
    "class": (lambda b, _: b.certify(HalfPath), "estimator: wanted an estimator, such as Mine.*"),
    "name": (lambda b, _: b.certify("rloo"), "estimator: wanted an estimator.* got 'rloo'"),
    "device": (lambda b, _: b.certify(HalfPath(), device="gpu"), "device 'gpu': wanted cpu"),
    "R": (
        lambda b, _: b.certify(HalfPath(), replicates=0),
        "replicates: wanted a whole number of at",
    ),
    "seed": (lambda b, _: b.certify(HalfPath(), seed="a"), "seed: wanted a whole number of at least 0"),
    "alpha": (
        lambda b, _: b.certify(HalfPath(), alpha=0),
        "alpha: wanted a probability above 0",
    ),
    "alpha 2": (lambda b, _: b.gate("gaussian", alpha=2), "alpha: wanted a probability"),
    "alpha text": (lambda b, _: b.gate("gaussian", alpha="x"), "alpha: wanted a probability"),
    "gate setting": (lambda b, _: b.gate("gaussian", overrides=3), "overrides: wanted a list of key=value"),
    "epoch": (lambda b, _: b.gate("gaussian", epoch=3), "epoch: wanted a text, got 3"),
    "log": (lambda b, run: b.plot(run, log="q"), "log: wanted x, y, both or none, got 'q'"),
    "no y": (lambda b, run: b.plot(run, y=None), "y: wanted the name of a column, got None"),
    "x": (lambda b, run: b.plot(run, x=["sample_size"]), "x: wanted the name of a column"),
    "quick": (lambda b, _: b.run(SCENARIO, quick="no"), "quick: wanted True or False, got 'no'"),
    "progress": (lambda b, _: b.run(SCENARIO, progress="no"), "progress: wanted True or False"),
    "null": (lambda b, _: b.run(SCENARIO, out="\0"), "out: wanted a folder"),
    "set": (
        lambda b, _: b.run(SCENARIO | {"estimators": {"rloo"}}),
        "scenario.estimators: .* got a set",
    ),
    "bytes in it": (lambda b, _: b.run(SCENARIO | {"replicates": b"4"}), "scenario.replicates: wanted"),
    "reference": (lambda b, _: b.certify(HalfPath(), {"x": 1}), "problems: wanted a mapping from names to"),
    "problems": (lambda b, _: b.certify(HalfPath(), ["a"]), "problems: wanted a mapping from names to"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_argument_of_the_wrong_kind_is_named(
    case: str, made: bench.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, message = WRONG[case]
    with pytest.raises(bench.Invalid, match=message):
        call(bench, made)
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_numpy_and_texts_with_commas_are_understood(tmp_path: Path) -> None:
    called: Any = bench.run
    run = called(
        SCENARIO, sample_sizes=np.array([2, 16]), replicates=np.int64(30), seed=torch.tensor(3),
        estimators="rloo, pathwise", threads=np.int64(1), out=tmp_path, progress=False,
    )  # fmt: skip
    assert run.measurements["sample_size"].unique().tolist() == [2, 16]
    assert run.measurements["estimator"].unique().tolist() == ["rloo", "pathwise"]
    assert (run.record["scenario"]["replicates"], run.record["scenario"]["seed"]) == (30, 3)
    one = called(SCENARIO, overrides="replicates=20", out=tmp_path, progress=False)
    assert one.record["scenario"]["replicates"] == 20
    assert set(one.compare(metrics="variance")["metric"]) == {"variance"}
    assert 5 not in one.figures
    with pytest.raises(KeyError, match="no figure"):
        one.figures[["variance"]]


@pytest.mark.slow
def test_a_dictionary_may_hold_numbers_of_numpy(tmp_path: Path) -> None:
    normal = {"loc": np.float64(2.0), "scale": torch.tensor(1.0)}
    problem = SCENARIO["problem"] | {"distribution": {"normal": normal}}
    sweep = {"sample_sizes": np.array([2, 3]), "devices": ("cpu",)}
    changed = {"problem": problem, "sweep": sweep, "seed": np.uint8(3), "replicates": pd.Series([30])[0]}
    run = bench.run(SCENARIO | changed, out=tmp_path, progress=False, overrides=np.array([]))  # type: ignore[arg-type]
    assert run.record["scenario"]["seed"] == 3
    assert run.measurements["sample_size"].unique().tolist() == [2, 3]
    same = bench.run(
        SCENARIO | changed | {"sweep": {"sample_sizes": range(2, 4)}}, out=tmp_path, progress=False
    )
    assert same.measurements["variance"].tolist() == run.measurements["variance"].tolist()


def test_completion_offers_what_is_public() -> None:
    assert set(bench.__all__) <= set(dir(bench))
    assert "enclosures" not in dir(bench)


def test_everything_public_is_there() -> None:
    assert all(getattr(bench, name) is not None for name in bench.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = bench.nothing  # type: ignore[attr-defined]
