"""A distribution as a scenario gives it: a family, and numbers for its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints

from bench.distributions.families import LOG, Family, find_family
from bench.distributions.multivariate_normal import mirrored, triangle
from bench.errors import Invalid, collected, invalid, shown


@dataclass(frozen=True)
class WrittenDistribution:
    """A distribution with the values of its parameters.

    Attributes:
        family: which.
        dimensions: D, of a vector; 0 for a single number.
        blocks: each parameter as it was written, `[1]`, `[D]`, a categorical's vector, or
            the lower triangle of a matrix, row by row.
    """

    family: Family
    dimensions: int
    blocks: Mapping[str, Tensor]


Value = float | list[float] | list[list[float]]
"""A number, a list, or the rows of a matrix that is lower triangular or symmetric."""


def read_distribution(distribution: Mapping[str, Mapping[str, Value]]) -> WrittenDistribution:
    """The distribution that `{name: {parameter: value}}` stands for.

    Raises:
        Invalid: with the path, from the name on, of what is wrong.
    """
    if len(distribution) != 1:
        with collected() as wrong:
            for name in distribution:
                with wrong.under(name):
                    find_family(name)
        raise invalid("wanted one distribution, as {name: {parameter: value}}")
    ((name, values),) = distribution.items()
    try:
        family = find_family(name)
        family.check(values)
        dimensions = _dimensions(family, name, values)
        blocks = {key: _tensor(family, key, v, dimensions) for key, v in values.items()}
        _check_values(family, name, blocks)
    except Invalid as error:
        raise error.under(name) from error
    return WrittenDistribution(
        family, dimensions, {key: triangle(v) if v.dim() == 2 else v for key, v in blocks.items()}
    )


def _tensor(family: Family, key: str, value: Any, D: int) -> Tensor:
    """A number or a list, `[D]`; a matrix `[D, D]`, whose rows may end at the diagonal."""
    if not _is_matrix(value):
        return torch.tensor(value, dtype=torch.float64).reshape(-1)
    if [len(row) for row in value] not in ([D] * D, list(range(1, D + 1))):
        raise invalid(f"{key} has {D} rows, of {D} numbers each or up to the diagonal", key)
    rows = [[*row, *[0.0] * (D - len(row))] for row in value]
    matrix = torch.tensor(rows, dtype=torch.float64)
    half = [len(row) for row in value] != [D] * D
    symmetric = family.constraint(key.removeprefix(LOG)) is constraints.positive_definite
    return mirrored(matrix) if half and symmetric else matrix


def _is_matrix(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(row, list) for row in value)


def _dimensions(family: Family, name: str, values: Mapping[str, Any]) -> int:
    """D, or 0 for a single number.

    Raises:
        Invalid: if lists differ in length, or a parameter should or should not be a list.
    """
    lengths = {key: len(value) for key, value in values.items() if isinstance(value, list)}
    for key, length in lengths.items():
        if length == 0:
            raise invalid(f"{key} is an empty list", key)
    for key, value in values.items():
        rows, needed = family.shape(key) == 2, family.vector or family.joint
        if (needed and key not in lengths) or (rows and not _is_matrix(value)):
            raise invalid(f"{key} of a {name} is a list of {'rows' if rows else 'numbers'}", key)
        if _is_matrix(value) and not rows:
            raise invalid(f"{key} of a {name} is no matrix", key)
    if len(set(lengths.values())) > 1:
        described = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        raise invalid(f"lists of different length: {described}")
    return 0 if family.vector else next(iter(lengths.values()), 0)


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
        "IndependentConstraint(GreaterThan(lower_bound=0.0), 1)": "positive",
        "GreaterThanEq(lower_bound=0.0)": "at least 0",
        "Interval(lower_bound=0.0, upper_bound=1.0)": "between 0 and 1",
        "Simplex()": "probabilities that add up to 1",
        "IntegerGreaterThan(lower_bound=0)": "a whole number, at least 0",
        "PositiveDefinite()": "symmetric and positive definite",
        "LowerCholesky()": "lower triangular with a positive diagonal",
    }.get(text, text)
