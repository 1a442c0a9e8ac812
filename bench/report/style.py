"""The looks of estimators for matplotlib, and its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import matplotlib.style

from bench.figures.looks import looks

_MARKERS = {"circle": "o", "square": "s", "triangle-up": "^", "diamond": "D", "triangle-down": "v",
            "cross": "P", "triangle-left": "<", "stroke": "X", "triangle-right": ">", "wedge": "p",
            "arrow": "h"}  # fmt: skip

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
class MatplotlibLook:
    """How one estimator is drawn by matplotlib.

    Attributes:
        color: of its line, its markers and its intervals.
        marker: matplotlib's letter for it.
        linestyle: its dashes.
    """

    color: str
    marker: str
    linestyle: tuple[float, tuple[float, ...]] | Literal["-"]


def matplotlib_looks(labels: Iterable[str]) -> dict[str, MatplotlibLook]:
    """Return the look of each label, the same as in all other figures."""
    return {
        label: MatplotlibLook(look.color, _MARKERS[look.shape], (0, look.dashes) if look.dashes else "-")
        for label, look in looks(labels).items()
    }


@contextmanager
def style() -> Iterator[None]:
    """Within it figures look like ours, whatever the user's own matplotlib settings are."""
    with matplotlib.style.context(PARAMETERS, after_reset=True):
        yield
