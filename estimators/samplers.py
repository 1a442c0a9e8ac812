"""Samplers of one estimate, by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench import noise
from bench.distributions.paths import inside, path_of
from bench.distributions.sobol import scrambled_sobol
from bench.options import Choice
from bench.problem import NotApplicable


class Sampler(Choice, ABC):
    """N samples of each row, differentiable in θ or not; each is from p, but they may be dependent."""

    minimum_sample_size: int = 1

    @abstractmethod
    def samples(self, p: Distribution, sample_size: int) -> Tensor:
        """`[N, R, (B,) *event]`, differentiable in the parameters of p; rows are independent."""

    def fixed(self, p: Distribution, sample_size: int) -> Tensor:
        """Return the same samples without a path: x need not depend on the parameters of p in a known way."""
        with torch.no_grad():
            return self.samples(p, sample_size)

    @classmethod
    def choices(cls) -> Mapping[str, type[Sampler]]:
        return SAMPLERS


@dataclass(frozen=True)
class Iid(Sampler):
    """Independent samples."""

    def samples(self, p: Distribution, sample_size: int) -> Tensor:
        if not p.has_rsample:
            raise NotApplicable("x has no reparameterized sampler")
        return p.rsample((sample_size,))

    def fixed(self, p: Distribution, sample_size: int) -> Tensor:
        return p.sample((sample_size,))


@dataclass(frozen=True)
class Antithetic(Sampler):
    """N/2 pairs (ε, −ε) of normal noise, or (u, 1 − u) through the inverse CDF.

    The variance is at most twice that of independent samples, and less where the cost's
    derivative is monotone. Hammersley & Morton (1956), A new Monte Carlo technique:
    antithetic variates.
    """

    minimum_sample_size: int = 2

    def samples(self, p: Distribution, sample_size: int) -> Tensor:
        if sample_size % 2:
            raise NotApplicable("antithetic samples come in pairs: N must be even")
        path = path_of(p)
        shape = (sample_size // 2, *path.shape)  # [N/2, R, (B,) *event]
        if path.noise == "normal":
            e = noise.normal(shape, path.like)
            return path.follow(torch.cat([e, -e]))
        u = inside(noise.uniform(shape, path.like))
        return path.follow(inside(torch.cat([u, 1 - u])))


@dataclass(frozen=True)
class Rqmc(Sampler):
    """Randomized quasi-Monte Carlo: Sobol points through the inverse CDF, scrambled for each estimate apart.

    Buchholz, Wenzel & Mandt (2018), Quasi-Monte Carlo variational inference, §3. See
    `bench.distributions.sobol` for the scrambling. Items of a batch have points of their own.
    """

    def samples(self, p: Distribution, sample_size: int) -> Tensor:
        path = path_of(p)
        batch = path.shape[: len(path.shape) - path.event_dim]
        event = path.shape[len(batch) :]
        points = scrambled_sobol(sample_size, batch, event.numel(), path.like.device)  # [N, R, (B,) D]
        if path.noise == "normal":
            points = torch.special.ndtri(points)
        e = points.reshape(sample_size, *path.shape).to(path.like.dtype)
        return path.follow(e if path.noise == "normal" else inside(e))


SAMPLERS: Mapping[str, type[Sampler]] = {"iid": Iid, "antithetic": Antithetic, "rqmc": Rqmc}
