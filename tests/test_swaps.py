"""ARS and ARSM: stated values, evaluations, items, and what is wrong with wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import bench
from bench.certification.problems import Reference
from bench.distributions.choices import Choices, choices_of
from bench.engine.counting import Counts, counted
from bench.estimator import Estimator
from bench.problem import NotApplicable
from estimators.swaps import Ars, Arsm, Swaps
from tests.cases import PROBLEMS, estimates_of, expectation, problem_of
from tests.nets import Items
from tests.stated import Stated, faults_of
from tests.test_couplings import TRUTH_A, A, built, double, truth_of, z_scores

Z_LIMIT = 4.0  # two-sided p = 6e-5 for each of some 80 numbers


def classes(f: list[float], logits: list[float] | None = None) -> dict[str, Any]:
    logits = logits or [0.0] * len(f)
    return {**expectation("f[z]", ["logits"], categorical={"logits": logits}), "let": {"f": f}}


# --- stated values ----------------------------------------------------------------------------------

THREE, FOUR = [0.2, 1, 0.5], [0.1, 0.9, 0.4, 0.3]


def gradient_at_zero(f: list[float]) -> list[float]:
    mean = sum(f) / len(f)
    return [(each - mean) / len(f) for each in f]


def variance_at_zero(f: list[float], references: list[int]) -> list[float]:
    """Of a mean over references, by enumeration of the smallest part, k.

    Given k the parts are π_k = (1 − W)/C and π_k + W δ_j for the others, with W ~ Beta(C − 1, 1) and δ
    uniform on the vectors of C − 1 positive numbers that add up to one.
    """
    C = len(f)
    costs, found = torch.tensor(f, dtype=torch.float64), torch.zeros(C, dtype=torch.float64)
    for k in range(C):
        # E (1 − C π_j)(1 − C π_l) / E W², from E δ_j = 1/(C − 1) and E δ_j δ_l = (1 + 1[j = l])/(C (C − 1)).
        moments = torch.full((C, C), 1 - 2 * C / (C - 1) + C / (C - 1), dtype=torch.float64)
        moments += torch.eye(C) * C / (C - 1)
        moments[k, :] = moments[:, k] = 1 - C / (C - 1)
        moments[k, k] = 1
        swapped = [[{c: j, j: c}.get(k, k) for j in references] for c in range(C)]
        values = costs[torch.tensor(swapped)]  # [C, J]
        deviations = (values - values.mean(0)) / len(references)
        chosen = moments[references][:, references]
        found += (C - 1) / (C + 1) * torch.einsum("cj,jl,cl->c", deviations, chosen, deviations) / C
    return (found - torch.tensor(gradient_at_zero(f)) ** 2).tolist()


def at_zero(name: str, f: list[float], options: dict[str, Any], variance: list[float]) -> Stated:
    return Stated((name, options), classes(f), gradient_at_zero(f), variance)


FIVE = [0.3, -1.2, 0.8, 0.1, 2.0]
STATED = {
    "ARS of 3": at_zero("ars", THREE, {"reference": 0}, [0.02098765, 0.05950617, 0.01876543]),
    "ARS of 4": at_zero("ars", FOUR, {"reference": 0}, [0.01646094, 0.07496094, 0.01402344, 0.01158594]),
    "ARS of 5": at_zero("ars", FIVE, {"reference": 2}, variance_at_zero(FIVE, [2])),
    "ARSM of 3": at_zero("arsm", THREE, {}, [0.00604938] * 3),
    "ARSM of 4": at_zero("arsm", FOUR, {}, [0.00325781] * 4),
    "ARSM of 5": at_zero("arsm", FIVE, {}, variance_at_zero(FIVE, list(range(5)))),
    "ARSM of bits is ARM": Stated(("arsm", {}), A, TRUTH_A, [0.06632455, 0.12097320, 0.08701115]),
    "ARS of bits is ARM": Stated(("ars", {}), A, TRUTH_A, [0.06632455, 0.12097320, 0.08701115]),
}


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated_is_so(name: str) -> None:
    assert faults_of(STATED[name]) == []


def test_the_enumeration_gives_the_table() -> None:
    for f, one, all_of in ((THREE, STATED["ARS of 3"], 0.00604938), (FOUR, STATED["ARS of 4"], 0.00325781)):
        assert variance_at_zero(f, [0]) == pytest.approx(one.variance, abs=6e-9)
        assert variance_at_zero(f, list(range(len(f)))) == pytest.approx([all_of] * len(f), abs=6e-9)


def test_a_variance_that_is_not_so_is_told() -> None:
    wrong = at_zero("arsm", THREE, {}, [0.02098765, 0.05950617, 0.01876543])
    assert [fault.split()[0] for fault in faults_of(wrong)] == ["variance"]


# --- what it fits -----------------------------------------------------------------------------------

SWAPS = {"ars": Ars(), "first": Ars(0), "arsm": Arsm()}


@pytest.mark.parametrize("name", SWAPS)
@pytest.mark.parametrize("problem", ["table", "categorical", "bernoullis"])
def test_estimates_are_unbiased(name: str, problem: str) -> None:
    assert z_scores(SWAPS[name], built(PROBLEMS[problem]), 2).abs().max() < Z_LIMIT


@pytest.mark.parametrize("name", SWAPS)
def test_estimates_of_items_and_decoders_are_unbiased(name: str) -> None:
    assert z_scores(SWAPS[name], double(Items()), 2).abs().max() < Z_LIMIT


@pytest.mark.parametrize(("name", "each"), [("ars", 3), ("first", 3), ("arsm", 4)])
def test_each_swap_is_evaluated_once(name: str, each: int) -> None:
    problem, counts = problem_of("table"), Counts()
    SWAPS[name].gradient(counted(problem, counts), problem.theta.expand(5, -1).requires_grad_(), 2)
    assert counts.evaluations / 5 == 2 * each == SWAPS[name].evaluations(problem, 2)


def test_a_random_reference_is_each_of_the_classes_equally_often() -> None:
    problem, N = problem_of("table"), 30_000
    choices = choices_of(problem.distribution(problem.theta[None]))
    torch.manual_seed(0)
    found = Ars().references(Swaps(choices, N), choices)
    assert found.shape == (N, 1)
    shares = torch.bincount(found.flatten(), minlength=3) / N
    assert len(shares) == 3
    assert ((shares - 1 / 3).abs() / (2 / 9 / N) ** 0.5).max() < Z_LIMIT


def test_a_reference_that_is_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="reference is -1, wanted the number of a class or random"):
        Ars(-1)
    with pytest.raises(NotApplicable, match="there are 3 classes, and the reference is the class 3"):
        estimates_of(Ars(3), problem_of("categorical"), 1, 10)
    with pytest.raises(NotApplicable, match="independent choices"):
        estimates_of(Arsm(), problem_of("normal"), 1, 10)


@pytest.mark.parametrize("name", SWAPS)
def test_logits_far_out_are_finite(name: str) -> None:
    problem = built(classes(THREE, [-90.0, 0.2, 60.0])).to("cpu", torch.float32)
    assert bool(estimates_of(SWAPS[name], problem, 2, 100).isfinite().all())


# --- what is wrong is found -------------------------------------------------------------------------


class OtherNoise(Swaps):
    """Draws the noise of each swap again."""

    def x(self, c: int = 0, j: int | Tensor = 0) -> Tensor:
        self.gumbel = bench.noise.gumbel(self.gumbel.shape, self.gumbel)
        return super().x(c, j)


class OneChoiceSwapped(Swaps):
    """Swaps the noise of the first choice alone."""

    def x(self, c: int = 0, j: int | Tensor = 0) -> Tensor:
        swapped, kept = super().x(c, j), super().x()
        return torch.cat([swapped[..., :1], kept[..., 1:]], -1)


class PartsOfTheNoise(Swaps):
    """Parts that are softmax of the noise: those of 1/e."""

    def __init__(self, choices: Choices, sample_size: int) -> None:
        super().__init__(choices, sample_size)
        self.parts = self.gumbel.softmax(-1)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [OtherNoise, OneChoiceSwapped, PartsOfTheNoise])
@pytest.mark.parametrize("estimator", [Ars(), Arsm()])
def test_a_swap_that_is_wrong_is_found(
    wrong: type[Swaps], estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = {"table": Reference(PROBLEMS["table"])}
    assert bench.certify(estimator, problems, replicates=4000).passed
    monkeypatch.setattr("estimators.swaps.Swaps", wrong)
    found = bench.certify(estimator, problems, replicates=4000)
    assert "bias" in {fault.check for _, fault in found.all_faults()}


def test_the_truth_at_equal_logits_is_that_of_the_problem() -> None:
    assert truth_of(built(classes(FIVE))).tolist() == pytest.approx(gradient_at_zero(FIVE))
