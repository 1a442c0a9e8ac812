"""`bench.plot`: columns of measurements against one another, as a seaborn grid that shows itself."""

from __future__ import annotations

import io
import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from pandas.api.types import is_numeric_dtype as is_number

from bench.arguments import refused
from bench.errors import invalid
from bench.figures.definition import CELL, with_ends
from bench.figures.estimator_style import STAR, styles
from bench.plotting.selection import Selection, ordered, select
from bench.results.run import Run
from bench.statistics.metric_table import LABELS, METRICS
from bench.text.labels import distinct, drawn, plain

INTERVALS = {column.name: column.names for metric in METRICS.values() for column in metric.columns}
"""Column -> itself, with the columns of its own interval where it has one."""

ROW = (*CELL, "parameter")
"""The columns that together name a row: a line joins rows that differ in x or in N alone."""

LETTERS = {"sample_size": "N", "dim": "P", "replicates": "R"}
MOST_TICKS = 6  # values of a logarithmic axis that are named, each; of more, powers of ten are
MARKERS = {"circle": "o", "square": "s", "triangle-up": "^", "diamond": "D", "triangle-down": "v",
           "cross": "P", "triangle-left": "<", STAR: "*", "triangle-right": ">", "wedge": "p",
           "arrow": "h"}  # fmt: skip

# The font comes with matplotlib, so that plots are alike everywhere; the same plot is the same file.
_PARAMETERS: Any = {"font.family": ["DejaVu Sans"], "svg.hashsalt": "bench", "text.usetex": False}


