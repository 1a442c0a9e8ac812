"""Measures Monte Carlo gradient estimators; the machine knows none of them by name.

From Python: `bench.run("scenarios/gaussian.yaml", replicates=100)` and `bench.load(folder)` give a `Run`,
whose `measurements` are a data frame and whose `figures["variance"]` is a chart; `run.compare()` and
`run.report("page.html")` go on from there. `bench.plot(run, y="mse")` draws any columns of it,
`bench.plot.variance(run)` and `bench.plot.bias(run)` the usual ones, and `bench.compare(run, later)` compares
two runs. `bench.audit({"mine": loss}, model)` measures a loss of one's own, and says what is wrong with its
gradient; `bench.GradientMonitor(loss, model)` tells how noisy it is along a training.
`bench.gate("scenarios/gaussian.yaml")` holds estimators to a baseline, `bench.certify(Mine())` holds one to
its claims; `bench.certify_advantage(mine)` and `bench.certify_policy_loss(mine)` say what a trainer's own
update ascends. `bench.plugin(Mine)` lets scenarios name one's own `Estimator` or `Problem`, or a
`ModuleProblem`, which is made of an `nn.Module`; the contract of a `Distribution` is that of torch.
`bench.Invalid` is raised for input that is wrong.
"""

from __future__ import annotations

import importlib
import random
from typing import TYPE_CHECKING, Any

from bench.errors import Invalid

if TYPE_CHECKING:
    from bench.api import compare, load, plugin, run
    from bench.auditing.audit import audit
    from bench.certification.certify import certify
    from bench.estimator import Estimator
    from bench.monitoring.monitor import GradientMonitor
    from bench.plotting.free_plot import plot
    from bench.policies.certificates.advantage import certify_advantage
    from bench.policies.certificates.certificate import PolicyCertificate
    from bench.policies.certificates.policy_loss import certify_policy_loss
    from bench.problem import Distribution, NotApplicable, Problem
    from bench.problems.module_problem import ModuleProblem
    from bench.regression.gate import gate
    from bench.results.run import Run

_WHERE = {
    "Distribution": "bench.problem",
    "Estimator": "bench.estimator",
    "GradientMonitor": "bench.monitoring.monitor",
    "ModuleProblem": "bench.problems.module_problem",
    "NotApplicable": "bench.problem",
    "PolicyCertificate": "bench.policies.certificates.certificate",
    "Problem": "bench.problem",
    "Run": "bench.results.run",
    "audit": "bench.auditing.audit",
    "certify": "bench.certification.certify",
    "certify_advantage": "bench.policies.certificates.advantage",
    "certify_policy_loss": "bench.policies.certificates.policy_loss",
    "compare": "bench.api",
    "gate": "bench.regression.gate",
    "load": "bench.api",
    "plot": "bench.plotting.free_plot",
    "plugin": "bench.api",
    "run": "bench.api",
}

__all__ = [
    "Distribution",
    "Estimator",
    "GradientMonitor",
    "Invalid",
    "ModuleProblem",
    "NotApplicable",
    "PolicyCertificate",
    "Problem",
    "Run",
    "audit",
    "certify",
    "certify_advantage",
    "certify_policy_loss",
    "compare",
    "gate",
    "load",
    "plot",
    "plugin",
    "run",
]


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]


def __getattr__(name: str) -> Any:
    # Imported when asked for: the command line must print its help without torch.
    if name in _WHERE:
        before = random.getstate()  # some packages draw from it as they are imported
        try:
            return getattr(importlib.import_module(_WHERE[name]), name)
        finally:
            random.setstate(before)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
