"""Choices among finitely many classes, the noise behind them, and the points that lie between them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Size, Tensor, distributions
from torch.distributions import Distribution, Independent
from torch.nn import functional

from bench import noise
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
    def classes_of(self, x: Tensor) -> Tensor:
        """The numbers of the classes that values of x have, `[N, R, (B,) *shape]`, as whole numbers."""

    @abstractmethod
    def of_classes(self, classes: Tensor) -> Tensor:
        """Values of x, `[N, R, (B,) *event]`, whose choices have classes of these numbers."""

    def chosen(self, x: Tensor, place: tuple[int, ...], which: int | Tensor) -> Tensor:
        """Return x with another class at one of its choices.

        Args:
            x: `[N, R, (B,) *event]`.
            place: of the choice, an index into `shape`.
            which: the number of the class, the same for all or `[N, R, (B)]`.
        """
        return self.of_classes(_with(self.classes_of(x), place, which))

    def total(self, values: Tensor) -> Tensor:
        """The sum over all points of an x, `[..., *points] -> [...]`."""
        axes = self.logits.dim() - self.batch_dim
        return values.flatten(-axes).sum(-1) if axes else values

    def along(self, at: Tensor) -> Tensor:
        """The points `at`, held fixed but for the slope that probabilities would have there in the logits."""
        return at + self.slope(at, self.logits - self.logits.detach())

    def term(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Σ w · logits over the points, as a term of `gradient_of`; weights are `[R, (B,) *points]`."""
        count = math.prod(self.logits.shape[self.batch_dim :])
        return self.logits, weights * count

    @property
    def batch_dim(self) -> int:
        """1, or 2 where there are items."""
        return self.log_masses.dim() - 1 - len(self.shape)


class BinaryChoices(Choices):
    """Bernoulli variables: a logistic noise about the logits decides by its sign."""

    classes = 2

    def __init__(self, logits: Tensor, event_dim: int) -> None:
        self.logits = logits
        self.shape = logits.shape[logits.dim() - event_dim :]

    @cached_property
    def probs(self) -> Tensor:
        return self.logits.sigmoid()

    @cached_property
    def log_masses(self) -> Tensor:
        return functional.logsigmoid(torch.stack([-self.logits, self.logits], -1))

    @property
    def batch_dim(self) -> int:
        return self.logits.dim() - len(self.shape)

    def total(self, values: Tensor) -> Tensor:
        return values.flatten(-len(self.shape)).sum(-1) if self.shape else values

    def log_prob(self, points: Tensor) -> Tensor:
        no, yes = self.log_masses.unbind(-1)
        return self.total(torch.lerp(no, yes, points))

    def perturbed(self, sample_size: int) -> Tensor:
        return self.logits + noise.logistic((sample_size, *self.logits.shape), self.logits)

    def conditional(self, corner: Tensor) -> Tensor:
        v = noise.uniform(corner.shape, self.logits)
        # With u = 1 − p + v p for a choice of 1, and u = v (1 − p) for 0, z = η + log u − log(1 − u).
        up, down = v.log(), (-v).log1p()
        one = functional.softplus(self.logits + up) - down
        zero = up - functional.softplus(down - self.logits)
        return torch.where(corner > 0.5, one, zero)

    def corner(self, z: Tensor) -> Tensor:
        return (z.detach() > 0).to(z.dtype)

    def relaxed(self, z: Tensor, temperature: float | Tensor) -> Tensor:
        return (z / temperature).sigmoid()

    def slope(self, at: Tensor, vectors: Tensor) -> Tensor:
        return at * (1 - at) * vectors

    def value(self, corner: Tensor) -> Tensor:
        return corner

    def corner_of(self, x: Tensor) -> Tensor:
        return x

    def classes_of(self, x: Tensor) -> Tensor:
        return x.long()

    def of_classes(self, classes: Tensor) -> Tensor:
        return classes.to(self.logits.dtype)

    def chosen(self, x: Tensor, place: tuple[int, ...], which: int | Tensor) -> Tensor:
        return _with(x, place, which)


