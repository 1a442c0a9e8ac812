"""The report of what failed: its cause first, then a line for each kind of claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

import bench
from bench import catalogue
from bench.certification.certify import certify
from bench.certification.fault_lines import fault_lines
from bench.certification.headline import causes
from bench.certification.problems import PROBLEMS
from bench.certification.verdicts import Certificate
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import NotApplicable
from tests.uncertified import PathAcrossAJump, Pathwise

SEVERAL = ("normal", "normals", "bernoulli", "categorical", "product")


@dataclass(frozen=True)
class Weighted(Estimator):
    """The score function with the own draw in its baseline, over a spread, or times a factor."""

    bias: ClassVar[Claim] = "unbiased"
    minimum_sample_size: ClassVar[int] = 2
    own_baseline: bool = False
    over_spread: bool = False
    times: float = 1.0
    total: bool = False

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        if sample_size < 2:
            raise NotApplicable("N is 1")
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        own = problem.cost(x, theta)
        cost = own.detach()
        others = (cost.sum(0) - cost) / (sample_size - 1)
        weight = self.times * (cost - (cost.mean(0) if self.own_baseline else others))
        if self.over_spread:
            weight = weight / (cost.std(0) + 0.1)
        found = gradient_of(theta, (p.log_prob(x), weight), self.times * own, problem.analytic_term(theta, p))
        return found * sample_size if self.total else found


def certificate(estimator: Estimator, *problems: str) -> Certificate:
    return certify(estimator, {name: PROBLEMS[name] for name in problems}, replicates=10_000)


def cause(estimator: Estimator, *problems: str) -> str:
    (first,) = causes(certificate(estimator, *(problems or SEVERAL)))
    return first


def multiple(estimator: Estimator, *problems: str) -> str:
    """The constant that is named, with all that follows."""
    return cause(estimator, *problems).partition("the mean is the gradient times ")[2]


# --- constants ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (Weighted(own_baseline=True), "(N−1)/N ("),
        (Weighted(total=True), "N ("),
        (Weighted(times=-1.0), "−1 ("),
        (Weighted(times=2.0), "2 ("),
        (Weighted(times=0.5), "½ ("),
    ],
    ids=["own baseline", "sum", "sign", "twice", "half"],
)
def test_a_gradient_times_a_constant_is_told_as_that(estimator: Estimator, words: str) -> None:
    assert multiple(estimator).startswith(words)


@pytest.mark.slow
def test_its_value_stands_there() -> None:
    found = multiple(Weighted(times=1.25))
    assert found.startswith("a constant that is none of the usual (1.2")
    assert "at N = 2 and 1.2" in found
    assert found.endswith(")")  # it has no name


def test_a_constant_is_named_where_both_sample_sizes_agree() -> None:
    # On a problem with one parameter any bias is a multiple: at N = 2 that by 1/N and by (N − 1)/N are one.
    found = multiple(Weighted(own_baseline=True), "gaussian")
    assert found.startswith("(N−1)/N (0.")
    assert found.endswith("as when a baseline includes the sample itself")


@pytest.mark.slow
def test_a_bias_that_is_no_constant_is_not_called_one() -> None:
    # The control.
    assert "constant" not in cause(Weighted(over_spread=True))
    assert "not linear in the cost" in cause(Weighted(over_spread=True))


@dataclass(frozen=True)
class OfOneSample(Estimator):
    """Has the mean cost of a group as a baseline, where a group is one sample."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        groups = problem.cost(x, theta).detach()[:, None]  # [N, 1, R]
        weight = (groups - groups.mean(1, keepdim=True)).mean(1)
        return gradient_of(theta, (p.log_prob(x), weight))


