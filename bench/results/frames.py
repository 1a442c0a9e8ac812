"""Results as tidy data frames: one row per cell and block of parameters, per coordinate, per replicate."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.engine.kept_coordinates import MOST_COORDINATES
from bench.engine.plan import Experiment, cell_id
from bench.engine.replicate import Replication
from bench.engine.run import Result
from bench.engine.truth import Truth
from bench.results.columns import COORDINATES, MEASUREMENT_TYPES, MEASUREMENTS, REPLICATES, TYPES, WORDS
from bench.results.judging import judged
from bench.statistics.components import Components, components_of
from bench.statistics.evidence import Evidence, blocks_reported, evidence_of
from bench.statistics.intervals import variance_intervals
from bench.statistics.metric_table import measure
from bench.statistics.moments import Moments
from bench.statistics.pooling import with_pooled_kurtosis
from estimators import ALIASES


def measurements(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """Return one row per cell and block of parameters, "all" first, without verdicts on bias."""
    results = list(results)
    evidence = _pooled(experiment, truth, results)
    nothing_said = dict.fromkeys(WORDS, "")
    rows = [
        {**nothing_said, **row}
        for result, known in zip(results, evidence, strict=True)
        for row in measurement_rows(experiment, truth, result, known)
    ]
    if unknown := {name for row in rows for name in row}.difference(MEASUREMENTS):
        raise AssertionError(f"measurements have no column {', '.join(sorted(unknown))}")
    frame = pd.DataFrame(rows, columns=MEASUREMENTS)
    return frame.astype(MEASUREMENT_TYPES).assign(**_swept(experiment.settings))


def joined(parts: Sequence[pd.DataFrame], table: str) -> pd.DataFrame:
    """Return the tables of all points of a scenario as one.

    Args:
        parts: one for each point.
        table: which: measurements, coordinates or replicates.
    """
    whole = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True).astype(TYPES[table])
    return judged(whole) if table == "measurements" else whole


def _swept(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a column for each option of the problem that the scenario ranges over: numbers, else words."""
    return {key: _number_or_word(value) for key, value in settings.items()}


def _number_or_word(value: object) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value if isinstance(value, str) else json.dumps(value)


def _pooled(experiment: Experiment, truth: Truth, results: list[Result]) -> list[dict[str, Evidence]]:
    """Return the evidence on each cell's blocks; cells of one estimator know of one another's kurtosis."""
    evidence = [dict(evidence_on(experiment, truth, r)) if r.replication else {} for r in results]
    alike: dict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    for i, (result, blocks) in enumerate(zip(results, evidence, strict=True)):
        for name in blocks:
            alike[result.cell.named.label, result.cell.device, result.cell.dtype, name].append(i)
    for (*_, name), cells in alike.items():
        for i, known in zip(cells, with_pooled_kurtosis([evidence[i][name] for i in cells]), strict=True):
            evidence[i][name] = known
    return evidence


def measurement_rows(
    experiment: Experiment, truth: Truth, result: Result, evidence: Mapping[str, Evidence]
) -> list[dict[str, Any]]:
    """Return the rows of one cell; one that could not be measured has a row too, with its reason."""
    problem = experiment.problem
    row = {
        "scenario": experiment.scenario,
        "scenario_version": experiment.version,
        "problem": experiment.problem_label,
        "estimator": result.cell.named.label,
        "estimator_name": ALIASES.get(result.cell.named.name, result.cell.named.name),
        "options": result.cell.named.options,
        "sample_size": result.cell.sample_size,
        "device": result.cell.device,
        "dtype": result.cell.dtype,
        "truth": truth.kind,
        "status": result.status,
        # What an estimator says may hold characters that no file can.
        "reason": result.reason.encode(errors="backslashreplace").decode(),
        "cell": cell_id(experiment, result.cell),
    }
    if result.replication is None:
        size = len(problem.theta)
        blocks = blocks_reported(problem.parameters, size)
        return [
            {**row, "parameter": name, "dim": b.stop - b.start, "replicates": 0, "nonfinite": 0}
            for name, b in blocks.items()
        ]
    if (fitting := result.fitting) is not None:
        row["fit_seconds"] = fitting.seconds
        row["fit_evaluations"] = fitting.evaluations
        row["fit_gradient_evaluations"] = fitting.gradient_evaluations
    parts = {} if result.pairs is None else dict(components_of(result.pairs, problem.parameters))
    nonfinite = int((~result.replication.summary.finite).sum())
    return [
        {
            **row,
            "parameter": name,
            "dim": len(known.mean),
            "replicates": known.replicates + nonfinite,
            "nonfinite": nonfinite,
            "truth_norm": float(known.truth.norm()),
            "truth_se": float(known.truth_error.norm()),
            "truth_families": float(truth.families) if truth.kind == "reference" else np.nan,
            "mean": float(known.mean) if len(known.mean) == 1 else np.nan,
            "gradient_evaluations": result.replication.gradient_evaluations,
            "draws": result.replication.draws,
            **measure(known),
            "claim": getattr(result.cell.named.estimator, "bias", ""),
            **(_component_columns(parts[name]) if parts else {}),
        }
        for name, known in evidence.items()
    ]


