"""Gradients that another framework computes: functions of a seed, of which only arrays come here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.engine.origin import seeds_of_its_own
from bench.errors import invalid, shown
from bench.losses.batches import batches_of
from bench.losses.generators import Seeds, put_back
from bench.losses.manners import Manners
from bench.losses.problem import Losses
from bench.losses.scalar_loss import WrongLoss
from bench.losses.weights import Weights
from bench.noise.draws import Draws


class ForeignLosses(Losses):
    """Functions `seed -> {name: array}`, or to a single array; with data, of a seed and a batch.

    Args:
        functions: by name; all give arrays of the same names and shapes.
        data: a loader or a list of batches; None if they take none.
        most: batches that are drawn of a loader.

    Raises:
        Invalid: if the first of them gives no arrays.
    """

    is_of_torch = False

    def __init__(
        self, functions: Mapping[str, Callable[..., Any]], data: Iterable[Any] | None, most: int
    ) -> None:
        # What they compute with is unknown here; only shapes matter, and the first call tells them.
        self.names, self.losses = tuple(functions), dict(functions)
        self.data, self.most = data, most
        self.batches = [] if data is None else batches_of(data, most)
        first, function = next(iter(functions.items()))
        arguments = (0,) if data is None else (0, self.batches[0])
        with put_back():
            arrays = _arrays(function(*arguments))
        if not arrays:
            raise invalid(f"gradients: {shown(first)}: wanted arrays by name, got none")
        self.weights = Weights(
            {name: torch.zeros(array.shape, dtype=_TYPE) for name, array in arrays.items()}
        )
        self.rows = {name: _ForeignRows(self.weights) for name in functions}

    def of_batch(self, loss: Callable[..., Any], batch: Any) -> Callable[..., Any]:
        return lambda seed: loss(seed, batch)


_TYPE = torch.float64


class _ForeignRows:
    """Gradients of a function in rows, one after the other."""

    def __init__(self, weights: Weights) -> None:
        self._shapes = {name: tuple(leaf.shape) for name, leaf in weights.leaves.items()}
        self.manners = Manners(together=False, why="another framework computes them")
        self._size = sum(leaf.numel() for leaf in weights.tensors)

    def gradients(self, calls: Any, draws: Draws) -> Tensor:
        """Gradients of all rows, `[R, P]`."""
        made = torch.empty((draws.rows, self._size), dtype=_TYPE)
        with put_back(), seeds_of_its_own():
            seeds = Seeds(draws)
            for call, rows in calls:
                for row in rows:
                    arrays = _arrays(call(seeds.number(row)))
                    shapes = {name: array.shape for name, array in arrays.items()}
                    if shapes != self._shapes:
                        raise WrongLoss(f"it gave arrays {_told(shapes)}, wanted {_told(self._shapes)}")
                    flat = np.concatenate([np.ravel(array) for array in arrays.values()])
                    made[row] = torch.from_numpy(flat)
        return made


def _arrays(given: Any) -> dict[str, np.ndarray]:
    named = given if isinstance(given, Mapping) else {"theta": given}
    try:
        return {str(name): np.array(_plain(array), dtype=np.float64) for name, array in named.items()}
    except (TypeError, ValueError) as error:
        raise WrongLoss(
            f"it gave {shown(type(given).__name__)}, wanted an array or arrays by name"
        ) from error


def _plain(array: Any) -> Any:
    """An array as NumPy takes it; of torch it may be attached to a graph."""
    return array.detach().cpu().numpy() if isinstance(array, Tensor) else array


def _told(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
