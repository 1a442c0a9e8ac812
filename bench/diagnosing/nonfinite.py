"""Gradients that are not finite: in which blocks, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
    names = [*_places(bad.any(0), leaves(blocks))]
    kinds = [word for word, found in (("NaN", rows.isnan()), ("infinity", rows.isinf())) if bool(found.any())]
    where = f" in {listed([f'`{name}`' for name in names], most=_MOST_NAMED)}" if names else ""
    said = f"{' and '.join(kinds)}{where}, in {count} of {len(rows)} estimates"
    return Finding(label, "nonfinite", said, tuple(names))


def _places(bad: Tensor, blocks: Mapping[str, slice]) -> Iterator[str]:
    """Yield the names of blocks of which most coordinates are bad, `[P]`, and single ones of the others."""
    for name, place in blocks.items():
        wrong = bad[place].nonzero().flatten().tolist()
        if 2 * len(wrong) > len(bad[place]):
            yield name
        else:
            yield from (f"{name}[{i}]" for i in wrong)
