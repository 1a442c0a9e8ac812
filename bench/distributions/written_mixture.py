"""A mixture as a scenario gives it: distributions by name, and their weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.distributions.by_counter import Categorical
from bench.distributions.families import MIXTURE, Family
from bench.distributions.named_mixture import NamedMixture
from bench.distributions.written_distribution import Written, one_of, read_distribution
from bench.errors import Invalid, KeyFault, collected, did_you_mean, invalid, shown

PARTS = "parts"
WEIGHTS = Family(Categorical, (("probs", "logits"),), vector=True)


@dataclass(frozen=True)
class WrittenMixture:
    """A mixture with the values of its parameters, see `WrittenDistribution`.

    Attributes:
        weights: those of the parts, in their order.
        parts: the distributions by name.
    """

    weights: Written
    parts: Mapping[str, Written]

    @property
    def dimensions(self) -> int:
        return self._first.dimensions

    @property
    def blocks(self) -> Mapping[str, Tensor]:
        """The weights; then the parameters of each part, under its name: `left.loc`."""
        return dict(self.weights.blocks) | {
            f"{name}.{key}": block for name, part in self.parts.items() for key, block in part.blocks.items()
        }

    @property
    def discrete(self) -> bool:
        return self._first.discrete

    @property
    def whole(self) -> list[str]:
        return [f"{name}.{key}" for name, part in self.parts.items() for key in part.whole]

    @property
    def limits(self) -> tuple[float, float]:
        every = [part.limits for part in self.parts.values()]
        return min(low for low, _ in every), max(high for _, high in every)

    @property
    def _first(self) -> Written:
        return next(iter(self.parts.values()))

    def make(self, values: Mapping[str, Tensor]) -> Distribution:
        """The distribution whose parameters have these values, `[R, n]` each as long as its block."""
        batch = max((value.shape[:-1] for value in values.values()), key=len)  # what is fixed has none
        values = {key: value.expand(*batch, -1) for key, value in values.items()}
        weights = self.weights.make({key: values[key] for key in self.weights.blocks})
        assert isinstance(weights, Categorical)
        return NamedMixture(weights, [self._part(name, part, values) for name, part in self.parts.items()])

    def _part(self, name: str, part: Written, values: Mapping[str, Tensor]) -> Distribution:
        keys = [*part.blocks]
        laid = torch.cat([values[f"{name}.{key}"] for key in keys], -1)
        return part.make(part.values_of(laid, keys))

    def values_of(self, theta: Tensor, names: list[str]) -> dict[str, Tensor]:
        """Each parameter as `make` wants it, from those of several laid end to end, `[R, P]`."""
        blocks = self.blocks
        parts = theta.split([len(blocks[name]) for name in names], -1)  # type: ignore[no-untyped-call]
        return dict(zip(names, parts, strict=True))


def read_law(distribution: Mapping[str, Any]) -> Written:
    """The distribution that `{name: {parameter: value}}` or `{mixture: {parts: …}}` stands for.

    Raises:
        Invalid: with the path, from the name on, of what is wrong.
    """
    if len(distribution) == 1 and MIXTURE in distribution:
        try:
            return _mixture(distribution[MIXTURE])
        except Invalid as error:
            raise error.under(MIXTURE) from error
    return read_distribution(distribution)


def _mixture(given: object) -> WrittenMixture:
    if not isinstance(given, Mapping):
        raise invalid(f"wanted {{parts: {{name: distribution}}, probs: [...]}}, got {shown(given)}")
    named = given.get(PARTS)
    known = [PARTS, *WEIGHTS.names()]
    with collected() as wrong:
        wrong.faults += [
            KeyFault(f"unknown parameter {shown(key)}; {did_you_mean(key, known)}", (str(key),))
            for key in given
            if key not in known
        ]
        if not isinstance(named, Mapping) or len(named) < 2:
            path = (PARTS,) if PARTS in given else ()
            raise invalid("wanted at least two parts, as parts: {left: {normal: {...}}, right: {...}}", *path)
        parts: dict[str, Written] = {}
        for name, part in named.items():
            with wrong.under(PARTS, str(name)):
                parts[name] = _part(name, part)
        with wrong.under():
            shares = {key: value for key, value in given.items() if key in WEIGHTS.names()}
            weights = _weights(shares, len(named))
        if not wrong.faults:
            with wrong.under(PARTS):
                _check_alike(parts)
    return WrittenMixture(weights, parts)


def _weights(given: Mapping[str, Any], count: int) -> Written:
    try:
        found = read_distribution({"categorical": given})
    except Invalid as error:
        raise error.past("categorical") from error
    ((key, block),) = found.blocks.items()
    if found.dimensions or len(block) != count:
        raise invalid(f"{key} has {len(block)} numbers, and there are {count} parts", key)
    return found


def _part(name: object, given: object) -> Written:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise invalid(f"wanted a name of letters, digits and _, such as left, got {shown(name)}")
    if not isinstance(given, Mapping):
        raise invalid(f"wanted a distribution, as {{name: {{parameter: value}}}}, got {shown(given)}")
    if MIXTURE in given:
        raise invalid("a mixture within a mixture; give its parts to the outer one")
    found = read_distribution(given)
    if found.family.joint and found.discrete is False and not _whole_space(found):
        ((family, _),) = one_of(given)
        raise invalid(f"a {family} is on a surface, and has no density beside other parts", family)
    return found


def _whole_space(written: Any) -> bool:
    return "loc" in written.blocks


def _check_alike(parts: Mapping[str, Written]) -> None:
    (first, one), *others = parts.items()
    for name, part in others:
        if part.dimensions != one.dimensions:
            sizes = [
                f"of {each.dimensions} numbers" if each.dimensions else "a number" for each in (one, part)
            ]
            raise invalid(f"z is {sizes[0]} of {first}, and {sizes[1]} of {name}", name)
        if part.discrete != one.discrete:
            kinds = ["discrete" if each.discrete else "continuous" for each in (one, part)]
            raise invalid(
                f"{first} is {kinds[0]}, and {name} is {kinds[1]}: such a mixture has no density", name
            )
