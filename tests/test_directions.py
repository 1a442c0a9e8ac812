"""Directions of evolution strategies: stated variances on linear and quadratic costs, biases on a cubic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bench.engine.streams import Address, stream
from bench.errors import Invalid
from bench.options import construct
from estimators.directions import DIRECTIONS
from estimators.evolution_strategies import EvolutionStrategies
from tests.cases import expectation
from tests.stated import Stated, faults_of

G, D, SIGMA = (0.7, -1.2, 0.4, 2.1, -0.3), 5, 0.3
INDEPENDENT = {"normal": D + 1, "rademacher": D - 1, "sphere": D - 1}
AT_RIGHT_ANGLES = ("orthogonal", "coordinates")


def linear(perturbations: str, count: int, total: float) -> Stated:
    problem = expectation("dot(g, z)", ["loc"], normal={"loc": [0.3, -0.6, 0.1, 0.9, 1.4], "scale": SIGMA})
    options = {"perturbations": perturbations, "smoothing": 0.1}
    return Stated(("evolution_strategies", options), problem | {"let": {"g": list(G)}}, G, total, count)


SQUARE = sum(g * g for g in G)
LINEAR = [
    *(linear(name, q, SQUARE * factor / q) for name, factor in INDEPENDENT.items() for q in (1, 4)),
    *(linear(name, q, SQUARE * (D / q - 1)) for name in AT_RIGHT_ANGLES for q in (1, 3, 5)),
    # After a whole set of five, two of another are left: their sum has the weight 2/7.
    *(linear(name, 7, SQUARE * (2 / 7) ** 2 * (D / 2 - 1)) for name in AT_RIGHT_ANGLES),
]


def _id(stated: Stated) -> str:
    return f"{stated.estimator[1]['perturbations']}-{stated.sample_size}"


@pytest.mark.parametrize("stated", LINEAR, ids=_id)
def test_variances_on_a_linear_cost_are_the_stated_ones(stated: Stated) -> None:
    assert faults_of(stated) == []


def test_another_variance_is_a_fault() -> None:
    assert len(faults_of(linear("orthogonal", 3, SQUARE * (D - 1) / 3))) == 1
    assert len(faults_of(linear("sphere", 4, SQUARE * (D + 1) / 4))) == 1


H = torch.tensor([[1.2, -0.5, 0.3], [-0.5, 0.8, 0.1], [0.3, 0.1, -0.6]], dtype=torch.float64)
LOC = torch.tensor([0.3, -0.6, 0.9], dtype=torch.float64)
SLOPE = torch.tensor([0.7, -1.2, 0.4], dtype=torch.float64)


def curvature(perturbations: str) -> float:
    """E[(vᵀHv)² ‖v‖²] of a direction in d dimensions."""
    d, trace = len(H), float(H.trace())
    square, diagonal = float(H.square().sum()), float(H.diagonal().square().sum())
    return {
        "normal": (d + 4) * (trace**2 + 2 * square),
        "sphere": d**2 * (trace**2 + 2 * square) / (d + 2),
        "orthogonal": d**2 * (trace**2 + 2 * square) / (d + 2),
        "rademacher": d * (trace**2 + 2 * (square - diagonal)),
        "coordinates": d**2 * diagonal,
    }[perturbations]


def one_sided(perturbations: str, count: int, of_curvature: float) -> Stated:
    """½ zᵀHz + gᵀz with a common noise of z; c²/4 E[(vᵀHv)² ‖v‖²] comes to what a linear cost has."""
    d, c, mean = len(H), 0.8, SLOPE + H @ LOC
    noise = SIGMA**2 * float(H.square().sum())  # E‖∇f(z)‖² − ‖∇F‖²
    size = float(mean.square().sum())
    single = (d + 2 if perturbations == "normal" else d) * (size + noise) + c**2 / 4 * of_curvature
    apart = perturbations in AT_RIGHT_ANGLES
    total = single / count - size if apart else (single - size) / count
    problem = expectation(
        "dot(z, dot(H, z))/2 + dot(g, z)", ["loc"], normal={"loc": LOC.tolist(), "scale": SIGMA}
    )
    options = {"perturbations": perturbations, "smoothing": c, "direction": "forward"}
    let = {"g": SLOPE.tolist(), "H": H.tolist()}
    return Stated(("evolution_strategies", options), problem | {"let": let}, mean.tolist(), total, count)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("perturbations", DIRECTIONS)
def test_what_a_step_on_one_side_adds_on_a_quadratic(perturbations: str, count: int) -> None:
    assert faults_of(one_sided(perturbations, count, curvature(perturbations))) == []


def test_a_step_on_one_side_does_add_something() -> None:
    assert len(faults_of(one_sided("orthogonal", 3, 0.0))) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("perturbations", "fourth"),
    [("normal", 3.0), ("rademacher", 1.0), ("sphere", 9 / 5), ("orthogonal", 9 / 5), ("coordinates", 3.0)],
)
def test_the_bias_for_a_cubic(perturbations: str, fourth: float) -> None:
    # F = Σ μ³ + 3μσ², whose differences are F′ along v plus h² Σ v_i³, and E v_i v_j³ is E v_i⁴ where i = j.
    h, scale = 0.5, 0.8
    loc = [1.3, -0.4, 0.6]
    problem = expectation("sum(z**3)", ["loc"], normal={"loc": loc, "scale": scale})
    options = {"perturbations": perturbations, "smoothing": h}
    truth = [3 * each**2 + 3 * scale**2 for each in loc]
    mean = [each + h**2 * fourth for each in truth]
    assert faults_of(Stated(("evolution_strategies", options), problem, mean, sample_size=2)) == []
    assert faults_of(Stated(("evolution_strategies", options), problem, truth, sample_size=2)) != []


def drawn(name: str, count: int, rows: int, theta: Tensor) -> Tensor:
    with stream(Address(0, "test", count, "estimates"), torch.device("cpu")) as draws:
        draws.begin(0, rows)
        return DIRECTIONS[name](count, theta[:rows])


@pytest.mark.parametrize("count", [2, 4, 7])
@pytest.mark.parametrize("name", DIRECTIONS)
def test_directions_have_their_moments_and_rows_of_their_own(name: str, count: int) -> None:
    theta = torch.zeros(20_000, 4, dtype=torch.float64)
    e = drawn(name, count, 20_000, theta)  # [N, R, P]
    products = torch.einsum("nri,nrj->rnij", e, e)  # [R, N, P, P]
    away = (products.mean(0) - torch.eye(4)).abs() / (products.std(0) / 20_000**0.5 + 1e-12)
    assert float(away.max()) < 5  # of 112 numbers at most: a false alarm has probability 6e-5
    assert float((e.mean(1).abs() / (e.std(1) / 20_000**0.5)).max()) < 5
    assert torch.equal(drawn(name, count, 3, theta), e[:, :3])
    if name != "normal":
        assert torch.allclose(e.norm(dim=-1), torch.full(e.shape[:2], 2.0, dtype=e.dtype))
    within = torch.einsum("nri,mri->rnm", e[:4], e[:4]) - 4 * torch.eye(min(count, 4))
    assert (float(within.abs().max()) < 1e-12) == (name in AT_RIGHT_ANGLES)


def test_other_directions_are_refused() -> None:
    options: dict[str, Any] = {"perturbations": "cauchy"}
    with pytest.raises(Invalid, match="'normal', 'rademacher', 'sphere'"):
        construct(EvolutionStrategies, options, "evolution_strategies")
