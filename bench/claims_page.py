"""The text of `docs/claims.md`: claims of papers, held against the reference runs: `make claims`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import bench
from bench.analysis.comparison import FALSE_CLAIMS
from bench.analysis.rows import PLACE, measured, whole
from bench.statistics.tails import normal_quantile
from bench.text.numbers import significant
from bench.text.ratio_text import ratio_said

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "claims.md"
REFERENCE = ROOT / "results" / "reference"

CONFIRMED, CONTRADICTED, UNDECIDED, NOT_TESTED = "confirmed", "contradicted", "undecided", "not tested here"


@dataclass(frozen=True)
class Claim:
    """The claim that an estimator has less variance than a control.

    Attributes:
        paper: whose it is.
        says: the claim.
        scenario: the shipped scenario that can tell; empty if none does.
        estimator: its label there.
        control: that of the other.
        at: the size, evaluations of f, of which it is said; 0 for all.
    """

    paper: str
    says: str
    scenario: str
    estimator: str
    control: str
    at: int = 0


def claims() -> list[Claim]:
    """Return the claims that are kept."""
    text = Path(__file__).with_name("claims.toml").read_text("utf-8")
    return [Claim(**each) for each in tomllib.loads(text)["claim"]]


@dataclass(frozen=True)
class Verdict:
    """Verdict of a reference run on a claim: at how many places it holds, and the least and largest ratio."""

    word: str
    holds: int = 0
    fails: int = 0
    places: int = 0
    ratios: str = ""


def verdict_of(claim: Claim) -> Verdict:
    """Hold a claim against its reference run, at every size and point of the sweep.

    A ratio of variances that are both known exactly has no error; others have intervals by the errors of both
    logarithms, as of independent ones, that hold together in 95 % of cases over the places of the claim. It
    is confirmed where it holds at some place and is refuted at none, contradicted the other way round.

    Raises:
        ValueError: if the run has no such estimators.
    """
    if not claim.scenario:
        return Verdict(NOT_TESTED)
    found = ratios_of(claim)
    holds, fails = int((found["high"] < 1).sum()), int((found["low"] > 1).sum())
    word = UNDECIDED if bool(holds) == bool(fails) else CONFIRMED if holds else CONTRADICTED
    ordered = found.sort_values("ratio")
    ends = ordered.iloc[[0, -1]] if len(ordered) > 1 else ordered
    said = [_said(*row) for row in ends[["ratio", "low", "high"]].itertuples(index=False)]
    return Verdict(word, holds, fails, len(found), " to ".join(dict.fromkeys(said)))


def _said(ratio: float, low: float, high: float) -> str:
    if low == high:
        return f"{significant(ratio)}, exactly"
    if (low, high) == (0, np.inf):
        return f"{significant(ratio)} (no interval: its tails are too heavy)"
    return ratio_said(ratio, low, high)


def ratios_of(claim: Claim) -> pd.DataFrame:
    """Return the `ratio` of variances with its `low` and `high` end at each place of the scenario."""
    cells = measured(whole(bench.load(REFERENCE / claim.scenario).measurements), "variance")
    cells = cells[cells["variance"] > 0]
    own, other = (cells[cells["estimator"] == label] for label in (claim.estimator, claim.control))
    pairs = own.merge(other, on=PLACE, suffixes=("", "_control"))
    pairs = pairs[pairs["sample_size"] == claim.at] if claim.at else pairs
    if pairs.empty:
        raise ValueError(f"{claim.scenario} has no ratio of {claim.estimator} to {claim.control}")
    exact = pairs["variance_exact"] / pairs["variance_exact_control"]
    ratio = exact.fillna(pairs["variance"] / pairs["variance_control"])
    error = (_squared_error(pairs, "") + _squared_error(pairs, "_control")).pow(0.5).where(exact.isna(), 0.0)
    reach = np.exp(float(normal_quantile(1 - FALSE_CLAIMS / (2 * len(pairs)))) * error)
    return pd.DataFrame({"ratio": ratio, "low": ratio / reach, "high": ratio * reach})


def _squared_error(pairs: pd.DataFrame, suffix: str) -> pd.Series[float]:
    """The variance of the logarithm of a variance, from its interval of 95 %."""
    width = np.log(pairs[f"variance_high{suffix}"] / pairs[f"variance_low{suffix}"])
    return pd.Series(width / (2 * float(normal_quantile(0.975))), pairs.index).pow(2)


_HOW = """\
Each is held against a shipped scenario, at all of its sizes and points unless it is said of one. The ratio
is that of the variance to the other's: exact where both are known, else with intervals that hold together in
95 % of cases over the places of a claim. A claim holds where that is below 1, and is refuted where it is
above. It is *confirmed* if it holds at some places and is refuted at none, *contradicted* the other way
round, and else *undecided*. Models are small here: what is claimed of another scale is *not tested here*.
"""


def page() -> str:
    """Return the page of the documentation, as Markdown."""
    return "\n".join(_lines([(claim, verdict_of(claim)) for claim in claims()])) + "\n"


def _lines(judged: Sequence[tuple[Claim, Verdict]]) -> Iterator[str]:
    yield "# Claims of papers\n\nMade by `make claims` from `bench/claims.toml` and the reference runs.\n"
    yield _HOW
    yield "| claim | paper | scenario | verdict | holds, is refuted, of | variance, times that of the other |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for claim, verdict in judged:
        counts = f"{verdict.holds}, {verdict.fails}, {verdict.places}" if verdict.places else ""
        where = claim.scenario + (f", {claim.at} evaluations" if claim.at else "")
        yield f"| {claim.says} | {claim.paper} | {where} | {verdict.word} | {counts} | {verdict.ratios} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
