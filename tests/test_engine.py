"""Results of a scenario: a row for every cell, counted, timed, paired, and the same every time."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
import torch
from torch import Tensor

from bench.engine.plan import Experiment, NamedEstimator, cell_id, plan
from bench.engine.result import Result, run
from bench.engine.truth import Truth, truth_of
from bench.estimator import Claim, Estimator, NotApplicable
from bench.problem import Problem
from bench.problems.expectation import Expectation
from bench.results.columns import MEASUREMENTS
from bench.scenario import read_text
from tests import tables
from tests.cases import estimator_of, experiment_of, problem_of
from tests.parameters import spread

GAUSSIAN = """\
schema: 1
name: gaussian
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [10, 20]}
replicates: 40
"""
TIMED = ("seconds", "fit_seconds", "work_normalized_variance")
TIMES = [name for name in MEASUREMENTS if name.startswith(TIMED)]


def experiment(*estimators: tuple[str, Estimator], text: str = GAUSSIAN, **changes: Any) -> Experiment:
    """The experiment of a scenario, with other estimators if any are given."""
    scenario = experiment_of(*read_text(text, "x.yaml"))
    named = tuple(NamedEstimator(label, label, "{}", estimator) for label, estimator in estimators)
    return replace(scenario, estimators=named or scenario.estimators, **changes)


def results_of(experiment: Experiment) -> list[Result]:
    return list(run(experiment, plan(experiment), truth_of(experiment)))


def measurements_of(experiment: Experiment) -> pd.DataFrame:
    truth = truth_of(experiment)
    return tables.measurements(experiment, truth, run(experiment, plan(experiment), truth))


def replicates_of(experiment: Experiment) -> pd.DataFrame:
    truth = truth_of(experiment)
    return tables.replicates(experiment, truth, run(experiment, plan(experiment), truth))


@dataclass(frozen=True)
class Given(Estimator):
    """Whatever a function of problem, θ and N says."""

    bias: ClassVar[Claim] = "biased"
    function: Callable[[Problem, Tensor, int], Any]

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates: Tensor = self.function(problem, theta, sample_size)
        return estimates


def sample_mean(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    return problem.distribution(theta).sample((sample_size,)).mean(0)[:, None]


def mostly_nan(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    estimates = sample_mean(problem, theta, sample_size)
    return torch.where(estimates > 2, estimates, torch.nan)


def failing(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    raise ZeroDivisionError("nothing to divide by")


# --- statuses -------------------------------------------------------------------------------------


def test_a_cell_that_can_be_measured_is_ok() -> None:
    results = results_of(experiment())
    assert [(r.status, r.reason) for r in results] == [("ok", "")] * 4
    assert all(r.replication is not None and r.seconds is not None for r in results)


def test_an_estimator_that_does_not_fit_has_a_row_with_the_reason() -> None:
    text = GAUSSIAN.replace("normal: {loc: 2.0, scale: 1.0}", "bernoulli: {probs: 0.3}").replace(
        "loc", "probs"
    )
    reinforce, reparameterization = results_of(experiment(text=text, sample_sizes=(10,)))
    assert reinforce.status == "ok"
    assert reparameterization.status == "not_applicable"
    assert "no reparameterized sampler" in reparameterization.reason
    assert reparameterization.replication is None


def test_what_does_not_fit_only_some_sample_sizes_is_found_when_it_is_measured() -> None:
    def even(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if sample_size == 11:
            raise NotApplicable("it needs an even N")
        return sample_mean(problem, theta, sample_size)

    results = results_of(experiment(("even", Given(even)), sample_sizes=(10, 11)))
    assert [(r.status, r.reason) for r in results] == [("ok", ""), ("not_applicable", "it needs an even N")]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_without_a_cuda_device_its_cells_say_so() -> None:
    results = results_of(experiment(devices=("cpu", "cuda")))
    assert [r.status for r in results] == ["ok"] * 4 + ["unavailable"] * 4
    assert all("CUDA" in r.reason for r in results[4:])


@pytest.mark.parametrize(
    ("device", "word"), [("cuda:99", "CUDA"), ("mps", "Apple GPU")] if sys.platform != "darwin" else []
)
def test_a_device_that_is_not_there_is_unavailable_and_says_why(device: str, word: str) -> None:
    results = results_of(experiment(devices=(device,)))
    assert [r.status for r in results] == ["unavailable"] * 4
    assert all(word in r.reason for r in results)


def test_an_estimator_that_fails_does_not_keep_the_others_from_being_measured() -> None:
    results = results_of(experiment(("failing", Given(failing)), ("mean", Given(sample_mean))))
    assert [r.status for r in results] == ["error", "error", "ok", "ok"]
    assert results[0].reason == "ZeroDivisionError: nothing to divide by"


def test_an_estimator_that_fails_only_while_it_learns_is_an_error_too() -> None:
    @dataclass(frozen=True)
    class Unlearned(Given):
        def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
            raise ValueError("cannot learn")

    (result,) = results_of(experiment(("unlearned", Unlearned(sample_mean)), sample_sizes=(10,)))
    assert (result.status, result.reason) == ("error", "ValueError: cannot learn")


def test_a_stop_by_the_user_is_no_error_of_the_estimator() -> None:
    def stopped(*_: Any) -> Tensor:
        raise KeyboardInterrupt

    chosen = experiment()
    cells = [replace(cell, named=NamedEstimator("s", "s", "{}", Given(stopped))) for cell in plan(chosen)]
    with pytest.raises(KeyboardInterrupt):
        list(run(chosen, cells, truth_of(chosen)))


def test_estimates_that_are_not_finite_are_counted_and_left_out() -> None:
    chosen = experiment(("mostly_nan", Given(mostly_nan)), ("mean", Given(sample_mean)), sample_sizes=(10,))
    nonfinite, mean = measurements_of(chosen).itertuples()
    assert nonfinite.status == "nonfinite"
    assert 0 < nonfinite.nonfinite < nonfinite.replicates == 40
    assert nonfinite.reason == (
        f"{nonfinite.nonfinite} of 40 estimates are not finite; the numbers are of the others"
    )
    assert nonfinite.mean > 2 > nonfinite.mean - 4 * mean.variance**0.5
    assert nonfinite.variance < mean.variance
    assert len(replicates_of(chosen)) == 40 - nonfinite.nonfinite + 40


def test_where_no_estimate_is_finite_there_are_no_numbers() -> None:
    chosen = experiment(("nan", Given(lambda _p, theta, _n: torch.full_like(theta, torch.nan))))
    frame = measurements_of(chosen)
    assert set(frame["status"]) == {"nonfinite"}
    assert set(frame["reason"]) == {"none of 40 estimates is finite"}
    assert frame[["mean", "bias", "variance", "mse", "cosine"]].isna().all(axis=None)
    assert set(frame["verdict"]) == {"unknown"}


def test_a_single_finite_estimate_has_a_mean_and_no_variance() -> None:
    def first(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return torch.where(torch.arange(len(theta))[:, None] == 0, 4.0, torch.inf)

    (row,) = measurements_of(experiment(("first", Given(first)), sample_sizes=(10,))).itertuples()
    assert row.mean == 4
    assert row.nonfinite == 39
    assert row.variance != row.variance  # NaN


@pytest.mark.parametrize(
    ("wrong", "given"),
    [
        (lambda theta: theta.mean(), "float32 of shape [] on cpu"),
        (lambda theta: theta[:, 0], "float32 of shape [40] on cpu"),
        (lambda theta: theta[0], "float32 of shape [1] on cpu"),
        (lambda theta: theta.expand(-1, 2), "float32 of shape [40, 2] on cpu"),
        (lambda theta: theta.double(), "float64 of shape [40, 1] on cpu"),
        (lambda theta: theta.long(), "int64 of shape [40, 1] on cpu"),
        (lambda _: None, "NoneType"),
        (lambda theta: theta.tolist(), "list"),
    ],
    ids=["number", "vector", "row", "wide", "double", "whole", "nothing", "list"],
)
def test_an_estimate_of_another_shape_or_type_is_an_error(wrong: Callable[[Tensor], Any], given: str) -> None:
    chosen = experiment(("wrong", Given(lambda _p, theta, _n: wrong(theta.detach()))), sample_sizes=(10,))
    (result,) = results_of(chosen)
    assert result.status == "error"
    assert result.reason == f"TypeError: Given.gradient gave {given}, wanted float32 of shape [40, 1] on cpu"


def test_a_problem_whose_expectation_fails_gets_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = experiment(sample_sizes=(10,))
    monkeypatch.setattr(chosen.problem, "expectation", lambda _: 1 / 0)
    truth = truth_of(chosen)
    assert truth.kind == "reference"
    assert "ZeroDivisionError" in truth.note


def test_without_any_reference_that_works_the_truth_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = NamedEstimator("broken", "broken", "{}", Given(failing))
    chosen = experiment(sample_sizes=(10,), references=(broken,))
    monkeypatch.setattr(chosen.problem, "expectation", lambda _: 1 / 0)
    truth = truth_of(chosen)
    assert truth.kind == "none"
    assert "broken fails with ZeroDivisionError" in truth.note
    frame = tables.measurements(chosen, truth, run(chosen, plan(chosen), truth))
    assert set(frame["status"]) == {"ok"}
    assert set(frame["verdict"]) == {"unknown"}
    assert frame["variance"].gt(0).all()
    assert frame["bias"].isna().all()


# --- evaluations of f -----------------------------------------------------------------------------


def twice(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    x = problem.distribution(theta).sample((sample_size,))
    return (problem.cost(x, theta) + problem.cost(-x, theta)).mean(0)[:, None]


def both_at_once(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    x = problem.distribution(theta).sample((sample_size,))
    return problem.cost(torch.cat([x, -x]), theta).mean(0)[:, None]


COUNTED: dict[str, tuple[str, Estimator, int, int]] = {
    "reinforce": ("gaussian", estimator_of("reinforce"), 30, 0),
    "leave-one-out": ("gaussian", estimator_of("leave_one_out"), 30, 0),
    "optimal": ("gaussian", estimator_of("optimal"), 30, 0),
    "moving average": ("gaussian", estimator_of("moving_average"), 30, 0),
    "reparameterization": ("gaussian", estimator_of("reparameterization"), 30, 30),
    "of a vector": ("normals", estimator_of("reparameterization"), 30, 30),
    "reinforce on a VAE": ("vae-analytic_kl", estimator_of("reinforce"), 30, 30),
    "reparameterization on a VAE": ("vae-analytic_kl", estimator_of("reparameterization"), 30, 30),
    # Once more at the mean of p, and its gradient there.
    "delta method": ("normals", estimator_of("delta_method"), 31, 1),
    "delta method on a VAE": ("vae-analytic_kl", estimator_of("delta_method"), 31, 31),
    "learned": ("vae-analytic_kl", estimator_of("learned"), 30, 30),
    "independent": ("gaussian", estimator_of("independent"), 60, 0),
    "terms": ("normals", estimator_of("rao_blackwell"), 30, 0),
    "terms of a VAE": ("vae-sampled", estimator_of("rao_blackwell"), 30, 30),
    "mixture": ("gaussian", estimator_of("mixture"), 30, 30),
    "mixture on a VAE": ("vae-sampled", estimator_of("mixture"), 30, 30),
    "twice": ("gaussian", Given(twice), 60, 0),
    "both at once": ("gaussian", Given(both_at_once), 60, 0),
    "never": ("gaussian", Given(sample_mean), 0, 0),
}


@pytest.mark.parametrize(
    ("problem_name", "estimator", "evaluations", "gradient_evaluations"), spread(COUNTED.values(), 7)
)
def test_evaluations_of_the_cost_are_counted(
    problem_name: str, estimator: Estimator, evaluations: int, gradient_evaluations: int
) -> None:
    # Of the VAE's three items each takes 30 samples, and one evaluation is of all three; its
    # cost depends on the decoder's weights, so that reinforce differentiates it too.
    chosen = experiment(
        ("it", estimator), problem=problem_of(problem_name), sample_sizes=(30,), replicates=37
    )
    frame = tables.measurements(chosen, unknown(chosen), run(chosen, plan(chosen), unknown(chosen)))
    assert frame["evaluations"].eq(evaluations).all()
    assert frame["gradient_evaluations"].eq(gradient_evaluations).all()


def test_the_memory_of_an_estimate_does_not_depend_on_how_many_there_are() -> None:
    few, many = (measurements_of(experiment(replicates=R))["bytes"].tolist() for R in (3, 300))
    assert few == many
    assert min(few) >= 10 * 4  # the least N, in float32


def unknown(chosen: Experiment) -> Truth:
    return Truth("none", None, torch.full((len(chosen.problem.theta),), torch.nan, dtype=torch.float64))


@dataclass(frozen=True)
class Learner(Given):
    """Learns slowly, and at the cost of many evaluations; tells how often."""

    lessons: list[int] = field(default_factory=list, hash=False, compare=False)

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        self.lessons.append(sample_size)
        problem.cost(problem.distribution(theta[:2]).sample((1000,)), theta[:2])
        time.sleep(0.05)
        return self


def test_what_is_learned_beforehand_is_timed_and_counted_apart() -> None:
    learner = Learner(twice)
    chosen = experiment(("learner", learner))
    cells = plan(chosen)
    learner.lessons.clear()
    truth = truth_of(chosen)
    frame = tables.measurements(chosen, truth, run(chosen, cells, truth))
    assert learner.lessons == [10, 20]
    assert frame["evaluations"].tolist() == [20, 40]
    assert frame["seconds"].lt(0.01).all()
    assert frame["fit_evaluations"].tolist() == [2000, 2000]
    assert frame["fit_gradient_evaluations"].tolist() == [0, 0]
    assert frame["fit_seconds"].gt(0.05).all()


@pytest.mark.parametrize(
    ("name", "evaluations", "gradients"),
    [("reinforce", 0, 0), ("moving_average", 30, 0), ("optimal", 1, 0), ("mixture", 1, 1)],
)
def test_what_estimators_of_ours_take_to_learn(name: str, evaluations: int, gradients: int) -> None:
    chosen = experiment(("it", estimator_of(name)), problem=problem_of("gaussian"), sample_sizes=(30,))
    frame = tables.measurements(chosen, unknown(chosen), run(chosen, plan(chosen), unknown(chosen)))
    # Steps of N samples each of the average; one sample for each row elsewhere.
    rows = {"moving_average": 100, "optimal": 1 << 14, "mixture": 4096}.get(name, 0)
    assert frame["fit_evaluations"].tolist() == [evaluations * rows]
    assert frame["fit_gradient_evaluations"].tolist() == [gradients * rows]


def test_times_are_positive() -> None:
    frame = measurements_of(experiment())
    assert frame["seconds"].gt(0).all()
    assert frame["work_normalized_variance"].gt(0).all()
    assert all(bool((r.seconds > 0).all()) for r in results_of(experiment()) if r.seconds is not None)


@pytest.mark.slow
def test_a_slow_estimator_takes_its_time() -> None:
    def slow(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        time.sleep(0.04)
        return sample_mean(problem, theta, sample_size)

    (row,) = measurements_of(experiment(("slow", Given(slow)), sample_sizes=(10,))).itertuples()
    assert row.seconds >= 0.04 / 40


# --- the same numbers -----------------------------------------------------------------------------


def test_estimators_that_draw_alike_see_the_same_samples() -> None:
    def doubled(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return 2 * sample_mean(problem, theta, sample_size)

    chosen = experiment(("once", Given(sample_mean)), ("doubled", Given(doubled)), sample_sizes=(10,))
    frame = replicates_of(chosen)
    once, two = (group["squared_deviation"].to_numpy() for _, group in frame.groupby("cell", sort=False))
    assert len(once) == 40
    assert two == pytest.approx(4 * once, rel=1e-4)


def test_two_sample_sizes_do_not_share_their_samples() -> None:
    def first_sample(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return problem.distribution(theta).sample((sample_size,))[0][:, None]

    frame = replicates_of(experiment(("first", Given(first_sample))))
    ten, twenty = (group["squared_deviation"].to_numpy() for _, group in frame.groupby("cell", sort=False))
    assert not (ten == twenty).any()


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """All that is not a time, by cell."""
    return frame.drop(columns=TIMES).sort_values(["cell", "parameter"]).reset_index(drop=True)


FOUR = [
    ("reinforce", "reinforce"),
    ("optimal", "optimal"),
    ("average", "moving_average"),
    ("path", "reparameterization"),
]


def four(*order: int) -> Experiment:
    return experiment(*((FOUR[i][0], estimator_of(FOUR[i][1])) for i in order))


def test_a_second_run_gives_the_same_numbers() -> None:
    torch.manual_seed(1)
    first = numbers(measurements_of(four(0, 1, 2, 3)))
    torch.manual_seed(2)
    pd.testing.assert_frame_equal(first, numbers(measurements_of(four(0, 1, 2, 3))), check_exact=True)


def test_the_order_of_the_estimators_changes_no_number() -> None:
    first, second = numbers(measurements_of(four(0, 1, 2, 3))), numbers(measurements_of(four(3, 1, 2, 0)))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


@pytest.mark.parametrize("alone", spread(range(4), 2))
def test_the_numbers_of_an_estimator_do_not_depend_on_the_others(alone: int) -> None:
    together = measurements_of(four(0, 1, 2, 3))
    own = together[together["estimator"] == FOUR[alone][0]]
    pd.testing.assert_frame_equal(numbers(own), numbers(measurements_of(four(alone))), check_exact=True)


def test_other_sample_sizes_change_no_number() -> None:
    # But for intervals of the variance: they learn the kurtosis from the other sample sizes.
    both = measurements_of(experiment())
    twenty = measurements_of(experiment(sample_sizes=(20,)))
    learned = ["effective_dof", *(c for c in both if c.endswith(("_low", "_high")) and c not in TIMES)]
    found, alone = (numbers(f).drop(columns=learned) for f in (both[both["sample_size"] == 20], twenty))
    pd.testing.assert_frame_equal(found, alone, check_exact=True)


def test_an_estimator_that_fails_changes_no_number() -> None:
    alone = measurements_of(experiment(("mean", Given(sample_mean))))
    beside = measurements_of(experiment(("failing", Given(failing)), ("mean", Given(sample_mean))))
    own = beside[beside["estimator"] == "mean"]
    pd.testing.assert_frame_equal(numbers(own), numbers(alone), check_exact=True)


def test_another_seed_gives_other_numbers() -> None:
    first, second = measurements_of(experiment()), measurements_of(experiment(seed=1))
    assert not (first["mean"] == second["mean"]).any()
    assert first["cell"].tolist() == second["cell"].tolist()


def test_measuring_leaves_the_random_numbers_of_the_caller_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    measurements_of(experiment(("failing", Given(failing)), ("mean", Given(sample_mean))))
    assert torch.equal(before, torch.get_rng_state())


MEMORY = """
import re, torch
from pathlib import Path
from bench.engine.center import center_of_cell
from bench.engine.replicate import replicate
from bench.engine.streams import Address
from tests.cases import estimator_of, problem_of
from tests import tables

