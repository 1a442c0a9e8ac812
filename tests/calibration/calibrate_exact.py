"""Variances that are known without sampling are those of the scenarios, all at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bench.engine.result import run
from bench.engine.truth import truth_of
from bench.scenario.prepared import prepare
from tests import tables
from tests.calibration.table import Rate, Table

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"
# Trained or wide problems, of whose estimates no variance is known: they are counted, and not measured.
UNKNOWN = {
    "doubly_reparameterized",
    "logistic_regression",
    "tighter_bounds",
    "vae",
    "vae_mnist",
    "vae_training",
}
# |z| > 4 has probability 6.3e-5 for a normal number: of 250 of them 1.6 %. Variances of heavy-tailed
# estimates are not quite normal, and are seldom as far above as that.
Z_LIMIT = 4.0


def test_exact_variances_are_the_measured_ones(table: Table) -> None:
    found, cells = [], 0
    for path in sorted(SCENARIOS.glob("*.yaml")):
        for planned in prepare(path, confirmed=True).plans:
            some = [cell for cell in planned.cells if cell.status == "ok"]
            cells += len(some)
            if path.stem not in UNKNOWN:
                experiment = planned.experiment
                truth = truth_of(experiment)
                measured = list(run(experiment, some, truth))
                found.append(tables.measurements(experiment, truth, measured))
    frame = pd.concat(found, ignore_index=True)
    whole = frame[frame["parameter"] == "all"]
    known = whole[whole["variance_exact"].notna()]
    # What has no variance is measured with that of rounding, which no error is known of.
    z = known.loc[known["variance_exact"] > 0, "variance_z"].dropna().abs()
    table.hold("cells of all scenarios whose variance is known exactly", Rate(len(known), cells), least=0.6)
    within = Rate(int((z <= Z_LIMIT).sum()), len(z))
    table.hold(f"measured variances within {Z_LIMIT:g} errors of the exact ones", within, least=1.0)
    assert within.count == within.runs, known.loc[
        z[z > Z_LIMIT].index, ["problem", "estimator", "variance_z"]
    ]
    wrong = z + np.abs(0.1 / np.sqrt(2 / known.loc[z.index, "replicates"]))
    table.control(
        "the same of exact values that are 10 % off", Rate(int((wrong <= Z_LIMIT).sum()), len(z)), least=1.0
    )
