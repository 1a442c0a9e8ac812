"""Results as tidy data frames: one row per cell and block of parameters, per coordinate, per replicate."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from bench.engine.cell_evidence import evidence_of_cell, pooled
from bench.engine.kept_coordinates import MOST_COORDINATES
from bench.engine.plan import Experiment, cell_id
from bench.engine.replication import Replication
from bench.engine.result import Result
from bench.engine.truth import Truth
from bench.results.columns import MEASUREMENTS, TYPES, WORDS, no_rows
from bench.statistics.components import components_of
from bench.statistics.evidence import Evidence, blocks_reported
from bench.statistics.intervals import variance_intervals
from bench.statistics.metric_table import measure
from bench.statistics.multiplicity import holm
from bench.statistics.rate import limiting_bias, standard_error
from bench.statistics.verdict import BIASED_BELOW


def measurements(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """Return one row per cell and block of parameters, "all" first, without verdicts on bias."""
    results = list(results)
    evidence = pooled(results, [evidence_of_cell(experiment, truth, result) for result in results])
    rows = [
        row
        for result, known in zip(results, evidence, strict=True)
        for row in _rows(experiment, truth, result, known)
    ]
    if unknown := {name for row in rows for name in row}.difference(MEASUREMENTS):
        raise AssertionError(f"measurements have no column {', '.join(sorted(unknown))}")
    # A column for each option of the problem that the scenario ranges over: numbers, else words.
    swept = {key: _number_or_word(value) for key, value in experiment.settings.items()}
    return pd.DataFrame(rows, columns=MEASUREMENTS).astype(TYPES["measurements"]).assign(**swept)


def coordinates(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """Return one row per cell and coordinate: its place, truth, mean, variance with interval, kurtosis."""
    blocks, size = experiment.problem.parameters, len(experiment.problem.theta)
    narrowest = np.full(size, "all", dtype=object)
    for name in sorted(blocks, key=lambda name: blocks[name].start - blocks[name].stop):
        narrowest[blocks[name]] = name
    kept = np.zeros(size, dtype=np.int64)
    chosen = list(experiment.prepared.kept_coordinates)
    kept[chosen] = 1 + np.arange(len(chosen))
    parts = []
    for cell, (_, replication) in _measured(experiment, results).items():
        moments = replication.summary.moments
        low, high = variance_intervals(moments)
        part = {
            "cell": cell,
            "parameter": pd.Categorical(narrowest),
            "index": np.arange(size),
            "truth": np.nan if truth.gradient is None else truth.gradient.numpy(),
            "mean": moments.mean.numpy(),
            "variance": moments.variance.numpy(),
            "variance_low": low.numpy(),
            "variance_high": high.numpy(),
            "kurtosis": moments.kurtosis.numpy(),
            "center": replication.summary.center.double().cpu().numpy(),
            "kept": kept if len(replication.first) else 0,
        }
        parts.append(pd.DataFrame(part))
    return joined(parts, "coordinates")


def replicates(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """Return one row per cell, block and finite replicate: its squared deviation, error and cosine."""
    parts = [
        pd.DataFrame(
            {
                "cell": cell,
                "parameter": name,
                "replicate": np.flatnonzero(replication.summary.finite.numpy()),
                "squared_deviation": evidence.deviation.numpy(),
                "squared_error": evidence.error.numpy(),
                "cosine": _cosine(evidence).numpy(),
                **_estimates(replication, name),
            }
        )
        for cell, (result, replication) in _measured(experiment, results).items()
        for name, evidence in evidence_of_cell(experiment, truth, result).items()
    ]
    return joined(parts, "replicates")


def joined(parts: Sequence[pd.DataFrame], table: str) -> pd.DataFrame:
    """Return parts of a table as one; measurements, of all points of a scenario, with their verdicts."""
    frame = pd.concat(parts or [no_rows(table)], ignore_index=True).astype(TYPES[table])
    return judged(frame) if table == "measurements" else frame


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
    experiment: Experiment, truth: Truth, result: Result, evidence: Mapping[str, Evidence]
) -> list[dict[str, Any]]:
    """Return the rows of one cell; one that could not be measured has a row too, with its reason."""
    problem, cell, replication = experiment.problem, result.cell, result.replication
    row: dict[str, Any] = {
        **dict.fromkeys(WORDS, ""),
        "scenario": experiment.scenario,
        "scenario_version": experiment.version,
        "problem": experiment.problem_label,
        "estimator": cell.named.label,
        "estimator_name": cell.named.name,
        "options": cell.named.options,
        "sample_size": cell.sample_size,
        "device": cell.device,
        "dtype": cell.dtype,
        "truth": truth.kind,
        "status": result.status,
        # What an estimator says may hold characters that no file can.
        "reason": result.reason.encode(errors="backslashreplace").decode(),
        "cell": cell_id(experiment, cell),
    }
    if replication is None:
        blocks = blocks_reported(problem.parameters, len(problem.theta))
        return [
            {**row, "parameter": name, "dim": block.stop - block.start, "replicates": 0, "nonfinite": 0}
            for name, block in blocks.items()
        ]
    row |= {
        "nonfinite": int((~replication.summary.finite).sum()),
        "truth_families": float(truth.families) if truth.kind == "reference" else np.nan,
        "gradient_evaluations": replication.gradient_evaluations,
        "draws": replication.draws,
        "claim": getattr(cell.named.estimator, "bias", ""),
    }
    if (fitting := result.fitting) is not None:
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
    for name, parts in () if result.pairs is None else components_of(result.pairs, problem.parameters):
        for part, interval in (("sampling_variance", parts.sampling), ("data_variance", parts.data)):
            rows[name] |= {part: interval.value, f"{part}_low": interval.low, f"{part}_high": interval.high}
    return list(rows.values())


def _cosine(evidence: Evidence) -> Tensor:
    """The cosine of the angle between each estimate and the truth, `[R]`, at most 1 but for rounding."""
    cosine: Tensor = evidence.product / (evidence.norm.sqrt() * evidence.truth.norm())
    return cosine.clamp(-1, 1)


def _number_or_word(value: object) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value if isinstance(value, str) else json.dumps(value)


def _estimates(replication: Replication, parameter: str) -> dict[str, np.ndarray]:
    """Return the kept estimates of single coordinates, at the finite replicates of the whole gradient."""
    finite, first = np.flatnonzero(replication.summary.finite.numpy()), replication.first.numpy()
    columns = np.full((MOST_COORDINATES, len(finite)), np.nan, dtype=np.float32)
    if parameter == "all":
        there = finite < len(first)
        columns[: first.shape[1], there] = first[finite[there]].T
    return {f"estimate_{k}": column for k, column in enumerate(columns, 1)}


def _measured(experiment: Experiment, results: Iterable[Result]) -> dict[str, tuple[Result, Replication]]:
    """Return each cell that was measured by its name; the same estimator under two labels is one cell."""
    return {cell_id(experiment, r.cell): (r, r.replication) for r in results if r.replication is not None}
