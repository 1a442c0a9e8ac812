"""ARM, DisARM and ARMS: stated values, nets of several layers, items, and what is wrong with wrong ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

import bench
from bench.catalogue import build
from bench.certification.problems import Reference
from bench.distributions.layered import layers_of
from bench.engine.counting import Counts, counted
from bench.estimator import Estimator
from bench.exact import SingleDraws, exact_moments, single_draws
from bench.exact_items import item_draws, moments_of_items
from bench.problem import NotApplicable, Points, Problem
from bench.statistics.evidence import blocks_reported
from estimators.coupled_moments import numbers_drawn
from estimators.couplings import Arm, Arms, Coupling, Disarm, correlation
from tests.cases import PROBLEMS, estimates_of, expectation
from tests.nets import BeliefNet, Enumerated, Items
from tests.stated import Stated, faults_of

# Two-sided p = 6e-5 for each of the some 150 numbers below: a false alarm has probability 1 % at most.
Z_LIMIT = 4.0


def bits(cost: str, logits: Sequence[float] | float, **let: Any) -> dict[str, Any]:
    options = expectation(cost, ["logits"], bernoulli={"logits": logits})
    return {**options, "let": let} if let else options


def of_probability(p: float) -> dict[str, Any]:
    return bits("z", math.log(p / (1 - p)))


def built(options: dict[str, Any]) -> Problem:
    rest = dict(options)
    problem: Problem = build("problems", rest.pop("name"), rest)
    return problem.to("cpu", torch.float64)


def exact(estimator: Estimator, problem: Problem, sample_size: int = 1) -> Any:
    draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
    return exact_moments(estimator, sample_size, draws)


def truth_of(problem: Problem) -> Tensor:
    theta = problem.theta[None].clone().requires_grad_()
    return torch.autograd.grad(problem.expectation(theta).sum(), theta)[0][0]


def z_scores(estimator: Estimator, problem: Problem, sample_size: int, replicates: int = 40_000) -> Tensor:
    estimates = estimates_of(estimator, problem, sample_size, replicates)
    return (estimates.mean(0) - truth_of(problem)) / (estimates.std(0) / len(estimates) ** 0.5)


# --- stated values ----------------------------------------------------------------------------------

ETA = [0.7, -1.1, 0.2]
A = bits("(sum(z) - 1.3)**2", ETA)
B = bits("dot(w, z)", ETA, w=[1, -2, 0.5])
TRUTH_A, TRUTH_B = [-0.00018895, 0.15664938, 0.0583781], [0.22171287, -0.37473976, 0.12375829]

STATED = {
    "ARM at A": Stated(("arm", {}), A, TRUTH_A, [0.06632455, 0.12097320, 0.08701115], known=True),
    "ARM at B": Stated(("arm", {}), B, TRUTH_B, [0.21625522, 0.22516555, 0.22729189], known=True),
    "DisARM at A": Stated(("disarm", {}), A, TRUTH_A, [0.05506869, 0.11086029, 0.07034120], known=True),
    "DisARM at B": Stated(("disarm", {}), B, TRUTH_B, [0.18958057, 0.20318794, 0.18280428], known=True),
    "U2G, 4 pairs": Stated(
        ("disarm", {}), A, TRUTH_A, [0.05506869 / 4, 0.11086029 / 4, 0.07034120 / 4], 4, known=True
    ),
}

ARMS = [
    (0.3, 3, -0.385192, 0.00643453),
    (0.3, 4, -0.243276, 0.00232265),
    (0.3, 8, -0.095132, 0.00160981),
    (0.5, 3, None, 0.00093366),
    (0.5, 4, -0.189293, 0.00151951),
    (0.8, 4, -0.071124, 0.01525943),
    (0.8, 8, -0.029285, 0.00660964),
]
"""p, N, ρ and the variance for Δ = 1, where ones are drawn whatever p is."""

STATED |= {
    f"ARMS, p = {p}, N = {N}": Stated(
        ("arms", {"reflect": False}), of_probability(p), [p * (1 - p)], [variance], N, known=True
    )
    for p, N, _, variance in ARMS
}
STATED |= {
    f"ARMS reflected, p = .8, N = {N}": Stated(
        ("arms", {}), of_probability(0.8), [0.16], [variance], N, known=True
    )
    for N, variance in ((4, 0.00774694), (8, 0.00255207))
}


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated_is_so(name: str) -> None:
    assert faults_of(STATED[name]) == []


def test_a_variance_that_is_not_so_is_told() -> None:
    wrong = Stated(("arm", {}), A, TRUTH_A, [0.05506869, 0.11086029, 0.07034120], known=True)
    assert [fault.split()[0] for fault in faults_of(wrong)] == ["exact", "variance"]


@pytest.mark.parametrize(("p", "N", "rho", "variance"), [row for row in ARMS if row[2] is not None])
def test_the_correlation_is_that_of_the_table(p: float, N: int, rho: float, variance: float) -> None:
    logits = torch.tensor([math.log(p / (1 - p))], dtype=torch.float64)
    assert float(correlation(logits, N - 1)) == pytest.approx(rho, abs=6e-7)
    ones = torch.arange(N + 1, dtype=torch.float64)
    probs = numbers_drawn(p, N)
    assert float(probs.sum()) == pytest.approx(1)
    assert float(probs @ ones) == pytest.approx(N * p)
    pairs = float(probs @ (ones * (ones - 1))) / (N * (N - 1))
    assert (pairs - p**2) / (p * (1 - p)) == pytest.approx(rho, abs=6e-7)


def of_arm(p: Tensor, slopes: Tensor) -> Tensor:
    """Its variances where f = Σ w b, in closed form."""
    m = torch.minimum(p, 1 - p)
    own = slopes**2 * ((1 - (2 * p - 1).abs() ** 3) / 12 - (p * (1 - p)) ** 2)
    return own + ((m * slopes**2).sum() - m * slopes**2) / 6


def of_disarm(p: Tensor, slopes: Tensor) -> Tensor:
    m, most, pq = torch.minimum(p, 1 - p), torch.maximum(p, 1 - p), p * (1 - p)
    return slopes**2 * pq * (most / 2 - pq) + pq * most * ((m * slopes**2).sum() - m * slopes**2)


@pytest.mark.parametrize("logits", [[-2.3, 0.4, 1.9, -0.2], [3.1, -0.6]])
def test_variances_of_sums_follow_the_formulas_elsewhere(logits: list[float]) -> None:
    slopes = torch.tensor([0.7, -1.4, 2.1, 0.3][: len(logits)], dtype=torch.float64)
    problem = built(bits("dot(w, z)", logits, w=slopes.tolist()))
    p = torch.tensor(logits, dtype=torch.float64).sigmoid()
    for estimator, formula in ((Arm(), of_arm), (Disarm(), of_disarm)):
        assert torch.allclose(exact(estimator, problem).variance, formula(p, slopes), rtol=1e-10)
        assert torch.allclose(exact(estimator, problem, 5).variance, formula(p, slopes) / 5, rtol=1e-10)


@pytest.mark.parametrize("logits", [ETA, [0.0, 0.0, 0.0], [4.0, -0.3, 1.2]])
def test_no_coordinate_of_disarm_is_worse_than_that_of_arm(logits: list[float]) -> None:
    for cost in ("(sum(z) - 1.3)**2", "cos(z[0] + 2*z[1]) + z[2]", "z[0]*z[1]*z[2] - sum(z)/3"):
        problem = built(bits(cost, logits))
        arm, disarm = (exact(estimator, problem).variance for estimator in (Arm(), Disarm()))
        assert bool((disarm <= arm).all())
        assert bool((disarm < arm).any())


def test_a_further_draw_may_raise_the_variance_of_arms() -> None:
    three, four = (float(exact(Arms(), built(of_probability(0.5)), N).variance) for N in (3, 4))
    assert four > 1.5 * three


@pytest.mark.parametrize("p", [0.5, 0.8, 0.97])
def test_zeros_are_drawn_with_less_variance_where_they_are_rarer(p: float) -> None:
    for N in (3, 4, 8):
        problem = built(of_probability(p))
        kept, reflected = (float(exact(Arms(each), problem, N).variance) for each in (False, True))
        assert (reflected < kept) if p > 0.5 else math.isclose(reflected, kept)


@pytest.mark.parametrize("reflect", [True, False])
def test_arms_of_two_is_disarm_draw_by_draw(reflect: bool) -> None:
    problem = built(A)

    def drawn(estimator: Estimator, sample_size: int) -> Tensor:
        torch.manual_seed(0)
        return estimator.gradient(problem, problem.theta.expand(500, -1).requires_grad_(), sample_size)

    assert torch.allclose(drawn(Disarm(), 1), drawn(Arms(reflect), 2))
    assert not torch.allclose(drawn(Disarm(), 1), drawn(Arm(), 1))


# --- what it fits -----------------------------------------------------------------------------------

COUPLINGS = {"arm": (Arm(), 2), "disarm": (Disarm(), 2), "arms": (Arms(), 3), "kept": (Arms(False), 3)}


@pytest.mark.parametrize("name", COUPLINGS)
def test_two_classes_are_a_bit(name: str) -> None:
    estimator, N = COUPLINGS[name]
    logits = [0.3, 1.0]
    problem = built(expectation("(z - 0.45)**2", ["logits"], categorical={"logits": logits}))
    of_bit = estimates_of(estimator, built(bits("(z - 0.45)**2", logits[1] - logits[0])), N, 50)  # [R, 1]
    of_classes = estimates_of(estimator, problem, N, 50)  # [R, 2]
    assert torch.allclose(of_classes, torch.cat([-of_bit, of_bit], 1), atol=1e-7)


@pytest.mark.parametrize("name", COUPLINGS)
def test_more_classes_and_no_choices_are_refused(name: str) -> None:
    estimator, N = COUPLINGS[name]
    for problem, reason in (("categorical", "among 3 classes"), ("normal", "independent choices")):
        with pytest.raises(NotApplicable, match=reason):
            estimates_of(estimator, built(PROBLEMS[problem]), N, 10)


def test_a_single_draw_has_no_partner() -> None:
    with pytest.raises(NotApplicable, match="N is 1"):
        estimates_of(Arms(), built(A), 1, 10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", COUPLINGS)
def test_logits_far_out_are_finite(name: str, dtype: torch.dtype) -> None:
    estimator, N = COUPLINGS[name]
    problem = built(bits("sum(z)", [-80.0, 0.3, 80.0])).to("cpu", dtype)
    assert bool(estimates_of(estimator, problem, N, 100).isfinite().all())


# --- several layers ---------------------------------------------------------------------------------


class Net(BeliefNet):
    def __init__(self) -> None:
        super().__init__(2)


def double(problem: Enumerated) -> Enumerated:
    return problem.to("cpu", torch.float64)


PAIRS = ("arm", "disarm")


@pytest.mark.parametrize("name", PAIRS)
def test_estimates_of_a_net_are_unbiased(name: str) -> None:
    estimator, N = COUPLINGS[name]
    assert z_scores(estimator, double(BeliefNet()), N).abs().max() < Z_LIMIT


@pytest.mark.parametrize("name", PAIRS)
def test_one_draw_serves_the_pairs_of_all_layers(name: str) -> None:
    estimator, N = COUPLINGS[name]
    problem, counts = double(BeliefNet()), Counts()
    theta = problem.theta.expand(5, -1).requires_grad_()
    estimator.gradient(counted(problem, counts), theta, N)
    assert counts.evaluations / 5 == 3 * N == estimator.evaluations(problem, N)


@pytest.mark.parametrize("estimator", [Arm(), Disarm()])
def test_partners_have_the_layers_after_theirs_from_the_numbers_of_the_draw(estimator: Coupling) -> None:
    """From others an estimate would have the right mean, and more variance."""
    problem, N = double(BeliefNet()), 500
    net = layers_of(problem.distribution(problem.theta[None]))
    u = torch.rand(N, 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = net.completed(u[..., :0], u)
    partners = estimator.completed(net, 0, u, x, net.logits(0, x[..., :0]), N)
    first, second = net.layers
    assert torch.equal(partners[..., first], (u[..., first] > (-net.logits(0, x)).sigmoid()).double())
    probs = net.logits(1, partners[..., first]).sigmoid()
    assert torch.equal(partners[..., second], (u[..., second] <= probs).double())
    assert not torch.equal(partners[..., second], (1 - u[..., second] <= probs).double())


def test_a_group_of_draws_is_of_one_layer() -> None:
    """Its draws would share those of the layers before, whose noise no N makes less."""
    for estimator in (Arms(), Arms(False)):
        with pytest.raises(NotApplicable, match="share the layers before"):
            estimates_of(estimator, double(BeliefNet()), 3, 10)


def test_a_net_of_one_layer_is_a_vector_of_independent_choices() -> None:
    problem = double(BeliefNet(layers=1))
    for estimator, N in COUPLINGS.values():
        assert z_scores(estimator, problem, N).abs().max() < Z_LIMIT
    for estimator in (Arm(), Disarm()):
        estimates = estimates_of(estimator, problem, 2, 40_000)
        found = exact(estimator, problem, 2)
        assert torch.allclose(found.mean, truth_of(problem))
        square = (estimates - estimates.mean(0)).square()
        error = square.std(0) / len(square) ** 0.5
        assert ((square.mean(0) - found.variance) / error).abs().max() < Z_LIMIT


def test_the_exact_variance_of_a_net_is_not_known() -> None:
    for estimator in (Arm(), Disarm()):
        with pytest.raises(NotApplicable, match="layers after a pair"):
            exact(estimator, double(BeliefNet()), 2)


# --- items ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COUPLINGS)
def test_estimates_of_items_and_decoders_are_unbiased(name: str) -> None:
    estimator, N = COUPLINGS[name]
    assert z_scores(estimator, double(Items()), N).abs().max() < Z_LIMIT


@pytest.mark.parametrize("estimator", [Arm(), Disarm()])
def test_variances_of_items_are_known(estimator: Estimator) -> None:
    problem = double(Items())
    found = moments_of_items(estimator, 2, item_draws(problem, {"all": slice(0, 9)}))
    assert torch.allclose(found.mean, truth_of(problem))
    estimates = estimates_of(estimator, problem, 2, 40_000)
    square = (estimates - estimates.mean(0)).square()
    error = square.std(0) / len(square) ** 0.5
    assert ((square.mean(0) - found.variance) / error).abs().max() < Z_LIMIT
    assert ((square.mean(0) * 1.1 - found.variance) / error).abs().max() > Z_LIMIT


def test_the_variance_of_a_single_coupled_choice_is_known_with_a_decoder() -> None:
    problem = double(Items(D=1))
    found = moments_of_items(Arms(), 4, item_draws(problem, {"all": slice(0, 3)}))
    assert torch.allclose(found.mean, truth_of(problem))
    estimates = estimates_of(Arms(), problem, 4, 40_000)
    square = (estimates - estimates.mean(0)).square()
    error = square.std(0) / len(square) ** 0.5
    assert ((square.mean(0) - found.variance) / error).abs().max() < Z_LIMIT


def test_what_would_take_too_long_is_not_known() -> None:
    with pytest.raises(NotApplicable, match=r"3\^17 pairs"):
        exact(Disarm(), built(bits("sum(z)**2", [0.1] * 17)))
    with pytest.raises(NotApplicable, match="groups of at most 64"):
        exact(Arms(), built(of_probability(0.3)), 65)
    with pytest.raises(NotApplicable, match="a single choice"):
        exact(Arms(), built(A), 3)
    items = double(Items())
    none = Points(items.theta.new_zeros(1, 1, 3, 3), items.theta.new_ones(1), 4)
    with pytest.raises(NotApplicable, match="several items"):
        Arm().exact_moments(SingleDraws(items, none, {}), 1)


# --- what is wrong is found -------------------------------------------------------------------------


class OtherNumber(Arm):
    """The partner from another u: half the gradient."""

    def partners(self, u: Tensor, logits: Tensor, M: int) -> Tensor:
        return super().partners(bench.noise.uniform(u.shape, u), logits, M)


class NoLargerProbability(Disarm):
    """DisARM without σ(|η|)."""

    def weights(self, f: Any, b: Any, u: Tensor, logits: Tensor) -> Tensor:
        return super().weights(f, b, u, torch.full_like(logits, 40))


class NoCorrelation(Arms):
    """ARMS without 1/(1 − ρ)."""

    def weights(self, f: Any, b: Any, u: Tensor, logits: Tensor) -> Tensor:
        return super().weights(f, b, u, logits) * (1 - correlation(self.drawn(logits), len(f[1])))


class OtherLayersAbove(Disarm):
    """Completes the partners with 1 − u² in the place of u, which is not uniform."""

    def completed(self, net: Any, t: int, u: Tensor, *rest: Any) -> Tensor:
        last = t == len(net.sizes) - 1
        return super().completed(net, t, u if last else 1 - u.square(), *rest)


class OtherLayersBefore(Disarm):
    """Takes the units before a layer from the partners of that layer, not from the draw."""

    def completed(self, net: Any, t: int, u: Tensor, x: Tensor, *rest: Any) -> Tensor:
        return super().completed(net, t, u, 1 - x, *rest)


WRONG: dict[str, tuple[Coupling, tuple[str, ...]]] = {
    "other number": (OtherNumber(), ("bernoulli", "bernoullis")),
    "no larger probability": (NoLargerProbability(), ("bernoulli", "bernoullis")),
    "no correlation": (NoCorrelation(), ("bernoulli", "bernoullis")),
    "other layers above": (OtherLayersAbove(), ()),
    "other layers before": (OtherLayersBefore(), ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_coupling_that_is_wrong_is_found(name: str) -> None:
    estimator, problems = WRONG[name]
    chosen: dict[str, Any] = {each: Reference(PROBLEMS[each]) for each in problems} or {"net": Net}
    found = bench.certify(estimator, chosen, replicates=4000)
    assert not found.passed
    assert "bias" in {fault.check for _, fault in found.all_faults()}
    right: Coupling = type(estimator).__mro__[1]()  # type: ignore[assignment]
    assert bench.certify(right, chosen, replicates=4000).passed


def test_half_of_the_gradient_is_the_mean_with_another_number() -> None:
    problem = built(A)
    estimates = estimates_of(OtherNumber(), problem, 1, 40_000)
    error = estimates.std(0) / len(estimates) ** 0.5
    assert ((estimates.mean(0) - truth_of(problem) / 2) / error).abs().max() < Z_LIMIT
    assert ((estimates.mean(0) - truth_of(problem)) / error).abs().max() > Z_LIMIT
