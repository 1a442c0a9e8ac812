"""Results as tidy data frames: one row per cell and block of parameters, and per coordinate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.engine.outcome import Estimates, Outcome, pooled
from bench.engine.plan import Cell, Experiment, cell_id
from bench.engine.truth import Truth
from bench.results.columns import MEASUREMENTS, TYPES, WORDS, no_rows
from bench.statistics.evidence import Evidence, blocks_reported
from bench.statistics.intervals import variance_intervals
from bench.statistics.metric_table import measure
from bench.statistics.multiplicity import holm
from bench.statistics.rate import limiting_bias, standard_error
from bench.statistics.verdict import BIASED_BELOW


class Point(NamedTuple):
    """The outcomes at one point of a scenario."""

    experiment: Experiment
    truth: Truth
    outcomes: Sequence[Outcome]


def measurements(points: Sequence[Point]) -> pd.DataFrame:
    """Return one row per cell and block of parameters, "all" first, without verdicts on bias."""
    rows = [row for point in points for row in _rows_of_point(*point)]
    swept = list(dict.fromkeys(key for point in points for key in point.experiment.settings))
    if unknown := {name for row in rows for name in row}.difference(MEASUREMENTS, swept):
        raise AssertionError(f"measurements have no column {', '.join(sorted(unknown))}")
    return pd.DataFrame(rows, columns=[*MEASUREMENTS, *swept]).astype(TYPES["measurements"])


def _rows_of_point(
    experiment: Experiment, truth: Truth, outcomes: Sequence[Outcome]
) -> Iterator[dict[str, Any]]:
    # A column for each option of the problem that the scenario ranges over: numbers, else words.
    swept = {key: _number_or_word(value) for key, value in experiment.settings.items()}
    for outcome, known in zip(outcomes, pooled(outcomes), strict=True):
        for row in _rows(experiment, truth, outcome, known):
            yield {**row, **swept}


def coordinates(points: Sequence[Point]) -> pd.DataFrame:
    """Return one row per cell and coordinate: its place, truth, mean, variance with interval, kurtosis.

    Where the scenario does not keep all, only those are there whose first estimates are kept.
    """
    parts = [part for point in points for part in _coordinates_of_point(*point)]
    if not parts:
        return no_rows("coordinates")
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return pd.DataFrame(columns).astype(TYPES["coordinates"])


def _coordinates_of_point(
    experiment: Experiment, truth: Truth, outcomes: Sequence[Outcome]
) -> Iterator[dict[str, np.ndarray]]:
    """The columns of each cell, one row for each coordinate."""
    blocks, size = experiment.problem.parameters, len(experiment.problem.theta)
    narrowest = np.full(size, "all", dtype=object)
    for name in sorted(blocks, key=lambda name: blocks[name].start - blocks[name].stop):
        narrowest[blocks[name]] = name
    kept = np.zeros(size, dtype=np.int64)
    chosen = list(experiment.prepared.kept_coordinates)
    kept[chosen] = 1 + np.arange(len(chosen))
    for cell, (_, estimates) in measured(experiment, outcomes).items():
        moments = estimates.moments
        low, high = variance_intervals(moments)
        part = {
            "cell": np.full(size, cell, dtype=object),
            "parameter": narrowest,
            "index": np.arange(size),
            "truth": np.full(size, np.nan) if truth.gradient is None else truth.gradient.numpy(),
            "mean": moments.mean.numpy(),
            "variance": moments.variance.numpy(),
            "variance_low": low.numpy(),
            "variance_high": high.numpy(),
            "kurtosis": moments.kurtosis.numpy(),
            "center": estimates.center.numpy(),
            "kept": kept if estimates.kept else 0 * kept,
        }
        wanted = slice(None) if experiment.coordinates == "all" else part["kept"] > 0
        yield {name: column[wanted] for name, column in part.items()}


def judged(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the measurements of a whole run with the verdicts and contradictions that all of its rows give.

    Before, a verdict says what is known of a row if it is not biased. An unbiased estimator is called biased
    in at most 1 % of runs, however many rows they have; rows without a p-value were not tested.
    """
    biased = pd.Series(holm(measurements["bias_p"].to_numpy(float), BIASED_BELOW), measurements.index)
    inconsistent = against_consistency(measurements)
    contradiction = inconsistent.mask(biased & (measurements["claim"] == "unbiased"), "not unbiased")
    verdict = measurements["verdict"].mask(biased, "biased")
    return measurements.assign(verdict=verdict, contradiction=contradiction)


