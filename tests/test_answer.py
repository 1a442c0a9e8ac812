"""The answer of a run in two sentences: biases first, and never a wrong estimator in the lead."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from bench.analysis.comparison import compare
from bench.analysis.first_screen import standings
from bench.analysis.pairs import within
from bench.errors import Invalid
from bench.results.run import Run
from bench.statistics.metric_table import METRICS
from bench.text.answer import answer, headline_of
from bench.text.ratio_text import ratio_said
from bench.text.words import NOTHING
from tests.test_compare import measured, noisy

WRONG = {"verdict": "biased", "mean": 0.0, "bias": -1.76, "bias_low": -1.76, "bias_high": -1.76}


def run_of(*cells: dict[str, Any], headline: str = "variance") -> Run:
    run = noisy(measured(list(cells)))
    return Run(run.measurements, run.replicates, {"scenario": {"name": "s", "headline": headline}})


def ratio(run: Run, estimator: str, control: str, metric: str = "variance") -> str:
    """The ratio at the largest N, in words."""
    return ratio_said(*numbers(run, estimator, control, metric))


def inverse(run: Run, estimator: str, control: str, metric: str = "variance") -> str:
    """The ratio of the other to the one."""
    value, low, high = numbers(run, estimator, control, metric)
    return ratio_said(1 / value, 1 / high, 1 / low)


def numbers(run: Run, estimator: str, control: str, metric: str) -> tuple[float, float, float]:
    frame = compare(within(run, control), (metric,)).frame
    row = frame[frame["estimator"] == estimator].iloc[-1]
    return row["ratio"], row["low"], row["high"]


def test_the_best_leads_by_its_ratio_to_the_control() -> None:
    run = run_of({}, {"estimator": "b", "variance": 0.5}, {"estimator": "c", "variance": 0.1})
    assert answer(run) == [
        "Every estimator is unbiased within 1 % of the gradient's norm.",
        f"c has the least variance at N = 10: {inverse(run, 'c', 'a')} times less than a.",
    ]
    # Against the best itself the next is told.
    assert answer(run, "c")[1] == (
        f"c has the least variance at N = 10: the next, b, has {ratio(run, 'b', 'c')} times more."
    )


def test_an_estimator_under_several_labels_is_told_once_by_each() -> None:
    run = run_of({}, {"estimator": "b", "variance": 0.1})
    cells = run.measurements
    again = [cells[cells["estimator"] == "b"].assign(estimator=label) for label in ("c", "d")]
    run = Run(pd.concat([cells, *again], ignore_index=True), run.replicates, run.record)
    assert run.measurements["cell"].nunique() == 2
    assert answer(run)[1] == "b, c and d cannot be told apart and have the least variance at N = 10."
    assert standings(run)["estimator"].tolist() == ["b", "c", "d", "a"]


def test_the_largest_sample_size_answers() -> None:
    small = [{"sample_size": 2}, {"estimator": "b", "sample_size": 2, "variance": 9.0}]
    run = run_of(*small, {}, {"estimator": "b", "variance": 0.1})
    assert answer(run)[1].startswith("b has the least variance at N = 10: ")


@pytest.mark.parametrize("metric", METRICS)
def test_a_biased_estimator_never_leads_by_any_metric(metric: str) -> None:
    zero = {"variance": 0.0, "mse": 0.0, "work_normalized_variance": 0.0, "seconds": 1e-12, "snr": 1e9}
    wrong = {"estimator": "wrong", "cosine": 1.0} | zero | WRONG
    run = run_of({}, {"estimator": "b", "variance": 0.1}, wrong, headline=metric)
    first, second = answer(run)
    assert first == "wrong (its mean is 0 where the gradient is 1.76) is biased."
    assert second.startswith("Of the unbiased estimators ")
    assert "wrong" not in second


def test_no_variance_leads_only_with_a_proof() -> None:
    exact = {"estimator": "exact", "variance": 0.0}
    assert answer(run_of({}, exact))[1] == (
        "exact has the least variance at N = 10: none at all, where a has some."
    )
    run = run_of({}, {"estimator": "b", "variance": 0.1}, {**exact, "verdict": "unresolved (needs R = 9)"})
    assert answer(run) == [
        "No estimator is found to be biased, but exact may be.",
        f"Of the unbiased estimators b has the least variance at N = 10: "
        f"{inverse(run, 'b', 'a')} times less than a.",
    ]


def test_a_biased_control_is_called_so() -> None:
    run = run_of({**WRONG}, {"estimator": "b", "variance": 0.5}, {"estimator": "c", "variance": 4.0})
    times = inverse(run, "b", "a")
    assert answer(run)[1] == (
        f"Of the unbiased estimators b has the least variance at N = 10: {times} times less than a, "
        "which is biased."
    )
    # One without any variance is no measure of others.
    run = run_of({**WRONG, "variance": 0.0}, {"estimator": "b"}, {"estimator": "c", "variance": 4.0})
    assert answer(run)[1].startswith(
        "Of the unbiased estimators b has the least variance at N = 10: 1.00 (0.90 to 1.12)"
    )


def test_a_bias_at_small_sample_sizes_is_told_with_its_place() -> None:
    run = run_of({}, {"estimator": "b", "sample_size": 2, **WRONG}, {"estimator": "b", "variance": 0.1})
    first, second = answer(run)
    assert first == "b (at N = 2 its mean is 0 where the gradient is 1.76) is biased."
    assert second.startswith("b has the least variance")


def test_a_bias_of_several_coordinates_is_told_by_its_norm() -> None:
    vector = {"dim": 3, "mean": math.nan}
    several = [{"estimator": name, **WRONG, **vector, "bias": 0.5} for name in ("b", "c")]
    assert answer(run_of(vector, *several))[0] == (
        "b (its mean is off by 0.500 where the gradient has norm 4.00) and c (its mean is off by 0.500 where "
        "the gradient has norm 4.00) are biased."
    )


@pytest.mark.parametrize("verdict", ["unknown", "unresolved (needs R = 9)", "biased"])
def test_without_variance_it_leads_neither_sentence_nor_table(verdict: str) -> None:
    still = {"estimator": "b", "variance": 0.0, "verdict": verdict}
    run = run_of({}, still, {"estimator": "c", "variance": 0.5})
    assert list(standings(run)["estimator"]) == ["c", "a", "b"]
    assert list(standings(run)["leads"]) == [True, True, False]
    assert "c has the least variance" in answer(run)[1]
    # The control: one that is shown to be unbiased does.
    assert standings(run_of({}, {**still, "verdict": "within 1 %"}))["estimator"].iloc[0] == "b"


def test_what_is_unresolved_may_be_biased() -> None:
    unresolved = {"verdict": "unresolved (needs R = 9)"}
    wrong = {"estimator": "c", **WRONG}
    assert answer(run_of({}, {"estimator": "b", **unresolved}, wrong))[0].endswith(", and b may be.")
    assert answer(run_of({}, {"estimator": "b", **unresolved}, wrong))[1].startswith("Of the others ")
    assert answer(run_of(unresolved, {"estimator": "b", **unresolved}))[0] == (
        "Whether any estimator is biased is unresolved."
    )
    for truth, words in (("none", "not known"), ("disputed", "disputed")):
        unknown = {"verdict": "unknown", "truth": truth}
        assert answer(run_of(unknown, {"estimator": "b", **unknown}))[0] == (
            f"No bias can be told, because the true gradient is {words}."
        )


def test_estimators_that_are_not_told_apart_lead_together() -> None:
    run = run_of({}, {"estimator": "b", "variance": 1.0}, {"estimator": "c", "variance": 9.0})
    assert answer(run)[1] == "a and b cannot be told apart and have the least variance at N = 10."


def test_an_estimator_without_an_interval_does_not_share_the_lead() -> None:
    known = {"snr": 5.0, "snr_low": 4.0, "snr_high": 6.0}
    near = {"estimator": "b", "snr": 4.9, "snr_low": 3.9, "snr_high": 5.9}
    without = near | {"snr": 0.1, "snr_low": float("nan"), "snr_high": float("nan")}
    assert answer(run_of(known, near, headline="snr"))[1].startswith("a and b cannot be told apart")
    assert answer(run_of(known, without, headline="snr"))[1].startswith("a has the highest signal-to-noise")


def test_a_metric_that_is_not_compared_is_told_by_its_values() -> None:
    ends = {"snr_low": 0.9, "snr_high": 1.1}
    run = run_of(ends, {"estimator": "b", "snr": 5.0, "snr_low": 4.5, "snr_high": 5.5}, headline="snr")
    assert answer(run)[1] == (
        "b has the highest signal-to-noise ratio of one estimate at N = 10: 5.00 (4.5 to 5.5); "
        "a has 1.00 (0.90 to 1.10)."
    )


def test_without_any_variance_the_signal_to_noise_ratio_is_the_highest() -> None:
    infinite = dict.fromkeys(("snr", "snr_low", "snr_high"), math.inf) | {"variance": 0.0}
    ends = {"snr": 90.0, "snr_low": 80.0, "snr_high": 99.0}
    exact = {"estimator": "b", **infinite}
    best = "the highest signal-to-noise ratio of one estimate at N = 10"
    assert answer(run_of(ends, exact, headline="snr"))[1] == (f"b has {best}: inf; a has 90.0 (80 to 99).")
    tied = run_of(ends, exact, {**exact, "estimator": "c"}, headline="snr")
    assert answer(tied)[1] == f"b and c cannot be told apart and have {best}."
    # Unless that could be because it is wrong.
    unsure = {**exact, "verdict": "unresolved (needs R = 9)"}
    assert answer(run_of(ends, unsure, headline="snr"))[1].startswith("Of the unbiased estimators a has")


def test_an_infinite_variance_does_not_lead() -> None:
    worst = dict.fromkeys(("variance", "variance_low", "variance_high"), math.inf)
    assert answer(run_of(worst))[1] == "No estimator that could be unbiased has a variance at N = 10."


def test_the_headline_is_that_of_the_scenario() -> None:
    cells = ({}, {"estimator": "b", "variance": 0.5})
    assert headline_of(run_of(*cells, headline="mse")) == "mse"
    assert headline_of(run_of(*cells, headline="")) == headline_of(run_of(*cells, headline="?")) == "variance"
    run = run_of(*cells, headline="mse")
    assert answer(run)[1] == (
        f"b has the least MSE at N = 10: {inverse(run, 'b', 'a', 'mse')} times less than a."
    )


def swept(*variances: float) -> Run:
    """Estimator a with variance 1, and b with these, at points of k."""
    changes = [
        {"estimator": name, "variance": v if name == "b" else 1.0, "problem": f"p (k = {k})"}
        for k, v in enumerate(variances, 1)
        for name in "ab"
    ]
    run = run_of(*changes)
    k = run.measurements["problem"].str.extract(r"= (\d)")[0].astype(float)
    return Run(run.measurements.assign(**{"problem.k": k}), run.replicates, run.record)


def test_along_a_sweep_the_ends_are_told() -> None:
    found = answer(swept(0.5, 0.2, 0.1))[1]
    assert found.startswith("b has the least variance at N = 10: between 2.0")
    assert "; k = 1) and 10" in found
    assert found.endswith("; k = 3) times less than a.")


def test_where_the_best_changes_it_says_where() -> None:
    assert answer(swept(0.1, 0.2, 0.3, 1.0, 9.0))[1] == (
        "At N = 10 b has the least variance for k from 1 to 3; a has it for k = 5; "
        "no estimator alone has it for k = 4."
    )


def test_words_as_points_are_counted() -> None:
    run = swept(0.1, 0.2, 9.0)
    words = Run(run.measurements.drop(columns="problem.k"), run.replicates, run.record)
    assert answer(words)[1] == "At N = 10 b has the least variance on 2 of 3 problems; a has it on p (k = 3)."


def test_nothing_measured_is_said() -> None:
    run = run_of({}, {"estimator": "b"})
    failed = run.measurements.assign(status="error")
    for frame in (failed, failed.iloc[:0]):
        assert answer(run.of(pd.DataFrame(frame))) == [NOTHING]


def test_an_unknown_control_is_refused() -> None:
    with pytest.raises(Invalid, match="no estimator 'nobody' here"):
        answer(run_of({}), "nobody")


def test_a_lonely_estimator_has_a_value() -> None:
    assert answer(run_of({}))[1] == "a has a variance at N = 10: 1.00 (0.90 to 1.12)."
