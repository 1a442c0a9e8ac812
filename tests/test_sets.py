"""Sums over several values of a finite x: exact variances, brute force over orders, ties, zeros and sizes."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import bench
from bench.catalogue import build
from bench.certification.problems import PROBLEMS
from bench.distributions.by_counter import Categorical
from bench.engine.counting import Counts, counted
from bench.engine.truth import exact_gradient
from bench.errors import Invalid
from bench.estimator import Estimator, NotApplicable
from bench.exact import ExactMoments, exact_moments, single_draws
from bench.problem import Problem
from bench.statistics.evidence import blocks_reported
from estimators.partial_sums import SumAndSample, TopK, sum_and_one
from estimators.unordered_set import UnorderedSet
from estimators.without_replacement import Chosen, FiniteValues, set_probabilities
from tests.cases import estimates_of, expectation, problem_of
from tests.parameters import spread
from tests.stated import Stated, faults_of


def table(f: list[float], **categorical: Any) -> dict[str, Any]:
    (name,) = categorical
    return {**expectation("f[z]", [name], categorical=categorical), "let": {"f": f}}


def built(options: dict[str, Any]) -> Problem:
    given = dict(options)
    problem: Problem = build("problems", given.pop("name"), given)
    return problem.to("cpu", torch.float64)


def known(estimator: Estimator, problem: Problem, N: int = 1) -> ExactMoments:
    draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
    return exact_moments(estimator, N, draws)


PHI, F = [1, 0.5, 0, -0.5, -1], [0.1, 0.4, 0.2, 0.8, 0.5]
FIVE = table(F, logits=PHI)
TRUTH = (-0.07884014, 0.03017885, -0.01323431, 0.04936057, 0.01253503)
TOTALS = {
    "top_k": [0.0543667608, 0.0188387804, 0.0049242952, 0.0],
    "unordered_set": [0.1142573126, 0.0398920884, 0.0157130047, 0.0045340587, 0.0],
    "sum_and_sample": [0.0629752500, 0.0277730412, 0.0073643953, 0.0],
}
BUILT_IN = {2: 0.0245157471, 3: 0.0072060408, 4: 0.0017755720, 5: 0.0}
OF_FIVE: dict[str, tuple[str, dict[str, Any], float, int]] = {
    **{
        f"{name} {k}": (name, {"k": k}, total, 1)
        for name, totals in TOTALS.items()
        for k, total in enumerate(totals, 1)
    },
    **{
        f"built in {k}": ("unordered_set", {"k": k, "baseline": "built_in"}, total, 1)
        for k, total in BUILT_IN.items()
    },
    "score function": ("reinforce", {}, 0.1142573126, 1),
    "best baseline": ("reinforce", {"baseline": {"constant": {"value": 0.3474370786}}}, 0.0283972233, 1),
    "leave one out": ("reinforce", {"baseline": "leave_one_out"}, 0.0374013656, 2),
}


@pytest.mark.parametrize("name", spread(OF_FIVE, 7))
def test_the_total_variance_of_five_classes(name: str) -> None:
    estimator, options, total, N = OF_FIVE[name]
    assert (
        faults_of(Stated((estimator, options), FIVE, variance=total, sample_size=N, digits=10, known=True))
        == []
    )
    assert faults_of(Stated((estimator, options), FIVE, TRUTH, sample_size=N, known=True)) == []


def test_the_mean_as_a_baseline() -> None:
    weights = [math.exp(φ) for φ in PHI]
    mean = sum(w * f for w, f in zip(weights, F, strict=True)) / sum(weights)
    estimator = ("reinforce", {"baseline": {"constant": {"value": mean}}})
    assert faults_of(Stated(estimator, FIVE, variance=0.03126643119, digits=11, known=True)) == []


def test_a_total_that_is_wrong_by_a_tenth_is_seen() -> None:
    wrong = Stated(("top_k", {"k": 2}), FIVE, variance=1.1 * 0.0188387804, digits=10, known=True)
    assert len(faults_of(wrong)) == 2


@pytest.mark.parametrize("name", ["top_k", "sum_and_sample"])
def test_with_as_many_values_as_there_are_nothing_is_left_to_sample(name: str) -> None:
    problem = built(FIVE)
    with pytest.raises(NotApplicable, match="x has 5 values, and 6 different ones are wanted"):
        estimates_of(build("estimators", name, {"k": 5}), problem, 1, 3)


def test_a_set_is_not_larger_than_all_values() -> None:
    with pytest.raises(NotApplicable, match="x has 5 values, and 6 different ones"):
        estimates_of(UnorderedSet(6), built(FIVE), 1, 3)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("top_k", {"k": 0}, "k must be at least 1, got 0"),
        ("sum_and_sample", {"k": -1}, "k must be at least 1, got -1"),
        ("unordered_set", {"k": 0}, "k must be at least 1, got 0"),
        ("unordered_set", {"k": 11}, "k must be at most 10, got 11"),
        ("unordered_set", {"k": 1, "baseline": "built_in"}, "k must be at least 2 with the baseline"),
    ],
)
def test_a_wrong_size_is_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        build("estimators", name, options)


def test_infinitely_many_values_and_too_many_are_refused() -> None:
    many = built(expectation("sum(z)", ["logits"], bernoulli={"logits": [0.1] * 13}))
    for problem, said in [(problem_of("poisson"), "no finite number"), (many, "at most 4096")]:
        for estimator in (TopK(), SumAndSample(), UnorderedSet()):
            with pytest.raises(NotApplicable, match=said):
                estimates_of(estimator, problem, 1, 2)


# --- brute force ------------------------------------------------------------------------------------


def order(π: list[float], drawn: tuple[int, ...], gone: tuple[int, ...] = ()) -> float:
    """The probability to draw these values, one after the other, once others are gone."""
    left, found = 1 - sum(π[g] for g in gone), 1.0
    for i in drawn:
        found *= π[i] / left
        left -= π[i]
    return found


def unordered(π: list[float], members: tuple[int, ...], gone: tuple[int, ...] = ()) -> float:
    return sum(order(π, each, gone) for each in itertools.permutations(members))


def without(S: tuple[int, ...], *gone: int) -> tuple[int, ...]:
    return tuple(s for s in S if s not in gone)


Outcomes = list[tuple[float, dict[int, float]]]
"""Probabilities, and by what ∇π_i is multiplied for each value i."""


def of_sets(π: list[float], f: list[float], k: int, built_in: bool) -> Outcomes:
    found: Outcomes = []
    for S in itertools.combinations(range(len(π)), k):
        weights = {}
        for i in S:
            of_rest = unordered(π, without(S, i), (i,))
            baseline = π[i] * f[i] if built_in else 0.0
            for j in without(S, i) if built_in else ():
                baseline += π[j] * f[j] * unordered(π, without(S, i, j), (i, j)) / of_rest
            weights[i] = of_rest / unordered(π, S) * (f[i] - baseline)
        found.append((unordered(π, S), weights))
    return found


def of_sums(π: list[float], f: list[float], k: int, top: bool) -> Outcomes:
    found: Outcomes = []
    largest = tuple(sorted(range(len(π)), key=lambda i: -π[i])[:k])
    for S in [largest] if top else itertools.permutations(range(len(π)), k):
        left = 1 - sum(π[i] for i in S)
        for j in without(tuple(range(len(π))), *S):
            weights = {**{i: f[i] for i in S}, j: left * f[j] / π[j]}
            found.append(((1.0 if top else order(π, S)) * π[j] / left, weights))
    return found


def moments(π: list[float], outcomes: Outcomes) -> tuple[Tensor, Tensor]:
    p = torch.tensor(π, dtype=torch.float64)
    J = torch.diag(p) - p[:, None] * p  # of π in the logits
    w = torch.tensor([each for each, _ in outcomes], dtype=torch.float64)
    rows = [sum((c * J[i] for i, c in weights.items()), torch.zeros_like(p)) for _, weights in outcomes]
    estimates = torch.stack(rows)
    assert float(w.sum()) == pytest.approx(1, rel=1e-12)
    mean = w @ estimates
    return mean, w @ (estimates - mean).square()


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("kind", ["top_k", "sum_and_sample", "unordered_set", "built_in"])
def test_all_orders_of_drawing(kind: str, k: int) -> None:
    φ, f = [0.4, -0.9, 1.3, 0.1], [1.7, -0.4, 0.9, 2.6]
    if kind == "built_in" and k == 1:
        pytest.skip("its own sample is no baseline")
    π = torch.tensor(φ, dtype=torch.float64).softmax(0).tolist()
    outcomes = (
        of_sets(π, f, k, kind == "built_in")
        if kind in ("unordered_set", "built_in")
        else of_sums(π, f, k, kind == "top_k")
    )
    mean, variance = moments(π, outcomes)
    name, options = ("unordered_set", {"baseline": kind}) if kind == "built_in" else (kind, {})
    stated = Stated(
        (name, {**options, "k": k}), table(f, logits=φ), mean.tolist(), variance.tolist(), known=True
    )
    assert faults_of(stated) == []
    three = Stated(stated.estimator, stated.problem, mean.tolist(), (variance / 3).tolist(), 3, known=True)
    assert faults_of(three) == []


def test_the_recursion_is_the_sum_over_orders() -> None:
    π = [0.05, 0.3, 0.1, 0.25, 0.12, 0.18]
    for S in ((1, 4, 2), (0, 1, 3, 5), (2,), (4, 0)):
        probs = torch.tensor([π[i] for i in S], dtype=torch.float64)
        found = set_probabilities(probs, torch.tensor(1 - float(probs.sum()), dtype=torch.float64))
        assert float(found.whole) == pytest.approx(unordered(π, S), rel=1e-12)
        for a, i in enumerate(S):
            ratio = unordered(π, without(S, i), (i,)) / unordered(π, S)
            assert float(found.ratios[a]) == pytest.approx(ratio, rel=1e-12)
            for b, j in enumerate(S):
                second = 1.0 if i == j else unordered(π, without(S, i, j), (i, j))
                second = second / (1.0 if i == j else unordered(π, without(S, i), (i,)))
                assert float(found.second_ratios[a, b]) == pytest.approx(second, rel=1e-12)


def test_the_first_value_alone_is_the_score_function() -> None:
    plain = known(build("estimators", "reinforce", {}), built(FIVE))
    found = known(UnorderedSet(1), built(FIVE))
    assert torch.allclose(found.variance, plain.variance, rtol=1e-12)
    assert found.kurtosis["all"] == pytest.approx(plain.kurtosis["all"], rel=1e-12)


@pytest.mark.slow
def test_bits_are_values_too() -> None:
    problem = built(expectation("(sum(z) - 1.3)**2", ["logits"], bernoulli={"logits": [0.7, -1.1, 0.2]}))
    truth = exact_gradient(problem).gradient
    for estimator in (TopK(3), SumAndSample(3), UnorderedSet(4), UnorderedSet(4, "built_in")):
        assert torch.allclose(known(estimator, problem).mean, truth, atol=1e-12)
    assert float(known(TopK(7), problem).variance.sum()) == pytest.approx(0, abs=1e-25)
    assert float(known(UnorderedSet(8), problem).variance.sum()) == pytest.approx(0, abs=1e-25)


# --- ties and zeros ---------------------------------------------------------------------------------

SETS = [TopK(2), SumAndSample(2), UnorderedSet(3), UnorderedSet(3, "built_in")]


@pytest.mark.parametrize("estimator", SETS[1:], ids=repr)
def test_the_order_of_values_that_are_equally_probable_does_not_matter(estimator: Estimator) -> None:
    # Relabelled classes: the moments are relabelled, whatever the order among the ties.
    φ, f = [0.3, 0.3, -0.8, 0.3, 0.3], [1.2, -0.7, 0.4, 2.1, 0.9]
    plain = known(estimator, built(table(f, logits=φ)))
    for turn in ([3, 1, 2, 0, 4], [4, 3, 2, 1, 0]):
        moved = known(estimator, built(table([f[i] for i in turn], logits=[φ[i] for i in turn])))
        assert torch.allclose(moved.variance, plain.variance[turn], rtol=1e-12)
        assert torch.allclose(moved.mean, plain.mean[turn], atol=1e-14)


@pytest.mark.parametrize("estimator", SETS, ids=repr)
def test_an_estimate_does_not_depend_on_the_order_within_a_set(estimator: Estimator) -> None:
    problem = built(table(F, logits=[0.2, 0.2, -0.4, 0.2, 0.2]))
    theta = problem.theta.expand(1, -1).requires_grad_()
    p = problem.distribution(theta)
    values = FiniteValues(p, 4)
    found = []
    for S in itertools.permutations((1, 2, 4)):
        probs = values.probabilities(torch.tensor(S))[None]  # [1, 1, 3]
        sets = Chosen(torch.tensor(S)[None, None], probs, 1 - probs.sum(-1))
        if isinstance(estimator, UnorderedSet):
            found.append(estimator.of_sets(problem, theta, problem.distribution(theta), values, sets))
        else:
            p = problem.distribution(theta)
            found.append(sum_and_one(problem, theta, p, values, sets, torch.tensor([[[0]]])))
    assert all(torch.allclose(each, found[0], rtol=1e-12) for each in found)


def test_of_values_that_are_equally_probable_the_first_are_summed() -> None:
    # Bits with one logit: probabilities of states with as many ones differ in rounding alone.
    problem = built(expectation("sum(z)", ["logits"], bernoulli={"logits": [-0.3] * 4}))
    p = problem.distribution(problem.theta.expand(5, -1))
    top = FiniteValues(p, 6).most_probable(5)
    # 0000, then those with a single one in the order of counting.
    assert top.places.tolist() == [[[0, 1, 2, 4, 8]] * 5]
    single = problem.to("cpu", torch.float32)
    of_single = FiniteValues(single.distribution(single.theta[None]), 6).most_probable(5)
    assert of_single.places.tolist() == [[[0, 1, 2, 4, 8]]]


ZEROS = [0.0, 0.45, 0.0, 0.35, 0.2]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_what_cannot_happen_is_never_drawn(k: int) -> None:
    p = Categorical(probs=torch.tensor([ZEROS], dtype=torch.float64))
    torch.manual_seed(0)
    values = FiniteValues(p, k)
    for chosen in (values.drawn(2000, k), values.most_probable(k)):
        assert set(chosen.places.unique().tolist()) <= {1, 3, 4}
        assert bool((chosen.probs[..., min(k, 3) :] == 0).all())
        assert torch.allclose(chosen.probs.sum(-1) + chosen.rest, torch.ones_like(chosen.rest))
        distinct = chosen.places[..., : min(k, 3)].sort(-1).values.diff(dim=-1)
        assert bool((distinct > 0).all())


@pytest.mark.parametrize(
    "estimator", [*SETS, TopK(4), UnorderedSet(5), UnorderedSet(4, "built_in")], ids=repr
)
def test_where_something_cannot_happen_its_cost_is_not_asked(estimator: Estimator) -> None:
    # An infinite cost of it would leave no finite estimate; the gradient is that in the other logits.
    problem = built(table([0.0, 1.5, 0.0, -0.4, 0.9], probs=ZEROS))
    plain = problem.cost
    problem.cost = lambda x, theta: torch.where((x == 0) | (x == 2), torch.inf, plain(x, theta))  # type: ignore[method-assign]
    estimates = estimates_of(estimator, problem, 2, 20_000)
    assert bool(estimates.isfinite().all())
    # By probabilities that are divided by their sum: ∂/∂p_i of Σ p f / Σ p is f_i − E f.
    f = torch.tensor([1.5, -0.4, 0.9], dtype=torch.float64)
    wanted = f - f @ torch.tensor([0.45, 0.35, 0.2], dtype=torch.float64)
    error = estimates.std(0)[[1, 3, 4]] / 20_000**0.5
    assert bool(((estimates.mean(0)[[1, 3, 4]] - wanted).abs() <= 4 * error + 1e-12).all())
    exact = known(estimator, problem)
    assert torch.allclose(exact.mean[[1, 3, 4]], wanted, atol=1e-12)


@pytest.mark.parametrize("single", [False, True])
def test_rare_values_are_drawn_as_often_as_they_should(single: bool) -> None:
    # Of a probability of 3·10⁻⁷ 0.3 are expected in 2²⁰ draws; 10 or more have probability below 1e-11.
    # The other, 0.0025, is counted to within 4.5 standard errors, of which a twelfth of it is more.
    dtype = torch.float32 if single else torch.float64
    p = Categorical(logits=torch.tensor([[0.0, -15.0, -6.0]], dtype=dtype))
    torch.manual_seed(1)
    values = FiniteValues(p, 2)
    drawn = values.drawn(1 << 20, 1).places.flatten()
    counts = drawn.bincount(minlength=3)
    wanted = (1 << 20) * values.probabilities(torch.arange(3)).flatten()
    assert counts[1] < 10
    assert abs(float(counts[2] - wanted[2])) < 4.5 * float(wanted[2]) ** 0.5


def test_sets_are_drawn_with_their_probabilities_beyond_one_part() -> None:
    # More values than are ranked at once: 32 states of five bits, in sets of two.
    problem = built(expectation("sum(z)", ["logits"], bernoulli={"logits": [0.4, -0.9, 0.1, 1.2, -0.3]}))
    p = problem.distribution(problem.theta[None])
    torch.manual_seed(2)
    values = FiniteValues(p, 2)
    π = values.probabilities(torch.arange(32)).flatten()
    draws = 200_000
    places = values.drawn(draws, 2).places.view(-1, 2)
    pairs = (places[:, 0] * 32 + places[:, 1]).bincount(minlength=1024).view(32, 32).double()
    wanted = draws * π[:, None] * π / (1 - π)[:, None]
    wanted.fill_diagonal_(0)
    seen = wanted > 20
    # χ² exceeds its mean by five standard deviations with a probability below 1e-5.
    freedom = int(seen.sum())
    most = freedom + 5 * (2 * freedom) ** 0.5
    assert float(((pairs - wanted).square() / wanted)[seen].sum()) < most
    other_order = wanted.T  # the control
    assert float(((pairs - other_order).square() / other_order)[seen].sum()) > most


@pytest.mark.parametrize(
    ("estimator", "wanted"),
    [
        (TopK(2), 2 + 7),
        (SumAndSample(2), 7 * 3),
        (UnorderedSet(2), 7 * 2),
        (UnorderedSet(3, "built_in"), 7 * 3),
    ],
    ids=repr,
)
def test_evaluations_are_those_of_the_formula(estimator: Estimator, wanted: int) -> None:
    problem, counts = built(FIVE), Counts()
    estimator.gradient(counted(problem, counts), problem.theta.expand(4, -1).requires_grad_(), 7)
    assert counts.evaluations == 4 * wanted == 4 * estimator.evaluations(problem, 7)


# --- variants that are wrong ------------------------------------------------------------------------


@dataclass(frozen=True)
class OwnBaseline(UnorderedSet):
    """The baseline of a set of one value is that value's own cost."""

    k: int = 1
    baseline: Any = "built_in"

    def __post_init__(self) -> None:
        """Nothing is refused."""


