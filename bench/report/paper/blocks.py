"""Blocks of parameters side by side."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from bench.analysis import rows
from bench.report import canvas, cell_words
from bench.report.labels import distinct, drawn
from bench.report.paper.about import About
from bench.report.paper.lanes import panels_of

MOST_BLOCKS = 40
"""A map with more lines than this is no longer read."""

FIELD = (0.4, 0.19)
"""Width and height of a field, in inches."""

LONGEST_NAME = 32
NAME_CHARACTER = 0.075  # inches, of the names above and below a map

WIDEST = 9.0
"""Inches that maps take side by side."""


def blocks(measurements: pd.DataFrame, about: About) -> Figure | None:
    """Where the noise is: a map of the variance of each block of parameters, one for each N."""
    found = rows.measured(measurements, "variance")
    found = found[found["variance"].astype(float) > 0]
    if found["parameter"].nunique() < 2:
        return None
    found = found.assign(column=_columns(found), order=found["estimator"].map(list(about.labels).index))
    parameters = list(dict.fromkeys(found["parameter"]))
    columns = list(dict.fromkeys(found.sort_values("order", kind="stable")["column"]))
    lost = max(0, len(parameters) - MOST_BLOCKS)
    panels, left_out = panels_of(found)
    caption = about.caption(left_out, f"not drawn: {lost} further blocks" if lost else "")
    names = list(distinct(columns, LONGEST_NAME).values())
    figure, axes = _sheet(list(panels), len(parameters) - lost, names, about.title, caption)
    norm = LogNorm(found["variance"].min(), found["variance"].max() * (1 + 1e-9))
    for ax, (title, part) in zip(axes, panels.items(), strict=True):
        grid = part.pivot_table(index="parameter", columns="column", values="variance", aggfunc="first")
        _map(ax, grid.reindex(index=parameters[:MOST_BLOCKS], columns=columns), norm)
        ax.set_title(drawn(title))
    figure.colorbar(axes[0].collections[0], ax=axes, label="variance of one estimate", shrink=0.9, aspect=30)
    return figure


def _columns(found: pd.DataFrame) -> pd.Series[str]:
    """The estimator, and its device and type of numbers where they vary."""
    settings = cell_words.setting_of(found.assign(problem=""))
    columns: pd.Series[str] = found["estimator"] + settings.map(lambda words: f", {words}" if words else "")
    return columns


def _map(ax: Axes, grid: pd.DataFrame, norm: LogNorm) -> None:
    sns.heatmap(
        grid,
        ax=ax,
        norm=norm,
        cmap="viridis",
        cbar=False,
        linewidths=0.5,
        xticklabels=[drawn(name) for name in distinct(grid.columns, LONGEST_NAME).values()],
        yticklabels=[drawn(name) for name in distinct(grid.index).values()],
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=90)
    ax.tick_params(axis="y", rotation=0)


def _sheet(
    panels: Sequence[str], lines: int, names: Sequence[str], title: str, caption: Sequence[str]
) -> tuple[Figure, list[Axes]]:
    """A figure of as many maps, as many side by side as a page is wide."""
    wide = max(FIELD[0] * len(names), NAME_CHARACTER * max(map(len, panels)))
    across = min(len(panels), max(1, int(WIDEST / wide)))
    down = math.ceil(len(panels) / across)
    width = across * wide + 2.6
    above = textwrap.wrap(title, int(width / canvas.TITLE_CHARACTER))
    below = [line for text in caption for line in textwrap.wrap(text, int(width / canvas.CAPTION_CHARACTER))]
    under = NAME_CHARACTER * max(map(len, names))
    height = down * (FIELD[1] * lines + 0.3) + 0.3 + under + 0.2 * len(above) + 0.14 * len(below)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat)
    for ax in axes[len(panels) :]:
        ax.remove()
    canvas.surround(figure, above, below)
    return figure, axes[: len(panels)]
