"""The number of draws that accuse an estimator that claims to be unbiased."""

from __future__ import annotations

from bench.engine.plan import Experiment
from bench.engine.run import Result
from bench.engine.truth import Truth
from bench.results.frames import evidence_on
from bench.statistics.verdict import BIASED_BELOW, bias_p


def accusing(experiment: Experiment, truth: Truth, result: Result) -> int:
    """Return N R of a cell whose estimates contradict its claim to be unbiased, by themselves; else 0.

    Args:
        experiment: of the cell.
        truth: by which it is judged.
        result: what was measured.
    """
    replication, cell = result.replication, result.cell
    if replication is None or truth.gradient is None:
        return 0
    if getattr(cell.named.estimator, "bias", "") != "unbiased":
        return 0
    _, evidence = next(iter(evidence_on(experiment, truth, result)))
    return cell.sample_size * evidence.replicates if bias_p(evidence) < BIASED_BELOW else 0
