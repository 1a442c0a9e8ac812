"""Ratios of means of numbers that are given as arrays."""

from __future__ import annotations

from typing import Any

from bench.statistics import contributions as given
from bench.statistics import ratio
from bench.statistics.contributions import Numbers, contributions
from bench.statistics.ratio import Ratio


def paired_ratio(a: Numbers, b: Numbers, *args: Any) -> Ratio:
    return ratio.paired_ratio(contributions(a), contributions(b), *args)


def unpaired_ratio(a: Numbers, b: Numbers, *args: Any) -> Ratio:
    return ratio.unpaired_ratio(contributions(a), contributions(b), *args)


def common_ratio(a: Numbers, b: Numbers, *args: Any) -> Ratio:
    return ratio.common_ratio(contributions(a), contributions(b), *args)


def variance_without_one(a: Numbers) -> Numbers:
    return given.variance_without_one(contributions(a))


def mean_without_one(a: Numbers) -> Numbers:
    return given.mean_without_one(contributions(a))
