"""Foreign code hurts no numbers but its own: the others keep their bits, and its rows name what it did."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from bench.certification.certify import certify
from bench.certification.problems import PROBLEMS as CERTIFIED
from bench.engine.contents import changed, contents
from bench.engine.pilot import forecasts
from bench.engine.plan import Experiment, NamedEstimator, Planned, plan
from bench.engine.precision import Precision
from bench.engine.process_state import quick_state, watched
from bench.engine.result import Result, run
from bench.engine.truth import truth_of
from bench.estimator import Estimator
from bench.problem import Problem
from bench.regression.make import make
from bench.results.columns import MEASUREMENTS
from bench.scenario import read_text
from bench.scenario.gate_section import Gate
from bench.scenario.thresholds import thresholds_of
from tests import tables
from tests.cases import EVERY, estimator_of, experiment_of, problem_of
from tests.hostile import CALLS, HOSTILE, Hostile
from tests.parameters import spread

TEXT = """\
schema: 1
name: gaussian
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [2, 20]}
replicates: 40
"""
PAIR = ("reinforce", "reparameterization")
TIMED = ("seconds", "fit_seconds", "work_normalized_variance")
TIMES = [name for name in MEASUREMENTS if name.startswith(TIMED)]


@pytest.fixture(autouse=True)
def first_calls() -> Iterator[None]:
    """Each test counts calls anew, and leaves torch as it was."""
    CALLS.clear()
    before = quick_state()
    yield
    assert quick_state() == before


def experiment(*names: str, **changes: Any) -> Experiment:
    found = experiment_of(*read_text(TEXT, "x.yaml"))
    return replace(found, estimators=tuple(named(name) for name in names), **changes)


def named(name: str) -> NamedEstimator:
    estimator: Estimator = HOSTILE[name][0] if name in HOSTILE else estimator_of(name)
    return NamedEstimator(name, name, "{}", estimator)


def measured(chosen: Experiment) -> tuple[list[Result], pd.DataFrame, pd.DataFrame]:
    """The results, and the measurements and replicates of the pair, times left out."""
    cells, truth = plan(chosen), truth_of(chosen)
    results = list(run(chosen, cells, truth))
    rows = tables.measurements(chosen, truth, results).drop(columns=TIMES)
    rows = rows[rows["estimator"].isin(PAIR)].sort_values(["estimator", "sample_size"], ignore_index=True)
    replicates = tables.replicates(chosen, truth, results)
    replicates = replicates[replicates["cell"].isin(rows["cell"])]
    return results, rows, replicates.sort_values(["cell", "parameter", "replicate"], ignore_index=True)


@pytest.fixture(scope="module")
def alone() -> tuple[pd.DataFrame, pd.DataFrame]:
    return measured(experiment(*PAIR))[1:]


def assert_as_alone(chosen: Experiment, alone: tuple[pd.DataFrame, pd.DataFrame]) -> list[Result]:
    results, *tables = measured(chosen)
    for ours, theirs in zip(tables, alone, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    return results


def assert_named(results: list[Result], name: str) -> None:
    reasons = [(each.status, each.reason) for each in results if each.cell.named.label == name]
    assert len(reasons) == 2
    for status, reason in reasons:
        assert status == "error"
        assert HOSTILE[name][1] in reason


def bits_of(results: list[Result]) -> dict[tuple[str, int], tuple[object, ...]]:
    """All numbers of the pair's cells but the times."""
    found: dict[tuple[str, int], tuple[object, ...]] = {}
    for each in results:
        if each.cell.named.label in PAIR:
            assert each.replication is not None
            numbers, summary = each.replication, each.replication.summary
            tensors = (summary.distance, summary.norm, summary.error, summary.moments.mean)
            found[each.cell.named.label, each.cell.sample_size] = (
                *(each.status, each.reason, each.bytes, numbers.draws),
                *(numbers.evaluations, numbers.gradient_evaluations),
                *(tensor.numpy().tobytes() for tensor in tensors),
            )
    return found


def run_of(*names: str) -> list[Result]:
    chosen = replace(CHOSEN, estimators=tuple(named(name) for name in names))
    return list(run(chosen, plan(chosen), truth_of(chosen)))


CHOSEN = experiment(*PAIR)


@pytest.fixture(scope="module")
def alone_bits() -> dict[tuple[str, int], tuple[object, ...]]:
    return bits_of(run_of(*PAIR))


