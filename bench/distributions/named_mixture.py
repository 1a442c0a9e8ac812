"""A mixture of distributions of any families, for each sample one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, constraints

from bench.distributions.by_counter import Categorical, Exponential, HalfNormal, Laplace, LogNormal, Weibull
from bench.distributions.implicit import implicit
from bench.distributions.normal import Normal

_WITH_CUMULATIVE = (Exponential, HalfNormal, Laplace, LogNormal, Normal, Weibull)


class NamedMixture(Distribution):
    r"""K distributions, one of which is drawn for each sample; all continuous or all discrete.

    .. math:: p(z) = \sum_k w_k\, p_k(z)

    Samples of numbers are differentiable in all parameters by implicit reparameterization, where the
    cumulative distribution functions of all parts are known with their derivatives.

    Args:
        weights: of the parts, w, with batch shape `[R]`.
        parts: the distributions, of one batch and event shape.

    References:
        Figurnov, Mohamed & Mnih (2018), Implicit reparameterization gradients, §4.
    """

    def __init__(self, weights: Categorical, parts: Sequence[Distribution]) -> None:
        self.weights, self.parts = weights, tuple(parts)
        first = self.parts[0]
        super().__init__(first.batch_shape, first.event_shape, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return all(isinstance(part, _WITH_CUMULATIVE) for part in self.parts)

    @property
    def support(self) -> Any:
        supports: list[Any] = [part.support for part in self.parts]
        if all(str(each) == str(supports[0]) for each in supports):
            return supports[0]
        wider: Any = constraints.nonnegative_integer if supports[0].is_discrete else constraints.real
        return constraints.independent(wider, 1) if self.event_shape else wider  # type: ignore[no-untyped-call]

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        with torch.no_grad():
            which = self.weights.sample(sample_shape)  # [N, R]
            which = which[(..., *[None] * len(self.event_shape))]
            found = self.parts[0].sample(sample_shape)
            for k, part in enumerate(self.parts[1:], 1):
                found = torch.where(which == k, part.sample(sample_shape), found)
            return found

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        return self.follow(self.sample(sample_shape))

    def follow(self, z: Tensor) -> Tensor:
        """A sample that was drawn, with the derivative of its path in the parameters."""
        shares = self.weights.probs.unbind(-1)  # [R] each
        cumulative = torch.zeros_like(z)
        for share, part in zip(shares, self.parts, strict=True):
            inside, safe = _inside(part, z)
            below = torch.where(inside, part.cdf(safe), 0.0)  # where there is none, z is to the left
            cumulative = cumulative + share * below
        return implicit(z, cumulative, self.log_prob(z).exp())

    def log_prob(self, value: Tensor) -> Tensor:
        terms = []
        for log_share, part in zip(self.weights.logits.unbind(-1), self.parts, strict=True):
            inside, safe = _inside(part, value)
            own = torch.where(_of_sample(inside, part), part.log_prob(safe), -torch.inf)
            terms.append(log_share + own)
        return torch.stack(terms).logsumexp(0)


def _inside(part: Distribution, value: Tensor) -> tuple[Tensor, Tensor]:
    """Whether numbers are of the support of a part, and the numbers, others in place of the rest."""
    if isinstance(part, MultivariateNormal):
        return torch.ones_like(value, dtype=torch.bool), value
    single: Any = part.base_dist if isinstance(part, Independent) else part
    inside = single.support.check(value)
    return inside, torch.where(inside, value, 0.0 if single.support.is_discrete else 0.5)


def _of_sample(inside: Tensor, part: Distribution) -> Tensor:
    return inside.all(-1) if part.event_shape else inside
