"""A mixture of normal distributions on the line."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import MixtureSameFamily, constraints

from bench import noise
from bench.distributions.by_counter import Categorical
from bench.distributions.implicit import implicit
from bench.distributions.normal import Normal


class NormalMixture(MixtureSameFamily):
    r"""K normals, one of which is drawn for each sample.

    .. math:: p(z) = \sum_k w_k\, N(z; \mu_k, \sigma_k^2), \quad w = \text{softmax(logits)}

    Samples are differentiable in all parameters by implicit reparameterization.

    Args:
        loc: μ, `[..., K]`.
        scale: σ, `[..., K]`.
        probs: w, or
        logits: their logarithms up to a constant.

    References:
        Graves (2016), Stochastic backpropagation through mixture density distributions.
        Figurnov, Mohamed & Mnih (2018), Implicit reparameterization gradients, §4.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {  # type: ignore[misc]
        "loc": constraints.real,
        "scale": constraints.positive,
        "probs": constraints.simplex,
        "logits": constraints.real,
    }
    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        scale: Tensor,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        loc, scale, weights = torch.broadcast_tensors(  # type: ignore[no-untyped-call]
            loc, scale, probs if logits is None else logits
        )
        which = {"probs": weights} if logits is None else {"logits": weights}
        super().__init__(
            Categorical(**which, validate_args=validate_args),
            Normal(loc, scale, validate_args=validate_args),
            validate_args=False,
        )

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        normal: Any = self.component_distribution
        with torch.no_grad():
            which = self.mixture_distribution.sample(sample_shape)[..., None]  # type: ignore[no-untyped-call]
            loc, scale = (
                of.expand(*which.shape[:-1], -1).gather(-1, which)[..., 0]
                for of in (normal.loc, normal.scale)
            )
            return noise.normal(loc.shape, loc).mul_(scale).add_(loc)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        z = self.sample(sample_shape)
        parts = self.component_distribution.cdf(z[..., None])  # [..., K]
        cumulative = (self.mixture_distribution.probs * parts).sum(-1)
        return implicit(z, cumulative, self.log_prob(z).exp())  # type: ignore[no-untyped-call]
