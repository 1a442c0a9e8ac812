"""Right truths are contradicted by plain draws as seldom as the level says, and wrong ones are not left."""

from __future__ import annotations

from dataclasses import replace

from bench.engine.confirmation import Claim, against
from bench.engine.diagnosis import Stage, contradictions
from bench.engine.gradient_draws import affordable, by_path, by_sample
from bench.engine.truth import exact_gradient
from tests.calibration.table import Rate, Table, rate_of
from tests.cases import PROBLEMS, VARIATIONAL, problem_of
from tests.practice import experiment_on

LEVEL, DRAWS, RUNS = 0.01, 4096, 60
NAMES = [name for name in (*PROBLEMS, *VARIATIONAL) if name != "product"]


def contradicted(factor: float) -> Rate:
    """The share of first looks that contradict the truths of all problems, times a factor."""
    events = []
    for name in NAMES:
        problem = problem_of(name)
        exact = exact_gradient(problem)
        assert exact.gradient is not None
        claim = Claim(factor * exact.value, factor * exact.gradient, exact.standard_error)
        count = min(DRAWS, affordable(problem))
        for seed in range(RUNS):
            experiment = replace(experiment_on(problem), problem_key=name, seed=1000 + seed)
            sampled = by_sample(problem, count, experiment.address(count, "confirmation", 0))
            path = by_path(problem, count // 4, experiment.address(count, "confirmation", 1))
            stage = Stage(problem, sampled, path, level=LEVEL)
            events.append(bool(contradictions(stage) or against(stage, claim, None)))
    return rate_of(events)


def test_right_truths_are_seldom_contradicted(table: Table) -> None:
    what = (
        f"contradicted by a first look of {DRAWS} draws at 1 %, wrongly: the truths of {len(NAMES)} problems"
    )
    table.hold(what, contradicted(1.0), most=LEVEL)
    table.control("the same, of truths that are 30 % too large", contradicted(1.3), most=LEVEL)
