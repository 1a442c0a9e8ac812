"""Losses that a plug-in offers: its tables as a problem that scenarios can name."""

from __future__ import annotations

import types
from typing import Any

from bench.errors import invalid, shown
from bench.losses.batches import BATCHES
from bench.losses.in_rows import Vectorize
from bench.losses.problem import Losses, LossProblem
from bench.losses.truth_given import exact_gradient_of

TABLES = "LOSSES = {name: function}, MODEL, and if wanted DATA and TRUTH"


class LossesOfPlugin(LossProblem):
    """A model and its losses, of a module that has `LOSSES` and `MODEL`, and perhaps `DATA` and `TRUTH`."""

    module: types.ModuleType

    def __init__(self, batches: int = BATCHES, vectorize: Vectorize = "auto") -> None:
        """Take the tables of the module.

        Args:
            batches: how many are drawn of its `DATA`.
            vectorize: whether rows may be computed together.
        """
        offered = vars(self.module)
        own = Losses(offered["LOSSES"], offered["MODEL"], offered.get("DATA"), batches, vectorize)
        truth: Any = offered.get("TRUTH")
        super().__init__(own, None if truth is None else exact_gradient_of(truth, own.weights))


def problem_of(module: types.ModuleType, source: str) -> type[LossProblem]:
    """The problem of a module's losses.

    Raises:
        Invalid: if its tables are not what they should be.
    """
    losses = vars(module)["LOSSES"]
    if not isinstance(losses, dict) or not all(isinstance(name, str) for name in losses):
        raise invalid(
            f"plug-in {source}: LOSSES must be a table from names to functions, got {shown(losses)}"
        )
    if "MODEL" not in vars(module):
        raise invalid(f"plug-in {source}: LOSSES needs a MODEL beside it; wanted {TABLES}")
    return type("Losses", (LossesOfPlugin,), {"module": module, "__module__": module.__name__})
