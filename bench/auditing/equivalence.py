"""Losses shown to be unbiased, or not: pairs on common random numbers, as many as it takes."""

from __future__ import annotations

from bench.diagnosing.fresh import fresh_of
from bench.engine.cell import CellSampler
from bench.engine.plain_estimates import affordable
from bench.engine.plan import Cell, Experiment
from bench.engine.truth import Truth
from bench.statistics.verdict import bias_interval, bias_p, is_equivalent, needs
from bench.text.numbers import significant

_FIRST, _MORE, _LOOKS = 2000, 4, 4


def fault_of(experiment: Experiment, truth: Truth, cell: Cell, within: float, alpha: float) -> str:
    """Return why a loss is not shown to be unbiased; empty if it is.

    Replicates are multiplied until the bias is shown to be within a part of the gradient's norm, by
    equivalence at 5 %, or beyond zero.

    Args:
        experiment: of losses.
        truth: the gradient, exact or by a loss.
        cell: of the loss.
        within: the part.
        alpha: the probability of a false alarm, over all looks.
    """
    if cell.status != "ok":
        return f"{cell.status}: {cell.reason}"
    if truth.gradient is None:
        return f"its true gradient is not known: {truth.note}"
    count = affordable(len(truth.gradient), _FIRST)
    margin = within * float(truth.gradient.norm())
    for _ in range(_LOOKS):
        sampler = CellSampler(experiment, cell)
        with sampler.guarded():
            evidence = fresh_of(experiment, truth, cell, count, f"unbiased {count}").off()["all"]
        if evidence.replicates < count:
            return f"{count - evidence.replicates} of {count} estimates are not finite"
        bias = bias_interval(evidence)
        value, low, high, norm = map(significant, (bias.value, bias.low, bias.high, margin / within))
        size = f"the bias is {value} ({low} to {high}) of {norm}"
        if (p := bias_p(evidence)) < alpha / _LOOKS:
            return f"biased: {size}, p = {p:.1e}, R = {count}"
        if is_equivalent(evidence, margin):
            return ""
        more = affordable(len(truth.gradient), _MORE * count)
        if more <= count:
            break
        count = more
    return f"not shown to be within {100 * within:.3g} %: {size}, R = {count}; {needs(evidence, margin)}"
