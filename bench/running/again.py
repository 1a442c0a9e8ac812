"""A run's plan as the scenario that it was, ready to be gone on with."""

from __future__ import annotations

from bench.results.plan_file import Plan
from bench.scenario.given import Text
from bench.scenario.prepared import Prepared, prepare


def prepared_of(plan: Plan) -> Prepared:
    """The scenario of a plan, as it was given then.

    Raises:
        ScenarioError: with everything that is wrong with it now, such as a plug-in that is not there.
    """
    only = None if plan.only is None else list(plan.only)
    return prepare(Text(plan.text, plan.file), plan.overrides, only, plan.small, confirmed=True)
