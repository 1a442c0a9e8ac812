"""Multiples of a gradient: constants, and numbers that the sizes of a batch make."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Sizes(NamedTuple):
    """B prompts, G answers to each, and T tokens of each."""

    B: int
    G: int
    T: int


# Means that differ by less, for gradients of size 1, are the same.
TOLERANCE = 1e-6

FACTORS: Mapping[str, Callable[[Sizes], float]] = {
    "1": lambda _: 1.0,
    "(G - 1)/G": lambda n: (n.G - 1) / n.G,
    "G/(G - 1)": lambda n: n.G / max(1, n.G - 1),
    "(G - 1)/(G + 1)": lambda n: (n.G - 1) / (n.G + 1),
    "(G - 2)/G": lambda n: (n.G - 2) / n.G,
    "(BG - 1)/(BG)": lambda n: (n.B * n.G - 1) / (n.B * n.G),
    "(B - 1)/B": lambda n: (n.B - 1) / n.B,
    "1/G": lambda n: 1 / n.G,
    "G": lambda n: n.G,
    "1/B": lambda n: 1 / n.B,
    "B": lambda n: n.B,
    "1/(BG)": lambda n: 1 / (n.B * n.G),
    "BG": lambda n: n.B * n.G,
    "1/T": lambda n: 1 / n.T,
    "G/T": lambda n: n.G / n.T,
    "BG/T": lambda n: n.B * n.G / n.T,
}
"""Numbers by which a gradient may be off, as functions of the sizes of a batch."""

REASONS: Mapping[str, str] = {
    "(G - 1)/G": "a pure shrink, as when the mean of the group includes the answer itself",
    "(G - 1)/(G + 1)": "as when a baseline counts the answer itself twice",
    "(G - 2)/G": "as when a baseline counts the answer itself twice",
    "(BG - 1)/(BG)": "as when the mean of the batch includes the answer itself",
    "(B - 1)/B": "as when a mean over prompts, not over a group, is the baseline",
    "1/G": "as when all answers of a group have the same advantage",
    "BG": "as when answers are added up, not averaged",
    "G": "as when the answers of a group are added up, not averaged",
    "1/T": "as when tokens are divided by the width of the batch",
}
"""The origin of a factor."""


@dataclass(frozen=True)
class Multiple:
    """A multiple of a gradient.

    Attributes:
        factor: the constant part.
        sizes: names of the same part that depends on sizes; `1` if there is none.
    """

    factor: float
    sizes: tuple[str, ...]

    @property
    def is_one(self) -> bool:
        """Whether it is the gradient itself."""
        return abs(self.factor - 1) <= TOLERANCE and self.sizes == ("1",)

    @property
    def text(self) -> str:
        """The number as it is written: `0.5`, `(G - 1)/G`, `-2 × 1/T`."""
        named, factor = " = ".join(self.sizes), f"{self.factor:.5g}"
        if self.sizes == ("1",):
            return factor
        return {"1": named, "-1": f"-{named}"}.get(factor, f"{factor} × {named}")

    @property
    def reason(self) -> str:
        """The usual cause; empty if there is none."""
        return REASONS.get(self.sizes[0], "") if abs(self.factor - 1) <= TOLERANCE else ""


def multiple_of(
    means: Sequence[Tensor], gradients: Sequence[Tensor | None], sizes: Sequence[Sizes]
) -> Multiple | None:
    """Return the multiple that some means are of gradients, in all settings; None if they are none.

    Args:
        means: of each setting, `[P]`.
        gradients: of each setting, `[P]`; None where they are not defined, and nothing is compared.
        sizes: B, G and T of each setting.
    """
    defined = [
        (mean, gradient, one)
        for mean, gradient, one in zip(means, gradients, sizes, strict=True)
        if gradient is not None
    ]
    if not defined:
        return None
    mean, gradient = (torch.cat([each[i] for each in defined]) for i in (0, 1))  # type: ignore[misc]
    own = tuple((one, len(each)) for each, _, one in defined)
    scaled = _factors(own) * gradient  # [factors, numbers]
    square = scaled.square().sum(1)
    constant = scaled @ mean / square
    difference = (mean - constant[:, None] * scaled).abs().amax(1)
    size = scaled.abs().amax(1).clamp(min=1.0)
    fits = (square > TOLERANCE**2) & (difference <= TOLERANCE * constant.abs() * size)
    return _plainest({name: float(constant[i]) for i, name in enumerate(FACTORS) if fits[i]})


@functools.lru_cache(64)
def _factors(sizes: tuple[tuple[Sizes, int], ...]) -> Tensor:
    """All factors, of as many numbers as each setting has, `[factors, numbers]`."""
    rows = [[factor(one) for one, count in sizes for _ in range(count)] for factor in FACTORS.values()]
    return torch.tensor(rows, dtype=torch.float64)


def _plainest(found: Mapping[str, float]) -> Multiple | None:
    """The multiple with the fewest numbers in it: one, then a size, then a constant, then both."""
    unit = {name for name, constant in found.items() if abs(abs(constant) - 1) <= TOLERANCE}
    if "1" in unit:
        return Multiple(found["1"], ("1",))
    for name in found:
        if name in unit:
            return Multiple(found[name], tuple(each for each in found if each in unit))
    for name, constant in found.items():
        return Multiple(constant, (name,))
    return None
