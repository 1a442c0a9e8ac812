"""Families of torch whose samples are made of noise by counter: each row has numbers of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor, distributions
from torch.distributions.transforms import AbsTransform, AffineTransform, ExpTransform, PowerTransform
from torch.distributions.utils import broadcast_all
from torch.nn.functional import logsigmoid

from bench import noise
from bench.distributions.normal import Normal

_NONE = Size()


class LogNormal(distributions.LogNormal):
    """exp z for a normal z."""

    def __init__(self, loc: Tensor, scale: Tensor, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        distributions.TransformedDistribution.__init__(
            self, base, ExpTransform(), validate_args=validate_args
        )

    def expand(self, batch_shape: Any, _instance: Any = None) -> LogNormal:
        loc, scale = self.loc.expand(batch_shape), self.scale.expand(batch_shape)
        return LogNormal(loc, scale, validate_args=False)


class HalfNormal(distributions.HalfNormal):
    """|z| for a normal z about 0."""

    def __init__(self, scale: Tensor, validate_args: bool | None = None) -> None:
        base = Normal(0, scale, validate_args=False)
        distributions.TransformedDistribution.__init__(
            self, base, AbsTransform(), validate_args=validate_args
        )

    def expand(self, batch_shape: Any, _instance: Any = None) -> HalfNormal:
        return HalfNormal(self.scale.expand(batch_shape), validate_args=False)


class Exponential(distributions.Exponential):
    """ε/λ for a standard exponential ε."""

    def rsample(self, sample_shape: Any = _NONE) -> Tensor:
        return noise.exponential(self._extended_shape(sample_shape), self.rate) / self.rate


class Weibull(distributions.Weibull):
    """λ ε^(1/k) for a standard exponential ε."""

    def __init__(self, scale: Tensor, concentration: Tensor, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(torch.ones_like(self.scale), validate_args=validate_args)
        steps = [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)]
        distributions.TransformedDistribution.__init__(self, base, steps, validate_args=validate_args)

    def rsample(self, sample_shape: Any = _NONE) -> Tensor:
        # A power is rounded in one way or the other by where it lies in memory; these are not.
        e = self.base_dist.rsample(sample_shape)
        return (e.log() * self.concentration_reciprocal).exp() * self.scale

    def sample(self, sample_shape: Any = _NONE) -> Tensor:
        with torch.no_grad():
            return self.rsample(sample_shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Weibull:
        scale, concentration = self.scale.expand(batch_shape), self.concentration.expand(batch_shape)
        return Weibull(scale, concentration, validate_args=False)


class Laplace(distributions.Laplace):
    """μ + b (ε₁ − ε₂) for two standard exponentials."""

    def rsample(self, sample_shape: Any = _NONE) -> Tensor:
        shape = self._extended_shape(sample_shape)
        difference = noise.exponential(shape, self.loc) - noise.exponential(shape, self.loc)
        return difference * self.scale + self.loc


class Bernoulli(distributions.Bernoulli):
    """1 where a uniform number is at most p, else 0."""

    def sample(self, sample_shape: Any = _NONE) -> Tensor:
        with torch.no_grad():
            return noise.unit(self._extended_shape(sample_shape), self.probs).le_(self.probs)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        density: Tensor = _BernoulliLogMass.apply(value, self.logits)  # type: ignore[no-untyped-call]
        return density


class _BernoulliLogMass(torch.autograd.Function):
    """x log σ(l) + (1 − x) log σ(−l), with the slope x − σ(l) in l and l in x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, logits: Tensor) -> Tensor:
        ctx.save_for_backward(x, logits)
        return torch.lerp(logsigmoid(-logits), logsigmoid(logits), x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, logits = ctx.saved_tensors
        of_x = of_logits = None
        if ctx.needs_input_grad[0]:
            of_x = (gradient * logits).sum_to_size(x.shape)
        if ctx.needs_input_grad[1]:
            rise, total = (each.sum_to_size(logits.shape) for each in (gradient * x, gradient))
            of_logits = rise - logits.sigmoid() * total
        return of_x, of_logits


class Geometric(distributions.Geometric):
    """⌊−ε / log(1 − p)⌋ for a standard exponential ε."""

    def sample(self, sample_shape: Any = _NONE) -> Tensor:
        with torch.no_grad():
            e = noise.exponential(self._extended_shape(sample_shape), self.probs)
            return e.div_(-torch.log1p(-self.probs)).floor_()


class Categorical(distributions.Categorical):
    """The first class up to which the probabilities add up to a uniform number."""

    def sample(self, sample_shape: Any = _NONE) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            # In float64, or rare classes behind the first would be rarer still.
            probs = self.probs.double()
            u = noise.unit(shape, probs).reshape(-1, *self.batch_shape)  # [N, ...]
            edges = probs.cumsum(-1)  # [..., K]
            # Divided by the last, that is exactly 1, and what has no probability is not drawn.
            found = torch.searchsorted(edges / edges[..., -1:], u.movedim(0, -1).contiguous())
            return found.movedim(-1, 0).reshape(shape)
