"""The contract of an estimator: N samples in, one estimate of the gradient per replicate out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor
from torch.autograd.graph import _engine_run_backward

from bench.problem import NotApplicable, Problem

if TYPE_CHECKING:
    from bench.exact import ExactMoments, SingleDraws

Claim = Literal["unbiased", "consistent", "biased"]

__all__ = ["Claim", "Estimator", "NotApplicable", "gradient_of"]


class Estimator(ABC):
    """An estimate of ∇F(θ) from N samples: a frozen dataclass whose fields are its options.

    An estimator never seeds, blocks, times, logs or changes itself.

    Attributes:
        bias: what is claimed of E[estimate] − ∇F; the claim is tested.
        minimum_sample_size: the smallest N for which the estimator is defined.
        exact_degree: where F is a polynomial in θ of this degree or less there is no bias,
            whatever `bias` says.
        exact_cost_degree: where f is a polynomial of this degree or less in each choice of a discrete x there
            is no bias, whatever `bias` says.
        needs_continuity: whether the claim is of costs alone that are continuous in x: an
            estimator that differentiates f cannot know that f jumps.
        averages: whether an estimate from N samples is the mean of N independent estimates from one
            sample each, drawn by `sample` or `rsample` of the problem's distribution and from nothing
            else: its exact moments then follow from what it makes of each single value of x.
        cost_varies: whether the evaluations of f vary from estimate to estimate, as where draws are rejected.
        couples_items: whether an estimate makes of one item's samples what depends on those of others.
        version: raised by whatever changes the numbers of an estimator that is called as before.

    Example:
        >>> import bench
        >>> from dataclasses import dataclass
        >>> from bench.estimator import gradient_of
        >>> @dataclass(frozen=True)
        ... class Score(bench.Estimator):
        ...     bias = "unbiased"
        ...     def gradient(self, problem, theta, sample_size):
        ...         p = problem.distribution(theta)
        ...         x = p.sample((sample_size,))  # [N, R, (B,) *event]
        ...         cost, term = problem.cost(x, theta), problem.analytic_term(theta, p)
        ...         return gradient_of(theta, (p.log_prob(x), cost.detach()), cost, term)
        >>> bench.certify(Score(), {"elbo": {"name": "gaussian_elbo"}}, replicates=2000).passed
        True
    """

    bias: ClassVar[Claim]
    minimum_sample_size: int = 1
    exact_degree: int = 0
    exact_cost_degree: int = 0
    needs_continuity: bool = False
    averages: bool = False
    cost_varies: bool = False
    couples_items: bool = False
    version: int = 1

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"  # a dataclass tells its options, too

    @abstractmethod
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        """One estimate per row of theta, `[R, P] -> [R, P]`; row r depends on row r only.

        Args:
            problem: what is differentiated.
            theta: a leaf that requires gradients, `[R, P]`; its rows may share memory.
            sample_size: N, the samples that each estimate uses.

        Raises:
            NotApplicable: if the problem lacks what the estimator needs.
        """

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        """This estimator with what it learns beforehand (a baseline, say) in place.

        Called once per cell, on a random stream that no measured estimate shares.

        Args:
            problem: what is differentiated.
            theta: as many rows as may be sampled at once, `[R, P]`.
            sample_size: the N of the estimates to come.
        """
        return self

    def evaluations(self, problem: Problem, sample_size: int) -> int | None:
        """Return the evaluations of f for one estimate, which are held against the count; None if undeclared.

        A cost that averages K weights is one evaluation here.
        """
        return None

    def claim(self, problem: Problem) -> Claim:
        """Return what is claimed of a problem: `bias`, unless that is for some problems only."""
        claimed: Claim = getattr(self, "bias", "biased")  # a plug-in may have forgotten it
        return claimed

    def ascends(self, problem: Problem, sample_size: int) -> str:
        """Return the objective that its mean is the gradient of, where that is known and not the problem's.

        Args:
            problem: what is differentiated.
            sample_size: N.

        Returns:
            A noun phrase, such as "twice F"; empty by default.
        """
        return ""

    def cost_varied(self, problem: Problem) -> bool | None:
        """Whether the cost of the estimates until now varied, if the estimator sees it; else None.

        One that draws nothing may say so: its estimates are known not to vary.
        """
        return None

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        """Return mean and variance of an estimate from N samples, where each value of x is known.

        Called on a fitted estimator. What is measured is held against it.

        Args:
            draws: the values of x with their probabilities, their costs and scores.
            sample_size: N.

        Raises:
            NotApplicable: if they are not known, as by default of an estimator that is no average.
        """
        if not self.averages:
            raise NotApplicable("its exact variance is not known")
        return draws.of_mean(self, sample_size)

    def exact_moments_of_items(self, items: Sequence[SingleDraws], sample_size: int) -> ExactMoments:
        """Return mean and variance of an estimate of a problem with items, by the values of x for each.

        Args:
            items: those of each item.
            sample_size: N.

        Raises:
            NotApplicable: if they are not known, as by default of an estimator that couples items.
        """
        from bench.exact_items import moments_of_items  # here, as that module knows this one

        if self.couples_items:
            raise NotApplicable("its exact variance is not known, as it couples items")
        return moments_of_items(self, sample_size, items)


def gradient_of(
    theta: Tensor,
    *terms: Tensor | tuple[Tensor, Tensor] | None,
    keep_graph: bool = False,
    create_graph: bool = False,
) -> Tensor:
    r"""The gradient of a sum of means, one per row of theta, in a single backward pass.

    Each term is an output y, or a pair (y, w) with constant weights w of the same shape;
    it stands for the mean of y (of w·y) over its samples and items. Row r of theta gets
    the gradient of what was computed from row r:

    .. math:: \sum_{\text{terms}} \frac{1}{N B} \sum_{n,b} w_{nrb}\, \nabla_{\theta_r} y_{nrb}

    Args:
        theta: the leaf, `[R, P]`.
        terms: of shape `[N, R]`, `[N, R, B]`, `[R]` or `[R, B]`; None counts as zero, as
            does a term that does not depend on theta.
        keep_graph: whether the terms are to be differentiated again afterwards.
        create_graph: whether the gradient itself is to be differentiated, in what outputs and weights
            depend on.

    Returns:
        `[R, P]`.

    Raises:
        ValueError: if weights have another shape than what they weigh.
    """
    outputs: list[Tensor] = []
    weights: list[Tensor | None] = []
    weighed = 0
    for term in terms:
        y, w = term if isinstance(term, tuple) else (term, None)
        if y is not None and y.requires_grad:
            outputs.append(y)
            weights.append(w)
            weighed += 0 if w is None else w.numel()
    if not outputs:
        return torch.zeros_like(theta)
    # The division by N·B is done where there is less to divide: in the weights or at the end.
    R, sizes = len(theta), [y.numel() for y in outputs]
    early = weighed <= theta.numel()
    unit = R if early else max(sizes)
    scaled = [_scaled(y, w, unit / size) for y, w, size in zip(outputs, weights, sizes, strict=True)]
    total = _backward(outputs, scaled, theta, keep_graph or create_graph, create_graph)
    return total if early else total.mul_(R / unit)


def _backward(
    outputs: list[Tensor], weights: list[Tensor], theta: Tensor, keep_graph: bool, create_graph: bool
) -> Tensor:
    # Given weights, torch.autograd.grad imports sympy to compare shapes, which takes a second, and some
    # microseconds in each call; this is the function that it calls in the end.
    roots, seeds = tuple(outputs), tuple(weights)
    (total,) = _engine_run_backward(
        roots, seeds, keep_graph, create_graph, (theta,), True, accumulate_grad=False
    )
    return torch.zeros_like(theta) if total is None else total


def _scaled(y: Tensor, w: Tensor | None, factor: float) -> Tensor:
    if w is None:
        return y.new_full((), factor).expand_as(y)
    if w.shape != y.shape:
        raise ValueError(f"weights have the shape {list(w.shape)}, what they weigh {list(y.shape)}")
    return w if factor == 1 else w * factor
