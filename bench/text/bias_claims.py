"""Verdicts on bias as sentences, grouped over estimators and sample sizes."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bench.analysis import rows
from bench.analysis.sweeps import Sweep
from bench.statistics.verdict import BIASED_BELOW
from bench.text import cell_words
from bench.text.labels import distinct, plain
from bench.text.numbers import grouped, interval, significant
from bench.text.sweep_words import named_value, sweep_or_point, these

_MOST_PHRASES = 6
_MORE = r"(?<=needs R )([=>] \d[\d ]*)(?=\))"


def bias_claims(whole: pd.DataFrame) -> list[str]:
    """Return a sentence on the unbiased cells, one for each biased estimator, one on unresolved cells.

    Args:
        whole: the measurements of the whole gradient.
    """
    frame = whole[whole["status"] == "ok"]
    return [*_within(frame), *_biased(frame), *_unresolved(frame), *_unknown(frame)]


def _within(frame: pd.DataFrame) -> Iterator[str]:
    shown = frame[frame["verdict"].str.startswith("within")]
    for verdict, part in shown.groupby("verdict", sort=False):
        # The test errs in one of twenty cells, which a reader of many should know.
        test = "by a test of equivalence at 5 % in each cell"
        yield f"Unbiased {plain(verdict)} of the gradient's norm, {test}: {_which(part, frame)}."


def _biased(frame: pd.DataFrame) -> Iterator[str]:
    biased = frame["verdict"] == "biased"
    tested = int(frame["bias_p"].notna().sum())
    yield from (f"Biased is {said}." for said, _ in _off(frame, biased))
    for said, cells in _off(frame, (frame["bias_p"] < BIASED_BELOW) & ~biased):
        p = significant(cells["bias_p"].min(), 2)
        yield f"Not called biased is {said}: p = {p}, as expected among {tested} tests."


def _off(frame: pd.DataFrame, chosen: pd.Series[bool]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield for each estimator where it is off and by how much, with its chosen cells."""
    sweep = sweep_or_point(frame)
    for who, cells in _by_estimator(frame, chosen, sweep):
        last = cells.iloc[-1]
        off = interval(last["bias"], last["bias_low"], last["bias_high"]).replace("…", "to")
        place, value = these(sweep, cells["value"], sweep.along(frame)), named_value(sweep, last["value"])
        where = " and ".join(filter(None, (f"N = {grouped(last['sample_size'])}", value)))
        norm = f"where the gradient has norm {significant(last['truth_norm'])}"
        head = f"{who} at {_sizes(cells)}{f' for {place}' if place else ''}"
        yield f"{head}: at {where} the mean estimate is off by {off}, {norm}", cells


def _unresolved(frame: pd.DataFrame) -> Iterator[str]:
    part = frame[frame["verdict"].str.startswith("unresolved")]
    alike = _alike(part, frame)
    rest = len(alike) - _MOST_PHRASES
    if alike:
        phrases = [f"{_which(cells, frame)}{_needs(cells)}" for cells in alike[:_MOST_PHRASES]]
        listed = "; ".join(phrases) + (f"; {rest} more" if rest > 0 else "")
        yield f"Whether there is a bias is unresolved for {listed}."


def _alike(part: pd.DataFrame, frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Return cells that one phrase names: of one setting, same N, in need of the same, or of R at one N."""
    setting = cell_words.beside(frame, sweep_or_point(frame)).loc[part.index]
    needed = part["verdict"].str.replace(_MORE, "", regex=True)
    size = part["sample_size"].where(needed != part["verdict"], 0)
    sizes = part.groupby([setting, "estimator", needed, size])["sample_size"].transform(
        lambda each: " ".join(map(str, sorted(set(each))))
    )
    keys = [key.rename(str(i)) for i, key in enumerate((setting, needed, size, sizes))]
    return [cells for _, cells in part.groupby(keys, sort=False)]


def _needs(cells: pd.DataFrame) -> str:
    """Return what would resolve them: ` (needs R = 2100 to 46 000)`."""
    found = [needed[0] for needed in cells["verdict"].str.findall(_MORE) if needed]
    replicates = [int(needed[1:].replace(" ", "")) for needed in found]
    if not replicates:
        return plain(cells["verdict"].iloc[0]).removeprefix("unresolved")
    least, most = grouped(min(replicates)), grouped(max(replicates))
    beyond = [needed[0] == ">" for needed in found]
    if all(beyond):
        return f" (needs R > {most})"
    return f" (needs R = {least}{'' if least == most else f' to {most}'}{' and more' if any(beyond) else ''})"


def _unknown(frame: pd.DataFrame) -> Iterator[str]:
    part = frame[frame["verdict"].isin(["unknown", ""])]
    if len(part):
        kinds = set(part["truth"])
        why = _NO_TRUTH.get(kinds.pop(), "") if len(kinds) == 1 else ""
        yield f"Nothing can be said of the bias of {_which(part, frame)}{why}."


_NO_TRUTH = {
    "none": ": the true gradient is not known",
    "disputed": ": the true gradient is disputed",
}


def _by_estimator(
    frame: pd.DataFrame, chosen: pd.Series[bool], sweep: Sweep
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each estimator with its setting in words, and its chosen cells by N; apart if their N differ."""
    names, settings = distinct(frame["estimator"]), cell_words.beside(frame, sweep)
    part = frame[chosen]
    sizes = part.groupby(["estimator", *rows.SETTINGS])["sample_size"].transform(
        lambda each: " ".join(map(str, sorted(each)))
    )
    for (setting, label, _), cells in part.groupby([settings[chosen], "estimator", sizes], sort=False):
        on = f" on {setting}" if setting else ""
        yield (
            names[str(label)] + on,
            cells.assign(value=sweep.along(cells)).sort_values(["sample_size", "value"]),
        )


def _which(part: pd.DataFrame, frame: pd.DataFrame) -> str:
    cells = cell_words.which(part, frame)
    return "every estimator at every N" if cells == "every cell" else cells


def _sizes(cells: pd.DataFrame) -> str:
    return "N = " + ", ".join(map(grouped, cells["sample_size"].unique()))
