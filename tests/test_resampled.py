"""Batches drawn afresh: the variance falls into that of sampling and that of the data, as it should."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self
from unittest.mock import patch

import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

import bench
from bench.engine.plan import Experiment, NamedEstimator, cell_id, plan
from bench.engine.result import run
from bench.engine.truth import truth_of
from bench.estimator import Claim, Estimator
from bench.problem import NotApplicable, Problem
from bench.scenario import read_text
from bench.statistics.components import components
from tests import tables
from tests.cases import VAES, experiment_of, problem_of
from tests.test_exact_variances import Z_LIMIT

HALF_WIDTH = 1.96  # of a 95 % interval, in standard errors
NUMBERS = [-1.0, 0.5, 0.8, 2.5]
COLUMNS = [f"{name}{end}" for name in ("sampling_variance", "data_variance") for end in ("", "_low", "_high")]

GAUSSIAN = """\
schema: 1
name: gaussian
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reparameterization]
sweep: {sample_sizes: [4], dtypes: [float64]}
replicates: 20000
reference: {replicates: 1000}
"""

VAE = """\
schema: 1
name: vae
version: 1
problem: {name: vae, batch_size: 3, latent: 2, hidden: 4, bound: BOUND}
data: DATA
estimators:
  - reinforce
  - reinforce: {baseline: {constant: {value: 0.7}}}
  - reinforce: {baseline: moving_average}
  - reinforce: {baseline: leave_one_out}
  - reinforce: {baseline: optimal}
  - reparameterization
