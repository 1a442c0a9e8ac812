"""Sentences on a run along a sweep: one where all points agree, and where they do not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from bench.analysis.comparison import COLUMNS, Comparison, mark
from bench.analysis.sweeps import Sweep, sweep_of
from bench.text import cell_words
from bench.text.cell_words import named_value, these
from bench.text.claims import bias_claims
from bench.text.ratio_claims import ratio_claims, scale_claims
from tests.test_report import cell

K, LOC = "problem.cost.bump.k", "problem.distribution.normal.loc"
POINTS = (0.1, 1.0, 2.3, 10.0)
TOGETHER = "The intervals of all {} ratios, {} % each, hold together with 95 %."

Ratio = tuple[float, float, float]


def problem(k: float) -> str:
    return f"expectation (k = {k:g})"


def sweep(*values: float, rest: str = "") -> Sweep:
    return Sweep("k", {problem(k): k for k in values}, dict.fromkeys(map(problem, values), rest))


def found(ratios: dict[float, Ratio], label: str = "path", **others: dict[float, Ratio]) -> Comparison:
    """Ratios to reinforce at N = 1000, by k; those at N = 10 as `others`, by label."""
    cells = [(label, 1000, k, ratio) for k, ratio in ratios.items()]
    cells += [(name, 10, k, ratio) for name, part in others.items() for k, ratio in part.items()]
    records = [
        dict.fromkeys(COLUMNS, "cpu")
        | {"estimator": name, "control": "reinforce", "sample_size": N, "problem": problem(k), "ratio": ratio,
           "low": low, "high": high, "mark": mark(low, high), "cell": f"{name}/{N}/{k:g}"}
        for name, N, k, (ratio, low, high) in cells
    ]  # fmt: skip
    level = 1 - 0.05 / len(records)
    return Comparison(pd.DataFrame(records), "reinforce", level, (), "example", ("reinforce", label))


def at(*ratios: float) -> dict[float, Ratio]:
    """Ratios at each point, known to ten percent."""
    return {k: (ratio, 0.9 * ratio, 1.1 * ratio) for k, ratio in zip(POINTS, ratios, strict=True)}


def said(comparison: Comparison, **more: Any) -> str:
    return ratio_claims(comparison, sweep(*POINTS), **more)[0]


def test_one_sentence_where_all_points_agree() -> None:
    assert ratio_claims(found(at(0.32, 0.1, 0.05, 0.004)), sweep(*POINTS)) == [
        "At N = 1000 path has between 3.12 (2.84 to 3.47; k = 0.1) and 250 (227 to 278; k = 10) times less"
        " variance than reinforce for k from 0.1 to 10.",
        TOGETHER.format(4, 98.75),
    ]
    assert said(found(at(2, 3, 4, 5))) == (
        "At N = 1000 path has between 2.00 (1.80 to 2.20; k = 0.1) and 5.00 (4.50 to 5.50; k = 10) times more"
        " variance than reinforce for k from 0.1 to 10."
    )
    assert said(found(at(1.01, 0.98, 1.02, 1))) == (
        "At N = 1000 path cannot be told apart from reinforce, with ratios between 0.980 (0.882 to 1.08;"
        " k = 1) and 1.02 (0.918 to 1.12; k = 2.3) for k from 0.1 to 10."
    )


def test_where_the_winner_changes_it_says_where() -> None:
    assert said(found(at(0.02, 0.2, 2, 20))) == (
        "At N = 1000 path has between 5.00 (4.55 to 5.56; k = 1) and 50.0 (45.5 to 55.6; k = 0.1) times less"
        " variance than reinforce for k = 0.1 and 1, and has between 2.00 (1.80 to 2.20; k = 2.3) and"
        " 20.0 (18.0 to 22.0; k = 10) times more variance for k = 2.3 and 10."
    )
    assert said(found(at(0.02, 1, 2, 20))) == (
        "At N = 1000 path has 50.0 (45.5 to 55.6) times less variance than reinforce for k = 0.1, cannot be"
        " told apart from it, with a ratio of 1.00 (0.900 to 1.10) for k = 1, and has between"
        " 2.00 (1.80 to 2.20; k = 2.3) and 20.0 (18.0 to 22.0; k = 10) times more variance"
        " for k = 2.3 and 10."
    )
    assert said(found(at(1, 1, 0.5, 1))) == (
        "At N = 1000 path cannot be told apart from reinforce, with ratios between 1.00 (0.900 to 1.10;"
        " k = 0.1) and 1.00 (0.900 to 1.10; k = 10) for k = 0.1, 1 and 10, and has 2.00 (1.82 to 2.22) times"
        " less variance for k = 2.3."
    )


def test_points_that_change_to_and_fro_are_told_by_kind() -> None:
    values = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    ratios = dict(zip(values, [(0.5, 0.4, 0.6), (2.0, 1.6, 2.4)] * 3, strict=True))
    assert ratio_claims(found(ratios), sweep(*values))[0] == (
        "At N = 1000 path has between 2.0 (1.7 to 2.5; k = 1) and 2.0 (1.7 to 2.5; k = 5) times less"
        " variance than reinforce for k = 1, 3 and 5, and has between 2.0 (1.6 to 2.4; k = 2) and"
        " 2.0 (1.6 to 2.4; k = 6) times more variance for k = 2, 4 and 6."
    )


def test_what_has_no_variance_is_told_without_a_number() -> None:
    ratios = at(0.5, 0.5, 0.5, 0.5) | {1.0: (0.0, 0.0, 0.0)}
    assert said(found(ratios)) == (
        "At N = 1000 path has between 2.00 (1.82 to 2.22; k = 0.1) and 2.00 (1.82 to 2.22; k = 10) times less"
        " variance than reinforce for k = 0.1, 2.3 and 10, and has no variance at all, where reinforce has"
        " some for k = 1."
    )
    unknown = dict.fromkeys(POINTS, (0.5, math.nan, math.nan))
    assert said(found(unknown)) == (
        "At N = 1000 path has ratios between 0.500 (no interval; k = 0.1) and 0.500 (no interval; k = 10) to"
        " reinforce in variance for k from 0.1 to 10."
    )


def test_other_sample_sizes_are_told_where_they_differ() -> None:
    less = at(0.5, 0.5, 0.5, 0.5)
    alike = said(found(less, path=at(0.4, 0.4, 0.4, 0.4)))
    # No single ratio lies in the intervals at both N.
    assert alike.endswith(
        "times less variance than reinforce for k from 0.1 to 10; so it is at every N from 10 to 1000,"
        " 1.8 to 2.8 times less."
    )
    same = said(found(less, path=less))
    assert same.endswith(
        "times less variance than reinforce for k from 0.1 to 10; so it is at every N from 10 to 1000."
    )
    differ = said(found(less, path=at(1, 1, 0.4, 2)))
    assert differ.endswith("; at N = 10 not told apart for k = 0.1 and 1; at N = 10 more for k = 10.")


def test_what_is_biased_is_called_so_where_it_is() -> None:
    less = found(at(0.5, 0.4, 0.3, 0.2))
    assert "path (biased for k = 2.3 and 10) has" in said(
        replace(less, biased=frozenset({"path/1000/2.3", "path/1000/10"}))
    )
    cells = frozenset(f"path/1000/{k:g}" for k in POINTS)
    assert "path (biased there) has" in said(replace(less, biased=cells))
    assert said(less, unbiased=dict.fromkeys(cells, "within 1 %")).endswith(", both unbiased within 1 %.")
    assert "unbiased" not in said(less, unbiased={"path/1000/1": "within 1 %"})


def test_other_options_make_sentences_of_their_own() -> None:
    frame = found(at(0.5, 0.4, 0.3, 0.2)).frame
    doubled = pd.concat([frame, frame.assign(problem=frame["problem"] + " at 2")], ignore_index=True)
    values = {problem(k) + end: k for k in POINTS for end in ("", " at 2")}
    rest = {name: "loc = 2" if name.endswith(" at 2") else "loc = 1" for name in values}
    comparison = Comparison(doubled, "reinforce", 0.99, (), "example", ("reinforce", "path"))
    first, second, _ = ratio_claims(comparison, Sweep("k", values, rest))
    assert first.startswith("At N = 1000 on loc = 1 path has between ")
    assert second.startswith("At N = 1000 on loc = 2 path has between ")


# --- what a sweep is ------------------------------------------------------------------------------


def measured(*estimators: str, **options: list[Any]) -> pd.DataFrame:
    """Cells at N = 10 and 100 at points that have these values of K and other options."""
    names = {"k": K, "loc": LOC, "cost": "problem.cost"}
    points = [dict(zip(options, values, strict=True)) for values in zip(*options.values(), strict=True)]
    return pd.DataFrame(
        cell(estimator, N, 1 / N, problem=str(point), verdict="unresolved (needs R = 2100)")
        | {names[name]: value for name, value in point.items()}
        for estimator in estimators
        for point in points
        for N in (10, 100)
    )


def test_the_number_with_most_values_is_the_one_along_which_points_lie() -> None:
    frame = measured("path", k=[0.1, 1.0, 10.0, 0.1, 1.0, 10.0], loc=[1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    one = sweep_of(frame)
    assert one is not None
    assert one.name == "k"
    assert set(one.rest.values()) == {"loc = 1", "loc = 2"}


def test_options_side_by_side_are_one() -> None:
    one = sweep_of(measured("path", k=[0.1, 1.0, 10.0], loc=[1.0, 2.0, 3.0]))
    assert one is not None
    assert (one.name, set(one.rest.values())) == ("k", {""})


def test_words_and_single_problems_are_no_sweep() -> None:
    assert sweep_of(measured("path", cost=["z", "z**2"])) is None
    assert sweep_of(measured("path", k=[1.0])) is None
    assert sweep_of(pd.DataFrame([cell("path", 10, 1.0)])) is None


@pytest.mark.parametrize(
    ("some", "text"),
    [
        ([1, 2, 3, 4], "k from 1 to 4"),
        ([2], "k = 2"),
        ([1, 2], "k = 1 and 2"),
        ([1, 2, 3, 5], "k = 1 to 3 and 5"),
        ([1, 3, 5, 6, 7], "k = 1, 3 and 5 to 7"),
    ],
)
def test_some_of_its_values_in_words(some: list[float], text: str) -> None:
    assert these(sweep(*range(1, 8)), some, range(1, 8)) == text


def test_values_are_rounded_as_far_as_they_stay_apart() -> None:
    assert named_value(sweep(0.177828, 10_000), 0.177828) == "k = 0.178"
    assert named_value(sweep(0.177828, 10_000), 10_000) == "k = 10 000"
    assert named_value(sweep(0.177828, 0.177834), 0.177828) == "k = 0.177828"


# --- cells and biases along it --------------------------------------------------------------------


def test_the_variance_of_the_control_is_told_by_its_ends() -> None:
    frame = measured("reinforce", "path", k=list(POINTS))
    frame["variance"] *= frame[K]
    for end, factor in (("_low", 0.9), ("_high", 1.1)):
        frame[f"variance{end}"] = factor * frame["variance"]
    assert list(scale_claims(frame, sweep_of(frame), "reinforce")) == [  # type: ignore[arg-type]
        "At N = 100 one estimate of reinforce has variance between 0.00100 (0.00090 to 0.00110; k = 0.1) and"
        " 0.100 (0.090 to 0.110; k = 10) for k from 0.1 to 10."
    ]


def test_a_control_at_a_single_point_has_one_variance() -> None:
    frame = measured("reinforce", "path", k=list(POINTS))
    frame.loc[(frame["estimator"] == "reinforce") & (frame[K] > 0.1), "status"] = "error"
    assert list(scale_claims(frame, sweep_of(frame), "reinforce")) == [  # type: ignore[arg-type]
        "At N = 100 one estimate of reinforce has variance 0.0100 (0.0090 to 0.0112) for k = 0.1."
    ]


def test_cells_are_named_by_where_they_lie() -> None:
    frame = measured("reinforce", "path", k=list(POINTS))
    some = frame[(frame[K] > 0.5) & (frame["estimator"] == "path")]
    assert cell_words.which(some, frame) == "path for k from 1 to 10"
    assert cell_words.which(some[some["sample_size"] == 10], frame) == "path at N = 10 for k from 1 to 10"
    uneven = some[(some["sample_size"] == 10) | (some[K] == 10)]
    assert cell_words.which(uneven, frame) == "path at N = 10 for k = 1 and 2.3; path for k = 10"
    assert cell_words.which(frame[frame["sample_size"] == 10], frame) == "every estimator at N = 10"


def test_biases_are_told_once_for_all_points() -> None:
    frame = measured("reinforce", "path", k=list(POINTS))
    assert list(bias_claims(frame)) == [
        "Whether there is a bias is unresolved for every estimator at N = 10 (needs R = 2100);"
        " every estimator at N = 100 (needs R = 2100)."
    ]
    wrong = (frame["estimator"] == "path") & (frame[K] >= 2) & (frame["sample_size"] == 100)
    numbers = {
        "verdict": "biased",
        "contradiction": "not unbiased",
        "bias": 0.5,
        "bias_low": 0.4,
        "bias_high": 0.6,
    }
    frame.loc[wrong, list(numbers)] = list(numbers.values())
    assert next(bias_claims(frame)) == (
        "Biased is path at N = 100 for k = 2.3 and 10: at N = 100 and k = 10 the mean estimate is off by"
        " 0.500 (0.40 to 0.60), where the gradient has norm 4.00."
    )
