"""One-dimensional integrals with proven error: Gauss–Legendre panels, and enclosures to check them by."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from flint import acb, arb, ctx

from bench.balls import BITS
from bench.problem import NotApplicable

Magnitudes = Callable[[acb, bool], Sequence[arb]]

_ERROR = arb(2) ** -56  # of each integral in each panel, as a part of ∫ |h|
_ENCLOSED = arb(2) ** -48
_SLACK = 256  # between a bound of an integral and the integral
_MANY, _MOST = 400, 3000  # intervals: too many if tails do not vanish, and at most
_DEEPEST = 120  # halvings
_FEW = 5
_ORDER = 24  # nodes in a panel, at most
# The sum of the half axes of the ellipse about [−1, 1] in which an integrand must be analytic.
_RHO = 3.0
_AXES = ((_RHO + 1 / _RHO) / 2, (_RHO - 1 / _RHO) / 2)
_DIVERGENT = "the expectation of the cost does not converge"
_UNBOUNDED = "the cost is not finite where it has probability"
_EVALUATIONS = 20_000


@dataclass(frozen=True)
class Rule:
    """Nodes and weights, with the sizes of the integrals that they were laid for.

    Attributes:
        places: exact numbers on the line.
        weights: one for each.
        sizes: roughly ∫ |h| of each integrand.
    """

    places: list[arb]
    weights: list[float]
    sizes: list[float]


@dataclass
class _Panel:
    """An interval, with bounds for each integrand.

    Attributes:
        low: where it begins.
        high: where it ends.
        depth: how often an interval was halved to make it.
        masses: bounds of ∫ |h| over it.
        sizes: what is known of ∫ |h|: at first the bounds.
        peaks: bounds of half its width times |h| on the ellipse about it, once they are asked for.
    """

    low: arb
    high: arb
    depth: int
    masses: Sequence[arb]
    sizes: Sequence[arb]
    peaks: Sequence[arb] | None = None


def rule_of(magnitudes: Magnitudes, edges: Sequence[float], far: Sequence[float]) -> Rule:
    r"""Return nodes and weights that integrate functions h from the first to the last of the edges.

    Intervals are halved until each is either negligible or has a rule whose error is proven to be:
    where h is analytic in an ellipse about [−1, 1] with half axes of sum ρ, the rule of n nodes errs by

    .. math:: |E| \le \frac{64}{15}\, \frac{\rho^{-2 (n - 1)}}{1 - \rho^{-2}} \max_{\text{ellipse}} |h|.

    The bounds are of whole intervals and not of points in them: no feature is too narrow to be seen.

    Args:
        magnitudes: upper bounds of all |h| in a ball, and whether they are to be finite only where h is
            analytic.
        edges: increasing, where the intervals begin and end at first.
        far: places on a ladder out to where no more is looked for, at which all h must be negligible.

    Raises:
        NotApplicable: if that takes too many intervals, or tails are not negligible, as where an integral
            does not converge.

    References:
        Petras (2002), Self-validating integration and approximation of piecewise analytic functions.
        Trefethen (2013), Approximation theory and approximation practice, theorem 19.3.
    """
    with ctx.workprec(BITS):
        ends = [arb(edge) for edge in edges]
        panels = [_panel(magnitudes, *pair, 0) for pair in itertools.pairwise(ends)]
        while True:
            panels, allowed = _refined(magnitudes, panels, far)
            before = _total(panels)
            for panel in panels:
                panel.sizes = _measured(magnitudes, panel, allowed)
            # Bounds may have been far too large, and the error that was allowed with them.
            if all(old <= _SLACK * new for old, new in zip(before, _total(panels), strict=True)):
                break
        panels.sort(key=lambda panel: float(panel.low))
        found = [_nodes(magnitudes, panel, allowed) for panel in panels]
        sizes = [float(size) for size in _total(panels)]
        return Rule([x for places, _ in found for x in places], [w for _, ws in found for w in ws], sizes)


def _refined(
    magnitudes: Magnitudes, panels: list[_Panel], far: Sequence[float]
) -> tuple[list[_Panel], list[arb]]:
    """Halve intervals until all fit; return them and the error allowed in each."""
    settled: list[_Panel] = []
    while True:
        allowed = [_ERROR * size for size in _total([*settled, *panels])]
        fitting, halved = _sorted_out(magnitudes, panels, allowed)
        settled += fitting
        if not halved:  # those that came first were held to bounds that were larger then
            settled, halved = _sorted_out(magnitudes, settled, allowed)
        panels = [half for panel in halved for half in _halves(magnitudes, panel)]
        crowded = len(settled) + len(panels)
        if not panels or crowded > _MANY:
            _refuse_tails(magnitudes, far, allowed)
        if crowded > _MOST:
            at_centers = [bound for panel in panels for bound in magnitudes(_center(panel), False)]
            undefined = any(bound.is_nan() for bound in at_centers)
            raise NotApplicable(_UNBOUNDED if undefined else _DIVERGENT)
        if not panels:
            return settled, allowed


def _center(panel: _Panel) -> acb:
    return acb(((panel.low + panel.high) / 2).mid())


def _refuse_tails(magnitudes: Magnitudes, far: Sequence[float], allowed: Sequence[arb]) -> None:
    for place in far:
        bounds = magnitudes(acb(place), False)
        if any(bound.is_nan() for bound in bounds):
            raise NotApplicable(_UNBOUNDED)
        if not all(abs(place) * bound <= limit for bound, limit in zip(bounds, allowed, strict=True)):
            raise NotApplicable(_DIVERGENT)


def _sorted_out(
    magnitudes: Magnitudes, panels: Sequence[_Panel], allowed: Sequence[arb]
) -> tuple[list[_Panel], list[_Panel]]:
    """Those that are negligible or have a rule, and those to be halved."""
    fitting: list[_Panel] = []
    halved: list[_Panel] = []
    for panel in panels:
        fits = _is_negligible(panel, allowed) or _order(magnitudes, panel, allowed) <= _ORDER
        (fitting if fits else halved).append(panel)
    return fitting, halved


def _panel(magnitudes: Magnitudes, low: arb, high: arb, depth: int) -> _Panel:
    middle, half = (low + high) / 2, (high - low) / 2
    masses = [2 * half * bound for bound in magnitudes(acb(arb(middle, half)), False)]
    return _Panel(low, high, depth, masses, masses)


def _halves(magnitudes: Magnitudes, panel: _Panel) -> tuple[_Panel, _Panel]:
    if panel.depth == _DEEPEST:
        raise NotApplicable(_UNBOUNDED)
    middle = (panel.low + panel.high) / 2
    return (
        _panel(magnitudes, panel.low, middle, panel.depth + 1),
        _panel(magnitudes, middle, panel.high, panel.depth + 1),
    )


def _measured(magnitudes: Magnitudes, panel: _Panel, allowed: Sequence[arb]) -> Sequence[arb]:
    """∫ |h| by a few points; nothing where it is negligible."""
    if _is_negligible(panel, allowed):
        return [arb(0)] * len(allowed)
    places, weights = _gauss(_FEW)
    values = [magnitudes(acb(place), False) for place in _spread(panel, places)]
    half = (panel.high - panel.low) / 2
    return [
        half * sum((w * value for w, value in zip(weights.tolist(), column, strict=True)), arb(0))
        for column in zip(*values, strict=True)
    ]


def _total(panels: Sequence[_Panel]) -> list[arb]:
    """Bounds of ∫ |h|, of the intervals in which there is a finite one."""
    return [
        sum((size for size in column if size.is_finite()), arb(0)).upper()
        for column in zip(*(panel.sizes for panel in panels), strict=True)
    ]


def _is_negligible(panel: _Panel, allowed: Sequence[arb]) -> bool:
    return all(mass <= limit for mass, limit in zip(panel.masses, allowed, strict=True))


def _order(magnitudes: Magnitudes, panel: _Panel, allowed: Sequence[arb]) -> int:
    """How many nodes make the error as small as allowed; more than can be had if that is not known."""
    if panel.peaks is None:
        middle, half = (panel.low + panel.high) / 2, (panel.high - panel.low) / 2
        ellipse = acb(arb(middle, half * _AXES[0]), arb(0, half * _AXES[1]))
        panel.peaks = [half * bound for bound in magnitudes(ellipse, True)]
    order = 2.0
    for peak, limit in zip(panel.peaks, allowed, strict=True):
        if peak <= limit:
            continue
        if not peak.is_finite() or not limit > 0:
            return _ORDER + 1
        excess = float((64 / 15 / (1 - _RHO**-2) * peak / limit).log().upper())
        order = max(order, 1 + excess / (2 * math.log(_RHO)))
    return math.ceil(min(order, _ORDER + 1))


def _nodes(magnitudes: Magnitudes, panel: _Panel, allowed: Sequence[arb]) -> tuple[list[arb], list[float]]:
    if _is_negligible(panel, allowed):
        return [], []
    places, weights = _gauss(_order(magnitudes, panel, allowed))
    return _spread(panel, places), (float(panel.high - panel.low) / 2 * weights).tolist()


def _spread(panel: _Panel, places: np.ndarray) -> list[arb]:
    middle, half = (panel.low + panel.high) / 2, (panel.high - panel.low) / 2
    return [(middle + half * x).mid() for x in places.tolist()]


@functools.cache
def _gauss(order: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(order)


def enclosed(
    functions: Callable[[acb, bool], Sequence[acb]], low: float, high: float, sizes: Sequence[float]
) -> list[arb]:
    """Return balls that hold the integrals of several real functions from `low` to `high`.

    Two at a time are integrated as the real and the imaginary part of one function.

    Args:
        functions: in a ball, and whether they are to be finite only where they are analytic.
        low: where the integrals begin.
        high: where they end.
        sizes: roughly ∫ |h| of each, to which the radius is relative.

    Raises:
        NotApplicable: if a radius does not become small.

    References:
        Johansson (2018), Numerical integration in arbitrary-precision ball arithmetic.
    """
    with ctx.workprec(BITS):
        found: list[arb] = []
        for i in range(0, len(sizes), 2):
            pair = [arb(size) for size in sizes[i : i + 2]]
            # Each is made as large as 1, so that one tolerance serves both.
            units = [1 / size if size > 0 else arb(1) for size in pair]
            ball = acb.integral(
                functools.partial(_packed, functions, i, units),
                arb(low),
                arb(high),
                rel_tol=_ENCLOSED,
                abs_tol=_ENCLOSED,
                eval_limit=_EVALUATIONS,
            )
            found += [
                part / unit for part, unit in zip((ball.real, ball.imag)[: len(pair)], units, strict=True)
            ]
            if not max(ball.real.rad(), ball.imag.rad()) < 2**12 * _ENCLOSED:
                raise NotApplicable("the second rule for the expectation of the cost does not converge")
        return found


def _packed(
    functions: Callable[[acb, bool], Sequence[acb]], first: int, units: Sequence[arb], u: acb, analytic: bool
) -> acb:
    values = functions(u, analytic)[first : first + 2]
    scaled = [value * unit for value, unit in zip(values, units, strict=True)]
    return scaled[0] + _I * scaled[1] if len(scaled) == 2 else scaled[0]


_I = acb(0, 1)
