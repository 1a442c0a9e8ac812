"""One-dimensional integrals with proven error: Gauss–Legendre panels."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from flint import acb, arb, ctx

from bench.balls import BITS, Within
from bench.problem import NotApplicable

Magnitudes = Callable[[acb, Within], np.ndarray]
"""Logarithms of upper bounds of all integrands in a ball; nan where one is undefined, or is not the analytic
function that it is within an interval."""

_LOG_ERROR = -56 * math.log(2)  # of each integral in each panel, as a part of ∫ |h|
_LOG_SLACK = math.log(256)  # between a bound of an integral and the integral
_MANY, _MOST = 400, 3000  # intervals: too many if tails do not vanish, and at most
_DEEP, _DEEPEST = 12, 120  # halvings: more than are needed where all is smooth, and at most
_FEW = 5
_ORDER = 24  # nodes in a panel, at most
# The sum of the half axes of the ellipse about [−1, 1] in which an integrand must be analytic.
_RHO = 3.0
_AXES = ((_RHO + 1 / _RHO) / 2, (_RHO - 1 / _RHO) / 2)
_LOG_CONSTANT = math.log(64 / 15 / (1 - _RHO**-2))
_DIVERGENT = "no proof was found that the expectation of the cost converges"
_UNBOUNDED = "the cost is not finite where it has probability"


@dataclass(frozen=True)
class Rule:
    """Nodes and weights, with the sizes of the integrals that they were laid for.

    Attributes:
        places: exact numbers on the line.
        weights: one for each.
        log_sizes: logarithms of ∫ |h| of each integrand, roughly.
        cuts: increasing, places on both sides of each jump and of each narrow feature, and very near.
    """

    places: list[arb]
    weights: list[float]
    log_sizes: list[float]
    cuts: list[arb]


@dataclass
class _Panel:
    """An interval, with bounds for each integrand: logarithms, since integrands may be of any size.

    Attributes:
        low: where it begins.
        high: where it ends.
        depth: how often an interval was halved to make it.
        masses: bounds of ∫ |h| over it, `[H]`.
        sizes: what is known of ∫ |h|: at first the bounds, `[H]`.
        peaks: bounds of half its width times |h| on the ellipse about it, `[H]`, once they are asked for.
    """

    low: arb
    high: arb
    depth: int
    masses: np.ndarray
    sizes: np.ndarray
    peaks: np.ndarray | None = None

    @property
    def log_half(self) -> float:
        """The logarithm of half its width."""
        return math.log(float(self.high - self.low) / 2)


def rule_of(magnitudes: Magnitudes, edges: Sequence[float], far: Sequence[float]) -> Rule:
    r"""Return nodes and weights that integrate functions h from the first to the last of the edges.

    Intervals are halved until each is either negligible or has a rule whose error is proven to be:
    where h is analytic in an ellipse about [−1, 1] with half axes of sum ρ, the rule of n nodes errs by

    .. math:: |E| \le \frac{64}{15}\, \frac{\rho^{-2 (n - 1)}}{1 - \rho^{-2}} \max_{\text{ellipse}} |h|.

    The bounds are of whole intervals and not of points in them: no feature is too narrow to be seen.

    Args:
        magnitudes: bounds of all |h|.
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
            panels = _rejoined(magnitudes, panels, allowed)
            before = _total(panels)
            for panel in panels:
                panel.sizes = _measured(magnitudes, panel, allowed)
            # Bounds may have been far too large, and the error that was allowed with them.
            if (before <= _LOG_SLACK + _total(panels)).all():
                break
        found = [_nodes(magnitudes, panel, allowed) for panel in panels]
        places = [x for each, _ in found for x in each]
        return Rule(places, [w for _, each in found for w in each], _total(panels).tolist(), _cuts(panels))


def _refined(
    magnitudes: Magnitudes, panels: list[_Panel], far: Sequence[float]
) -> tuple[list[_Panel], np.ndarray]:
    """Halve intervals until all fit; return them and the logarithms of the error allowed in each, `[H]`."""
    settled: list[_Panel] = []
    while True:
        allowed = _LOG_ERROR + _total([*settled, *panels])
        fitting, halved = _sorted_out(magnitudes, panels, allowed)
        settled += fitting
        if not halved:  # those that came first were held to bounds that were larger then
            settled, halved = _sorted_out(magnitudes, settled, allowed)
        panels = [half for panel in halved for half in _halves(magnitudes, panel)]
        crowded = len(settled) + len(panels)
        if not panels or crowded > _MANY:
            _refuse_tails(magnitudes, far, allowed)
        if crowded > _MOST:
            undefined = any(np.isnan(magnitudes(_center(panel), None)).any() for panel in panels)
            raise NotApplicable(_UNBOUNDED if undefined else _DIVERGENT)
        if not panels:
            return settled, allowed


