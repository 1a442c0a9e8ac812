"""Costs that the field knows by name, with their constants."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.errors import Invalid, did_you_mean, invalid, shown
from bench.formula import Formula, parse
from bench.options import construct


class Template(ABC):
    """A formula with constants to fill in; of a vector, the sum over its numbers.

    Attributes:
        of_vector: whether z can only be a vector, and the formula is of all of it.
    """

    of_vector: ClassVar[bool] = False

    @abstractmethod
    def text(self) -> str:
        """The formula of a number z, or of a vector."""


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
class Rosenbrock(Template):
    r"""A curved valley, of a vector z.

    .. math:: \sum_{d<D} (a - z_d)^2 + b\, (z_{d+1} - z_d^2)^2

    Rosenbrock (1960), An automatic method for finding the greatest or least value of a function.

    Attributes:
        a: the place of the minimum, which of two numbers is at (a, a²).
        b: the steepness of the sides of the valley.
    """

    of_vector: ClassVar[bool] = True
    a: float = 1.0
    b: float = 100.0

    def text(self) -> str:
        return f"sum((({self.a!r}) - z[:-1])**2 + ({self.b!r})*(z[1:] - z[:-1]**2)**2)"


COSTS: Mapping[str, type[Template]] = {
    "quadratic": Quadratic,
    "bump": Bump,
    "cosine": Cosine,
    "heaviside": Heaviside,
    "rosenbrock": Rosenbrock,
}
"""Name -> cost."""


def cost_of(given: str | Mapping[str, Any], let: Mapping[str, Any] | None = None) -> Formula:
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
        found: Template = construct(COSTS[name], constants, f"cost {name}")
    except Invalid as error:
        raise error.under(name) from error
    for key, value in vars(found).items():
        if not math.isfinite(value):
            raise invalid(f"{key} must be finite, got {shown(value)}", name, key)
    # Of a number the sum is the number itself.
    return parse(found.text() if found.of_vector else f"sum({found.text()})")


def check_vector(given: object, dimensions: int) -> None:
    """Refuse a cost by name that is of a vector, where z is a number.

    Raises:
        Invalid: if it is.
    """
    name = str(next(iter(given))) if isinstance(given, Mapping) else ""
    if name in COSTS and COSTS[name].of_vector and dimensions < 2:
        raise invalid(f"the cost {name} is of a vector z of two numbers or more: give a parameter as a list")
