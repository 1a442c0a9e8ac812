"""Rates held against what they should be; and the table of all that was held."""

from __future__ import annotations

from dataclasses import dataclass, field

from scipy import stats

from bench.statistics.intervals import Interval, wilson_interval

FALSE_ALARM = 1e-5
"""The probability that a rate which is just as required is said not to be."""


@dataclass(frozen=True)
class Rate:
    """How many of some independent runs it happened in."""

    count: int
    runs: int

    def may_be(self, least: float, most: float) -> bool:
        """Whether the count is compatible with a rate from `least` to `most`."""
        too_few = float(stats.binom.cdf(self.count, self.runs, least)) < FALSE_ALARM
        too_many = float(stats.binom.sf(self.count - 1, self.runs, most)) < FALSE_ALARM
        return not too_few and not too_many

    def __str__(self) -> str:
        share = wilson_interval(self.count, self.runs)
        return f"{100 * share.value:.3g} % ({100 * share.low:.3g} to {100 * share.high:.3g} %)"


def rate_of(events: list[bool]) -> Rate:
    return Rate(sum(events), len(events))


@dataclass
class Table:
    """What was measured, row by row, and what was required of it."""

    rows: list[tuple[str, str, str, int]] = field(default_factory=list)

    def hold(self, what: str, rate: Rate, least: float = 0.0, most: float = 1.0) -> None:
        """Assert that the rate may lie from `least` to `most`."""
        required = _required(least, most)
        self.rows.append((what, required, str(rate), rate.runs))
        assert rate.may_be(least, most), f"{what}: {rate} of {rate.runs} runs, wanted {required}"

    def control(self, what: str, rate: Rate, least: float = 0.0, most: float = 1.0) -> None:
        """Assert that the rate cannot lie from `least` to `most`: something that is wrong is seen to be."""
        required = _required(least, most)
        self.rows.append((f"control: {what}", f"misses {required}", str(rate), rate.runs))
        assert not rate.may_be(least, most), f"{what}: {rate} of {rate.runs} runs could be {required}"

    def value(self, what: str, required: str, measured: Interval, runs: int) -> None:
        """Add a number that is no rate."""
        text = f"{measured.value:.3g} ({measured.low:.3g} to {measured.high:.3g})"
        self.rows.append((what, required, text, runs))

    def markdown(self) -> str:
        lines = [f"| {what} | {required} | {text} | {runs} |" for what, required, text, runs in self.rows]
        return "\n".join([_HEAD, *lines, ""])


_HEAD = """# Calibration

How often intervals cover and verdicts err, each measured in runs that are repeated with fresh random
numbers; in brackets a 95 % interval. A check fails if its count has a probability below 1e-5 at the rate
required; a control is something known to be wrong, and fails unless it is seen to be. Written by
`make calibrate`, from fixed seeds.

| what | required | measured | runs |
| --- | --- | --- | ---: |"""


def _required(least: float, most: float) -> str:
    if least == 1:
        return "always"
    if most == 1:
        return f"≥ {100 * least:.3g} %"
    return f"≤ {100 * most:.3g} %" if least == 0 else f"{100 * least:.3g} to {100 * most:.3g} %"
