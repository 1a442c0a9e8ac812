"""What a run left, read from its folder."""

from __future__ import annotations

from pathlib import Path

from bench.report.pairs import Measured
from bench.store.folder import load, read_record
from estimators import ALIASES


def read_run(folder: Path) -> Measured:
    """What a run left, with estimators by their own names.

    Raises:
        Invalid: if the folder is not that of a run.
    """
    measurements = load(folder)
    # A scenario may use another name for the same estimator; a control is found by either.
    names = measurements["estimator_name"].map(lambda name: ALIASES.get(name, name))
    # The same estimator under two labels is the same cell twice, with the same replicates.
    replicates = load(folder, "replicates").drop_duplicates(["cell", "parameter", "replicate"])
    return Measured(measurements.assign(estimator_name=names), replicates, read_record(folder))