torch.set_num_threads(1)
problem = problem_of("gaussian").to("cpu", torch.float32)
for R in (2_000, 20_000):
    address = Address(0, "memory", 1000, "estimates")
    estimator = estimator_of("leave_one_out")
    center = center_of_cell(estimator, problem, 1000, address)
    replicate(estimator, problem, 1000, R, address, None, [slice(0, 1)], center)
    print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read as Linux tells it")
def test_ten_times_the_replicates_take_no_more_memory() -> None:
    # Not ru_maxrss, which a new process takes over from the one that started it.
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], cwd=root, capture_output=True, text=True, check=True
    )
    few, many = map(int, done.stdout.split())
    assert many < 1.1 * few


# --- the plan -------------------------------------------------------------------------------------


def test_the_cells_are_all_combinations_with_the_sample_size_varying_fastest() -> None:
    chosen = experiment(devices=("cpu", "cuda:99"), dtypes=("float32", "float64"))
    found = [(c.device, c.dtype, c.named.label, c.sample_size) for c in plan(chosen)]
    labels = ("reinforce", "reparameterization")
    assert found == list(product(("cpu", "cuda:99"), ("float32", "float64"), labels, (10, 20)))


def test_a_plan_says_what_cannot_run_and_why() -> None:
    text = GAUSSIAN.replace("normal: {loc: 2.0, scale: 1.0}", "bernoulli: {probs: 0.3}").replace(
        "loc", "probs"
    )
    cells = plan(experiment(text=text, devices=("cpu", "cuda:99"), sample_sizes=(10,)))
    assert [c.status for c in cells] == ["ok", "not_applicable", "unavailable", "unavailable"]
    assert [bool(c.reason) for c in cells] == [False, True, True, True]


