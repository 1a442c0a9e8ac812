"""Measures Monte Carlo gradient estimators; the machine knows none of them by name.

From Python: `bench.run("scenarios/gaussian.yaml")` and `bench.load(folder)` give data
frames; `bench.figure(run, "variance")` is a chart. `bench.certify(Mine())` holds an estimator to
its claims.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import load, run
    from bench.certify_api import certify
    from bench.figures import figure

__all__ = ["certify", "figure", "load", "run"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: the command line must print its help without torch.
    if name in ("load", "run"):
        from bench import api

        return getattr(api, name)
    if name == "certify":
        from bench.certify_api import certify

        return certify
    if name == "figure":
        from bench.figures import figure

        return figure
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
