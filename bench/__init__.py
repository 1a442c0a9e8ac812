"""Measures Monte Carlo gradient estimators; the machine knows none of them by name.

From Python: `bench.run("scenarios/gaussian.yaml")` and `bench.load(folder)` give a `Run`, whose
`measurements` are a data frame and whose `figures["variance"]` is a chart. `bench.plot(run, y="mse")` draws
any columns of it, `bench.plot.variance(run)` and `bench.plot.bias(run)` the usual ones.
`bench.gate("scenarios/gaussian.yaml")` holds estimators to a baseline, `bench.certify(Mine())` holds one to
its claims. `bench.Invalid` is raised for whatever is wrong with the words of the user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.errors import Invalid

if TYPE_CHECKING:
    from bench.api import load, run
    from bench.certification.certify import certify
    from bench.plotting.free_plot import plot
    from bench.regression.gate import gate
    from bench.results.run import Run

__all__ = ["Invalid", "Run", "certify", "gate", "load", "plot", "run"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: the command line must print its help without torch.
    if name in ("load", "run"):
        from bench import api

        return getattr(api, name)
    if name == "Run":
        from bench.results.run import Run

        return Run
    if name == "certify":
        from bench.certification.certify import certify

        return certify
    if name == "plot":
        from bench.plotting.free_plot import plot

        return plot
    if name == "gate":
        from bench.regression.gate import gate

        return gate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
