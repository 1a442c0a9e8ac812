"""A distribution as a scenario gives it: a family, and numbers for its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.distributions.families import LOG, Family, find_family
from bench.errors import Invalid, invalid, shown


@dataclass(frozen=True)
class Given:
    """A distribution with the values of its parameters.

    Attributes:
        family: which.
        dimensions: D, of a vector of independent draws; 0 for a single draw.
        blocks: each parameter as it was written, `[1]`, `[D]`, or a categorical's vector.
    """

    family: Family
    dimensions: int
    blocks: Mapping[str, Tensor]


def given(distribution: Mapping[str, Mapping[str, float | list[float]]]) -> Given:
    """The distribution that `{name: {parameter: value}}` stands for.

    Raises:
        Invalid: with the path, from the name on, of what is wrong.
    """
    if len(distribution) != 1:
        raise invalid("wanted one distribution, as {name: {parameter: value}}")
    ((name, values),) = distribution.items()
    try:
        family = find_family(name)
        family.check(values)
        dimensions = _dimensions(family, name, values)
        blocks = {key: torch.tensor(v, dtype=torch.float64).reshape(-1) for key, v in values.items()}
        _check_values(family, name, blocks)
    except Invalid as error:
        raise error.under(name) from error
    return Given(family, dimensions, blocks)


def _dimensions(family: Family, name: str, values: Mapping[str, Any]) -> int:
    """D, or 0 for a single draw.

    Raises:
        Invalid: if lists differ in length, or a parameter should or should not be a list.
    """
    lengths = {key: len(value) for key, value in values.items() if isinstance(value, list)}
    for key, length in lengths.items():
        if length == 0:
            raise invalid(f"{key} is an empty list", key)
    if family.vector:
        if missing := [key for key in values if key not in lengths]:
            raise invalid(f"{missing[0]} of a {name} is a list of numbers", missing[0])
        return 0
    if len(set(lengths.values())) > 1:
        described = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        raise invalid(f"lists of different length: {described}")
    return next(iter(lengths.values()), 0)


def _check_values(family: Family, name: str, blocks: Mapping[str, Tensor]) -> None:
    for key, values in blocks.items():
        constraint = family.constraint(key.removeprefix(LOG))
        finite = bool(values.isfinite().all())  # torch calls infinity a real number
        if not finite or not (key.startswith(LOG) or bool(constraint.check(values).all())):  # type: ignore[no-untyped-call]
            wanted = _words(constraint) if finite else "finite"
            raise invalid(
                f"{key} of a {name} must be {wanted}, got {shown(values.tolist())}",
                key,
            )


def _words(constraint: Any) -> str:
    text = str(constraint)
    return {
        "GreaterThan(lower_bound=0.0)": "positive",
        "GreaterThanEq(lower_bound=0.0)": "at least 0",
        "Interval(lower_bound=0.0, upper_bound=1.0)": "between 0 and 1",
        "Simplex()": "probabilities that add up to 1",
    }.get(text, text)