@dataclass(frozen=True)
class LogitsForLogMasses(Estimator):
    """The score function with θ itself for log p: without the normalizer."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        points = x if theta.shape[-1] == x.shape[2:].numel() else one_hot(x.long(), theta.shape[-1])
        score = (points.to(theta) * theta).flatten(2).sum(-1)
        return gradient_of(theta, (score, problem.cost(x, theta).detach()))


@pytest.mark.slow
def test_a_baseline_of_a_single_sample_is_among_the_causes_of_no_gradient() -> None:
    found = cause(OfOneSample())
    assert found.startswith("no gradient reaches the weights: ")
    assert "or a baseline that is the whole cost, as the mean over a single sample is (on normal" in found


def test_a_score_without_its_normalizer_is_no_division_by_a_spread() -> None:
    found = cause(LogitsForLogMasses(), "bernoullis", "categorical")
    assert "logits taken for log p" in found
    assert "spread" not in found


# --- other causes -------------------------------------------------------------------------------------


def test_a_path_through_a_jump_is_found() -> None:
    found = cause(PathAcrossAJump(), "jump", "gaussian")
    assert found.startswith("the cost jumps, which a path cannot see: ")
    assert found.endswith("(on jump)")
    # The control: a bias on a cost that does not jump, and one that is not that of the path.
    assert "jump" not in cause(Weighted(times=2.0), "gaussian")
    assert "cannot see" not in cause(Weighted(times=2.0), "jump")


@dataclass(frozen=True)
class ScaleTooLong(Pathwise):
    """Right in all blocks but that of the scale."""

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        found = super().gradient(problem, theta, sample_size).clone()
        found[:, problem.parameters["scale"]] *= 1.5
        return found


def test_a_block_that_is_biased_alone_is_named() -> None:
    assert cause(ScaleTooLong(), "normals").startswith("only `scale` is biased, the other blocks are not")


@dataclass(frozen=True)
class WithoutScale(Pathwise):
    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        found = super().gradient(problem, theta, sample_size).clone()
        found[:, problem.parameters["scale"]] = 0
        return found


def test_a_block_without_gradient_is_named() -> None:
    assert cause(WithoutScale(), "normals").startswith("no gradient reaches `scale`: ")


@dataclass(frozen=True)
class RarelyNaN(Pathwise):
    """In one coordinate of one estimate in a thousand."""

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        found = super().gradient(problem, theta, sample_size).clone()
        found[torch.rand(len(found)) < 1e-3, 1] = torch.nan
        return found


def test_what_is_not_finite_is_told_with_its_place() -> None:
    found = cause(RarelyNaN(), "normals")
    assert found.startswith("on problem normals: NaN in `loc[1]`, in ")
    assert found.endswith(" of 10000 estimates at N = 1")


# --- one's own problems -------------------------------------------------------------------------------


class Steps(bench.ModuleProblem):
    """A cost that jumps, of which nothing else is known."""

    def __init__(self) -> None:
        net = torch.nn.Module()
        net.loc = torch.nn.Parameter(torch.tensor([0.3, -0.2]))
        net.log_scale = torch.nn.Parameter(torch.tensor([-0.3, 0.1]))
        super().__init__(net)

    def distribution(self, net: Any) -> Any:
        return torch.distributions.Independent(torch.distributions.Normal(net.loc, net.log_scale.exp()), 1)

    def cost(self, net: Any, z: Tensor) -> Tensor:
        return (z**2).sum(-1) + 2.0 * (z[..., 0] > 0.2).to(z.dtype)


class Smooth(Steps):
    def cost(self, net: Any, z: Tensor) -> Tensor:
        return (z**2).sum(-1)


@pytest.fixture
def own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests name is forgotten afterwards."""
    monkeypatch.setitem(catalogue._ADDED, "problems", {})


@dataclass(frozen=True)
class HalfScale(Pathwise):
    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        found = super().gradient(problem, theta, sample_size).clone()
        found[:, problem.parameters["log_scale"]] *= 0.5
        return found


@pytest.mark.slow
@pytest.mark.usefixtures("own_names")
def test_the_blocks_of_ones_own_problem_have_their_names() -> None:
    found = certify(HalfScale(), {"mine": Smooth}, replicates=4000)
    (first,) = causes(found)
    assert first.startswith(
        "only `log_scale` is biased, the other blocks are not; in `log_scale` its gradient"
    )
    assert first.endswith("½ (on mine)")
    assert certify(Pathwise(), {"mine": Smooth}, replicates=4000).passed


@dataclass(frozen=True)
class Declared(Pathwise):
    needs_continuity = True


@pytest.mark.slow
@pytest.mark.usefixtures("own_names")
def test_a_jump_of_ones_own_cost_is_found() -> None:
    found = certify(Pathwise(), {"mine": Steps}, replicates=4000)
    (first,) = causes(found)
    assert first.startswith("the cost jumps")
    # What declares it claims nothing there.
    found = certify(Declared(), {"mine": Steps}, replicates=4000)
    assert found.passed
    assert "bias not tested on mine: the cost jumps" in str(found)


# --- a line for each kind -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_fault_on_many_problems_is_a_line() -> None:
    (line,) = fault_lines(certificate(Weighted(own_baseline=True), *SEVERAL))
    assert line.startswith("bias: on all 5 problems: biased by ")
    assert ", N = 8) to " in line
    assert line.endswith(" or less in both stages")


def test_a_fault_on_one_problem_names_it() -> None:
    (line,) = fault_lines(certificate(Weighted(times=2.0), "normals"))
    assert line.startswith("bias: problem normals: biased by ")
    assert "(N = 2) to " in line or "(N = 8) to " in line


@pytest.mark.slow
def test_the_report_is_short() -> None:
    failed, right = certificate(Weighted(times=2.0), *SEVERAL), certificate(Weighted(), *SEVERAL)
    assert len(str(failed).splitlines()) <= 5
    assert len(str(right).splitlines()) <= 5
    assert str(failed).startswith("failed: Weighted(")
    assert str(right).startswith("certified: Weighted(")
    # The table is for those who ask.
    assert len(failed.full.splitlines()) >= len(SEVERAL) + len(str(failed).splitlines())


def test_what_is_right_has_no_line() -> None:
    assert not list(fault_lines(certificate(Weighted(), *SEVERAL)))
