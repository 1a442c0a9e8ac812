"""Sweeps over evaluations of f: every estimator has the N that they pay for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from torch import Tensor

import bench
from bench.analysis.comparison import compare
from bench.analysis.pairs import within
from bench.catalogue import build
from bench.engine.granted import evaluations_of, samples_for
from bench.errors import Invalid
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import NotApplicable, Problem
from bench.text.answer import answer
from tests.cases import problem_of

SCENARIO: dict[str, Any] = {
    "schema": 1,
    "name": "equal",
    "version": 1,
    "problem": {
        "name": "expectation",
        "distribution": {"bernoulli": {"logits": [0.7, -1.1, 0.2]}},
        "parameters": ["logits"],
        "cost": "(sum(z) - 1.3)**2",
    },
    "estimators": [
        "reinforce",
        "rloo",
        "measure_valued",
        {"reinforce": {"baseline": "independent"}, "label": "two"},
    ],
    "sweep": {"evaluations": [4, 5, 24]},
    "replicates": 400,
}


@dataclass(frozen=True)
class Undeclared(Estimator):
    """Evaluates f three times for each of N samples, and once more, and declares nothing."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        for _ in range(2):
            problem.cost(p.sample((sample_size,)), theta)
        x = p.sample((sample_size,))
        problem.cost(x[:1], theta)
        return gradient_of(theta, (p.log_prob(x), problem.cost(x, theta).detach()))


def ran(scenario: dict[str, Any], out: Path, **options: Any) -> bench.Run:
    return bench.run(scenario, out=out, progress=False, **options)


@pytest.mark.parametrize(
    ("name", "options", "budget", "wanted"),
    [
        ("reinforce", {}, 24, 24),
        ("reinforce", {"baseline": "independent"}, 25, 12),
        ("measure_valued", {}, 24, 4),  # two evaluations for each of three coordinates
        ("measure_valued", {}, 23, 3),
        ("rloo", {}, 2, 2),
        ("exact", {}, 7, 7),  # which takes none: no estimate has more samples than evaluations
    ],
)
def test_an_estimator_has_the_largest_n_that_is_paid_for(
    name: str, options: dict[str, Any], budget: int, wanted: int
) -> None:
    problem, estimator = problem_of("bernoullis"), build("estimators", name, options)
    N = samples_for(estimator, problem, budget)
    assert wanted == N
    assert evaluations_of(estimator, problem, N) <= budget
    if name != "exact":
        assert evaluations_of(estimator, problem, N + 1) > budget


def test_what_declares_nothing_is_counted() -> None:
    problem = problem_of("bernoullis")
    assert evaluations_of(Undeclared(), problem, 5) == 16
    assert samples_for(Undeclared(), problem, 18) == 5
    assert samples_for(Undeclared(), problem, 19) == 6


def test_what_costs_too_much_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="takes 6 evaluations of f or more, and 5 are granted"):
        samples_for(build("estimators", "measure_valued", {}), problem_of("bernoullis"), 5)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> bench.Run:
    return ran(SCENARIO, tmp_path_factory.mktemp("runs"))


def test_each_cell_says_what_it_was_granted(run: bench.Run) -> None:
    frame = run.measurements[run.measurements["parameter"] == "all"]
    ok = frame[frame["status"] == "ok"]
    found = {
        label: list(zip(cells["sample_size"], cells["granted"], strict=True))
        for label, cells in ok.groupby("estimator", sort=False)
    }
    assert found == {
        "reinforce": [(4, 4.0), (5, 5.0), (24, 24.0)],
        "rloo": [(4, 4.0), (5, 5.0), (24, 24.0)],
        "measure_valued": [(4, 24.0)],
        "two": [(2, 4.0), (12, 24.0)],  # 5 evaluations pay for no more samples than 4
    }
    assert (ok["evaluations"] <= ok["granted"]).all()
    refused = frame[frame["status"] == "not_applicable"]
    assert list(refused["granted"]) == [4.0, 5.0]
    assert refused["reason"].str.contains("and 4 are granted").any()


def test_estimators_are_compared_at_equal_evaluations(run: bench.Run) -> None:
    found = compare(within(run, "reinforce"), ("variance",)).frame
    assert set(zip(found["estimator"], found["sample_size"], strict=True)) == {
        ("rloo", 4), ("rloo", 5), ("rloo", 24), ("measure_valued", 24), ("two", 4), ("two", 24),
    }  # fmt: skip
    two = found[(found["estimator"] == "two") & (found["sample_size"] == 24)].iloc[0]
    assert not two["paired"]  # of other sample sizes other noise
    assert 1.5 < two["ratio"] < 3  # exactly 2.13


@pytest.mark.slow
def test_sentences_and_figures_tell_evaluations(run: bench.Run, tmp_path: Path) -> None:
    text = " ".join(answer(run, None))
    assert "at 24 evaluations of f" in text
    assert "N = " not in text
    chart = run.figures["variance"].to_dict()
    assert "evaluations of f per estimate" in str(chart)
    assert "samples per estimate" not in str(chart)
    page = run.report(tmp_path / "page.html").read_text("utf-8")
    assert "evaluations of f per estimate" in page


@pytest.mark.slow
def test_sample_sizes_are_told_as_ever(tmp_path: Path) -> None:
    sweep = {"sample_sizes": [4, 8]}
    plain = ran({**SCENARIO, "sweep": sweep, "estimators": ["reinforce", "rloo"]}, tmp_path)
    assert plain.measurements["granted"].isna().all()
    assert "at N = 8" in " ".join(answer(plain, None))
    assert "samples per estimate, N" in str(plain.figures["variance"].to_dict())


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({}, "missing key 'sample_sizes' in sweep; or evaluations, in its place"),
        ({"sample_sizes": [1], "evaluations": [2]}, "wanted sample_sizes or evaluations, got both"),
        ({"evaluations": [0]}, "wanted a whole number from 1"),
        ({"evaluations": [4, 4]}, "4 is given twice"),
        ({"evaluation": [4]}, "did you mean 'evaluations'"),
    ],
)
def test_a_sweep_has_either(sweep: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=message):
        ran({**SCENARIO, "sweep": sweep}, tmp_path)


@pytest.mark.slow
def test_either_replaces_the_other(tmp_path: Path) -> None:
    changed = ran(SCENARIO, tmp_path, sample_sizes=[3], replicates=10)
    assert set(changed.measurements["sample_size"]) == {3}
    assert changed.measurements["granted"].isna().all()
    plain = {**SCENARIO, "sweep": {"sample_sizes": [4, 8]}}
    back = ran(plain, tmp_path, overrides=["sweep.evaluations=[24]"], replicates=10)
    assert set(back.measurements["granted"]) == {24.0}


def test_a_bound_of_k_weights_takes_k_evaluations() -> None:
    problem = problem_of("iwae-2")
    for estimator in (build("estimators", "reinforce", {}), build("estimators", "vimco", {}), Undeclared()):
        N = samples_for(estimator, problem, 12)
        each = evaluations_of(estimator, problem, N)
        assert each <= 12 < evaluations_of(estimator, problem, N + 1)
    assert samples_for(build("estimators", "vimco", {}), problem, 12) == 6