def _center(panel: _Panel) -> acb:
    return acb(((panel.low + panel.high) / 2).mid())


def _refuse_tails(magnitudes: Magnitudes, far: Sequence[float], allowed: np.ndarray) -> None:
    for place in far:
        bounds = magnitudes(acb(place), None)
        if np.isnan(bounds).any():
            raise NotApplicable(_UNBOUNDED)
        if not (math.log(abs(place)) + bounds <= allowed).all():
            raise NotApplicable(_DIVERGENT)


def _sorted_out(
    magnitudes: Magnitudes, panels: Sequence[_Panel], allowed: np.ndarray
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
    masses = math.log(2 * float(half)) + magnitudes(acb(arb(middle, half)), None)
    return _Panel(low, high, depth, masses, masses)


def _rejoined(magnitudes: Magnitudes, panels: list[_Panel], allowed: np.ndarray) -> list[_Panel]:
    """The intervals in order, with those joined again that had to be halved only to come near a jump."""
    panels.sort(key=lambda panel: panel.low)
    joined: list[_Panel] = []
    for nothing, neighbours in itertools.groupby(panels, lambda panel: _is_negligible(panel, allowed)):
        run = list(neighbours)
        joined += run if nothing else _joined(magnitudes, run, allowed)
    return joined


def _joined(magnitudes: Magnitudes, run: list[_Panel], allowed: np.ndarray) -> list[_Panel]:
    """As few intervals as fit in place of neighbors."""
    if max(panel.depth for panel in run) < _DEEP or len(run) == 1:
        return run
    masses = np.logaddexp.reduce([panel.masses for panel in run])  # [H]
    sizes = np.logaddexp.reduce([panel.sizes for panel in run])  # [H]
    whole = _Panel(run[0].low, run[-1].high, min(panel.depth for panel in run), masses, sizes)
    if _order(magnitudes, whole, allowed) <= _ORDER:
        return [whole]
    middle = len(run) // 2
    return _joined(magnitudes, run[:middle], allowed) + _joined(magnitudes, run[middle:], allowed)


def _cuts(panels: Sequence[_Panel]) -> list[arb]:
    """Return the ends of runs of intervals to which many halvings led: at jumps and narrow features."""
    found: list[arb] = []
    for deep, neighbours in itertools.groupby(panels, lambda panel: panel.depth >= _DEEP):
        run = list(neighbours)
        if deep:
            found += [run[0].low, run[-1].high]
    return found


def _halves(magnitudes: Magnitudes, panel: _Panel) -> tuple[_Panel, _Panel]:
    if panel.depth == _DEEPEST:
        raise NotApplicable(_UNBOUNDED)
    middle = (panel.low + panel.high) / 2
    return (
        _panel(magnitudes, panel.low, middle, panel.depth + 1),
        _panel(magnitudes, middle, panel.high, panel.depth + 1),
    )


def _measured(magnitudes: Magnitudes, panel: _Panel, allowed: np.ndarray) -> np.ndarray:
    """∫ |h| by a few points; nothing where it is negligible."""
    if _is_negligible(panel, allowed):
        return np.full_like(allowed, -np.inf)
    places, weights = _gauss(_FEW)
    values = np.stack([magnitudes(acb(place), None) for place in _spread(panel, places)], 1)  # [H, few]
    sizes: np.ndarray = np.logaddexp.reduce(values + np.log(weights), 1)  # [H]
    return panel.log_half + sizes


def _total(panels: Sequence[_Panel]) -> np.ndarray:
    """Bounds of ∫ |h|, of the intervals in which there is a finite one, `[H]`."""
    sizes = np.stack([panel.sizes for panel in panels])  # [panels, H]
    total: np.ndarray = np.logaddexp.reduce(np.where(sizes < np.inf, sizes, -np.inf), 0)
    return total


def _is_negligible(panel: _Panel, allowed: np.ndarray) -> bool:
    return bool((panel.masses <= allowed).all())


def _order(magnitudes: Magnitudes, panel: _Panel, allowed: np.ndarray) -> int:
    """Return the number of nodes for the allowed error; more than can be had if that is not known."""
    if panel.peaks is None:
        middle, half = (panel.low + panel.high) / 2, (panel.high - panel.low) / 2
        ellipse = acb(arb(middle, half * _AXES[0]), arb(0, half * _AXES[1]))
        panel.peaks = panel.log_half + magnitudes(ellipse, acb(arb(middle, half)))
    over = ~(panel.peaks <= allowed)
    excess = float((_LOG_CONSTANT + panel.peaks[over] - allowed[over]).max(initial=0.0))
    order = 1 + excess / (2 * math.log(_RHO))
    return max(2, math.ceil(order)) if order <= _ORDER else _ORDER + 1  # as well where a bound is nan


def _nodes(magnitudes: Magnitudes, panel: _Panel, allowed: np.ndarray) -> tuple[list[arb], list[float]]:
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
