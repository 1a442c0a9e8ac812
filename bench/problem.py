"""The contract of a problem: what is differentiated, at which point, and what is known of the answer."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

if TYPE_CHECKING:
    from bench.estimator import Estimator

__all__ = [
    "Distribution",
    "MultiSampleProblem",
    "NotApplicable",
    "Points",
    "Problem",
    "Resolvable",
    "TruthKind",
    "VariationalProblem",
]

TruthKind = Literal["closed_form", "quadrature", "enumeration", "given"]


class NotApplicable(Exception):
    """Mathematics that does not fit: it becomes a row with this reason, not a crash."""


class Points(NamedTuple):
    """Points with weights for which E[h(x)] = Σ_s w_s h(x_s) at a problem's theta.

    All values of a finite distribution with their probabilities, or the nodes of a quadrature rule.

    Attributes:
        x: `[S, 1, *event]`, as many samples of a single row of theta; float64 on the CPU.
        weights: `[S]`, in float64; they sum to one.
        power: up to which power of the cost and of cost times score the sums hold: 2 or 4.
    """

    x: Tensor
    weights: Tensor
    power: int


class Resolvable(ABC):
    """A thing that the options of a scenario describe, and of which a problem is made."""

    @abstractmethod
    def resolve(self) -> Problem:
        """Return the problem that the options of a scenario ask for."""


class Problem(Resolvable):
    r"""An expectation whose gradient is wanted.

    .. math:: F(\theta) = E_{x \sim p(x; \theta)}[f(x, \theta)] + a(\theta)

    Every method takes theta with one row per replicate, `[R, P]`, and treats the rows
    apart: row r of the answer depends on row r of theta only. A problem with data has
    a further axis of B items, over which F is the mean.

    All tensors of a problem are attributes of it, on one device; `to` moves them.

    Attributes:
        theta: the point at which gradients are estimated, `[P]`.
        parameters: named blocks of theta, reported separately; they may contain one another.
        truth_kind: how `expectation` knows what it says.
        width: how many numbers one sample of one replicate takes in memory, at its
            widest: the engine chooses the size of its blocks by it.
        data_per_row: whether each row of theta has data of its own, so that it cannot
            have more or other rows; see `resampled`.
        most_groups: how many batches there are in all, where `resampled` gives some that were drawn once,
            in turn; None where it draws each afresh.
        sinusoidal: whether F is a + b cos θ_i + c sin θ_i in each coordinate of θ, a, b and c depending on
            the others, as where a qubit is turned by each.
        version: raised by whatever changes the numbers of a problem that is called as before.
        fingerprint: of what else its numbers depend on beside its options and its source, such as
            weights that are read from a file.

    Example:
        >>> import bench
        >>> import torch
        >>> class Square(bench.Problem):
        ...     theta, parameters = torch.tensor([2.0]), {"loc": slice(0, 1)}
        ...     def distribution(self, theta):
        ...         return torch.distributions.Independent(torch.distributions.Normal(theta, 1.0), 1)
        ...     def cost(self, x, theta):
        ...         return x.square().sum(-1)
        >>> bench.plugin(Square)
        ['square']
    """

    theta: Tensor
    parameters: Mapping[str, slice]
    truth_kind: TruthKind = "closed_form"
    width: int = 1
    data_per_row: bool = False
    most_groups: int | None = None
    sinusoidal: bool = False
    version: int = 1
    fingerprint: str = ""

    def resolve(self) -> Problem:
        """Return the problem that the options of a scenario ask for: this one, or another made of it."""
        return self

    def prepared(self) -> Problem:
        """This problem ready to be measured; the engine asks before it measures, never to plan or to check.

        The place for work that takes long and that only the numbers need, such as training
        the weights at which gradients are estimated. Only the values of theta, and of weights that
        are held fixed beside it, may change. By default there is nothing to do.
        """
        return self

    def reduced(self) -> Problem:
        """A problem of the same structure that costs little, on which it is tried whether an estimator fits.

        With fewer items or samples, say; theta has the same blocks. By default this problem.
        """
        return self

    @abstractmethod
    def distribution(self, theta: Tensor) -> Distribution:
        """p(x; θ) with batch shape `[R]` or `[R, B]`. The event has shape `()` or `(D,)`."""

    @abstractmethod
    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        """f(x, θ), `[N, R]` or `[N, R, B]`, at samples x of shape `[N, R, (B,) *event]`."""

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        """f between the values that a discrete x can have, and f itself at these.

        Estimators that need the slope of f, or a control that is like f, evaluate it there. A call counts as
        one evaluation of f for each sample.

        Args:
            points: `[N, R, (B,) *event]` between 0 and 1 where x consists of Bernoulli variables, and
                `[N, R, (B,) *event, C]` that add up to one over the classes where it is of class numbers.
            theta: `[R, P]`.

        Returns:
            `[N, R, (B)]`, differentiable in the points.

        Raises:
            NotApplicable: if f is not defined there, as by default.
        """
        raise NotApplicable("its cost is not defined between the values of x")

    def cost_terms(self, x: Tensor, theta: Tensor) -> tuple[Tensor | None, Tensor] | None:
        r"""The cost taken apart, :math:`f(x, \theta) = s(x, \theta) + \sum_d f_d(x_d, \theta)`.

        What depends on neither x nor θ may be left out. A call counts as one evaluation of f
        for each sample.

        Returns:
            s, `[N, R, (B)]` or None where nothing is shared, and the f_d in the shape of x,
            `[N, R, (B,) *event]`; None if the cost does not split, as by default.
        """
        return None

    def inputs(self) -> Tensor | None:
        """The data of each item, `[B, D]` or, with a batch for each row of theta, `[R, B, D]`.

        What may be learned of an item without looking at its sample. None, the default, if
        the problem has no items or does not tell.
        """
        return None

    def analytic_term(self, theta: Tensor, p: Distribution) -> Tensor | None:
        """a(θ), `[R]` or `[R, B]`: what is known without sampling, such as an analytic KL.

        Args:
            theta: `[R, P]`.
            p: `distribution(theta)`, so that it need not be built twice.
        """
        return None

    def expectation(self, theta: Tensor) -> Tensor:
        """F(θ) without sampling, `[R, P] -> [R]`, differentiable in θ.

        Raises:
            NotApplicable: if neither a closed form, nor enumeration, nor quadrature fits.
        """
        raise NotApplicable("its expectation is not known without sampling")

    def expectation_check(self, theta: Tensor) -> Tensor:
        """F(θ) by a second, independent rule: a check of the first. By default the first."""
        return self.expectation(theta)

    def points(self, check: bool = False) -> Points:
        """Points and weights that stand for the distribution of x at theta, so that moments are sums.

        Args:
            check: whether to return a second, independent rule where the points are those of a quadrature.

        Raises:
            NotApplicable: if x can be neither enumerated nor integrated over (the default).
        """
        raise NotApplicable("x can be neither enumerated nor integrated over")

    def item(self, index: int) -> Self:
        """This problem with one item of its data alone, B = 1: F is the mean over those.

        Where x can be enumerated for a single item, the moments of estimates are known by it: estimates of
        items are independent.

        Raises:
            NotApplicable: if it has no items, or none can be taken alone (the default).
        """
        raise NotApplicable("its items cannot be taken one by one")

    def resampled(self, rows: int, copies: int = 1) -> Self:
        """A copy whose data are drawn afresh, one batch for each `copies` consecutive rows of theta.

        They are drawn from torch's global generator of the CPU; theta stays as it is. The
        copy says that it has `data_per_row`.

        Args:
            rows: R, of all theta that the copy is given; a multiple of `copies`.
            copies: how many rows share a batch.

        Raises:
            NotApplicable: if the problem has no data.
        """
        raise NotApplicable("it has no data to resample")

    def own_estimators(self) -> Mapping[str, Estimator]:
        """Estimators that come with this problem, by name; a scenario looks here first. None by default."""
        return {}

    def pictures(self) -> Mapping[str, np.ndarray]:
        """Images that show what the problem is at θ, by name, `[K, H, W]` in 0..1; none by default."""
        return {}

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        """A copy whose tensors are on `device`, the real ones of type `dtype`."""
        moved = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                real = value.is_floating_point()
                vars(moved)[name] = value.to(device=device, dtype=dtype if real else value.dtype)
        return moved


class VariationalProblem(Problem):
    r"""A bound on log evidence: x is the latent variable, and `distribution` is q(x; θ).

    The cost is minus the log weight, :math:`\log q(x; \theta) - \log p(\text{data}, x; \theta)`,
    unless a problem takes a part of it out as `analytic_term`.

    Attributes:
        samples: K, the latent samples that one cost takes: 1 for the ELBO.
    """

    samples: int = 1

    @abstractmethod
    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        """log p(data, x; θ) at latent samples x, `[N, R, (B,) D] -> [N, R, (B)]`."""

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.distribution(theta).log_prob(x) - self.log_joint(x, theta)


class MultiSampleProblem(VariationalProblem):
    r"""Minus a bound on log evidence that averages K weights within the logarithm.

    .. math:: f(x, \theta) = -\log \frac{1}{K} \sum_k w_k, \quad
        w_k = \frac{p(\text{data}, x_k; \theta)}{q(x_k; \theta)}

    An x is K independent samples of q, `[N, R, (B,) K, *event]`, and `distribution` is
    their joint distribution, with batch shape `[R]` or `[R, B]`.

    Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders, §3.
    """

    @abstractmethod
    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        """log p(data, x_k; θ) of each sample, `[N, R, (B,) K, *event] -> [N, R, (B), K]`."""

    @abstractmethod
    def log_weights(self, x: Tensor, theta: Tensor) -> Tensor:
        """log w_k, `[N, R, (B,) K, *event] -> [N, R, (B), K]`."""

    @abstractmethod
    def log_probs(self, x: Tensor, p: Distribution) -> Tensor:
        """log q(x_k; θ) of each sample, `[N, R, (B), K]`, where p is `distribution(theta)`."""

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return math.log(self.samples) - self.log_weights(x, theta).logsumexp(-1)
