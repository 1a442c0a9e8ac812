"""The families of distributions that a scenario can name, with their parameters as torch calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    Beta,
    Categorical,
    Distribution,
    Exponential,
    Gamma,
    Independent,
    Laplace,
    LogNormal,
    Poisson,
    constraints,
)

from bench.distributions.normal import Normal
from bench.errors import did_you_mean, invalid, shown

LOG = "log_"
"""A parameter that is positive may be given by its logarithm, under this prefix."""


@dataclass(frozen=True)
class Family:
    """A family of distributions.

    Attributes:
        cls: torch's class, or ours.
        parameters: the arguments that are needed; each a tuple of alternatives.
        vector: whether a parameter of one draw is itself a vector (the logits of a categorical).
    """

    cls: type[Distribution]
    parameters: tuple[tuple[str, ...], ...]
    vector: bool = False

    def names(self) -> list[str]:
        """All words by which a parameter may be given."""
        plain = [name for alternatives in self.parameters for name in alternatives]
        positive = (constraints.positive, constraints.nonnegative)
        return plain + [LOG + name for name in plain if self.constraint(name) in positive]

    def constraint(self, name: str) -> constraints.Constraint:
        """What values a parameter may have."""
        constraint: constraints.Constraint = self.cls.arg_constraints[name]  # type: ignore[index]
        return constraint

    def check(self, given: Mapping[str, object]) -> None:
        """Refuse parameters that are unknown, missing or given twice.

        Raises:
            Invalid: with the name of the parameter as path, where there is one.
        """
        for name in given:
            if name not in self.names():
                raise invalid(
                    f"unknown parameter {shown(name)}; {did_you_mean(name, self.names())}", str(name)
                )
        for alternatives in self.parameters:
            words = [w for w in self.names() if w.removeprefix(LOG) in alternatives]
            found = [w for w in words if w in given]
            if len(found) != 1:
                count = "needs" if not found else "takes only"
                raise invalid(f"{count} one of the parameters {', '.join(words)}")

    def make(self, values: Mapping[str, Tensor], event_dim: int) -> Distribution:
        """The distribution; parameters have the batch shape, then D if the event is a vector of draws."""
        plain = {name.removeprefix(LOG): v.exp() if name.startswith(LOG) else v for name, v in values.items()}
        p = self.cls(**plain, validate_args=False)  # type: ignore[arg-type]
        return Independent(p, 1, validate_args=False) if event_dim else p


FAMILIES: dict[str, Family] = {
    "bernoulli": Family(Bernoulli, (("probs", "logits"),)),
    "beta": Family(Beta, (("concentration1",), ("concentration0",))),
    "categorical": Family(Categorical, (("probs", "logits"),), vector=True),
    "exponential": Family(Exponential, (("rate",),)),
    "gamma": Family(Gamma, (("concentration",), ("rate",))),
    "laplace": Family(Laplace, (("loc",), ("scale",))),
    "lognormal": Family(LogNormal, (("loc",), ("scale",))),
    "normal": Family(Normal, (("loc",), ("scale",))),
    "poisson": Family(Poisson, (("rate",),)),
}
"""Name -> family."""


def find_family(name: str) -> Family:
    """The family of a name.

    Raises:
        Invalid: if there is none.
    """
    if name not in FAMILIES:
        raise invalid(f"unknown distribution {shown(name)}; {did_you_mean(name, FAMILIES)}")
    return FAMILIES[name]


def component(p: Distribution) -> Distribution:
    """The law of the single draws of which p's event consists."""
    return p.base_dist if isinstance(p, Independent) else p


def support(p: Distribution) -> Tensor | None:
    """All values of a single draw, `[S]` in float64, if they are few; else None."""
    if not component(p).has_enumerate_support:
        return None
    values = component(p).enumerate_support(expand=False)
    return values.flatten().to(torch.float64)
