"""The bench from Python: a scenario to its results, runs compared, own classes added."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import pandas as pd

from bench import arguments
from bench.catalogue import add_class, add_plugin
from bench.errors import did_you_mean, invalid, shown
from bench.execution import execute
from bench.results import folder as run_folder
from bench.results.part_cache import of_user
from bench.results.run import Run
from bench.running.crew import Workers
from bench.running.manner import Manner
from bench.scenario.given import Said
from bench.scenario.overrides import of_keywords
from bench.scenario.prepared import prepare

MOST_THREADS = max(64, os.cpu_count() or 1)
"""Threads of torch; of a great many more the process dies."""

ANSWER = ("variance", "bias", "variance_by_option", "bias_by_option")
"""The figures that every run gets, those that apply; `bench report --figures` draws all others."""


def draw(run: Run) -> tuple[list[Path], list[str]]:
    """Draw the answer of a run, variance and bias, into a folder within its own.

    Returns:
        The files, and a line for each figure that could not be drawn.
    """
    # Late: a plan need not wait for what draws.
    from bench.figures.captions import caption_of_run
    from bench.figures.export import draw
    from bench.figures.figure_tables import of_a_run

    assert run.folder is not None
    return draw(run.folder / "figures", of_a_run(run), caption_of_run(run), ["png"], True, ANSWER)


def run(
    scenario: Said,
    *,
    estimators: Sequence[str] | None = None,
    sample_sizes: Sequence[int] | None = None,
    replicates: int | None = None,
    precision: str | float | None = None,
    devices: Sequence[str] | None = None,
    seed: int | None = None,
    overrides: Sequence[str] = (),
    quick: bool = False,
    threads: int = 1,
    workers: int | None = None,
    out: str | os.PathLike[str] = "results",
    progress: bool = True,
) -> Run:
    """Run a scenario and write its results; the keywords are the options of the command line.

    Args:
        scenario: a YAML file, or what it would say as plain data.
        estimators: labels or names of those to keep; None keeps all.
        sample_sizes: the values of N, instead of those of the scenario.
        replicates: R, instead of that of the scenario.
        precision: more estimates, until the variance is known to this: "5%", or a share.
        devices: where to run, instead of where the scenario says.
        seed: instead of that of the scenario.
        overrides: `dotted.key=value`, instead of what the scenario says.
        quick: whether to make it small, to see if it runs.
        threads: processor threads for torch.
        workers: how many processes measure beside this one; None to measure in this one. A script that
            asks for some keeps its own work below `if __name__ == "__main__":`, since they import it.
        out: the folder in which the run gets one of its own.
        progress: whether to tell on standard error of each cell that is done.

    Returns:
        The run, as `load` gives it of its folder; that has its figures, too.

    Raises:
        Invalid: if an argument is of the wrong kind; a `ScenarioError` has everything that is wrong with
            the scenario, and where.

    Example:
        >>> import bench
        >>> run = bench.run("gaussian", sample_sizes=[10], replicates=200, devices=["cpu"], progress=False)
        >>> sorted(set(run.measurements["estimator"]))[:2]
        ['reinforce', 'reinforce (leave-one-out)']
    """
    from bench.progress import progress as telling

    if isinstance(scenario, Mapping):
        scenario = arguments.plain_mapping("scenario", scenario)
    else:
        scenario = arguments.place("scenario", scenario, "a file, the name of a scenario, or a dictionary")
    folder = arguments.place("out", out, "a folder")
    count = arguments.whole_number("threads", threads, 1, MOST_THREADS)
    by = None if workers is None else Workers(arguments.whole_number("workers", workers, 1, MOST_THREADS))
    manner = Manner(count, by, references=of_user())
    only = None if estimators is None else arguments.texts("estimators", estimators)
    settings = arguments.settings("overrides", overrides)
    small, shown_progress = arguments.truth("quick", quick), arguments.truth("progress", progress)
    changes = of_keywords(
        sample_sizes=sample_sizes, replicates=replicates, precision=precision, devices=devices, seed=seed
    )
    prepared = prepare(scenario, [*changes, *settings], only, small, confirmed=True)
    with telling(prepared) if shown_progress else nullcontext(lambda _: None) as tell:
        done = execute(prepared, folder, tell, manner)
    draw(done)
    return done


def compare(
    run: Run,
    other: Run | None = None,
    *,
    control: str | None = None,
    metrics: Sequence[str] = ("variance",),
) -> pd.DataFrame:
    """Return the ratios of the estimators of a run to a control, or of a later run to this one.

    Args:
        run: whose estimators are compared.
        other: a later run of the same scenario; its cells are compared with those of the first.
        control: the label or name of the estimator in the denominator; None is the first.
        metrics: of `variance`, `mse` and `work_normalized_variance`.

    Returns:
        A row for each cell and metric: `ratio`, below 1 is better, with the ends `low` and `high` of an
        interval; all intervals hold together with 95 %. `mark` is the verdict.

    Raises:
        Invalid: if there is no such estimator, the runs are of other questions, or an argument is of the
            wrong kind.

    Example:
        >>> import bench
        >>> run = bench.run("gaussian", sample_sizes=[10], replicates=200, devices=["cpu"], progress=False)
        >>> ratios = bench.compare(run, control="reinforce").set_index("estimator")
        >>> bool(ratios.loc["reparameterization", "high"] < 0.2), ratios.loc["reparameterization", "mark"]
        (True, 'better')
    """
    from bench.analysis import pairs
    from bench.analysis.comparison import compare as ratios
    from bench.statistics.metric_table import COMPARED

    for name, value in {"run": run, "other": run if other is None else other}.items():
        if not isinstance(value, Run):
            raise arguments.refused(name, "a run, such as bench.load(folder) gives", value)
    if control is not None and not isinstance(control, str):
        raise arguments.refused("control", "the label or name of an estimator", control)
    metrics = arguments.texts("metrics", metrics)
    if unknown := [name for name in metrics if name not in COMPARED]:
        raise invalid(
            f"{shown(unknown[0])} is no metric that is compared; {did_you_mean(unknown[0], COMPARED)}"
        )
    if other is not None and control is not None:
        raise invalid("a control is for a single run; of two, the first is the control")
    found = pairs.within(run, control) if other is None else pairs.across(run, other)
    return ratios(found, tuple(metrics)).frame


def plugin(source: str | os.PathLike[str] | type) -> list[str]:
    """Add estimators or problems from a file or module of your own, so that scenarios can name them.

    This runs its code.

    Args:
        source: a module, a file that ends in `.py`, or a class, which is called by its own name in small
            letters: `MyProblem` is `my_problem`.

    Returns:
        The names that were added.

    Raises:
        Invalid: if it cannot be imported, offers nothing, or a name is taken.

    Example:
        >>> import bench
        >>> from dataclasses import dataclass
        >>> from estimators.reinforce import Reinforce
        >>> @dataclass(frozen=True)
        ... class Doubled(Reinforce):
        ...     def gradient(self, problem, theta, sample_size):
        ...         return 2 * super().gradient(problem, theta, sample_size)
        >>> bench.plugin(Doubled)
        ['doubled']
    """
    if isinstance(source, type):
        return add_class(source)
    return add_plugin(arguments.place("plugin", source, "a module, a file that ends in .py, or a class"))


def load(folder: str | os.PathLike[str]) -> Run:
    """Return an earlier run, given its folder.

    Raises:
        Invalid: if the folder is not that of a run.

    Example:
        >>> import bench
        >>> run = bench.run("gaussian", quick=True, devices=["cpu"], progress=False)
        >>> len(bench.load(run.folder).measurements) == len(run.measurements)
        True
    """
    return run_folder.load(Path(arguments.place("folder", folder, "the folder of a run")))