class PictureGrid(sns.FacetGrid):  # type: ignore[misc]  # seaborn has no types
    """A seaborn grid that has a picture."""

    def picture(self, kind: str) -> bytes:
        """Return the content of a file: png, svg or pdf."""
        file, metadata = io.BytesIO(), {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
        with plt.rc_context(_PARAMETERS):
            self.figure.savefig(file, format=kind, dpi=150, bbox_inches="tight", metadata=metadata)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self.picture("png")


def draw(selection: Selection) -> PictureGrid:
    """Return a grid of at least one selected row, with the intervals of y where it has its own."""
    columns, points = selection.columns, _prepared(selection)
    look = styles(_texts(selection.frame[columns["by"]]).values())
    shown = {name: style for name, style in look.items() if name in set(points["look"])}
    encoding: dict[str, Any] = {
        "hue": "look", "palette": {name: style.color for name, style in shown.items()},
        "style": "look", "markers": {name: MARKERS[style.shape] for name, style in shown.items()},
        "hue_order": list(shown), "style_order": list(shown),
    }  # fmt: skip
    joined = is_number(points[columns["x"]]) and not points.duplicated(["panel", "line", "place"]).any()
    panels = {"col": "panel", "col_wrap": 3} if "facet" in columns else {}
    with sns.axes_style("whitegrid", _PARAMETERS), sns.plotting_context("paper"):
        grid = PictureGrid(points, height=3.2, aspect=1.25, **panels)
        if joined:
            encoding["dashes"] = {name: style.dashes for name, style in shown.items()}
            encoding |= {"units": "line", "estimator": None, "errorbar": None}
        kind, size = (sns.lineplot, {}) if joined else (sns.scatterplot, {"s": 45})
        grid.map_dataframe(kind, "place", columns["y"], **size, **encoding)
        for (row, column, _), part in grid.facet_data():
            for (name, _), line in part.sort_values("place").groupby(["look", "line"], sort=False):
                _interval(grid.facet_axis(row, column, modify_state=False), line, look[name].color, joined)
        _scales(grid, points, selection)
        grid.set_axis_labels(_label(columns["x"]), _label(columns["y"])).set_titles("{col_name}")
        if columns["by"] not in (columns["x"], columns.get("facet")):
            grid.add_legend(title="")
        _surround(grid, selection)
    plt.close(grid.figure)  # pyplot would keep it alive, and show it a second time in a notebook
    return grid


def _prepared(selection: Selection) -> pd.DataFrame:
    """Return the points with their look, panel, line, place along x, and ends of intervals as drawn."""
    points, columns = selection.points, selection.columns
    x, y, facet = columns["x"], columns["y"], columns.get("facet")
    look = points[columns["by"]].map(_texts(selection.frame[columns["by"]]))
    panel = points[facet].map(_texts(points[facet])) if facet else ""
    points = points.assign(look=look, panel=panel, place=points[x]).sort_values([facet or x], kind="stable")
    unlike = ["look", *(name for name in ROW if name in points and name != x)]
    points["line"] = points.groupby([name for name in unlike if name != "sample_size"], sort=False).ngroup()
    if not is_number(points[x]):
        rank = points[x].map({word: rank for rank, word in enumerate(ordered(selection.points[x]))})
        beside = points.groupby(unlike, sort=False).ngroup() if points.duplicated([x, "panel"]).any() else 0
        points["place"] = rank + 0.7 * ((beside + 0.5) / (np.max(beside) + 1) - 0.5)
    names = INTERVALS.get(y, ())
    interval = names if len(names) == 3 and set(names) <= set(points) else (y, y, y)
    return with_ends(points, interval, "y" in selection.log)


def _texts(values: pd.Series) -> dict[object, str]:
    """Return the text of each value of a column: `N = 10`, words made harmless."""
    different, name = ordered(values), str(values.name)
    if is_number(values):
        return {value: f"{LETTERS.get(name) or _label(name)} = {value:g}" for value in different}
    return dict(zip(different, map(drawn, distinct(map(str, different)).values()), strict=True))


def _label(column: str) -> str:
    known = {"sample_size": "samples per estimate, N"} | LABELS
    return known.get(column) or drawn(plain(column.replace("_", " ")))


def _interval(ax: Axes, line: pd.DataFrame, color: str, joined: bool) -> None:
    """Draw a band along a line or bars at points, and an arrow at each end that lies beyond the axis."""
    ends = line["place"], line["lower"], line["upper"]
    if (line["upper"] > line["lower"]).any() and joined and len(line) > 1:
        ax.fill_between(*ends, color=color, alpha=0.18, lw=0)
    elif (line["upper"] > line["lower"]).any():
        ax.vlines(*ends, color=color, lw=1.1)
    for beyond, end, marker in (("below", "lower", "v"), ("above", "upper", "^")):
        far = line[line[beyond]]
        ax.scatter(far["place"], far[end], marker=marker, color=color, s=22, zorder=3, clip_on=False)


def _scales(grid: PictureGrid, points: pd.DataFrame, selection: Selection) -> None:
    values = selection.points[selection.columns["x"]]
    taken = ordered(values)
    bottom = points["lower"].min() if points["below"].any() else None
    top = points["upper"].max() if points["above"].any() else None
    grid.set(**{f"{name}scale": "log" for name in selection.log}, ylim=(bottom, top))
    for ax in grid.axes.flat:
        if not is_number(values):
            names = [drawn(name) for name in distinct(map(str, taken), 28).values()]
            slant = 30 if len(names) <= 8 else 60
            ax.set_xticks(range(len(names)), names, rotation=slant, rotation_mode="anchor", ha="right")
        elif "x" in selection.log and len(taken) <= MOST_TICKS:
            ax.set_xticks(taken, [f"{value:.6g}" for value in taken])
            ax.set_xticks([], minor=True)


def _surround(grid: PictureGrid, selection: Selection) -> None:
    """Write a title above, and below what is left out, and what is not told apart."""
    points, said = selection.points, set(selection.columns.values()) - {selection.columns["y"]}
    most = points.groupby(sorted(said)).nunique().max()
    hidden = [name for name in ROW if most.get(name, 0) > 1]
    notes = list(selection.left_out)
    if hidden:
        notes.append(f"what looks alike differs in {' and '.join(hidden).replace('_', ' ')}")
    words = [word for name in ("scenario", "parameter") if name in points for word in points[name].unique()]
    title = drawn(", ".join(plain(word) for word in words if word != "all"))
    grid.figure.suptitle(title, x=0, y=1.02, ha="left", fontsize=10)
    width = int(15 * grid.figure.get_figwidth())
    text = "\n".join(line for note in notes for line in textwrap.wrap(note, width))
    bottom = grid.figure.get_tightbbox().y0 / grid.figure.get_figheight() - 0.02
    grid.figure.text(0, bottom, text, va="top", fontsize=7.5, color="#505050")


class FreePlot:
    """Draw any columns of measurements against any others; two presets draw variance and bias.

    Example:
        >>> frame = pd.DataFrame({"steps": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "method": ["a", "a", "a"]})
        >>> plot(frame, x="steps", y="loss", by="method").ax.get_xlabel()
        'steps'
    """

    def __call__(
        self,
        data: Run | pd.DataFrame,
        x: str = "sample_size",
        y: str = "variance",
        by: str = "estimator",
        facet: str | None = None,
        log: str | None = None,
        parameter: str | None = None,
    ) -> PictureGrid:
        """Return a seaborn grid with the points, and the intervals of y where y has its own.

        Args:
            data: a run, or a frame.
            x: a column of numbers, or of words, which stand side by side.
            y: a column of numbers.
            by: a column; each of its values has a style.
            facet: a column; each of its values has a panel.
            log: the logarithmic axes: `x`, `y`, `both` or `none`. None for those whose numbers are all
                positive and span a factor of 10 or more.
            parameter: a block of parameters. None for the whole gradient, and for all blocks if a column
                is `parameter`.

        Raises:
            Invalid: if a column is missing or cannot be drawn so, or no row is left.
        """
        frame = data.measurements if isinstance(data, Run) else data
        if not isinstance(frame, pd.DataFrame):
            raise refused("data", "a run or a data frame", data)
        if log is not None and log not in ("x", "y", "both", "none"):
            raise refused("log", "x, y, both or none", log)
        for name, column in {"x": x, "y": y, "by": by, "facet": facet or ""}.items():
            if not isinstance(column, str):
                raise refused(name, "the name of a column", column)
        selection = select(frame, {"x": x, "y": y, "by": by, "facet": facet}, log, parameter)
        if selection.points.empty:
            raise invalid("\n".join([*selection.left_out, "nothing can be drawn: no row is left"]))
        return draw(selection)

    def variance(self, data: Run | pd.DataFrame) -> PictureGrid:
        """Return the variance of each estimator against the number of samples."""
        return self(data)

    def bias(self, data: Run | pd.DataFrame) -> PictureGrid:
        """Return the bias of each estimator against the number of samples."""
        return self(data, y="bias")


plot = FreePlot()
