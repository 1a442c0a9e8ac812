"""The families of distributions that a scenario can name, with their parameters as torch calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.distributions import (
    Beta,
    Binomial,
    Dirichlet,
    Distribution,
    Gamma,
    Independent,
    Poisson,
    StudentT,
    constraints,
)

from bench.distributions.by_counter import (
    Bernoulli,
    Categorical,
    Exponential,
    Geometric,
    HalfNormal,
    Laplace,
    LogNormal,
    Weibull,
)
from bench.distributions.mixture import NormalMixture
from bench.distributions.multivariate_normal import MultivariateNormal
from bench.distributions.normal import Normal
from bench.distributions.repeated import Repeated
from bench.distributions.von_mises import VonMises
from bench.errors import Invalid, KeyFault, did_you_mean, invalid, shown

REPEAT = "repeat"
"""The key of a distribution of a number that says how many independent draws z consists of."""
MIXTURE = "mixture"
"""The name of a distribution that is made of others."""
LOG = "log_"
"""A parameter that is positive may be given by its logarithm, under this prefix."""


@dataclass(frozen=True)
class Family:
    """A family of distributions.

    Attributes:
        cls: torch's class, or ours.
        parameters: the arguments that are needed; each a tuple of alternatives.
        vector: whether a parameter of one draw is itself a vector (the logits of a categorical).
        joint: whether one draw is a vector, whose numbers depend on one another.
        rows: whether that vector may be given for each of several numbers, as rows.
    """

    cls: type[Distribution]
    parameters: tuple[tuple[str, ...], ...]
    vector: bool = False
    joint: bool = False
    rows: bool = False

    def names(self) -> list[str]:
        """All words by which a parameter may be given."""
        plain = [name for alternatives in self.parameters for name in alternatives]
        positive = (constraints.positive, constraints.nonnegative)
        of_each = {name: self.constraint(name) for name in plain}
        return plain + [
            LOG + name for name, of in of_each.items() if getattr(of, "base_constraint", of) in positive
        ]

    def constraint(self, name: str) -> constraints.Constraint:
        """The values that a parameter may have."""
        constraint: constraints.Constraint = self.cls.arg_constraints[name]  # type: ignore[index]
        return constraint

    def shape(self, name: str) -> int:
        """The number of axes that a parameter of one draw can have: 2 for a matrix."""
        return 2 if self.joint and self.constraint(name.removeprefix(LOG)).event_dim == 2 else 1

    def check(self, given: Mapping[str, object]) -> None:
        """Refuse parameters that are unknown, missing or given twice.

        Raises:
            Invalid: with the name of the parameter as path, where there is one.
        """
        for name in given:
            if name not in self.names():
                known = [*self.names(), *([] if self.joint else [REPEAT])]
                raise invalid(f"unknown parameter {shown(name)}; {did_you_mean(name, known)}", str(name))
        for alternatives in self.parameters:
            words = [w for w in self.names() if w.removeprefix(LOG) in alternatives]
            found = [w for w in words if w in given]
            if len(found) != 1:
                count = "needs" if not found else "takes only"
                raise invalid(f"{count} one of the parameters {', '.join(words)}")

    def make(self, values: Mapping[str, Tensor], event_dim: int) -> Distribution:
        """The distribution; parameters have the batch shape, then what one event takes of them."""
        plain = {name.removeprefix(LOG): v.exp() if name.startswith(LOG) else v for name, v in values.items()}
        p = self.cls(**plain, validate_args=False)  # type: ignore[arg-type]
        return Independent(p, 1, validate_args=False) if event_dim and not self.joint else p


FAMILIES: dict[str, Family] = {
    "bernoulli": Family(Bernoulli, (("probs", "logits"),)),
    "beta": Family(Beta, (("concentration1",), ("concentration0",))),
    "binomial": Family(Binomial, (("total_count",), ("probs", "logits"))),
    "categorical": Family(Categorical, (("probs", "logits"),), vector=True, rows=True),
    "dirichlet": Family(Dirichlet, (("concentration",),), joint=True),
    "exponential": Family(Exponential, (("rate",),)),
    "gamma": Family(Gamma, (("concentration",), ("rate",))),
    "geometric": Family(Geometric, (("probs", "logits"),)),
    "half_normal": Family(HalfNormal, (("scale",),)),
    "laplace": Family(Laplace, (("loc",), ("scale",))),
    "lognormal": Family(LogNormal, (("loc",), ("scale",))),
    "multivariate_normal": Family(
        MultivariateNormal, (("loc",), ("scale_tril", "covariance_matrix", "precision_matrix")), joint=True
    ),
    "normal": Family(Normal, (("loc",), ("scale",))),
    "normal_mixture": Family(NormalMixture, (("loc",), ("scale",), ("probs", "logits")), vector=True),
    "poisson": Family(Poisson, (("rate",),)),
    "student_t": Family(StudentT, (("df",), ("loc",), ("scale",))),
    "von_mises": Family(VonMises, (("loc",), ("concentration",))),
    "weibull": Family(Weibull, (("scale",), ("concentration",))),
}
"""Name -> family."""


def find_family(name: str) -> Family:
    """The family of a name.

    Raises:
        Invalid: if there is none.
    """
    if name not in FAMILIES:
        known = [*FAMILIES, MIXTURE]
        raise Invalid(KeyFault(f"unknown distribution {shown(name)}; {did_you_mean(name, known)}"))
    return FAMILIES[name]


def component(p: Distribution) -> Distribution:
    """The distribution of each number of p's event, `[..., D]` of them; p if that is a single number."""
    if isinstance(p, Repeated):
        return component(p.base)
    if isinstance(p, Independent):
        single: Distribution = p.base_dist
        return single
    if isinstance(p, Dirichlet):
        rest = p.concentration.sum(-1, keepdim=True) - p.concentration
        return Beta(p.concentration, rest, validate_args=False)
    if isinstance(p, MultivariateNormal):
        return Normal(p.loc, p.scale_tril.square().sum(-1).sqrt(), validate_args=False)
    return p
