"""The making of a baseline: with ten times the replicates of the gate, as many as the kurtosis asks for."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

import torch

from bench.engine.cell import CellSampler
from bench.engine.guard import reason_of
from bench.engine.plan import Cell, Experiment, Planned
from bench.engine.sample import Sample, sample_of
from bench.engine.streams import LAYOUT
from bench.engine.truth import Truth, Truths, truths_of
from bench.problem import NotApplicable
from bench.regression.baseline import (
    FORMAT,
    PAIRS,
    SCHEMA,
    WINDOW,
    WINDOWS,
    Accepted,
    Baseline,
    Entry,
    HistoryEntry,
    encoded,
)
from bench.regression.judge import PAIRS_ROLE, window_role
from bench.scenario.thresholds import RATIOS, Thresholds
from bench.statistics.gating import BASELINE, LEAST, log_error, planned_replicates, stage_level
from bench.statistics.verdict import bias_interval

ALPHA = 1e-4
"""The probability of a false alarm in a run of the gate, unless another is asked for."""

# A baseline is made for at least so many tests in one run: more of them want more replicates.
_TESTS = 200
# The kurtosis is seen better the more replicates there are; a baseline that came out too small is made again.
_ATTEMPTS = 3
_ENOUGH = 0.9


@dataclasses.dataclass(frozen=True)
class Made:
    """The outcome for one cell: its entry, or why there is none; and its point of a sweep."""

    cell: Cell
    name: str
    entry: Entry | None
    reason: str = ""
    point: str = ""


@cache
def environment(devices: tuple[str, ...] = ("cpu",)) -> dict[str, str]:
    """All on which the rounding of arithmetic depends: digests agree only where it is the same."""
    found = {name: version(name) for name in ("torch", "numpy", "numba")}
    found |= {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }
    for device in devices:
        if device.startswith("cuda") and torch.cuda.is_available():
            found[device] = torch.cuda.get_device_name(device)
    return found


def make(
    plans: Sequence[Planned],
    thresholds: Callable[[str], Thresholds],
    max_replicates: int,
    tell: Callable[[Made], None] = lambda _: None,
) -> list[Made]:
    """Measure the entries of a baseline.

    Args:
        plans: the points of a scenario, each with the cells that are gated.
        thresholds: label of an estimator -> what it must keep to.
        max_replicates: the most that the gate may take for a cell.
        tell: is told of each cell once it is done.
    """
    found = []
    for planned in plans:
        truths = truths_of(planned.experiment)
        for cell in planned.cells:
            sampler = CellSampler(planned.experiment, cell)
            entry, reason = _tried(sampler, thresholds(cell.named.label), max_replicates, truths)
            found.append(Made(cell, sampler.name, entry, reason, planned.experiment.point))
            tell(found[-1])
    return found


def _tried(
    sampler: CellSampler, thresholds: Thresholds, max_replicates: int, truths: Truths
) -> tuple[Entry | None, str]:
    """The entry of a cell, or why there is none."""
    if sampler.cell.status != "ok":
        return None, f"{sampler.cell.status}: {sampler.cell.reason}"
    try:
        return entry_of(sampler, thresholds, max_replicates, truths()), ""
    except NotApplicable as reason:
        return None, f"not applicable: {reason_of(reason)}"
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        return None, f"error: {reason_of(error)}"


def entry_of(sampler: CellSampler, thresholds: Thresholds, max_replicates: int, truth: Truth) -> Entry:
    """The entry of one cell; a pilot tells how many replicates to take, and they whether it was enough."""
    level = stage_level(ALPHA, _TESTS)
    sample = sample_of(sampler, "gate pilot", LEAST, truth)
    for _ in range(_ATTEMPTS):
        wanted = max(planned_replicates(sample.size(m).kurtosis, thresholds.ratios[m], level) for m in RATIOS)
        R = BASELINE * math.ceil(min(wanted, max_replicates))
        if sample.replicates >= _ENOUGH * R:
            break
        sample = sample_of(sampler, "gate baseline", R, truth)
    digests = [sample_of(sampler, window_role(i), WINDOW, None).digest for i in range(WINDOWS)]
    pairs = sample_of(sampler, PAIRS_ROLE, PAIRS, None)
    return _entry(sampler, sample, digests, pairs, truth)


def _entry(sampler: CellSampler, sample: Sample, digests: list[str], pairs: Sample, truth: Truth) -> Entry:
    cell, settings = sampler.cell, sampler.experiment.settings
    variance, mse = sample.variance, sample.mse
    if not math.isfinite(variance.value):
        raise ValueError(f"of {sample.replicates} estimates {sample.nonfinite} are not finite")
    known = truth.gradient is not None
    single = len(sample.evidence.mean) == 1
    deviations = torch.full((PAIRS,), math.nan, dtype=torch.float64)
    if not pairs.nonfinite:
        deviations = pairs.evidence.scalars.deviation
    return Entry(
        estimator=cell.named.label,
        estimator_name=cell.named.name,
        options=cell.named.options,
        problem=sampler.experiment.problem_key if settings else None,
        settings=json.dumps(dict(settings), sort_keys=True, separators=(",", ":")),
        sample_size=cell.sample_size,
        device=cell.device,
        dtype=cell.dtype,  # type: ignore[arg-type]
        replicates=sample.replicates,
        nonfinite=sample.nonfinite,
        variance=variance.value,
        variance_kurtosis=max(1.0, variance.kurtosis),
        variance_error=log_error(variance.kurtosis, variance.replicates),
        mse=mse.value if known else None,
        mse_kurtosis=max(1.0, mse.kurtosis) if known else None,
        mse_error=log_error(mse.kurtosis, mse.replicates) if known else None,
        mean=float(sample.evidence.mean) if single else None,
        bias=bias_interval(sample.evidence).value if known else None,
        evaluations=sample.evidence.evaluations,
        gradient_evaluations=sample.gradient_evaluations,
        seconds=sample.seconds,
        digests=digests,
        deviations=encoded(deviations.numpy()),
    )


def baseline_of(
    experiment: Experiment, entries: dict[str, Entry], commit: str, history: list[HistoryEntry] | None = None
) -> Baseline:
    """A baseline with these entries.

    Args:
        experiment: the scenario, at any of its points.
        entries: cell -> what it is like, of all points.
        commit: of what code.
        history: when it was made and changed; None if it is made now.
    """
    return Baseline(
        format=FORMAT,  # type: ignore[arg-type]
        schema=SCHEMA,
        scenario=experiment.scenario,
        scenario_version=experiment.version,
        problem=experiment.problem_key,
        resampled=experiment.resampled,
        seed=experiment.seed,
        stream_layout=LAYOUT,
        environment=environment(experiment.devices),
        history=history or [history_entry(commit, "made")],
        cells=entries,
    )


def history_entry(commit: str, reason: str, accepted: list[Accepted] | None = None) -> HistoryEntry:
    """Return an entry of the history on a change of the baseline, as of now."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return HistoryEntry(when=when, commit=commit, reason=reason, accepted=accepted or [])