def test_every_cell_has_an_id_of_its_own() -> None:
    chosen = experiment(devices=("cpu", "cuda:99"), dtypes=("float32", "float64"))
    others = experiment(text=GAUSSIAN.replace("z**2", "z**3"))
    ids = [cell_id(e, cell) for e in (chosen, others) for cell in plan(e)]
    assert len(set(ids)) == len(ids) == 20
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in ids)


def test_options_of_an_estimator_tell_its_cells_apart() -> None:
    text = GAUSSIAN.replace("[reinforce,", "[reinforce, {reinforce: {baseline: leave_one_out}},")
    chosen = experiment(text=text)
    assert len({cell_id(chosen, cell) for cell in plan(chosen)}) == 6


@pytest.mark.parametrize(
    "other",
    [
        GAUSSIAN.replace("{loc: 2.0, scale: 1.0}", "{scale: 1.0, loc: 2.0}"),
        GAUSSIAN.replace("replicates: 40", "replicates: 50"),
        GAUSSIAN.replace("name: gaussian", "name: another"),
        GAUSSIAN.replace("[reinforce, reparameterization]", "[{reinforce: , label: R}, reparameterization]"),
    ],
    ids=["order of keys", "replicates", "name of the scenario", "label"],
)
def test_an_id_stays_when_the_cell_is_the_same(other: str) -> None:
    assert other != GAUSSIAN
    first, second = experiment(), experiment(text=other)
    assert [cell_id(first, c) for c in plan(first)] == [cell_id(second, c) for c in plan(second)]