@pytest.mark.slow
@pytest.mark.parametrize("place", range(3), ids=["first", "between", "last"])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_others_keep_their_bits_and_the_change_is_named(
    name: str, place: int, alone_bits: dict[tuple[str, int], tuple[object, ...]]
) -> None:
    names = list(PAIR)
    names.insert(place, name)
    results = run_of(*names)
    assert bits_of(results) == alone_bits
    assert len(alone_bits) == 4
    assert_named(results, name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_others_keep_their_bits_among_all_in_any_order(
    seed: int, alone: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    names = [*PAIR, *HOSTILE]
    random.Random(seed).shuffle(names)
    results = assert_as_alone(experiment(*names), alone)
    for name in HOSTILE:
        assert_named(results, name)


# --- problems ---------------------------------------------------------------------------------------


def gaussian(cls: type[Problem]) -> Experiment:
    """The experiment on z² at θ = 2, with a problem of another class."""
    return experiment(*PAIR, problem=cls())


class Gaussian(Problem):
    """E[z²] for z ~ N(θ, 1)."""

    def __init__(self) -> None:
        self.theta = torch.tensor([2.0], dtype=torch.float64)
        self.parameters = {"loc": slice(0, 1)}
        self.calls = 0
        self.seen: dict[int, int] = {}
        self.scratch = torch.zeros(3)

    def distribution(self, theta: Tensor) -> Distribution:
        return Normal(theta[:, 0], 1.0)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return x.square()

    def expectation(self, theta: Tensor) -> Tensor:
        return theta[:, 0].square() + 1


class KeepsAccounts(Gaussian):
    """Counts its calls, and remembers what it was given, in public attributes."""

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        self.calls += 1
        self.seen[len(theta)] = len(x)
        self.scratch.fill_(float(self.calls))
        return super().cost(x, theta)

    def distribution(self, theta: Tensor) -> Distribution:
        self.calls += 1
        return super().distribution(theta)


def test_what_a_problem_changes_of_its_own_is_no_fault_of_an_estimator() -> None:
    results, *_ = measured(gaussian(KeepsAccounts))
    assert [(each.status, each.reason) for each in results] == [("ok", "")] * 4


def test_beside_such_accounts_a_change_is_still_seen() -> None:
    chosen = replace(gaussian(KeepsAccounts), estimators=(named("moves"), named("widens")))
    results, *_ = measured(chosen)
    assert [each.reason for each in results] == ["it changed the problem's theta"] * 2 + [
        "it changed the problem's width"
    ] * 2


class OfAClass(Gaussian):
    """Its tensors are attributes of the class, and shared by all that are made of it."""

    theta = torch.tensor([2.0], dtype=torch.float64)
    parameters = {"loc": slice(0, 1)}  # noqa: RUF012

    def __init__(self) -> None:
        pass


def test_tensors_of_a_class_are_copied_too() -> None:
    chosen = replace(gaussian(OfAClass), estimators=(named("moves"), named("reparameterization")))
    results, *_ = measured(chosen)
    assert [each.status for each in results] == ["error", "error", "ok", "ok"]
    assert float(OfAClass.theta) == 2.0


class OfParts(Gaussian):
    """Holds tensors in a module, a list, a dictionary, a dataclass and another problem."""

    def __init__(self) -> None:
        super().__init__()
        self.module = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1))
        self.several = [torch.ones(2), {"deep": torch.ones(2)}]
        self.array = np.ones(3)
        self.inner = Gaussian()
        self.generator = torch.Generator().manual_seed(5)


PARTS: dict[str, Callable[[Any], object]] = {
    "module._modules.0._parameters.weight": lambda problem: problem.module[0].weight.data.add_(1),
    "module._modules.1._buffers.running_mean": lambda problem: problem.module[1].running_mean.add_(1),
    "several.0": lambda problem: problem.several[0].numpy().fill(0),
    "several.1.deep": lambda problem: problem.several[1]["deep"].mul_(2),
    "several.2": lambda problem: problem.several.append(0),
    "array": lambda problem: problem.array.fill(0),
    "inner.theta": lambda problem: problem.inner.theta.zero_(),
    "inner.seen": lambda problem: setattr(problem.inner, "seen", None),
    "inner.K": lambda problem: setattr(problem.inner, "K", 3),
    "generator": lambda problem: torch.randn(1, generator=problem.generator),
}


@pytest.mark.parametrize("path", PARTS)
def test_a_change_of_a_part_is_named_and_reaches_no_other_cell(path: str) -> None:
    act = Hostile(path, lambda problem, _: PARTS[path](problem))
    chosen = replace(gaussian(OfParts), estimators=(NamedEstimator("act", "act", "{}", act),))
    before = contents(chosen.problem)
    results, *_ = measured(chosen)
    assert [(each.status, each.reason) for each in results] == [
        ("error", f"it changed the problem's {path}")
    ] * 2
    assert changed(before) == []


