"""The contract of choices among finitely many classes: the noise behind them, and the points between them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

from torch import Size, Tensor

from bench.problem import NotApplicable


class Choices(ABC):
    r"""Independent choices of which an x consists, with the noise that decides them.

    A choice is a corner of the set of points: 0 or 1 of the numbers between them, or a one-hot vector of
    the vectors of C numbers that add up to one. What is random of it is a noise z that has the logits as its
    location, so that one z gives the choice, `corner(z)`, and a point that is close to it, `relaxed(z, τ)`;
    `conditional` draws z once more for a given choice.

    Points and noise have the shape `[N, R, (B,) *points]`, where the points of a Bernoulli variable are the
    event, and those of a categorical one have a last axis of C classes.

    Attributes:
        logits: normalized where there are classes, `[R, (B,) *points]`, differentiable in θ.
        shape: of the choices of one x, which is that of an event of class numbers.
        classes: C.
    """

    logits: Tensor
    shape: Size
    classes: int

    @property
    @abstractmethod
    def probs(self) -> Tensor:
        """The mean of the corners, `[R, (B,) *points]`, differentiable."""

    @property
    @abstractmethod
    def log_masses(self) -> Tensor:
        """The logarithm of each class's probability, `[R, (B,) *shape, C]`, differentiable."""

    @abstractmethod
    def log_prob(self, points: Tensor) -> Tensor:
        """log p at points, `[N, R, (B)]`: at a corner that of its value, and linear in each choice."""

    def mean_log_prob(self) -> Tensor:
        """E[log p], minus the entropy, `[R, (B)]`, differentiable."""
        return (self.log_masses.exp() * self.log_masses).flatten(self.batch_dim).sum(-1)

    @abstractmethod
    def perturbed(self, sample_size: int) -> Tensor:
        """N draws of z, differentiable: the logits plus noise that does not depend on them."""

    @abstractmethod
    def conditional(self, corner: Tensor) -> Tensor:
        r"""A draw of z given the choice it leads to, `[N, R, (B,) *points]`, differentiable at fixed noise.

        Tucker et al. (2017), REBAR, appendix C: both the place and the noise's own distribution given the
        choice depend on θ.
        """

    @abstractmethod
    def corner(self, z: Tensor) -> Tensor:
        """The choice that z leads to, without a gradient."""

    @abstractmethod
    def relaxed(self, z: Tensor, temperature: float | Tensor) -> Tensor:
        """The point near the choice, σ(z/τ) or softmax(z/τ)."""

    @abstractmethod
    def slope(self, at: Tensor, vectors: Tensor) -> Tensor:
        """J v, where J is the derivative of the probabilities in the logits where the former are `at`."""

    @abstractmethod
    def value(self, corner: Tensor) -> Tensor:
        """Corners as values of x, `[N, R, (B,) *event]`."""

    @abstractmethod
    def corner_of(self, x: Tensor) -> Tensor:
        """Values of x as corners."""

    @abstractmethod
    def of_classes(self, which: Tensor) -> Tensor:
        """Values of x, `[N, R, (B,) *event]`, given the numbers of classes, `[N, R, (B,) *shape]`."""

    def chosen(self, x: Tensor, place: tuple[int, ...], which: int | Tensor) -> Tensor:
        """Return x with another class at one of its choices.

        Args:
            x: `[N, R, (B,) *event]`.
            place: of the choice, an index into `shape`.
            which: the number of the class, the same for all or `[N, R, (B)]`.
        """
        at: Any = (..., *place)
        changed = x.clone()
        changed[at] = which if isinstance(which, int) else which.to(x.dtype)
        return changed

    @property
    def log_odds(self) -> Tensor:
        """The logit of the second of two classes, `[R, (B,) *shape]`, differentiable.

        Raises:
            NotApplicable: if there are more classes.
        """
        if self.classes != 2:
            raise NotApplicable(f"x consists of choices among {self.classes} classes, and two are wanted")
        return self.log_masses[..., 1] - self.log_masses[..., 0]

    @abstractmethod
    def classes_of(self, x: Tensor) -> Tensor:
        """The numbers of the classes that values of x have, `[N, R, (B,) *shape]`."""

    @abstractmethod
    def by_class(self, slopes: Tensor) -> Tensor:
        """Slopes of a cost in its points as what each class adds, `[..., *points] -> [..., *shape, C]`."""

    def total(self, values: Tensor) -> Tensor:
        """The sum over all points of an x, `[..., *points] -> [...]`."""
        axes = self.logits.dim() - self.batch_dim
        return values.flatten(-axes).sum(-1) if axes else values

    @property
    def moving(self) -> Tensor:
        """Zeros, `[R, (B,) *points]`, that have the derivative of the logits."""
        return self.logits - self.logits.detach()

    def term(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Σ w · logits over the points, as a term of `gradient_of`; weights are `[R, (B,) *points]`."""
        count = math.prod(self.logits.shape[self.batch_dim :])
        return self.logits, weights * count

    @property
    def batch_dim(self) -> int:
        """1, or 2 where there are items."""
        return self.log_masses.dim() - 1 - len(self.shape)
