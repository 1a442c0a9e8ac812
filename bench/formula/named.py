"""Costs that the field knows by name, with their constants."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from bench.errors import Invalid, did_you_mean, invalid, shown
from bench.formula import Range, parse
from bench.formula.splitting import Split
from bench.options import construct


class Cost(Protocol):
    """The methods that a problem wants of a cost; `Formula` documents them."""

    def __call__(self, z: Tensor, event_dim: int) -> Tensor: ...

    def check(self, dimensions: int, values: Range | None = None) -> None: ...

    def split(self, dimensions: int) -> Split | None: ...


class Template(ABC):
    """A formula with constants to fill in; of a vector, the sum over its numbers."""

    @abstractmethod
    def text(self) -> str:
        """The formula of a number z."""


@dataclass(frozen=True)
class Quadratic(Template):
    """(z − k)².

    Attributes:
        k: the place of the minimum.
    """

    k: float = 0.0

    def text(self) -> str:
        return f"(z - ({self.k!r}))**2"


@dataclass(frozen=True)
class Bump(Template):
    """exp(−k z²).

    Attributes:
        k: the steepness of the bump, whose width is 1/√(2k).
    """

    k: float = 1.0

    def text(self) -> str:
        return f"exp(-({self.k!r})*z**2)"


@dataclass(frozen=True)
class Cosine(Template):
    """cos(k z).

    Attributes:
        k: the frequency: the period is 2π/k.
    """

    k: float = 1.0

    def text(self) -> str:
        return f"cos(({self.k!r})*z)"


@dataclass(frozen=True)
class Heaviside(Template):
    """1 where z > threshold, else 0.

    Attributes:
        threshold: the place of the step.
    """

    threshold: float = 0.0

    def text(self) -> str:
        return f"z > ({self.threshold!r})"


@dataclass(frozen=True)
class Rosenbrock:
    r"""A curved valley, of a vector z.

    .. math:: \sum_{d<D} (a - z_d)^2 + b\, (z_{d+1} - z_d^2)^2

    Rosenbrock (1960), An automatic method for finding the greatest or least value of a function.

    Attributes:
        a: the place of the minimum, which of two numbers is at (a, a²).
        b: the steepness of the sides of the valley.
    """

    a: float = 1.0
    b: float = 100.0

    def __call__(self, z: Tensor, event_dim: int) -> Tensor:
        first, second = z[..., :-1], z[..., 1:]
        return ((self.a - first).square() + self.b * (second - first.square()).square()).sum(-1)

    def check(self, dimensions: int, values: Range | None = None) -> None:
        if not dimensions:
            raise invalid("the cost rosenbrock is of a vector z: give a parameter as a list")

    def split(self, dimensions: int) -> None:
        return None


COSTS: Mapping[str, type[Template] | type[Rosenbrock]] = {
    "quadratic": Quadratic,
    "bump": Bump,
    "cosine": Cosine,
    "heaviside": Heaviside,
    "rosenbrock": Rosenbrock,
}
"""Name -> cost."""


def cost_of(given: str | Mapping[str, Any], let: Mapping[str, Any] | None = None) -> Cost:
    """The cost that a formula, or `{name: {constant: value}}`, stands for.

    Args:
        given: the one or the other.
        let: constants that a formula may name.

    Raises:
        Invalid: if it stands for none.
    """
    if isinstance(given, str):
        return parse(given, let)
    if len(given) != 1:
        raise invalid("wanted one cost, as {name: {constant: value}}")
    ((name, constants),) = given.items()
    if name not in COSTS:
        raise invalid(f"unknown cost {shown(name)}; {did_you_mean(name, COSTS)}")
    constants = {} if constants is None else constants
    if not isinstance(constants, Mapping):
        raise invalid(f"wanted the constants of cost {name} as {{name: value}}, got {shown(constants)}", name)
    try:
        found: Template | Rosenbrock = construct(COSTS[name], constants, f"cost {name}")
    except Invalid as error:
        raise error.under(name) from error
    for key, value in vars(found).items():
        if not math.isfinite(value):
            raise invalid(f"{key} must be finite, got {shown(value)}", name, key)
    # Of a number the sum is the number itself.
    return found if isinstance(found, Rosenbrock) else parse(f"sum({found.text()})")
