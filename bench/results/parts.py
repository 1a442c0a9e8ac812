"""Pieces of cells, results and truths as plain data and arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.engine.counting import Counts
from bench.engine.fitting import Fitting
from bench.engine.pieces import Piece
from bench.engine.plan import Cell
from bench.engine.replication import Together
from bench.engine.result import Result
from bench.engine.truth import Truth
from bench.statistics.components import Groups
from bench.statistics.known import ExactMoments
from bench.statistics.moments import PowerSums
from bench.statistics.spectrum import Spectrum
from bench.statistics.summary import Summary

Part = tuple[dict[str, Any], dict[str, np.ndarray]]
"""Plain data, and arrays by name."""

_ROWS = ("distance", "error", "product", "norm")


# --- pieces ---------------------------------------------------------------------------------------


def of_piece(piece: Piece) -> Part:
    """A piece as it is kept."""
    meta = {"start": piece.start, "counts": _of_counts(piece.counts), "draws": piece.draws.hex()}
    arrays = {"seconds": piece.seconds.numpy(), "first": piece.first.numpy()}
    return _with(meta, arrays, "summary", _of_summary(piece.summary))


def to_piece(part: Part) -> Piece:
    """A piece as it was kept."""
    meta, arrays = part
    return Piece(
        meta["start"],
        _to_summary(_within(part, "summary")),
        _tensor(arrays["seconds"]),
        _to_counts(meta["counts"]),
        bytes.fromhex(meta["draws"]),
        _tensor(arrays["first"]),
    )


def with_last_piece(part: Part, piece: Part) -> Part:
    """The result of a cell with its last piece in it."""
    return _with(*part, "last piece", piece)


def last_piece(part: Part) -> Piece | None:
    """The last piece of a cell, if it is kept with its result."""
    return to_piece(_within(part, "last piece")) if "last piece" in part[0] else None


def _of_summary(summary: Summary) -> Part:
    sums = summary.sums
    arrays = {"sums": sums.sums, "center": summary.center, "finite": summary.finite}
    arrays |= {f"batches {i}": batch for i, batch in enumerate(summary.batches)}
    of_rows = {name: _scaled(getattr(summary, name)) for name in _ROWS}
    arrays |= {name: rows for name, (rows, _) in of_rows.items()}
    meta = {"count": sums.count, "scales": {name: scale for name, (_, scale) in of_rows.items()}}
    return meta, {name: tensor.cpu().numpy() for name, tensor in arrays.items()}


def _to_summary(part: Part) -> Summary:
    meta, arrays = part
    center = _tensor(arrays["center"])
    rows = {name: _unscaled(_tensor(arrays[name]), meta["scales"][name]) for name in _ROWS}
    count = sum(name.startswith("batches ") for name in arrays)
    return Summary(
        PowerSums(meta["count"], center.double(), _tensor(arrays["sums"])),
        center,
        finite=_tensor(arrays["finite"]),
        batches=tuple(_tensor(arrays[f"batches {i}"]) for i in range(count)),
        **rows,
    )


def _scaled(rows: Tensor) -> tuple[Tensor, int]:
    """Rows in float32, divided by a power of two that keeps the largest of any size within its range."""
    size = max(map(abs, map(float, rows.aminmax()))) if len(rows) else 0.0
    if not math.isfinite(size):
        size = float(rows.abs().nan_to_num(nan=0, posinf=0).max())
    exponent = math.frexp(size)[1] if size else 0
    once, again = _factors(-exponent)
    narrow = torch.empty_like(rows, dtype=torch.float32)
    return torch.mul(rows if once == 1 else rows * once, again, out=narrow), exponent


def _unscaled(rows: Tensor, exponent: int) -> Tensor:
    once, again = _factors(exponent)
    rows = rows.double().mul_(again)
    return rows if once == 1 else rows.mul_(once)


def _factors(exponent: int) -> tuple[float, float]:
    """Two factors of a power of two, which may itself be too large a number; the first one is mostly 1."""
    first = 0 if abs(exponent) < 1000 else exponent // 2
    return 2.0**first, 2.0 ** (exponent - first)


# --- results of cells -----------------------------------------------------------------------------


def of_result(result: Result) -> Part:
    """The result of a cell, but for the pieces of which its estimates consist."""
    meta: dict[str, Any] = {"status": result.status, "reason": result.reason, "missed": result.missed}
    meta["contended"], meta["rounding"] = result.contended, result.rounding
    meta["bytes"] = None if result.bytes is None else _of_number(result.bytes)
    arrays: dict[str, np.ndarray] = {}
    if result.seconds is not None:
        arrays["seconds"] = result.seconds.numpy()
    if (fitting := result.fitting) is not None:
        meta["fitting"] = [
            *map(_of_number, (fitting.seconds, fitting.evaluations, fitting.gradient_evaluations))
        ]
    if (exact := result.exact) is not None:
        meta["kurtosis"] = {name: _of_number(value) for name, value in exact.kurtosis.items()}
        arrays |= {f"exact {name}": getattr(exact, name).numpy() for name in _EXACT}
    if result.replication is not None:
        meta["replicates"] = len(result.replication.summary.finite)
        meta["cost_varied"] = result.replication.cost_varied
    if (groups := result.groups) is not None:
        meta, arrays = _with(meta, arrays, "pairs", _of_summary(groups.means))
        arrays["within"] = groups.within.numpy()
        meta["group_size"] = groups.size
    return meta, arrays


def to_result(part: Part, cell: Cell, pieces: Iterable[Piece]) -> Result:
    """The result of a cell.

    Args:
        part: what was kept of it.
        cell: the cell.
        pieces: all of its pieces, in order; none if there are no estimates.
    """
    meta, arrays = part
    together = None
    for piece in pieces:
        together = together or Together(meta["replicates"], piece.summary.distance.shape[1])
        together.add(piece)
    replication = None if together is None else together.replication(meta["cost_varied"])
    return Result(
        cell,
        meta["status"],
        meta["reason"],
        replication,
        _tensor(arrays["seconds"]) if "seconds" in arrays else None,
        None if meta["bytes"] is None else float(meta["bytes"]),
        _to_groups(part) if "pairs" in meta else None,
        Fitting(*map(float, meta["fitting"])) if "fitting" in meta else None,
        _to_exact(meta, arrays),
        meta["missed"],
        meta.get("rounding", 0.0),  # earlier parts have none
        meta["contended"],
    )


def _to_groups(part: Part) -> Groups:
    meta, arrays = part
    return Groups(_to_summary(_within(part, "pairs")), _tensor(arrays["within"]), meta.get("group_size", 2))


_EXACT = ("mean", "variance", "skewness")


def _to_exact(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ExactMoments | None:
    if "kurtosis" not in meta:
        return None
    mean, variance, skewness = (_tensor(arrays[f"exact {name}"]) for name in _EXACT)
    return ExactMoments(
        mean, variance, skewness, {name: float(value) for name, value in meta["kurtosis"].items()}
    )


# --- truths ---------------------------------------------------------------------------------------


def of_truth(truth: Truth) -> Part:
    """A truth as it is kept."""
    meta = {
        "kind": truth.kind,
        "note": truth.note,
        "value": _of_number(truth.value),
        "families": truth.families,
        "spectra": {name: [_of_number(each) for each in found] for name, found in truth.spectra.items()},
    }
    arrays = {"standard_error": truth.standard_error.cpu().numpy()}
    return meta, arrays if truth.gradient is None else arrays | {"gradient": truth.gradient.cpu().numpy()}


def to_truth(part: Part) -> Truth:
    """A truth as it was kept."""
    meta, arrays = part
    return Truth(
        meta["kind"],
        _tensor(arrays["gradient"]) if "gradient" in arrays else None,
        _tensor(arrays["standard_error"]),
        meta["note"],
        float(meta["value"]),
        meta["families"],
        {name: Spectrum(*map(float, found)) for name, found in meta["spectra"].items()},
    )


# --- of all ---------------------------------------------------------------------------------------


def _of_number(value: float) -> str:
    """A number as JSON can hold it, to the last digit, whether it is finite or not."""
    return repr(float(value))


def _of_counts(counts: Counts) -> list[str]:
    return [_of_number(counts.evaluations), _of_number(counts.gradient_evaluations)]


def _to_counts(said: list[str]) -> Counts:
    return Counts(*map(float, said))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.copy())  # what was read cannot be written to


def _with(meta: dict[str, Any], arrays: dict[str, np.ndarray], name: str, part: Part) -> Part:
    """A part with another one in it."""
    return {**meta, name: part[0]}, arrays | {f"{name}/{key}": array for key, array in part[1].items()}


def _within(part: Part, name: str) -> Part:
    meta, arrays = part
    inner = {
        key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")
    }
    return meta[name], inner
