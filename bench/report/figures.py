"""All figures of a run, or of several, as files."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from bench.analysis import rows
from bench.analysis.before_after import Changes, changes
from bench.analysis.budgets import budgets_together
from bench.analysis.comparison import Comparison, compare
from bench.analysis.frames import frames_of
from bench.analysis.geometric import geometric_means
from bench.analysis.pairs import within
from bench.analysis.ranking import profiles
from bench.analysis.together import together, varied
from bench.report.canvas import save
from bench.report.forest import forest
from bench.report.paper import OF_A_RUN, OF_SEVERAL, Drawing
from bench.report.paper.about import About, about, of_several
from bench.report.pictures import image_grid
from bench.report.plots import PLOTS
from bench.report.style import style
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED

MOST_PROBLEMS = 6
"""Points of a sweep, each of which has a panel of its own; of more, curves along the option are drawn."""

CURVES = ("along", "bias_along", "signal_along")
"""The figures along an option."""

OF_A_LONG_SWEEP = ("scatter", *CURVES, "ratios")
"""The figures without such panels."""

Drawer = Callable[[], Figure | None]


def draw_run(
    folder: Path,
    run: Run,
    control: str | None = None,
    formats: Sequence[str] = ("png",),
) -> list[Path]:
    """Writes every figure of a run that applies into a folder, and says which files these are.

    Args:
        folder: made if it is missing.
        run: the question of its scenario is the title.
        control: with what the ratios compare, by label or name; None for the first estimator.
        formats: of `bench.report.formats.FORMATS`.
    """
    scenario = run.record["scenario"]
    frames, notices = frames_of(run)
    drawers: dict[str, Drawer] = {
        name: partial(plot, run.measurements, scenario.get("question")) for name, plot in PLOTS.items()
    }
    drawers |= _drawers(OF_A_RUN, frames, notices, about(run.measurements, scenario))
    if run.measurements["estimator"].nunique() > 1:
        drawers["ratios"] = lambda: _forest(compare(within(run, control), tuple(COMPARED)))
    if len(frames["along"]) and run.measurements["problem"].nunique() > MOST_PROBLEMS:
        drawers = {name: drawer for name, drawer in drawers.items() if name in OF_A_LONG_SWEEP}
    if run.pictures:
        drawers["pictures"] = lambda: image_grid(run.pictures, scenario.get("name"))
    return _written(folder, drawers, formats)


def draw_several(
    folder: Path, runs: Sequence[Run], control: str | None, formats: Sequence[str]
) -> list[Path]:
    """Writes the figures of several runs together into a folder, and says which files these are.

    Args:
        folder: made if it is missing.
        runs: what they left, from the first to the last.
        control: with what the mean ratios compare, by label or name; None for the most common.
        formats: of `bench.report.formats.FORMATS`.
    """
    whole, differ = together(runs), varied(runs)
    said = of_several(whole)
    frames = {
        "means": geometric_means(runs, control, tuple(COMPARED)).frame,
        "profile": profiles(runs),
        "budget": budgets_together(runs),
    }
    drawers = _drawers(OF_SEVERAL, frames, {}, said)
    if differ is None:
        changed = changes(runs)
        if len(changed.frame):
            drawers["changes"] = lambda: _forest(_comparison(changed, said))
    else:
        moved = rows.measured(rows.whole(whole), "variance").assign(option=differ.option, rest="")
        drawers |= {name: partial(OF_A_RUN[name].draw, moved, said) for name in CURVES}
    return _written(folder, drawers, formats)


def _drawers(
    drawings: Mapping[str, Drawing],
    frames: Mapping[str, pd.DataFrame],
    notices: Mapping[str, str],
    said: About,
) -> dict[str, Drawer]:
    def drawer(drawing: Drawing) -> Drawer:
        told = replace(said, notice=notices.get(drawing.table, ""))
        return lambda: drawing.draw(frames[drawing.table], told)

    return {name: drawer(drawing) for name, drawing in drawings.items()}


def _forest(found: Comparison) -> Figure | None:
    return None if found.frame.empty else forest(found)


def _comparison(changed: Changes, said: About) -> Comparison:
    """Changes as the comparison of one run, with a panel for each later run."""
    frame = changed.frame
    if frame["run"].nunique() > 1:
        frame = frame.assign(problem=frame["run"] + frame["problem"].map(
            lambda name: f", {name}" if frame["problem"].nunique() > 1 else ""))  # fmt: skip
    first = str(frame["against"].iloc[0])
    return Comparison(frame, first, changed.level, changed.left_out, said.title, tuple(said.labels))


def _written(folder: Path, drawers: Mapping[str, Drawer], formats: Sequence[str]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    # A figure is drawn anew for each format: once saved its layout has moved, and files would differ.
    for (name, drawer), kind in itertools.product(drawers.items(), formats):
        with style():
            figure = drawer()
        if figure is not None:
            save(figure, folder / f"{name}.{kind}", kind)
            written.append(folder / f"{name}.{kind}")
    return written