def _component_columns(parts: Components) -> dict[str, float]:
    named = {"sampling_variance": parts.sampling, "data_variance": parts.data}
    return {
        f"{name}{end}": value
        for name, interval in named.items()
        for end, value in (("", interval.value), ("_low", interval.low), ("_high", interval.high))
    }


def evidence_on(experiment: Experiment, truth: Truth, result: Result) -> Iterable[tuple[str, Evidence]]:
    """Return the evidence of a measured cell on each reported block."""
    replication, seconds = result.replication, result.seconds
    assert replication is not None
    assert seconds is not None
    return evidence_of(
        replication.summary,
        truth.gradient,
        truth.standard_error,
        seconds,
        replication.evaluations,
        result.cell.sample_size,
        experiment.problem.parameters,
        np.nan if result.bytes is None else result.bytes,
        result.exact,
        replication.cost_varied,
        result.missed,
    )


def coordinates(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """Return one row per cell and coordinate: its place, truth, mean, variance with interval, kurtosis."""
    names = _narrowest(experiment.problem.parameters, len(experiment.problem.theta))
    frames = [
        pd.DataFrame(
            {
                "cell": cell,
                "parameter": names,
                "index": np.arange(len(names)),
                "truth": np.nan if truth.gradient is None else truth.gradient.numpy(),
                **_coordinate_columns(replication.summary.moments),
                "kept": _kept(experiment, replication, len(names)),
            }
        )
        for cell, result, replication in _measured_once(experiment, results)
    ]
    empty = pd.DataFrame({"parameter": names[:0]}, columns=list(COORDINATES))
    return pd.concat(frames or [empty], ignore_index=True).astype(COORDINATES)


def _coordinate_columns(moments: Moments) -> dict[str, np.ndarray]:
    low, high = variance_intervals(moments)
    columns = {
        "mean": moments.mean,
        "variance": moments.variance,
        "variance_low": low,
        "variance_high": high,
        "kurtosis": moments.kurtosis,
    }
    return {name: values.numpy() for name, values in columns.items()}


def replicates(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """Return one row per cell, block and finite replicate: its squared deviation, error and cosine."""
    frames = [
        pd.DataFrame(
            {
                "cell": cell,
                "parameter": name,
                "replicate": np.flatnonzero(replication.summary.finite.numpy()),
                "squared_deviation": evidence.deviation.numpy(),
                "squared_error": evidence.error.numpy(),
                "cosine": (evidence.product / (evidence.norm.sqrt() * evidence.truth.norm())).numpy(),
                **_estimates(replication, name),
            }
        )
        for cell, result, replication in _measured_once(experiment, results)
        for name, evidence in evidence_on(experiment, truth, result)
    ]
    empty = pd.DataFrame(columns=list(REPLICATES))
    return pd.concat(frames or [empty], ignore_index=True).astype(REPLICATES)


def _kept(experiment: Experiment, replication: Replication, size: int) -> np.ndarray:
    """Return for each coordinate k where its estimates are kept as `estimate_k`, else 0."""
    kept = np.zeros(size, dtype=np.int64)
    if len(replication.first):
        there = list(experiment.prepared.kept_coordinates)
        kept[there] = 1 + np.arange(len(there))
    return kept


def _estimates(replication: Replication, parameter: str) -> dict[str, np.ndarray]:
    """Return the kept estimates of single coordinates, at the finite replicates of the whole gradient."""
    finite, first = np.flatnonzero(replication.summary.finite.numpy()), replication.first.numpy()
    columns = np.full((MOST_COORDINATES, len(finite)), np.nan, dtype=np.float32)
    if parameter == "all":
        there = finite < len(first)
        columns[: first.shape[1], there] = first[finite[there]].T
    return {f"estimate_{k}": column for k, column in enumerate(columns, 1)}


def _measured_once(
    experiment: Experiment, results: Iterable[Result]
) -> Iterator[tuple[str, Result, Replication]]:
    """Yield each cell that was measured; the same estimator under two labels is one cell."""
    seen: set[str] = set()
    for result in results:
        cell = cell_id(experiment, result.cell)
        if result.replication is not None and cell not in seen:
            seen.add(cell)
            yield cell, result, result.replication


def _narrowest(parameters: Mapping[str, slice], size: int) -> pd.Series:
    """Return for each coordinate the name of the smallest block that it is in."""
    codes = np.zeros(size, dtype=np.int32)
    names = ["all", *parameters]
    widest_first = sorted(parameters.items(), key=lambda item: item[1].start - item[1].stop)
    for name, block in widest_first:
        codes[block] = names.index(name)
    return pd.Series(np.array(names)[codes], dtype="category")