@pytest.mark.slow
def test_nested_problems_are_copied_too(alone: Any) -> None:
    problem = problem_of("iwae-5")
    moves = Hostile("moves", lambda problem, _: problem.single.data.add_(1))  # type: ignore[attr-defined]
    moving = NamedEstimator("moves", "moves", "{}", moves)
    chosen = experiment(*PAIR, problem=problem)
    among = replace(chosen, estimators=(moving, *chosen.estimators))
    (_, *wanted), (results, *found) = measured(chosen), measured(among)
    for ours, theirs in zip(found, wanted, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert results[0].reason == "it changed the problem's single.data"


# --- the truth --------------------------------------------------------------------------------------


class LeavesGradientsOff(Gaussian):
    def expectation(self, theta: Tensor) -> Tensor:
        value = super().expectation(theta)
        torch.set_grad_enabled(False)
        return value


class DependsOnNothing(Gaussian):
    def expectation(self, theta: Tensor) -> Tensor:
        return super().expectation(theta.detach())


class ExitsWhenAsked(Gaussian):
    def expectation(self, theta: Tensor) -> Tensor:
        raise SystemExit(0)


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (LeavesGradientsOff, "it changed whether torch records gradients"),
        (DependsOnNothing, "does not depend on theta as autograd sees it"),
        (ExitsWhenAsked, "SystemExit: 0"),
    ],
)
def test_a_truth_that_cannot_be_trusted_is_none(cls: type[Problem], words: str) -> None:
    truth = truth_of(gaussian(cls))
    assert truth.kind in ("reference", "none")
    assert words in truth.note
    assert truth.gradient is None or abs(float(truth.gradient) - 4) < 0.1
    assert torch.is_grad_enabled()


def test_the_truth_is_found_where_gradients_are_off() -> None:
    with torch.no_grad():
        truth = truth_of(gaussian(Gaussian))
        results, *_ = measured(gaussian(Gaussian))
    assert truth.gradient is not None
    assert float(truth.gradient) == 4.0
    assert [each.status for each in results] == ["ok"] * 4


# --- forecasts, gates and certificates --------------------------------------------------------------

SOME = ["no_grad", "seeds", "moves", "writes", "exits", "exits_when_fitted", "closes", "ends", "numpy_seed"]


@pytest.mark.parametrize("name", SOME)
def test_a_forecast_names_the_change(name: str) -> None:
    chosen = experiment(name, *PAIR, precision=Precision(0.5, 64))
    first, _, *others = forecasts(chosen, plan(chosen))
    assert first.status == "error"
    assert HOSTILE[name][1] in first.reason
    assert {each.status for each in others} == {"ok"}


@pytest.mark.parametrize("name", SOME)
def test_no_baseline_is_made_of_what_misbehaves(name: str) -> None:
    chosen = experiment(name, sample_sizes=(2,))
    (made,) = make([Planned(chosen, plan(chosen))], lambda _: thresholds_of(Gate(), ""), 1000)
    assert made.entry is None
    assert HOSTILE[name][1] in made.reason


@pytest.mark.parametrize("name", spread(SOME, 4))
def test_what_misbehaves_is_not_certified(name: str) -> None:
    found = certify(HOSTILE[name][0], {"gaussian": CERTIFIED["gaussian"]}, replicates=1000)
    assert found.verdict == "failed"
    assert certify(estimator_of("reinforce"), {"gaussian": CERTIFIED["gaussian"]}, replicates=1000).passed


# --- no false alarms --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("problem", ["gaussian", "bernoulli", "iwae-2"])
def test_an_estimator_of_ours_raises_no_alarm(name: str, problem: str) -> None:
    chosen = experiment(name, problem=problem_of(problem), sample_sizes=(2,))
    for each in run(chosen, plan(chosen), truth_of(replace(chosen, references=()))):
        assert each.status in ("ok", "nonfinite", "not_applicable") or is_its_own(each.reason)


def is_its_own(reason: str) -> bool:
    """Whether an error is of the estimator, and not of the guard."""
    return not any(word in reason for word in ("it changed", "it reseeded", "it set", "its estimates"))


def test_the_normal_number_that_numpy_keeps_is_put_back() -> None:
    """NumPy draws normal numbers in pairs: taking the second of one moves no word of its generator."""
    np.random.seed(3)
    first, second, third = np.random.randn(3)
    np.random.seed(3)
    assert np.random.randn() == first
    with watched() as changes:
        assert np.random.randn() == second
    assert changes.names == ["NumPy's random numbers"]
    assert np.random.randn() == second
    assert np.random.randn() == third
