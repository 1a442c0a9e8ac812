"""Couplings of choices among classes that swap the noise of two classes: ARS and ARSM."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench import noise
from bench.distributions.choices import Choices, choices_of
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import NotApplicable, Problem


class Swaps:
    """Draws of classes from Gumbel noise, in which that of two classes may be swapped.

    Attributes:
        parts: ϖ, uniform on the vectors of C positive numbers that add up to one, `[N, R, (B,) *shape, C]`:
            log ϖ is a constant less the noise.
    """

    def __init__(self, choices: Choices, sample_size: int) -> None:
        self.choices, self.logits = choices, choices.log_masses.detach()  # [R, (B,) *shape, C]
        self.gumbel = noise.gumbel((sample_size, *self.logits.shape), self.logits)  # [N, R, (B,) *shape, C]
        self.parts = (-self.gumbel).softmax(-1)

    def x(self, c: int = 0, j: int | Tensor = 0) -> Tensor:
        """The draw with the noise of the classes c and j swapped in each choice; j may be `[N, R, (B)]`."""
        swapped = self.gumbel.clone()
        if isinstance(j, int):
            swapped[..., [c, j]] = self.gumbel[..., [j, c]]
        else:
            place = self.of_choices(j).expand_as(swapped[..., :1])
            swapped[..., c] = self.gumbel.gather(-1, place)[..., 0]
            swapped.scatter_(-1, place, self.gumbel[..., c : c + 1])
        return self.choices.of_classes((swapped + self.logits).argmax(-1))

    def of_choices(self, values: Tensor) -> Tensor:
        """Values of each draw, `[N, R, (B)]`, in a shape that broadcasts over its choices and classes."""
        return values.reshape(*values.shape, *[1] * (self.gumbel.dim() - values.dim()))


@dataclass(frozen=True)
class Ars(Estimator):
    r"""Compares the costs of C draws, between which the noise of two classes is swapped.

    With ϖ uniform on the vectors of C positive numbers that add up to one,
    :math:`z = \arg\min_i \varpi_i e^{-\phi_i}` has the probabilities softmax(φ). With
    :math:`z^{c \rightleftharpoons j}` the same where ϖ_c and ϖ_j are swapped, for any j,

    .. math:: \nabla_{\phi_c} E[f(z)] = E\Big[\Big(f(z^{c \rightleftharpoons j})
        - \frac{1}{C} \sum_m f(z^{m \rightleftharpoons j})\Big) (1 - C \varpi_j)\Big],

    since :math:`E[f(z)(1 - C \varpi_c)]` is the gradient, in which the swap moves c to j, and
    1 − C ϖ has the mean zero. Where x is a vector of choices the swap is made in all of them.

    Needs x of independent choices; f may be any function. An estimate evaluates f N·C times; f's
    own gradient in θ is taken at one of the C draws.

    Attributes:
        reference: j, the number of a class, or `random` for one that each draw draws.

    References:
        Yin, Yue & Zhou (2019), ARSM: Augment-REINFORCE-swap-merge estimator for gradient backpropagation
        through categorical variables.
    """

    bias: ClassVar[Claim] = "unbiased"
    reference: int | Literal["random"] = "random"

    def __post_init__(self) -> None:
        if self.reference != "random" and self.reference < 0:
            raise ValueError(f"reference is {self.reference}, wanted the number of a class or random")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size * choices_of(problem.distribution(problem.theta[None])).classes

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        C, logits = choices.classes, choices.log_masses  # [R, (B,) *shape, C]
        swaps = Swaps(choices, sample_size)
        j = self.references(swaps, choices)  # [N, R, (B)]
        cost = problem.cost(swaps.x(0, j), theta)  # [N, R, (B)]
        with torch.no_grad():
            others = [problem.cost(swaps.x(c, j), theta) for c in range(1, C)]  # [N, R, (B)] each
        f = torch.stack([cost.detach(), *others], -1)  # [N, R, (B), C]
        deviations = (f - f.mean(-1, keepdim=True)).reshape(*j.shape, *[1] * len(choices.shape), C)
        part = swaps.parts.gather(-1, swaps.of_choices(j).expand_as(swaps.parts[..., :1]))
        weights = (deviations * (1 - C * part)).mean(0)  # [R, (B,) *shape, C]
        return gradient_of(theta, summed(logits, weights, choices), cost, problem.analytic_term(theta, p))

    def references(self, swaps: Swaps, choices: Choices) -> Tensor:
        """The class j of each draw, `[N, R, (B)]`."""
        C, shape = choices.classes, swaps.gumbel.shape[: choices.batch_dim + 1]
        if self.reference == "random":
            drawn = (noise.uniform(shape, swaps.gumbel) * C).long()
            return drawn.clamp_(max=C - 1)
        if self.reference >= C:
            raise NotApplicable(f"there are {C} classes, and the reference is the class {self.reference}")
        return torch.full(shape, self.reference, device=swaps.gumbel.device)


@dataclass(frozen=True)
class Arsm(Estimator):
    r"""ARS with its mean over all references, which takes each swap of two classes.

    .. math:: \nabla_{\phi_c} E[f(z)] = E\Big[\frac{1}{C} \sum_j \Big(f(z^{c \rightleftharpoons j})
        - \frac{1}{C} \sum_m f(z^{m \rightleftharpoons j})\Big) (1 - C \varpi_j)\Big],

    with ϖ and z as in ARS. With two classes it is ARM, in the difference of the logits.

    Needs x of independent choices; f may be any function. As the swap of c and j is that of j and c, an
    estimate evaluates f N (C (C − 1)/2 + 1) times; f's own gradient in θ is taken at the draw without a swap.

    References:
        Yin, Yue & Zhou (2019), ARSM: Augment-REINFORCE-swap-merge estimator for gradient backpropagation
        through categorical variables.
    """

    bias: ClassVar[Claim] = "unbiased"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        C = choices_of(problem.distribution(problem.theta[None])).classes
        return sample_size * (C * (C - 1) // 2 + 1)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        C, logits = choices.classes, choices.log_masses  # [R, (B,) *shape, C]
        swaps = Swaps(choices, sample_size)
        cost = problem.cost(swaps.x(), theta)  # [N, R, (B)]
        factors = 1 / C - swaps.parts  # [N, R, (B,) *shape, C]
        weights = torch.zeros_like(logits)  # [R, (B,) *shape, C]
        for c, j in itertools.combinations(range(C), 2):
            with torch.no_grad():
                f = problem.cost(swaps.x(c, j), theta) - cost  # [N, R, (B)]
            f = swaps.of_choices(f)[..., 0]
            weights[..., c] += (f * factors[..., j]).mean(0)
            weights[..., j] += (f * factors[..., c]).mean(0)
        weights -= weights.mean(-1, keepdim=True)  # the mean over m, for all j at once
        return gradient_of(theta, summed(logits, weights, choices), cost, problem.analytic_term(theta, p))


def summed(logits: Tensor, weights: Tensor, choices: Choices) -> tuple[Tensor, Tensor]:
    """Σ w · logits over choices and classes as a term of `gradient_of`; both are `[R, (B,) *shape, C]`."""
    return logits, weights * (choices.classes * choices.shape.numel())
