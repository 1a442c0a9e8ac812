"""Gradients that are not finite: in which blocks, and how often."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bench.diagnosing.finding import Finding
from bench.diagnosing.some_blocks import leaves
from bench.text.words import listed

_MOST_NAMED = 6


def nonfinite(label: str, rows: Tensor, blocks: Mapping[str, slice]) -> Finding:
    """The finding that some gradients are not finite.

    Args:
        label: of the estimator.
        rows: its estimates, `[R, P]`.
        blocks: of coordinates, by name.
    """
    bad = ~rows.isfinite()  # [R, P]
    count = int(bad.any(1).sum())
    names = [name for name, place in leaves(blocks).items() if bool(bad[:, place].any())]
    kinds = [word for word, found in (("NaN", rows.isnan()), ("infinity", rows.isinf())) if bool(found.any())]
    where = (
        f" in {listed([f'`{name}`' for name in names], most=_MOST_NAMED)}" if len(leaves(blocks)) > 1 else ""
    )
    said = f"{' and '.join(kinds)}{where}, in {count} of {len(rows)} estimates"
    return Finding(label, "nonfinite", said, tuple(names))
