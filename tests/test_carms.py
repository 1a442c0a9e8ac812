"""CARMS: stated values, probabilities of pairs, items, and what is wrong with wrong ones."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

import bench
from bench.certification.problems import Reference
from bench.engine.counting import Counts, counted
from bench.problem import NotApplicable
from estimators.carms import Carms, OrderedClasses
from tests.cases import PROBLEMS, estimates_of, estimator_of, problem_of
from tests.nets import Items
from tests.parameters import spread
from tests.stated import Stated, faults_of
from tests.test_couplings import built, double, of_probability, truth_of, z_scores
from tests.test_swaps import classes

Z_LIMIT = 4.0  # two-sided p = 6e-5 for each of some 60 numbers

FIVE = classes([0.1, 0.4, 0.2, 0.8, 0.5], [1, 0.5, 0, -0.5, -1])
TRUTH = [-0.07884014, 0.03017885, -0.01323431, 0.04936057, 0.01253503]
UNEVEN = [2.1, -0.8, 0.3, -1.9]


def of_pairs(f: list[float], logits: list[float]) -> list[float]:
    """The variances with N = 2: the second number is 1 − the first, so that intervals are reflected."""
    probs = torch.tensor(logits, dtype=torch.float64).softmax(0)
    C, ranked = len(f), probs.argsort().tolist()
    orders = [
        [ranked[a], *(ranked[k] for k in range(C) if k not in (a, b)), ranked[b]]
        for a, b in itertools.combinations(range(C), 2)
    ]
    pair = torch.zeros(C, C, dtype=torch.float64)
    for order in orders:
        ends = [0.0, *probs[order].cumsum(0).tolist()]
        cuts = sorted({*ends, *(1 - end for end in ends)})
        for low, high in itertools.pairwise(cuts):
            middle = (low + high) / 2
            first, second = (order[sum(end < at for end in ends[1:-1])] for at in (middle, 1 - middle))
            pair[first, second] += (high - low) / len(orders)
    square = torch.zeros(C, dtype=torch.float64)
    for a, b in itertools.permutations(range(C), 2):
        weight = probs[a] * probs[b] / pair[a, b] * (f[a] - f[b]) / 2
        change = torch.zeros(C, dtype=torch.float64)
        change[a], change[b] = weight, -weight
        square += pair[a, b] * change**2
    costs = torch.tensor(f, dtype=torch.float64)
    truth = probs * (costs - probs @ costs)
    return (square - truth**2).tolist()


STATED = {
    f"of bits is ARMS, p = {p}, N = {N}": Stated(
        ("carms", {}), of_probability(p), [p * (1 - p)], [variance], N
    )
    for p, N, variance in (
        (0.3, 3, 0.00643453),
        (0.3, 8, 0.00160981),
        (0.8, 4, 0.00774694),
        (0.8, 8, 0.00255207),
    )
} | {
    "pairs of 5 classes": Stated(
        ("carms", {}), FIVE, TRUTH, of_pairs([0.1, 0.4, 0.2, 0.8, 0.5], [1, 0.5, 0, -0.5, -1]), 2
    ),
    "pairs of uneven classes": Stated(
        ("carms", {}),
        classes([0.7, -1.3, 0.2, 0.9], UNEVEN),
        None,
        of_pairs([0.7, -1.3, 0.2, 0.9], UNEVEN),
        2,
    ),
    "4 draws of 5 classes": Stated(("carms", {}), FIVE, TRUTH, None, 4),
}


@pytest.mark.parametrize("name", spread(STATED, 2))
def test_what_is_stated_is_so(name: str) -> None:
    assert faults_of(STATED[name]) == []


def test_a_variance_that_is_not_so_is_told() -> None:
    wrong = Stated(("carms", {}), of_probability(0.8), [0.16], [0.01525943], 4)
    assert [fault.split()[0] for fault in faults_of(wrong)] == ["variance"]


@pytest.mark.slow
@pytest.mark.parametrize("N", [2, 3, 5])
def test_pairs_have_the_probabilities_that_the_ratios_say(N: int) -> None:
    R, C = 60_000, len(UNEVEN)
    logits = torch.tensor(UNEVEN, dtype=torch.float64).log_softmax(0)
    torch.manual_seed(0)
    coupled = OrderedClasses(logits.expand(R, -1))
    drawn = coupled.drawn(N)  # [N, R]
    one = torch.nn.functional.one_hot(drawn, C).double()  # [N, R, C]
    probs = coupled.probs[0]

    def away(found: Tensor, wanted: Tensor) -> float:
        error = (wanted * (1 - wanted) / R).sqrt()
        return float(((found.mean(0) - wanted) / error).abs().max())

    for n in range(N):
        assert away(one[n], probs) < Z_LIMIT
    ratios = coupled.ratios(torch.arange(C).expand(R, -1), N)[0]
    wanted = probs[:, None] * probs / ratios  # infinite on the diagonal, where the ratio is 0
    apart = ~torch.eye(C, dtype=torch.bool)
    pairs = one[0, :, :, None] * one[N - 1, :, None, :]  # [R, C, C]
    assert away(pairs[:, apart], wanted[apart]) < Z_LIMIT
    assert away(pairs[:, apart], (probs[:, None] * probs)[apart]) > Z_LIMIT
    assert bool((ratios[apart] > 0).all())


def test_draws_of_a_class_may_be_taken_together() -> None:
    logits = torch.tensor(UNEVEN, dtype=torch.float64).log_softmax(0).expand(50, -1)
    torch.manual_seed(0)
    coupled = OrderedClasses(logits)
    ranks, f = coupled.drawn(6), torch.randn(6, 50, dtype=torch.float64)
    found = coupled.weights(ranks, f)
    wanted = torch.zeros_like(found)
    ratios = coupled.ratios(torch.arange(4).expand(50, -1), 6)  # [R, C, C]
    for m, n in itertools.permutations(range(6), 2):
        ratio = ratios[torch.arange(50), ranks[m], ranks[n]]
        weight = ratio * (f[m] - f[n]) / 30
        wanted.scatter_add_(1, coupled.ranked.gather(1, ranks[m][:, None]), weight[:, None])
    assert torch.allclose(found, wanted)
    apart = coupled.ratios(ranks.T, 6)  # [R, N, N]
    each = [[ratios[torch.arange(50), ranks[m], ranks[n]] for n in range(6)] for m in range(6)]
    assert torch.allclose(apart, torch.stack([torch.stack(row, -1) for row in each], -2))


def test_each_two_classes_are_drawn_together_however_rare_they_are() -> None:
    logits = torch.tensor([[9.0, 0.0, -1.0, -3.0]], dtype=torch.float64).log_softmax(-1)
    for N in (2, 3, 9):
        ratios = OrderedClasses(logits).ratios(torch.arange(4)[None], N)[0]
        assert bool((ratios[~torch.eye(4, dtype=torch.bool)] > 0).all())
        assert bool(ratios.isfinite().all())


# --- what it fits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("N", [2, 3, 7])
def test_estimates_of_vectors_are_unbiased(N: int) -> None:
    assert z_scores(Carms(), problem_of("table"), N).abs().max() < Z_LIMIT


@pytest.mark.parametrize("N", [2, 4])
def test_estimates_of_items_and_decoders_are_unbiased(N: int) -> None:
    assert z_scores(Carms(), double(Items()), N).abs().max() < Z_LIMIT


def test_it_evaluates_each_draw_once() -> None:
    problem, counts = problem_of("table"), Counts()
    Carms().gradient(counted(problem, counts), problem.theta.expand(5, -1).requires_grad_(), 3)
    assert counts.evaluations / 5 == 3 == Carms().evaluations(problem, 3)


def test_it_has_less_variance_than_independent_draws() -> None:
    for N in (2, 4):
        coupled, independent = (
            estimates_of(estimator, built(FIVE), N, 20_000).var(0).sum()
            for estimator in (Carms(), estimator_of("leave_one_out"))
        )
        assert coupled < 0.95 * independent


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NotApplicable, match="N is 1"):
        estimates_of(Carms(), problem_of("categorical"), 1, 10)
    with pytest.raises(NotApplicable, match="independent choices"):
        estimates_of(Carms(), problem_of("normal"), 2, 10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_far_out_are_finite(dtype: torch.dtype) -> None:
    problem = built(classes([0.2, 1, 0.5], [-200.0, 0.2, 60.0])).to("cpu", dtype)
    for N in (2, 5):
        assert bool(estimates_of(Carms(), problem, N, 100).isfinite().all())


# --- what is wrong is found -------------------------------------------------------------------------


class NoRatios(OrderedClasses):
    """Pairs as if they were independent."""

    def ratios(self, kinds: Tensor, sample_size: int) -> Tensor:
        return (super().ratios(kinds, sample_size) > 0).to(self.probs)


class OneOrder(OrderedClasses):
    """A single order, in which some classes never meet."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits)
        self.orders = self.orders[:1]


CERTIFIED_ON = {"table": Reference(PROBLEMS["table"]), "five": Reference(FIVE)}


@pytest.mark.slow
def test_its_own_coupling_is_certified() -> None:
    assert bench.certify(Carms(), CERTIFIED_ON, replicates=4000).passed


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [NoRatios, OneOrder])
def test_a_coupling_that_is_wrong_is_found(
    wrong: type[OrderedClasses], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estimators.carms.OrderedClasses", wrong)
    found = bench.certify(Carms(), CERTIFIED_ON, replicates=4000)
    assert "bias" in {fault.check for _, fault in found.all_faults()}


def test_the_truth_is_that_of_the_problem() -> None:
    assert truth_of(built(FIVE)).tolist() == pytest.approx(TRUTH, abs=6e-9)
