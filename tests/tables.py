"""Tables of results, as a run makes them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pyarrow as pa
import torch

from bench.engine.counting import Counts
from bench.engine.outcome import outcome_of
from bench.engine.pieces import Piece
from bench.engine.plan import Experiment, cell_id
from bench.engine.result import Result
from bench.engine.truth import Truth
from bench.results import frames
from bench.results.columns import completed
from bench.results.frames import Point
from bench.results.replicate_rows import rows_of, schema_of


def measurements(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """One row per cell and block of parameters."""
    return frames.measurements([_point(experiment, truth, results)])


def coordinates(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """One row per cell and coordinate."""
    return frames.coordinates([_point(experiment, truth, results)])


def replicates(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> pd.DataFrame:
    """One row per cell, block and finite replicate; each cell is one piece."""
    schema = schema_of(pa.float64())
    tables = [schema.empty_table()]
    for result in results:
        estimates = outcome_of(experiment, truth, result).estimates
        if estimates is not None and result.replication is not None:
            whole, none = result.replication, torch.empty(0)
            piece = Piece(0, whole.summary, none, Counts(), b"", whole.first)
            tables += rows_of(cell_id(experiment, result.cell), estimates, piece, schema)
    frame = pa.concat_tables(tables).to_pandas().astype({"cell": str, "parameter": str})
    return completed(frame, "replicates")


def _point(experiment: Experiment, truth: Truth, results: Iterable[Result]) -> Point:
    return Point(experiment, truth, [outcome_of(experiment, truth, result) for result in results])
