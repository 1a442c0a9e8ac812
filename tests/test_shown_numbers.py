"""Numbers that are shown are those that they are called: by heading, by sample size, by order."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from bench.analysis.comparison import compare, level_of
from bench.analysis.first_screen import standings
from bench.analysis.frames import spread
from bench.analysis.geometric import geometric_means
from bench.analysis.pairs import within
from bench.analysis.sweeps import sweep_of
from bench.page.several_runs import _mean_ranks
from bench.page.small_tables import strip
from bench.results.run import Run
from bench.statistics.tails import normal_quantile
from bench.tables.results_table import COLUMNS
from bench.text.answer import answer
from bench.text.methods import methods
from bench.text.numbers import interval, measured_duration, significant
from tests.test_compare import measured
from tests.test_frames import run as run_with_deviations
from tests.test_report import cell
from tests.test_several_runs import ranked, scenario
from tests.test_several_runs import run as run_of_scenario


def whole(changes: list[dict[str, Any]], headline: str = "variance") -> Run:
    made = measured(changes)
    return Run(made.measurements, made.replicates, {"scenario": {"name": "s", "headline": headline}})


def test_every_column_of_the_table_shows_its_own_number() -> None:
    row: Any = next(
        pd.DataFrame(
            [
                cell("a", 17, 3.25, setting="cpu", bias=0.11, bias_low=0.07, bias_high=0.15, variance_low=2.9)
                | {"variance_high": 3.6, "variance_exact": 3.31, "variance_z": -0.7, "kurtosis": 4.75}
                | {"mse": 3.9, "snr": 0.61, "snr_low": 0.5, "snr_high": 0.72, "cosine": 0.83}
                | {"cosine_low": 0.8, "cosine_high": 0.86, "seconds": 2.5e-6, "seconds_low": 2.4e-6}
                | {"seconds_high": 2.6e-6, "evaluations": 34.0, "work_normalized_variance": 8.1e-6}
                | {"bias_p": 0.37, "verdict": "unresolved"}
            ]
        ).itertuples()
    )
    texts = {column.name: column.text(row) for column in COLUMNS}
    assert texts == {
        "N": "17",
        "on": "cpu",
        "bias": interval(0.11, 0.07, 0.15),
        "variance": interval(3.25, 2.9, 3.6),
        "exact": "3.31 (z = -0.7)",
        "kurtosis": "4.75",
        "SNR": interval(0.61, 0.5, 0.72),
        "cosine": interval(0.83, 0.8, 0.86),
        "MSE": "3.90",
        "time": measured_duration(2.5e-6, 2.4e-6, 2.6e-6),
        "f evaluations": "34",
        "var × time": significant(8.1e-6),
        "p": "0.37",
        "verdict": "unresolved",
    }


def test_the_strip_has_each_number_under_its_heading() -> None:
    work = {"work_normalized_variance": 8.1e-6, "work_normalized_variance_low": 7.9e-6}
    work |= {"work_normalized_variance_high": 8.3e-6}
    times = {"seconds": 2.5e-6, "seconds_low": 2.4e-6, "seconds_high": 2.6e-6, **work}
    made = strip(whole([times, {"estimator": "b", "variance": 0.5, **times}]), "variance")
    assert made is not None
    assert list(made.head)[2:] == ["bias", "time", "variance × time"]
    for row in made.rows:
        shown = dict(zip(made.head, row, strict=True))
        assert shown["bias"].text == "within 1 %"
        assert shown["time"].text == measured_duration(2.5e-6, 2.4e-6, 2.6e-6)
        assert shown["variance × time"].text == significant(8.1e-6)
        assert shown["variance × time"].note == interval(8.1e-6, 7.9e-6, 8.3e-6)


def test_ranks_on_a_page_do_not_count_failures_as_good() -> None:
    values = {1: (1.0, 2.0, 3.0, None), 2: (2.0, 1.0, 3.0, 9.0), 3: (1.0, 2.0, 3.0, 0.5)}
    made = _mean_ranks([run_of_scenario(scenario(), ranked(values, "abcd"))])
    rows = [dict(zip(made.head, (field.text for field in row), strict=True)) for row in made.rows]
    wrong = {"estimator": "e", "variance": 0.1, "verdict": "biased"}
    made = _mean_ranks([run_of_scenario(scenario(), [{}, wrong, {"estimator": "c", "variance": 2.0}])])
    found = [dict(zip(made.head, (field.text for field in row), strict=True)) for row in made.rows]
    biased = next(row for row in found if row["estimator"] == "e" and row["by"] == "variance")
    assert (biased["best or not told apart from it on"], biased["failed or biased on"]) == ("0", "1")
    assert all(int(row["failed or biased on"]) == 0 for row in rows)


def test_the_error_of_a_timing_is_that_of_its_interval() -> None:
    # Without noise of the variance, the error is that of the timings: log(1.1²) is 2 · 1.96 errors of each.
    changes = [
        {"estimator": e, "draws": "x", "seconds": s, "seconds_low": s / 1.1, "seconds_high": s * 1.1}
        for e, s in (("a", 1.0), ("b", 3.0))
    ]
    row = compare(within(measured(changes), None), ("work_normalized_variance",)).frame.iloc[0]
    assert level_of(1) == pytest.approx(0.95)
    error = math.sqrt(2) * math.log(1.1) / normal_quantile(0.975)
    assert math.log(row["high"] / row["ratio"]) == pytest.approx(1.96 * error, rel=0.02)
    assert math.log(row["ratio"] / row["low"]) == pytest.approx(1.96 * error, rel=0.02)


def test_runs_of_a_scenario_count_the_same_however_many_cells_they_have() -> None:
    def rows(ratio: float, sizes: tuple[int, ...]) -> list[dict[str, Any]]:
        return [
            {"estimator": e, "sample_size": N, "variance": v}
            for N in sizes
            for e, v in (("a", 1.0), ("b", ratio))
        ]

    some = [
        run_of_scenario(scenario(), rows(4.0, (10,))),
        run_of_scenario(scenario(), rows(1.0, (20, 30, 40))),
    ]
    assert geometric_means(some).frame.iloc[0]["ratio"] == pytest.approx(2.0)  # not 4^(1/4)


def test_the_sweep_is_along_the_option_with_the_most_values() -> None:
    rows = [(k, loc) for k in (1.0, 2.0) for loc in (0.1, 0.2, 0.3, 0.4)]
    frame = pd.DataFrame(
        [{"problem": f"p ({k}, {loc})", "problem.k": k, "problem.loc": loc} for k, loc in rows]
    )
    found = sweep_of(frame)
    assert found is not None
    assert found.name == "loc"
    assert sorted(set(found.values.values())) == [0.1, 0.2, 0.3, 0.4]
    assert set(found.rest.values()) == {"k = 1", "k = 2"}


def test_by_bias_the_nearest_to_zero_stands_first() -> None:
    biases = {"a": -0.5, "b": 0.1, "c": 0.2}
    made = whole([{"estimator": e, "bias": b, "verdict": "unresolved"} for e, b in biases.items()], "bias")
    assert standings(made, "bias")["estimator"].tolist() == ["b", "c", "a"]


def test_a_bias_is_told_of_the_largest_sample_size_at_which_there_is_one() -> None:
    def wrong(N: int, mean: float) -> dict[str, Any]:
        return {"estimator": "b", "sample_size": N, "verdict": "biased", "mean": mean, "bias": mean - 2.0}

    made = whole(
        [{"sample_size": 1}, {}, wrong(1, 9.0) | {"truth_norm": 2.0}, wrong(10, 3.0) | {"truth_norm": 2.0}]
    )
    assert "its mean is 3.00 where the gradient is 2.00" in answer(made)[0]


def test_of_several_references_the_least_known_is_told() -> None:
    norm = {"truth_norm": 2.0, "truth": "reference"}
    made = whole([{"truth_se": 0.02, **norm}, {"estimator": "b", "truth_se": 0.1, **norm}])
    record = {**made.record, "truth": {"kind": "reference", "note": ""}}
    assert ", 5 % of its norm," in methods(Run(made.measurements, made.replicates, record))


def test_the_heaviest_tail_is_flagged_first() -> None:
    heavy = [
        {"estimator": e, "variance": 1.0, "effective_dof": 10.0, "kurtosis": k}
        for e, k in (("a", 9.0), ("b", 50.0))
    ]
    found = spread(run_with_deviations(heavy, {"a": [1.0, 3.0], "b": [1.0, 7.0]}))
    places = found[found["flag"] != ""].set_index("estimator")["place"]
    assert places.to_dict() == {"b": 0, "a": 1}