def against_consistency(measurements: pd.DataFrame) -> pd.Series:
    """Return whether rows contradict a claim to be consistent, as text; empty if not.

    The bias of a consistent estimator vanishes with N: the fit b(N) = b∞ + c/N, of a single
    parameter and four sample sizes at least, must have b∞ = 0.
    """
    contradiction = pd.Series("", measurements.index)
    claimed = measurements[(measurements["claim"] == "consistent") & (measurements["dim"] == 1)]
    but_for_N = ["problem", "estimator", "device", "dtype", "parameter"]
    for _, cells in claimed.groupby(but_for_N, sort=False):
        errors = list(map(standard_error, cells["bias_low"], cells["bias_high"]))
        fit = limiting_bias(cells["sample_size"].tolist(), cells["bias"].tolist(), errors)
        if fit.intercept.p_of_zero() < BIASED_BELOW:
            contradiction[cells.index] = "not consistent"
    return contradiction


def _rows(
    experiment: Experiment, truth: Truth, outcome: Outcome, evidence: Mapping[str, Evidence]
) -> list[dict[str, Any]]:
    """Return the rows of one cell; one that could not be measured has a row too, with its reason."""
    problem, cell, estimates = experiment.problem, outcome.cell, outcome.estimates
    row: dict[str, Any] = {
        **dict.fromkeys(WORDS, ""),
        "scenario": experiment.scenario,
        "scenario_version": experiment.version,
        "problem": experiment.problem_label,
        "estimator": cell.named.label,
        "estimator_name": cell.named.name,
        "options": cell.named.options,
        "sample_size": cell.sample_size,
        "granted": np.nan if cell.granted is None else float(cell.granted),
        "device": cell.device,
        "dtype": cell.dtype,
        "truth": truth.kind,
        "status": outcome.status,
        # What an estimator says may hold characters that no file can.
        "reason": outcome.reason.encode(errors="backslashreplace").decode(),
        "cell": cell_id(experiment, cell),
    }
    if estimates is None:
        blocks = blocks_reported(experiment.blocks, len(problem.theta))
        return [
            {**row, "parameter": name, "dim": block.stop - block.start, "replicates": 0, "nonfinite": 0}
            for name, block in blocks.items()
        ]
    row |= {
        "nonfinite": estimates.nonfinite,
        "truth_families": float(truth.families) if truth.kind == "reference" else np.nan,
        "gradient_evaluations": estimates.gradient_evaluations,
        "draws": estimates.draws,
        "claim": cell.named.estimator.claim(problem),
        "ascends": cell.named.estimator.ascends(problem, cell.sample_size),
    }
    if (fitting := outcome.fitting) is not None:
        row["fit_seconds"] = fitting.seconds
        row["fit_evaluations"] = fitting.evaluations
        row["fit_gradient_evaluations"] = fitting.gradient_evaluations
    rows = {
        name: {
            **row,
            "parameter": name,
            "dim": len(known.mean),
            "replicates": known.replicates + row["nonfinite"],
            "truth_norm": float(known.truth.norm()),
            "truth_se": float(known.truth_error.norm()),
            "mean": float(known.mean) if len(known.mean) == 1 else np.nan,
            **measure(known),
        }
        for name, known in evidence.items()
    }
    for name, parts in estimates.components.items():
        for part, interval in (("sampling_variance", parts.sampling), ("data_variance", parts.data)):
            rows[name] |= {part: interval.value, f"{part}_low": interval.low, f"{part}_high": interval.high}
    return list(rows.values())


def _number_or_word(value: object) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value if isinstance(value, str) else json.dumps(value)


def measured(experiment: Experiment, outcomes: Sequence[Outcome]) -> dict[str, tuple[Cell, Estimates]]:
    """Return each cell that was measured by its name; the same estimator under two labels is one cell."""
    return {
        cell_id(experiment, each.cell): (each.cell, each.estimates)
        for each in outcomes
        if each.estimates is not None
    }
