"""Foreign code hurts no numbers but its own: the others keep their bits, and its rows name what it did."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from bench.engine.plan import Experiment, NamedEstimator, plan
from bench.engine.run import Result, run
from bench.engine.surroundings import watched
from bench.engine.truth import truth_of
from bench.estimator import Estimator
from bench.scenario import read_text
from bench.store import frames
from bench.store.columns import MEASUREMENTS
from tests.cases import estimator_of, experiment_of
from tests.hostile import CALLS, HOSTILE

TEXT = """\
schema: 1
name: gaussian
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [2, 20]}
replicates: 40
"""
PAIR = ("reinforce", "reparameterization")
TIMED = ("seconds", "fit_seconds", "work_normalized_variance")
TIMES = [name for name in MEASUREMENTS if name.startswith(TIMED)]


@pytest.fixture(autouse=True)
def first_calls() -> Iterator[None]:
    """Each test counts calls anew, and leaves the process as it was."""
    CALLS.clear()
    with watched() as changes:
        yield
    assert {*changes.names} <= {"the environment"}  # in which pytest keeps the name of the test


def experiment(*names: str, **changes: Any) -> Experiment:
    found = experiment_of(*read_text(TEXT, "x.yaml"))
    return replace(found, estimators=tuple(named(name) for name in names), **changes)


def named(name: str) -> NamedEstimator:
    estimator: Estimator = HOSTILE[name][0] if name in HOSTILE else estimator_of(name)
    return NamedEstimator(name, name, "{}", estimator)


def measured(chosen: Experiment) -> tuple[list[Result], pd.DataFrame, pd.DataFrame]:
    """The results, and the measurements and replicates of the pair, times left out."""
    cells, truth = plan(chosen), truth_of(chosen)
    results = list(run(chosen, cells, truth))
    rows = frames.measurements(chosen, truth, results).drop(columns=TIMES)
    rows = rows[rows["estimator"].isin(PAIR)].sort_values(["estimator", "sample_size"], ignore_index=True)
    replicates = frames.replicates(chosen, truth, results)
    replicates = replicates[replicates["cell"].isin(rows["cell"])]
    return results, rows, replicates.sort_values(["cell", "parameter", "replicate"], ignore_index=True)


@pytest.fixture(scope="module")
def alone() -> tuple[pd.DataFrame, pd.DataFrame]:
    return measured(experiment(*PAIR))[1:]


def assert_as_alone(chosen: Experiment, alone: tuple[pd.DataFrame, pd.DataFrame]) -> list[Result]:
    results, *tables = measured(chosen)
    for ours, theirs in zip(tables, alone, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    return results


def assert_named(results: list[Result], name: str) -> None:
    reasons = [(each.status, each.reason) for each in results if each.cell.named.label == name]
    assert len(reasons) == 2
    for status, reason in reasons:
        assert status == "error"
        assert HOSTILE[name][1] in reason


@pytest.mark.parametrize("place", range(3), ids=["first", "between", "last"])
@pytest.mark.parametrize("name", HOSTILE)
def test_the_others_keep_their_bits_and_the_change_is_named(
    name: str, place: int, alone: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    names = list(PAIR)
    names.insert(place, name)
    assert_named(assert_as_alone(experiment(*names), alone), name)


@pytest.mark.parametrize("seed", range(20))
def test_the_others_keep_their_bits_among_all_in_any_order(
    seed: int, alone: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    names = [*PAIR, *HOSTILE]
    random.Random(seed).shuffle(names)
    results = assert_as_alone(experiment(*names), alone)
    for name in HOSTILE:
        assert_named(results, name)
