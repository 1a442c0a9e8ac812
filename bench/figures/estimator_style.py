"""Colors, shapes and dashes: one style for each estimator, the same in every figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000", "#56B4E9",
           "#661100", "#44AA99", "#882255", "#999933", "#332288")  # fmt: skip
"""Okabe and Ito (2008) less its yellow, which white drowns, then five of Tol (2021), muted.

Each fifth color has the same dashes: the order is one in which these are easily told apart.
"""

# 12 colors, 11 shapes and 5 dashes have no common divisor: 12·11·5 = 660 styles before one comes again.
STAR = "M0 -1L.3 -.35L.95 -.31L.45 .12L.59 .81L0 .45L-.59 .81L-.45 .12L-.95 -.31L-.3 -.35Z"
# None without an area: of a point that is drawn white within, nothing would be seen of a stroke.
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-left", STAR,
          "triangle-right", "wedge", "arrow")  # fmt: skip
DASHES: tuple[tuple[float, ...], ...] = ((1, 0), (5, 1.5), (1.5, 1), (6, 1.5, 1.5, 1.5), (9, 2))
UNSEEN = [0, 99]  # dashes of a line that is not seen


@dataclass(frozen=True)
class EstimatorStyle:
    """The style of one estimator, in every figure."""

    color: str  # of its line, its points and its intervals
    shape: str  # of its points, as Vega calls it, or a path
    dashes: tuple[float, ...]  # lengths of ink and gap in line widths


def styles(labels: Iterable[str]) -> dict[str, EstimatorStyle]:
    """Return a style for each label, by the order in which labels first appear."""
    return {
        label: EstimatorStyle(PALETTE[i % len(PALETTE)], SHAPES[i % len(SHAPES)], DASHES[i % len(DASHES)])
        for i, label in enumerate(dict.fromkeys(labels))
    }
