"""The distribution of noise that a generator has gone through: samples along a path, and no density."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from bench.problem import NotApplicable


class Pushforward(Distribution):
    r"""The distribution of :math:`x = g(\epsilon; \theta)`, an implicit one: it can only be sampled.

    Its density is an integral over all noise that leads to x, and is not known: estimators that need the
    score, or a moment of x, are not applicable.

    Args:
        noise: the distribution of ε, with batch shape `[R]` or `[R, B]`.
        generate: g, `[N, R, (B,) *noise] -> [N, R, (B,) *event]`, differentiable in θ.
        event_shape: of x.
        depends: whether the distribution of ε depends on θ. There is a path only where it is followed.

    References:
        Mohamed & Lakshminarayanan (2017), Learning in implicit generative models, §2.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(
        self, noise: Distribution, generate: Callable[[Tensor], Tensor], event_shape: Size, depends: bool
    ) -> None:
        self.noise, self.generate = noise, generate
        self._followed = noise.has_rsample or not depends
        super().__init__(noise.batch_shape, event_shape, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self._followed

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = self.noise.rsample if self.noise.has_rsample else self.noise.sample
        return self.generate(noise(sample_shape))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with torch.no_grad():
            return self.generate(self.noise.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotApplicable(NO_DENSITY)


NO_DENSITY = "x has no density that is known, only a path: it is made of noise by a generator"


def noise_of(p: Distribution) -> Distribution:
    """The distribution of what is drawn: of the noise where x is generated, else p itself."""
    return p.noise if isinstance(p, Pushforward) else p