sweep: {sample_sizes: [2, 10]}
replicates: 100
"""


class Numbers(Problem):
    """E[(z − y)²] with z normal around θ and y one of `NUMBERS`: the pathwise gradient is 2 (z − y)."""

    def __init__(self) -> None:
        self.theta = torch.tensor([0.3], dtype=torch.float64)
        self.parameters = {"loc": slice(0, 1)}
        self.items = torch.tensor(NUMBERS, dtype=torch.float64)  # [n]
        self.data = self.items[:1]  # [B]; [R, B] once resampled

    def distribution(self, theta: Tensor) -> Distribution:
        return Normal(theta, 1.0, validate_args=False)  # [R, B] with B = 1

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return (x - self.data).square()  # [N, R, B]

    def resampled(self, rows: int, copies: int = 1) -> Self:
        drawn = copy.copy(self)
        index = torch.randint(len(self.items), (rows // copies, 1)).repeat_interleave(copies, 0)  # [R, B]
        drawn.data = self.items[index]  # [R, B]
        return drawn


class Apart(Numbers):
    """A mutant: the two estimates of a pair do not share their batch."""

    def resampled(self, rows: int, copies: int = 1) -> Self:
        return super().resampled(rows)


@dataclass(frozen=True)
class Given(Estimator):
    """Whatever a function of problem, θ and N says."""

    bias: ClassVar[Claim] = "biased"
    function: Callable[[Problem, Tensor, int], Tensor]

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return self.function(problem, theta, sample_size)


def named(label: str, function: Callable[[Problem, Tensor, int], Tensor]) -> NamedEstimator:
    return NamedEstimator(label, label, "{}", Given(function))


def without_samples(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    """The gradient for the batch as it is."""
    return (2 * (theta - vars(problem)["data"])).detach()


def experiment(problem: Problem | None, text: str = GAUSSIAN, **changes: Any) -> Experiment:
    """The experiment of a scenario, on another problem if one is given, with batches drawn afresh."""
    scenario = experiment_of(*read_text(text, "x.yaml"))
    return replace(scenario, **{"problem": problem or scenario.problem, "resampled": True, **changes})


def measured(experiment: Experiment) -> pd.DataFrame:
    truth = truth_of(experiment)
    return tables.measurements(experiment, truth, run(experiment, plan(experiment), truth))


def only_row(frame: pd.DataFrame) -> dict[str, float]:
    assert len(frame) == 1
    return {str(name): value for name, value in frame.iloc[0].items()}


def z_scores(row: dict[str, float], exact: dict[str, float]) -> dict[str, float]:
    errors = {name: (row[f"{name}_high"] - row[f"{name}_low"]) / (2 * HALF_WIDTH) for name in exact}
    return {name: (row[name] - value) / errors[name] for name, value in exact.items()}


def exact_parts(sample_size: int) -> dict[str, float]:
    of_sampling = 4 / sample_size
    of_data = 4 * float(torch.tensor(NUMBERS, dtype=torch.float64).var(correction=0))
    return {"sampling_variance": of_sampling, "data_variance": of_data, "variance": of_sampling + of_data}


# --- the two parts --------------------------------------------------------------------------------


def test_both_parts_and_their_sum_are_the_exact_ones() -> None:
    row = only_row(measured(experiment(Numbers())))
    for name, z in z_scores(row, exact_parts(4)).items():
        assert abs(z) < Z_LIMIT, name


def test_pairs_that_share_no_batch_would_be_noticed() -> None:
    row = only_row(measured(experiment(Apart())))
    z = z_scores(row, exact_parts(4))
    assert abs(z["variance"]) < Z_LIMIT
    assert z["sampling_variance"] > Z_LIMIT
    assert z["data_variance"] < -Z_LIMIT
    mistaken = {"sampling_variance": exact_parts(4)["variance"], "data_variance": 0.0}
    assert all(abs(z) < Z_LIMIT for z in z_scores(row, mistaken).values())


def test_an_estimate_without_samples_has_no_noise_but_that_of_the_data() -> None:
    chosen = experiment(Numbers(), estimators=(named("exact", without_samples),))
    row = only_row(measured(chosen))
    assert row["sampling_variance"] == row["sampling_variance_high"] == 0
    assert abs(z_scores(row, {"data_variance": exact_parts(4)["data_variance"]})["data_variance"]) < Z_LIMIT


def test_a_problem_whose_batches_are_alike_has_no_noise_of_the_data() -> None:
    problem = Numbers()
    problem.items = torch.full_like(problem.items, 0.5)
    row = only_row(measured(experiment(problem)))
    wanted = {"sampling_variance": 1.0, "data_variance": 0.0, "variance": 1.0}
    assert all(abs(z) < Z_LIMIT for z in z_scores(row, wanted).values())


def test_intervals_cover_both_parts() -> None:
    sampling, data, n, runs = 0.5, 2.0, 200, 1000
    generator = torch.Generator().manual_seed(5)
    covered = [0, 0]
    for _ in range(runs):
        batch = data**0.5 * torch.randn(n, 1, generator=generator, dtype=torch.float64)  # [n, 1]
        noise = sampling**0.5 * torch.randn(n, 2, generator=generator, dtype=torch.float64)
        g = batch + noise  # [n, 2]
        m, w = g.mean(1), (g[:, 0] - g[:, 1]).square() / 2
        found = components(w, (m - m.mean()).square() * n / (n - 1), float(m.var()))
        covered[0] += found.sampling.low <= sampling <= found.sampling.high
        covered[1] += found.data.low <= data <= found.data.high
    # 5 standard errors of a share of 0.95 are 0.034; the normal interval loses another 0.01 to skewness.
    assert all(abs(share / runs - 0.95) < 0.044 for share in covered), covered


def test_one_pair_tells_nothing() -> None:
    row = only_row(measured(experiment(Numbers(), replicates=2)))
    assert all(pd.isna(row[name]) for name in COLUMNS if name != "sampling_variance")


# --- streams and cells ----------------------------------------------------------------------------


def test_all_estimators_get_the_same_batches_and_keep_their_samples() -> None:
    seen: dict[str, list[Tensor]] = {"few": [], "many": []}

    def keeping(label: str, draws: int) -> Callable[[Problem, Tensor, int], Tensor]:
        def gradient(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
            seen[label].append(vars(problem)["data"].clone())
            return problem.distribution(theta).sample((draws,)).mean(0)

        return gradient

    estimators = tuple(named(label, keeping(label, draws)) for label, draws in (("few", 1), ("many", 7)))
    chosen = experiment(Numbers(), estimators=estimators, replicates=50)
    cells, truth = plan(chosen), truth_of(chosen)
    for taken in seen.values():
        taken.clear()
    list(run(chosen, cells, truth))
    batches = [{tuple(t.flatten().tolist()) for t in taken if len(t) == 50} for taken in seen.values()]
    assert batches[0] == batches[1]
    assert len(batches[0]) > 1


def test_samples_are_those_of_the_fixed_batch() -> None:
    fixed, resampled = (measured(experiment(Numbers(), resampled=how)) for how in (False, True))
    assert fixed["draws"].tolist() == resampled["draws"].tolist()
    assert fixed["cell"].tolist() != resampled["cell"].tolist()


def test_the_truth_is_over_all_batches() -> None:
    truth = truth_of(experiment(Numbers(), reference_replicates=20_000))
    assert truth.kind == "reference"
    assert truth.gradient is not None
    exact = 2 * (0.3 - sum(NUMBERS) / len(NUMBERS))
    assert abs(float(truth.gradient[0]) - exact) < Z_LIMIT * float(truth.standard_error[0])


def test_where_the_data_are_fixed_there_are_no_parts() -> None:
    chosen = experiment(Numbers(), resampled=False)
    assert measured(chosen)[COLUMNS].isna().all(axis=None)
    assert len({cell_id(e, plan(e)[0]) for e in (chosen, replace(chosen, resampled=True))}) == 2


def test_a_problem_without_data_has_rows_with_the_reason() -> None:
    row = only_row(measured(experiment(None, GAUSSIAN + "data: resampled\n")))
    assert row["status"] == "not_applicable"
    assert row["reason"] == "it has no data to resample"
    with pytest.raises(NotApplicable, match="no data"):
        problem_of("gaussian").resampled(4)


# --- the variational autoencoder ------------------------------------------------------------------


@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
@pytest.mark.parametrize("name", VAES)
def test_each_row_is_estimated_on_its_own_batch(name: str, likelihood: str) -> None:
    problem = problem_of(name)
    vars(problem)["likelihood"] = likelihood
    torch.manual_seed(2)
    drawn = problem.resampled(6, copies=2)
    theta = problem.theta.expand(6, -1)
    x = torch.randn(5, 6, 3, 2, dtype=torch.float64)  # [N, R, B, latent]
    q, cost = drawn.distribution(theta), drawn.cost(x, theta)
    batches = vars(drawn)["data"]
    assert batches.shape == (6, 3, 64)
    assert torch.equal(batches[::2], batches[1::2])
    assert not torch.equal(batches[0], batches[2])
    for r in range(6):
        alone = copy.copy(problem)
        vars(alone)["data"] = batches[r]
        row = theta[r : r + 1]
        torch.testing.assert_close(q.mean[r], alone.distribution(row).mean[0])
        torch.testing.assert_close(cost[:, r], alone.cost(x[:, r : r + 1], row)[:, 0])


def test_the_fixed_batch_stays_as_it_is() -> None:
    problem = problem_of("vae-sampled")
    before = vars(problem)["data"].clone()
    drawn = problem.resampled(4)
    assert torch.equal(vars(problem)["data"], before)
    assert torch.equal(drawn.theta, problem.theta)
    assert drawn.width == problem.width


@pytest.mark.slow
@pytest.mark.parametrize("bound", ["analytic_kl", "analytic_entropy", "sampled"])
def test_a_scenario_with_resampled_data_runs(tmp_path: Path, bound: str) -> None:
    path = tmp_path / "vae.yaml"
    path.write_text(VAE.replace("BOUND", bound).replace("DATA", "resampled"))
    with patch("bench.api.draw", return_value=([], [])):
        frame = bench.run(path, out=tmp_path / "out", quick=True).measurements
    assert set(frame["status"]) == {"ok"}
    assert set(frame["truth"]) == {"reference"}
    assert frame[COLUMNS].notna().all(axis=None)
    assert (frame["data_variance_low"] < frame["data_variance_high"]).all()
    for _, cell in frame.set_index("parameter").groupby("cell"):
        for name in ("sampling_variance", "data_variance"):
            of = cell[name]
            assert of["encoder"] + of["decoder"] == pytest.approx(of["all"])


@pytest.mark.slow
def test_the_default_is_a_fixed_batch(tmp_path: Path) -> None:
    path = tmp_path / "vae.yaml"
    path.write_text(VAE.replace("BOUND", "sampled").replace("data: DATA\n", ""))
    frame = bench.run(path, out=tmp_path / "out", quick=True, estimators=["reparameterization"]).measurements
    assert frame[COLUMNS].isna().all(axis=None)