class ClassChoices(Choices):
    """Categorical variables whose x are numbers of classes: the largest of C Gumbel noises decides."""

    def __init__(self, logits: Tensor, event_dim: int) -> None:
        self.logits = logits.log_softmax(-1)
        self.shape = logits.shape[logits.dim() - 1 - event_dim : -1]
        self.classes = logits.shape[-1]

    @cached_property
    def probs(self) -> Tensor:
        return self.logits.exp()

    @property
    def log_masses(self) -> Tensor:
        return self.logits

    def log_prob(self, points: Tensor) -> Tensor:
        return self.total(points * self.logits)

    def perturbed(self, sample_size: int) -> Tensor:
        return self.logits + noise.gumbel((sample_size, *self.logits.shape), self.logits)

    def conditional(self, corner: Tensor) -> Tensor:
        # Maddison & Tarlow, in Tucker et al. (2017), appendix C: with exponential e, the largest is −log e_k
        # whatever the probabilities are, and the others are −log(e_i / π_i + e_k).
        e = noise.exponential(corner.shape, self.logits)
        largest = (e * corner).sum(-1, keepdim=True)  # [N, R, (B,) *shape, 1]
        others = torch.logaddexp(e.log() - self.logits, largest.log())
        return -torch.where(corner > 0.5, largest.log(), others)

    def corner(self, z: Tensor) -> Tensor:
        which = z.detach().argmax(-1)
        return functional.one_hot(which, self.classes).to(z.dtype)

    def relaxed(self, z: Tensor, temperature: float | Tensor) -> Tensor:
        return (z / temperature).softmax(-1)

    def slope(self, at: Tensor, vectors: Tensor) -> Tensor:
        return at * (vectors - (at * vectors).sum(-1, keepdim=True))

    def value(self, corner: Tensor) -> Tensor:
        return corner.argmax(-1)

    def corner_of(self, x: Tensor) -> Tensor:
        return functional.one_hot(x.long(), self.classes).to(self.logits.dtype)

    def classes_of(self, x: Tensor) -> Tensor:
        return x.long()

    def of_classes(self, classes: Tensor) -> Tensor:
        return classes


class OneHotChoices(ClassChoices):
    """Categorical variables whose x are one-hot vectors."""

    def value(self, corner: Tensor) -> Tensor:
        return corner

    def corner_of(self, x: Tensor) -> Tensor:
        return x

    def classes_of(self, x: Tensor) -> Tensor:
        return x.argmax(-1)

    def of_classes(self, classes: Tensor) -> Tensor:
        return functional.one_hot(classes, self.classes).to(self.logits.dtype)


def _with(x: Tensor, place: tuple[int, ...], which: int | Tensor) -> Tensor:
    at: Any = (..., *place)
    changed = x.clone()
    changed[at] = which if isinstance(which, int) else which.to(x.dtype)
    return changed


_CHOICES: Mapping[type[Distribution], Callable[[Any, int], Choices]] = {
    distributions.Bernoulli: lambda p, event_dim: BinaryChoices(p.logits, event_dim),
    distributions.Categorical: lambda p, event_dim: ClassChoices(p.logits, event_dim),
    distributions.OneHotCategorical: lambda p, event_dim: OneHotChoices(p.logits, event_dim - 1),
}


def choices_of(p: Distribution) -> Choices:
    """The independent choices of which a draw of p consists.

    A distribution of one's own may have a method `choices` that tells.

    Raises:
        NotApplicable: if it consists of none.
    """
    if hasattr(p, "choices"):
        own: Choices = p.choices()
        return own
    law, event_dim = p, len(p.event_shape)
    while isinstance(law, Independent):
        law = law.base_dist
    for cls, make in _CHOICES.items():
        if isinstance(law, cls):
            return make(law, event_dim)
    raise NotApplicable("x does not consist of independent choices among finitely many classes")
