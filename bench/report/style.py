"""How figures look: one palette, one look for each estimator, one set of matplotlib's parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import matplotlib.style

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito (2008) for every kind of color vision, less its yellow, which white drowns."""

# 7 colors, 11 markers and 4 dashes have no common divisor but 7·11·4 = 308 looks.
# All markers are filled ones: seaborn does not mix them with others.
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "X", ">", "p", "h")
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.5), (1.5, 1), (6, 1.5, 1.5, 1.5))

GUIDE = "#8C8C8C"
"""The color of what is not data."""

FAINT = "#DCDCDC"
"""The color of what lies behind data."""

CAPTION = "#505050"

PARAMETERS = {
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that figures are alike everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.edgecolor": "#303030",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.which": "major",
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.4,
    "lines.markersize": 6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "svg.hashsalt": "bench",  # the same figure is the same file
    "text.usetex": False,
}


@dataclass(frozen=True)
class Look:
    """How one estimator is drawn, in every figure.

    Attributes:
        color: of its line, its markers and its intervals.
        marker: matplotlib's letter for it.
        dashes: lengths of ink and gap in line widths; empty for a solid line.
    """

    color: str
    marker: str
    dashes: tuple[float, ...]

    @property
    def linestyle(self) -> tuple[float, tuple[float, ...]] | Literal["-"]:
        """The dashes as matplotlib wants them."""
        return (0, self.dashes) if self.dashes else "-"


def looks(labels: Iterable[str]) -> dict[str, Look]:
    """A look for each label, by the order in which labels first appear."""
    return {
        label: Look(PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)])
        for i, label in enumerate(dict.fromkeys(labels))
    }


@contextmanager
def style() -> Iterator[None]:
    """Within it figures look like ours, whatever the user's own matplotlib settings are."""
    with matplotlib.style.context(PARAMETERS, after_reset=True):
        yield