@dataclass(frozen=True)
class NotRenormalized(TopK):
    """The other value is weighed as if it were drawn from all."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        values = FiniteValues(p, self.k + 1)
        top = values.most_probable(self.k)
        other = values.drawn(sample_size, 1, without=top.places)
        whole = top._replace(rest=torch.ones_like(top.rest))
        return sum_and_one(problem, theta, p, values, whole, other.places)


def test_the_mean_with_its_own_baseline_is_known() -> None:
    # Σ f_i (1 − π_i) ∇π_i: −.039375 in place of −.045.
    found = known(OwnBaseline(), built(table([0.3, 0.06], logits=[0.0, math.log(3)])))
    assert found.mean.tolist() == pytest.approx([0.039375, -0.039375], rel=1e-12)
    right = known(UnorderedSet(1), built(table([0.3, 0.06], logits=[0.0, math.log(3)])))
    assert right.mean.tolist() == pytest.approx([0.045, -0.045], rel=1e-12)


@pytest.mark.parametrize("wrong", [OwnBaseline(), NotRenormalized()], ids=repr)
def test_what_is_wrong_is_not_certified(wrong: Estimator) -> None:
    found = bench.certify(wrong, {"categorical": PROBLEMS["categorical"]}, replicates=3000)
    assert "bias" in found.failed_checks


@pytest.mark.parametrize("estimator", [UnorderedSet(2, "built_in"), TopK()], ids=repr)
def test_what_is_right_is_certified_by_the_same_test(estimator: Estimator) -> None:
    assert bench.certify(estimator, {"categorical": PROBLEMS["categorical"]}, replicates=3000).passed
