"""A stiff contact: the path is unbiased and useless, the score does not mind; both in closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench.catalogue import build
from bench.engine.truth import exact_gradient
from tests.cases import expectation
from tests.stated import Stated, faults_of

LOC, SCALE = -0.05, 0.2


def contact(width: float, loc: float = LOC) -> dict[str, Any]:
    """The cost clip(z/κ, 0, 1)."""
    cost = f"(abs(z) - abs(z - {width}) + {width})/{2 * width}"
    return expectation(cost, ["loc"], normal={"loc": loc, "scale": SCALE})


def inside(width: float, loc: float = LOC) -> float:
    """P(0 < z < κ)."""
    below = [0.5 * math.erfc((loc - edge) / SCALE / math.sqrt(2)) for edge in (0, width)]
    return below[1] - below[0]


# κ, the truth, and the variances by the path and by the score. Suh et al. (2022), Do differentiable
# simulators give better policy gradients?
TABLE = [
    (0.5, 0.79662782, 0.95863976, 3.66884218),
    (0.1, 1.74666322, 14.41579979, 8.79753056),
    (0.01, 1.92050965, 188.36260774, 8.73746108),
]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "truth", "path", "score"), TABLE)
def test_both_orders_have_the_stated_moments(width: float, truth: float, path: float, score: float) -> None:
    options = contact(width)
    options.pop("name")
    found = exact_gradient(build("problems", "expectation", options)).gradient
    assert found is not None
    assert float(found) == pytest.approx(truth, abs=6e-9)
    assert truth == pytest.approx(inside(width) / width, abs=6e-9)
    for name, variance in (("reparameterization", path), ("reinforce", score)):
        assert faults_of(Stated((name, {}), contact(width), (truth,), (variance,), known=True)) == []


@pytest.mark.parametrize(("width", "loc"), [(0.3, 0.1), (0.05, -0.15)])
def test_the_path_at_other_parameters(width: float, loc: float) -> None:
    p = inside(width, loc)
    mean, variance = (p / width,), (p * (1 - p) / width**2,)
    assert (
        faults_of(Stated(("reparameterization", {}), contact(width, loc), mean, variance, known=True)) == []
    )
    assert faults_of(Stated(("reinforce", {}), contact(width, loc), mean, variance, known=True)) != []


def test_the_orders_cross_between_one_half_and_one_tenth() -> None:
    assert [path < score for _, _, path, score in TABLE] == [True, False, False]
