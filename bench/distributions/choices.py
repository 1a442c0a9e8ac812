"""Families of choices among finitely many classes, and which of them a distribution consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, distributions
from torch.distributions import Distribution, Independent
from torch.nn import functional

from bench import noise
from bench.distributions.points_of_choices import Choices
from bench.problem import NotApplicable

__all__ = ["BinaryChoices", "Choices", "ClassChoices", "OneHotChoices", "choices_of"]


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
    def log_odds(self) -> Tensor:
        return self.logits

    @property
    def batch_dim(self) -> int:
        return self.logits.dim() - len(self.shape)

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

    def of_classes(self, which: Tensor) -> Tensor:
        return which.to(self.logits.dtype)

    def classes_of(self, x: Tensor) -> Tensor:
        return x.long()

    def by_class(self, slopes: Tensor) -> Tensor:
        return torch.stack([torch.zeros_like(slopes), slopes], -1)


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

    def of_classes(self, which: Tensor) -> Tensor:
        return which.long()

    def classes_of(self, x: Tensor) -> Tensor:
        return x.long()

    def by_class(self, slopes: Tensor) -> Tensor:
        return slopes


class OneHotChoices(ClassChoices):
    """Categorical variables whose x are one-hot vectors."""

    def value(self, corner: Tensor) -> Tensor:
        return corner

    def corner_of(self, x: Tensor) -> Tensor:
        return x

    def of_classes(self, which: Tensor) -> Tensor:
        return functional.one_hot(which.long(), self.classes).to(self.logits.dtype)

    def chosen(self, x: Tensor, place: tuple[int, ...], which: int | Tensor) -> Tensor:
        classes = torch.arange(self.classes, device=x.device)
        vector = (classes == torch.as_tensor(which, device=x.device)[..., None]).to(x.dtype)
        at: Any = (..., *place, slice(None))
        changed = x.clone()
        changed[at] = vector
        return changed

    def classes_of(self, x: Tensor) -> Tensor:
        return x.argmax(-1)


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
