"""Exact gradients of costs with narrow, far, rare, jumping, heavy or infinite features, by closed forms.

No truth may be wrong beyond the error that it states, and rounding. A cost may be refused; those that are
today are named, so that a loss of what is known is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from bench import quadrature
from bench.catalogue import build
from bench.engine.truth import exact_gradient
from bench.problem import NotApplicable, Problem
from tests.cases import expectation

mpmath = pytest.importorskip("mpmath")  # torch brings it along
mp = mpmath.mp

ROUNDING = 1e-9  # of the largest derivative
Value = Callable[..., Any]


def derivatives(value: Value, *theta: float) -> list[float]:
    """The gradient of a closed form, by differences in 60 digits."""
    with mp.workdps(60):
        return [
            float(
                mpmath.diff(
                    lambda x, i=i: value(*theta[:i], x, *theta[i + 1 :]), theta[i], h=mp.mpf(10) ** -25
                )
            )
            for i in range(len(theta))
        ]


def below(cdf: Value, c: float, *theta: Any) -> Any:
    return cdf(mp.mpf(c), *theta)


def normal_cdf(c: Any, loc: Any, scale: Any) -> Any:
    return mpmath.erfc(-(c - loc) / scale / mpmath.sqrt(2)) / 2


def normal_sf(c: Any, loc: Any, scale: Any) -> Any:
    return mpmath.erfc((c - loc) / scale / mpmath.sqrt(2)) / 2


def between(a: float, b: float, loc: Any, scale: Any) -> Any:
    return normal_sf(mp.mpf(a), loc, scale) - normal_sf(mp.mpf(b), loc, scale)


def bump(k: float, c: float, loc: Any, scale: Any) -> Any:
    """E exp(−k (z − c)²)."""
    wide = 1 + 2 * mp.mpf(k) * scale**2
    return mpmath.exp(-mp.mpf(k) * (loc - c) ** 2 / wide) / mpmath.sqrt(wide)


def student_sf(c: Any, df: Any, loc: Any, scale: Any) -> Any:
    t = (c - loc) / scale
    tail = mpmath.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2
    return tail if t > 0 else 1 - tail


def laplace_cdf(c: Any, loc: Any, scale: Any) -> Any:
    t = (c - loc) / scale
    return mpmath.exp(t) / 2 if t < 0 else 1 - mpmath.exp(-t) / 2


def gamma_cdf(c: Any, a: Any, rate: Any) -> Any:
    return mpmath.gammainc(a, 0, rate * c, regularized=True)


def beta_moment(a: Any, b: Any, k: int) -> Any:
    return mpmath.beta(a + k, b) / mpmath.beta(a, b)


def beta_square(a: Any, b: Any) -> Any:
    return beta_moment(a, b, 2) - mp.mpf(0.6) * beta_moment(a, b, 1)


def at(
    options: dict[str, Any], value: Value, *theta: float
) -> tuple[dict[str, Any], Callable[[], list[float]]]:
    return options, partial(derivatives, value, *theta)


def of_normal(cost: str, value: Value, loc: float = 0.0, scale: float = 1.0) -> Any:
    return at(expectation(cost, ["loc", "scale"], normal={"loc": loc, "scale": scale}), value, loc, scale)


def of_beta(cost: str, value: Value, a: float, b: float) -> Any:
    law = {"concentration1": a, "concentration0": b}
    return at(expectation(cost, list(law), beta=law), value, a, b)


def of_gamma(cost: str, value: Value, a: float, rate: float) -> Any:
    law = {"concentration": a, "rate": rate}
    return at(expectation(cost, list(law), gamma=law), value, a, rate)


def of_student(cost: str, value: Value, df: float, loc: float, scale: float) -> Any:
    law = {"df": df, "loc": loc, "scale": scale}
    return at(expectation(cost, list(law), student_t=law), value, df, loc, scale)


def of_lognormal(cost: str, value: Value, loc: float, scale: float) -> Any:
    return at(expectation(cost, ["loc", "scale"], lognormal={"loc": loc, "scale": scale}), value, loc, scale)


def of_mixture(cost: str, part: Value, loc: list[float], scale: list[float]) -> Any:
    share = 1 / len(loc)
    law = {"loc": loc, "scale": scale, "logits": [0.0] * len(loc)}

    def wanted() -> list[float]:
        each = [derivatives(part, m, s) for m, s in zip(loc, scale, strict=True)]
        return [share * of_loc for of_loc, _ in each] + [share * of_scale for _, of_scale in each]

    return expectation(cost, ["loc", "scale"], normal_mixture=law), wanted


def of_one(family: str, name: str, cost: str, value: Value, theta: float, **fixed: float) -> Any:
    return at(expectation(cost, [name], **{family: {name: theta, **fixed}}), value, theta)


def square(loc: Any, scale: Any) -> Any:
    return loc**2 + scale**2


CASES: dict[str, tuple[dict[str, Any], Callable[[], list[float]]]] = {
    # windows
    "window": of_normal("(z > 1) * (z < 1.01)", partial(between, 1, 1.01)),
    "window, narrow": of_normal("(z > 1) * (z < 1.0001)", partial(between, 1, 1.0001)),
    "window, off": of_normal("(z > 0.7371) * (z <= 0.7373)", partial(between, 0.7371, 0.7373), 0.3, 1.7),
    "window, far": of_normal("(z > 9) * (z < 9.001)", partial(between, 9, 9.001)),
    "window, very far": of_normal("(z > 30) * (z < 30.01)", partial(between, 30, 30.01)),
    "window, at a large place": of_normal(
        "(z > 1000.5) * (z < 1000.501)", partial(between, 1000.5, 1000.501), 1e3
    ),
    "window, of a narrow density": of_normal("z > 0.30001", partial(normal_sf, mp.mpf(0.30001)), 0.3, 1e-4),
    "window, of abs": of_normal("abs(z - 2) < 0.0005", partial(between, 1.9995, 2.0005), 0.1, 0.9),
    "two windows": of_normal(
        "(z > -2) * (z < -1.999) + 3 * (z > 2) * (z < 2.001)",
        lambda m, s: between(-2, -1.999, m, s) + 3 * between(2, 2.001, m, s),
    ),
    "tail": of_normal("z > 8", partial(normal_sf, 8)),
    "tail, rare": of_normal("1e9 * (z > 6.5)", lambda m, s: 1e9 * normal_sf(6.5, m, s), 0.2, 0.8),
    "jumps, many": of_normal(
        " + ".join(f"(z > {k / 7})" for k in range(-10, 11)),
        lambda m, s: sum(normal_sf(mp.mpf(k / 7), m, s) for k in range(-10, 11)),
        0.1,
        0.7,
    ),
    "windows, many": of_normal(
        " + ".join(f"(abs(z - {k / 10}) < 1e-4)" for k in range(-10, 10)),
        lambda m, s: sum(
            normal_sf(mp.mpf(k / 10) - mp.mpf(1e-4), m, s) - normal_sf(mp.mpf(k / 10) + mp.mpf(1e-4), m, s)
            for k in range(-10, 10)
        ),
        0.1,
        1.0,
    ),
    "jump, by a square": of_normal(
        "z**2 > 1.5", lambda m, s: 1 - between(-math.sqrt(1.5), math.sqrt(1.5), m, s), 0.4
    ),
    "jump, by an exponential": of_normal("exp(z) > 3", partial(normal_sf, math.log(3)), 0.4, 1.2),
    "jump on an offset": of_normal("1000000 + (z > 0.25)", partial(normal_sf, 0.25), 0.1, 0.9),
    "jump times a square": of_normal(
        "(z > 0) * z**2",
        lambda m, s: (m**2 + s**2) * normal_sf(0, m, s) + m * s * mpmath.npdf(m / s),
        0.3,
        0.8,
    ),
    # kinks
    "kink": of_normal(
        "abs(z)", lambda m, s: 2 * s * mpmath.npdf(m / s) + m * (1 - 2 * normal_sf(m / s, 0, 1)), 0.3, 0.8
    ),
    "rectifier": of_normal(
        "(z > 1) * (z - 1)",
        lambda m, s: (m - 1) * normal_sf(1, m, s) + s * mpmath.npdf((m - 1) / s),
        0.3,
        0.8,
    ),
    # bumps
    "bump": of_normal("exp(-1e4*(z-1.2345)**2)", partial(bump, 1e4, 1.2345)),
    "bump, narrow": of_normal("exp(-1e6*(z-1.2345)**2)", partial(bump, 1e6, 1.2345)),
    "bump, of 1e-4": of_normal("exp(-1e8*(z-1.2345)**2)", partial(bump, 1e8, 1.2345)),
    "bump, of 1e-6": of_normal("exp(-1e12*(z-1.2345)**2)", partial(bump, 1e12, 1.2345)),
    "bump, in the middle": of_normal("exp(-1e8*z**2)", partial(bump, 1e8, 0)),
    "bump, far": of_normal("exp(-1e6*(z-7)**2)", partial(bump, 1e6, 7)),
    "bumps": of_normal(
        "exp(-1e8*(z-0.5)**2) - exp(-1e6*(z+2)**2) + z**2",
        lambda m, s: bump(1e8, 0.5, m, s) - bump(1e6, -2, m, s) + m**2 + s**2,
    ),
    "bump, of a product": of_normal(
        "exp(-1e6*(z-1)**2) * exp(-1e6*(z-1.001)**2)",
        lambda m, s: (
            bump(2e6, (1 + 1.001) / 2, m, s) * mpmath.exp(-mp.mpf(1e6) * (mp.mpf(1.001) - 1) ** 2 / 2)
        ),
    ),
    # growth and oscillation
    "exponential": of_normal("exp(3*z)", lambda m, s: mpmath.exp(3 * m + 4.5 * s**2), 0.2, 1.1),
    "exponential, steep": of_normal("exp(30*z)", lambda m, s: mpmath.exp(30 * m + 450 * s**2)),
    "exponential of a square": of_normal(
        "exp(0.4*z**2)",
        lambda m, s: (
            mpmath.exp(mp.mpf(0.4) * m**2 / (1 - mp.mpf(0.8) * s**2)) / mpmath.sqrt(1 - mp.mpf(0.8) * s**2)
        ),
        0.3,
    ),
    "power": of_normal(
        "z**12",
        lambda m, s: mpmath.quad(lambda x: (m + s * x) ** 12 * mpmath.npdf(x), [-40, -8, 0, 8, 40]),
        0.2,
        0.9,
    ),
    "cosine, fast": of_normal(
        "cos(50*z)", lambda m, s: mpmath.cos(50 * m) * mpmath.exp(-1250 * s**2), 0.3, 0.1
    ),
    "offset": of_normal("1e9 + z**2", square, 0.3, 0.8),
    "undefined, but never there": of_normal(
        "log(z)",
        lambda m, s: mpmath.log(m) - s**2 / 2 / m**2 - 3 * s**4 / 4 / m**4 - 15 * s**6 / 6 / m**6,
        1000.0,
        1.0,
    ),
    "coefficients, tiny": of_normal("1e-12 * z**2", lambda m, s: mp.mpf(1e-12) * square(m, s), 0.3, 0.8),
    # mixtures
    "mixture, far": of_mixture(
        "z**2 / 2", lambda m, s: square(m, s) / 2, [-1000.0, 0.0, 1000.0], [0.01, 1.0, 0.01]
    ),
    "mixture, narrow": of_mixture("z**2", square, [0.0, 1234.567], [1.0, 0.003]),
    "mixture, jump in the narrow part": of_mixture(
        "z > 1234.568", partial(normal_sf, mp.mpf(1234.568)), [0.0, 1234.567], [1.0, 0.003]
    ),
    "mixture, window": of_mixture(
        "(z > 5) * (z < 5.001)", partial(between, 5, 5.001), [-3.0, 5.0], [0.5, 0.01]
    ),
    "mixture, cosine": of_mixture(
        "cos(z)", lambda m, s: mpmath.cos(m) * mpmath.exp(-(s**2) / 2), [-40.0, 3.0], [0.1, 2.0]
    ),
    # other families
    "beta, tiny": of_beta("(z - 0.3)**2", beta_square, 0.001, 0.002),
    "beta, small": of_beta("(z - 0.3)**2", beta_square, 0.01, 0.02),
    "beta, below one": of_beta("(z - 0.3)**2", beta_square, 0.1, 0.2),
    "beta, logarithm": of_beta("log(z)", lambda a, b: mpmath.digamma(a) - mpmath.digamma(a + b), 0.02, 0.03),
    "beta, large": of_beta("z**2", partial(beta_moment, k=2), 3e4, 7e4),
    "beta, window": of_beta(
        "z < 0.001", lambda a, b: mpmath.betainc(a, b, 0, mp.mpf(0.001), regularized=True), 0.5, 2.5
    ),
    "gamma, tiny": of_gamma("z**2", lambda a, r: a * (a + 1) / r**2, 1e-3, 0.7),
    "gamma, large": of_gamma("z", lambda a, r: a / r, 1e6, 1.0),
    "gamma, window": of_gamma("z < 0.3", partial(gamma_cdf, mp.mpf(0.3)), 2.3, 1.7),
    "gamma, inverse": of_gamma("1/z", lambda a, r: r / (a - 1), 1.4, 0.7),
    "exponential law, tail": of_one("exponential", "rate", "z > 20", lambda r: mpmath.exp(-20 * r), 1.6),
    "weibull, tiny": of_one(
        "weibull", "concentration", "z**0.05", lambda k: mpmath.gamma(1 + mp.mpf(0.05) / k), 0.06, scale=1.0
    ),
    "weibull, heavy": of_one(
        "weibull", "concentration", "z**2", lambda k: mpmath.gamma(1 + 2 / k), 0.3, scale=1.0
    ),
    "half_normal, tail": of_one("half_normal", "scale", "z > 6", lambda s: 2 * normal_sf(6, 0, s), 0.9),
    "laplace, tail": at(
        expectation("z < -12.5", ["loc", "scale"], laplace={"loc": 0.3, "scale": 0.7}),
        partial(laplace_cdf, mp.mpf(-12.5)),
        0.3,
        0.7,
    ),
    "laplace, exponential": of_one(
        "laplace", "scale", "exp(z/2)", lambda b: mpmath.exp(0.15) / (1 - b**2 / 4), 1.9, loc=0.3
    ),
    "student, near its moment": of_student("z**2", lambda v, m, s: m**2 + s**2 * v / (v - 2), 2.5, 0.4, 0.7),
    "student, tail": of_student("z > 100", partial(student_sf, 100), 1.5, 0.4, 0.7),
    "lognormal, window": of_lognormal(
        "(z > 2) * (z < 2.001)", lambda m, s: between(math.log(2), mpmath.log(mp.mpf(2.001)), m, s), 0.2, 0.6
    ),
    "lognormal, heavy": of_lognormal("z**4", lambda m, s: mpmath.exp(4 * m + 8 * s**2), 0.2, 2.0),
    "von_mises, sharp": at(
        expectation("cos(z)", ["loc", "concentration"], von_mises={"loc": 3.1, "concentration": 1e4}),
        lambda m, k: mpmath.cos(m) * mpmath.besseli(1, k) / mpmath.besseli(0, k),
        3.1,
        1e4,
    ),
    # singular in the middle
    "logarithm of abs": of_normal(
        "log(abs(z))", lambda m, s: mpmath.log(s) - (mpmath.euler + mpmath.log(2)) / 2 + m**2 / 2 / s**2, 0.0
    ),
}
REFUSED = {"logarithm of abs", "beta, logarithm"}


def problem_of(options: dict[str, Any]) -> Problem:
    problem: Problem = build("problems", "expectation", {k: v for k, v in options.items() if k != "name"})
    return problem.to("cpu", torch.float64)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_no_truth_is_wrong_beyond_its_error(name: str) -> None:
    options, wanted = CASES[name]
    try:
        truth = exact_gradient(problem_of(options))
    except NotApplicable:
        assert name in REFUSED
        return
    assert name not in REFUSED
    assert truth.gradient is not None
    exact = torch.tensor(wanted(), dtype=torch.float64)  # [P]
    excess = (truth.gradient - exact).abs() - truth.standard_error
    assert float(excess.max()) <= ROUNDING * float(exact.abs().max()), (truth.gradient, exact)


def test_there_are_sixty() -> None:
    assert len(CASES) >= 60


NARROW = "exp(-1e8*(z-1.2345)**2)"


def coarse(magnitudes: Any, edges: Any, far: Any, rule_of: Any = quadrature.rule_of) -> quadrature.Rule:
    """A rule that is fitted to a smooth density, whatever the integrands are."""
    return rule_of(
        lambda ball, _: np.full_like(
            magnitudes(ball, None), float((-ball * ball / 2).exp().abs_upper().log())
        ),
        edges,
        far,
    )


def test_a_rule_that_misses_a_feature_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quadrature, "rule_of", coarse)
    with pytest.raises(NotApplicable):
        exact_gradient(problem_of(expectation(NARROW, ["loc"], normal={"loc": 0.0, "scale": 1.0})))


def test_a_check_by_the_same_rule_would_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # The control: why the second rule is of another kind.
    problem = problem_of(expectation(NARROW, ["loc"], normal={"loc": 0.0, "scale": 1.0}))
    monkeypatch.setattr(quadrature, "rule_of", coarse)
    monkeypatch.setattr(type(problem), "expectation_check", type(problem).expectation)
    assert float(exact_gradient(problem).standard_error) == 0


@pytest.mark.parametrize("check", [False, True])
def test_points_have_the_moments_of_cost_times_score(check: bool) -> None:
    # Of N(μ, σ) and f = z²: E[(f s)²] with s = (z − μ)/σ², by the moments of a normal.
    problem = problem_of(expectation("z**2", ["loc"], normal={"loc": 2.0, "scale": 1.0}))
    x, weights, power = problem.points(check)
    score = x[:, 0] - 2
    assert power == 4
    assert float(weights.sum()) == pytest.approx(1, abs=1e-12)
    assert float(weights @ (x[:, 0] ** 2 * score) ** 2) == pytest.approx(103, rel=1e-12)