def test_planning_tries_no_large_sample() -> None:
    tried: list[int] = []

    def recorded(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        tried.append(sample_size)
        return sample_mean(problem, theta, sample_size)

    cells = plan(experiment(("recorded", Given(recorded)), sample_sizes=(10**9,)))
    assert [cell.status for cell in cells] == ["ok"]
    assert max(tried) < 100


@pytest.mark.parametrize("width", [1, 10**6, 10**12])
def test_planning_tries_few_numbers_however_wide_the_problem(width: int) -> None:
    tried: list[int] = []

    def recorded(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        tried.append(sample_size)
        return sample_mean(problem, theta, sample_size)

    chosen = experiment(("recorded", Given(recorded)), sample_sizes=(4, 10))
    chosen.problem.width = width
    assert {cell.status for cell in plan(chosen)} == {"ok"}
    assert tried == [4 if width == 1 else 1]


class Later(Expectation):
    """Is at another θ once it is prepared, and would move on if it were prepared again."""

    times = 0

    def prepared(self) -> Problem:
        ready = copy.copy(self)
        ready.theta, ready.times = self.theta + 1, self.times + 1
        return ready


def test_a_problem_is_prepared_once_and_only_to_be_measured() -> None:
    later = Later({"normal": {"loc": 2.0, "scale": 1.0}}, ["loc"], "z**2")
    theta_of_trials: list[float] = []

    def recorded(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        theta_of_trials.append(theta[0, 0].item())
        return sample_mean(problem, theta, sample_size)

    chosen = experiment(("recorded", Given(recorded)), problem=later, sample_sizes=(4,))
    cells = plan(chosen)
    assert theta_of_trials == [2.0]
    truth = truth_of(chosen)
    assert truth.gradient is not None
    assert truth.gradient.tolist() == [pytest.approx(6.0)]  # 2θ at θ = 2 + 1
    for ready in (chosen, chosen.prepared, chosen.prepared.prepared):
        theta_of_trials.clear()
        assert [result.status for result in run(ready, cells, truth_of(ready))] == ["ok"]
        assert set(theta_of_trials) == {3.0}
    assert chosen.prepared.problem.times == 1  # type: ignore[attr-defined]


def test_an_estimator_that_cannot_be_hashed_can_be_planned() -> None:
    @dataclass(frozen=True)
    class Listed(Given):
        weights: list[float] = field(default_factory=lambda: [1.0])

    assert [cell.status for cell in plan(experiment(("listed", Listed(sample_mean))))] == ["ok", "ok"]
