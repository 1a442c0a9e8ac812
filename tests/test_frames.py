"""Frames of a run by hand: costs, settings, spread, coordinates, rates, curves along a sweep."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bench
from bench.analysis.comparison import compare, level_of
from bench.analysis.first_screen import histograms
from bench.analysis.frames import along, costs, rate_fits, scatter, settings, spread
from bench.analysis.option_sweeps import along_option
from bench.analysis.pairs import within
from bench.analysis.rows import best_and_apart, whole
from bench.results.columns import TYPES, completed
from bench.results.run import Run
from tests.test_report import cell


def run(
    rows: list[dict[str, Any]],
    replicates: dict[str, list[float]] | None = None,
    coordinates: pd.DataFrame | None = None,
) -> Run:
    """A run of hand-made rows; the squared deviations of each estimator by its label."""
    frame = completed(pd.DataFrame([cell(**{"sample_size": 10, **row}) for row in rows]), "measurements")
    cells = dict(zip(frame["estimator"], frame["cell"], strict=True))
    parts = [
        pd.DataFrame({"cell": cells[label], "replicate": range(len(values)), "squared_deviation": values})
        for label, values in (replicates or {}).items()
    ]
    empty = pd.DataFrame(columns=list(TYPES["replicates"]))
    every = pd.concat([empty, *parts]).assign(parameter="all").astype(TYPES["replicates"])
    return Run(frame, every, {"scenario": {"name": "x"}}, coordinates)


def test_a_point_is_at_the_front_if_none_that_costs_as_little_varies_less() -> None:
    points = {"a": (1.0, 4.0), "b": (2.0, 5.0), "c": (3.0, 2.0), "d": (3.0, 3.0), "e": (9.0, 2.0)}
    some = [{"estimator": e, "seconds": s, "variance": v} for e, (s, v) in points.items()]
    found = costs(run([*some, {"estimator": "b", "device": "mps", "seconds": 2.0, "variance": 5.0}]))
    assert set(found["cost"]) == {"seconds", "evaluations"}
    seconds = found[found["cost"] == "seconds"]
    front = {
        (e, d): f for e, d, f in zip(seconds["estimator"], seconds["device"], seconds["front"], strict=True)
    }
    assert {place for place, on in front.items() if on} == {("a", "cpu"), ("c", "cpu"), ("b", "mps")}
    assert list(seconds["value"][:5]) == [s for s, _ in points.values()]
    assert list(found.loc[found["cost"] == "evaluations", "value"]) == [10.0] * 6


def test_settings_hold_each_number_with_its_own_interval() -> None:
    rows = [
        {"estimator": "a", "variance": 2.0, "device": device,
         "seconds": s, "seconds_low": s / 2, "seconds_high": 3 * s}
        for device, s in (("cpu", 1.0), ("mps", 4.0))
    ]  # fmt: skip
    found = settings(run([*rows, {"estimator": "b", "variance": 1.0, "status": "error"}]))
    assert list(found["setting"]) == ["cpu", "mps"] * 2
    assert list(found["metric"]) == ["seconds"] * 2 + ["variance"] * 2
    assert list(found["value"]) == [1.0, 4.0, 2.0, 2.0]
    assert list(found["low"]) == pytest.approx([0.5, 2.0, 1.8, 1.8])
    assert list(found["high"]) == pytest.approx([3.0, 12.0, 2.24, 2.24])


def test_deviations_are_shares_of_a_cell_in_multiples_of_their_mean() -> None:
    rows = [{"estimator": "a", "variance": 1.0}, {"estimator": "b", "variance": 1.0, "effective_dof": 10.0}]
    found = spread(run(rows, {"a": [1.0, 1.0, 1.0, 5.0], "b": [2.0, 2.0]}))
    a, b = (found[found["estimator"] == label] for label in "ab")
    assert list(a["share"]) == [0.75, 0.25]
    assert list(a["count"]) == [3, 1]
    assert (a["low"].iloc[0] <= 0.5) & (a["high"].iloc[0] > 0.5)
    assert (a["low"].iloc[1] <= 2.5) & (a["high"].iloc[1] > 2.5)
    assert a["largest"].iloc[-1] == 2.5
    assert list(b["share"]) == [1.0]
    assert list(found["flag"] != "") == [False, False, True]
    assert found["place"].iloc[-1] == 0


def test_a_mean_has_the_standard_error_of_its_finite_replicates() -> None:
    rows = [
        {"estimator": "a", "variance": 1.0, "sample_size": N, "replicates": 104, "nonfinite": 4}
        for N in (1, 10)
    ]
    names = [cell(**row)["cell"] for row in rows]
    coordinates = pd.DataFrame(
        {
            "cell": names, "parameter": "loc", "index": 0, "truth": [2.0, 3.0], "mean": [2.5, 2.8],
            "variance": [1.0, 4.0], "variance_low": 1.0, "variance_high": 1.0, "kurtosis": 3.0,
            "center": 0.0, "kept": 0,
        }
    ).astype(TYPES["coordinates"])  # fmt: skip
    (row,) = scatter(run(rows, coordinates=coordinates)).itertuples(index=False)
    assert (row.sample_size, row.truth, row.mean) == (10, 3.0, 2.8)
    assert (row.low, row.high) == (pytest.approx(2.6), pytest.approx(3.0))


def test_a_histogram_holds_estimates_with_their_mean_and_deviation() -> None:
    row = {"estimator": "a", "variance": 4.0}
    coordinates = pd.DataFrame(
        {
            "cell": [cell(**row, sample_size=10)["cell"]] * 2, "parameter": "loc", "index": [0, 1],
            "truth": [1.0, 2.0], "mean": [1.5, 2.5], "variance": [1.0, 4.0], "variance_low": 1.0,
            "variance_high": 1.0, "kurtosis": 3.0, "center": 0.0, "kept": [1, 2],
        }
    ).astype(TYPES["coordinates"])  # fmt: skip
    some = run([row], {"a": [1.0] * 4}, coordinates)
    kept = some.replicates.assign(estimate_1=np.float32(7.0), estimate_2=np.float32([0.0, 1.0, 2.0, 10.0]))
    found = histograms(Run(some.measurements, kept, some.record, coordinates))
    assert set(found["index"]) == {1}
    assert (found["mean"].iloc[0], found["sd"].iloc[0], found["truth"].iloc[0]) == (2.5, 2.0, 2.0)
    assert (found["low"].min(), found["high"].max()) == (0.0, 10.0)
    assert found["share"].sum() == pytest.approx(1 - found["beyond"].iloc[0]) == 1
    assert set(found["replicates"]) == {4}


def test_a_rate_has_the_error_that_goes_with_the_degrees_of_freedom() -> None:
    """Slope of least squares over four sizes a factor of ten apart, errors of √(2/900) of the logarithm."""
    rows = [
        {"estimator": "a", "sample_size": N, "variance": 3 / N, "effective_dof": 900.0}
        for N in (1, 10, 100, 1000)
    ]
    (row,) = rate_fits(run(rows)).itertuples(index=False)
    assert row.slope == pytest.approx(-1)
    x = np.log([1, 10, 100, 1000])
    error = math.sqrt(2 / 900) / math.sqrt(((x - x.mean()) ** 2).sum())
    assert (row.high - row.low) / 2 == pytest.approx(1.96 * error, rel=0.2)


def test_a_curve_holds_the_other_options_fixed() -> None:
    rows = [
        {"estimator": "a", "problem": f"p{k}{loc}", "variance": float(k)}
        for k in (1, 2)
        for loc in ("x", "y")
    ]
    some = run(rows)
    frame = some.measurements.assign(**{"cost.k": [1.0, 1.0, 2.0, 2.0], "cost.loc": ["x", "y", "x", "y"]})
    found = along(some.of(frame))
    assert list(found["option"]) == ["k"] * 4
    assert list(found["value"]) == [1.0, 1.0, 2.0, 2.0]
    assert list(found["rest"]) == ["loc = x", "loc = y"] * 2
    assert along(some).empty


def test_the_best_of_a_group_and_what_is_told_apart_from_it() -> None:
    value = pd.Series([1.0, 1.0, 2.0, 3.0, math.nan, 5.0])
    low, high = (
        pd.Series([0.5, 0.9, 1.0, 2.5, math.nan, math.nan]),
        pd.Series([1.1, 2.4, 3.0, 9.0, math.nan, 9.0]),
    )
    best, apart = best_and_apart(value, low, high, pd.Series(["p"] * 5 + ["q"]))
    assert list(best) == [True, True, False, False, False, True]
    assert list(apart) == [False, False, False, True, False, False]


def test_the_errors_of_both_times_are_in_a_ratio_of_products() -> None:
    """Standard errors of 0.03 and 0.04 of the logarithms of times add to that of the ratio of variances."""
    times = {"a": 0.03, "b": 0.04}
    rows = [
        {"estimator": e, "variance": 1.0, "draws": "x", "seconds": 1.0,
         "seconds_low": math.exp(-1.96 * error), "seconds_high": math.exp(1.96 * error)}
        for e, error in times.items()
    ]  # fmt: skip
    some = run(rows, {e: [1.0, 2.0, 0.5, 3.0] * 100 for e in times})
    metrics = ("variance", "work_normalized_variance")
    untimed, timed = (compare(within(some, "a"), (name,)).frame.iloc[0] for name in metrics)
    assert timed["ratio"] == 1
    for end in ("low", "high"):
        wanted = math.hypot(math.log(untimed[end]), 1.96 * 0.05)
        assert abs(math.log(timed[end])) == pytest.approx(wanted, rel=1e-2)


def test_ratios_are_to_the_control_at_one_level_for_all() -> None:
    rows = [{"estimator": e, "variance": v, "draws": "x"} for e, v in (("a", 1.0), ("b", 4.0))]
    generator = np.random.default_rng(0)
    some = run(rows, {e: list(s * generator.normal(size=200) ** 2) for e, s in (("a", 1.0), ("b", 4.0))})
    found = compare(within(some, "a"), ("variance",))
    (row,) = found.frame.itertuples(index=False)
    assert row.ratio == pytest.approx(4, rel=0.5)
    assert row.low < row.ratio < row.high
    assert row.equivalent_samples == pytest.approx(10 / row.ratio)
    assert (row.equivalent_samples_low, row.equivalent_samples_high) == pytest.approx(
        (10 / row.high, 10 / row.low)
    )
    assert (found.level, level_of(0), level_of(4)) == (0.95, 0.95, 1 - 0.05 / 4)


def test_an_option_within_another_is_an_axis_too() -> None:
    kept = bench.load(Path(__file__).parent.parent / "results" / "reference" / "credit_of_steps")
    found = along_option(kept, whole(kept.measurements))
    assert found is not None
    lines = found.groupby("estimator", sort=False)["variance"].nunique()
    assert lines["gae (right critic)"] == lines["gae (wrong critic)"] == 4
    assert lines["total return"] == 1  # what does not have the option is the same at each value
    assert set(found["option"]) == {"trace_decay"}
