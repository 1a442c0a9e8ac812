"""A distribution as a scenario gives it: a family, and numbers for its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from bench.distributions.families import LOG, REPEAT, Family, find_family
from bench.distributions.multivariate_normal import mirrored, triangle
from bench.errors import Invalid, collected, invalid, shown
from bench.options import converted

MOST_REPEATED = 100_000
_ENDS = {"lower_bound": -math.inf, "upper_bound": math.inf}


@dataclass(frozen=True)
class WrittenDistribution:
    """A distribution with the values of its parameters.

    Attributes:
        family: which.
        dimensions: D, of a vector; 0 for a single number.
        blocks: each parameter as it was written, `[1]`, `[D]`, a categorical's vector, the rows of several
            one after another, or the lower triangle of a matrix, row by row.
        repeated: whether all D numbers have the same parameters.
    """

    family: Family
    dimensions: int
    blocks: Mapping[str, Tensor]
    repeated: bool = False

    @property
    def discrete(self) -> bool:
        """Whether z is."""
        return bool(self.family.cls.support.is_discrete)  # type: ignore[attr-defined]

    @property
    def whole(self) -> list[str]:
        """The parameters that are whole numbers, and have no gradient."""
        return [name for name in self.blocks if self.family.constraint(name.removeprefix(LOG)).is_discrete]

    @property
    def limits(self) -> tuple[float, float]:
        """Between which all values of a number of z lie."""
        every = torch.cat([*self.blocks.values()])[None]
        support = self.make(self.values_of(every, [*self.blocks])).support
        support = getattr(support, "base_constraint", support)
        if support is constraints.boolean:
            return 0.0, 1.0
        ends = (getattr(support, name, end) for name, end in _ENDS.items())
        low, high = (torch.as_tensor(end, dtype=torch.float64) for end in ends)
        return float(low.min()), float(high.max())

    def make(self, values: Mapping[str, Tensor]) -> Distribution:
        """The distribution whose parameters have these values.

        Args:
            values: each `[R, n]`, as long as its block; `[R]` of a single number of a number z.
        """
        D = self.dimensions
        if self.family.vector and D:
            values = {key: self._rows(value) for key, value in values.items()}
        elif self.repeated:
            values = {key: value.expand(*value.shape[:-1], D) for key, value in values.items()}
        return self.family.make(values, int(D > 0))

    def _rows(self, value: Tensor) -> Tensor:
        """The vectors of all numbers, `[R, D, K]`."""
        if self.repeated:
            return value.unsqueeze(-2).expand(*value.shape[:-1], self.dimensions, -1)
        return value.reshape(*value.shape[:-1], self.dimensions, -1)

    def values_of(self, theta: Tensor, names: list[str]) -> dict[str, Tensor]:
        """Each parameter as `make` wants it, from those of several laid end to end, `[R, P]`."""
        lengths = [len(self.blocks[name]) for name in names]
        if self.dimensions or self.family.vector:
            parts = theta.split(lengths, -1)  # type: ignore[no-untyped-call]
        elif len(lengths) == 1:
            parts = (theta.squeeze(-1),)  # whose slope is a view, where that of a part is a copy
        else:
            parts = theta.unbind(-1)
        return dict(zip(names, parts, strict=True))


Value = float | list[float] | list[list[float]]
"""A number, a list, or rows: of a matrix, lower triangular or symmetric, or one for each number of z."""


class Written(Protocol):
    """The methods that a problem wants of a distribution; `WrittenDistribution` documents them."""

    @property
    def dimensions(self) -> int: ...

    @property
    def blocks(self) -> Mapping[str, Tensor]: ...

    @property
    def discrete(self) -> bool: ...

    @property
    def whole(self) -> list[str]: ...

    @property
    def limits(self) -> tuple[float, float]: ...

    def make(self, values: Mapping[str, Tensor]) -> Distribution: ...

    def values_of(self, theta: Tensor, names: list[str]) -> dict[str, Tensor]: ...


def read_distribution(distribution: Mapping[str, Any]) -> WrittenDistribution:
    """The distribution that `{name: {parameter: value}}` stands for.

    Raises:
        Invalid: with the path, from the name on, of what is wrong.
    """
    ((name, values),) = one_of(distribution)
    try:
        family = find_family(name)
        repeat, given = _repeat_of(converted(dict[str, Any], values))
        with collected() as wrong:
            for key, value in given.items():
                with wrong.under(key):
                    converted(Value, value)
        family.check(given)
        dimensions = _dimensions(family, name, given)
        if repeat is not None:
            _check_repeat(family, name, dimensions)
            dimensions = repeat
        blocks = {key: _tensor(family, key, v, dimensions) for key, v in given.items()}
        _check_values(family, name, blocks)
    except Invalid as error:
        raise error.under(name) from error
    return WrittenDistribution(
        family,
        dimensions,
        {key: _block(family, value) for key, value in blocks.items()},
        repeated=repeat is not None,
    )


def one_of(distribution: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The one name of a distribution, and what stands under it.

    Raises:
        Invalid: if there are none or several.
    """
    if len(distribution) != 1:
        with collected() as wrong:
            for name in distribution:
                with wrong.under(name):
                    find_family(name)
        raise invalid("wanted one distribution, as {name: {parameter: value}}")
    return [*distribution.items()]


def _block(family: Family, value: Tensor) -> Tensor:
    if value.dim() < 2:
        return value
    return value.flatten() if family.vector else triangle(value)


def _repeat_of(given: Mapping[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """Return how often a distribution is repeated, and its parameters."""
    if REPEAT not in given:
        return None, dict(given)
    count = given[REPEAT]
    if type(count) is not int or not 1 <= count <= MOST_REPEATED:
        raise invalid(f"wanted a whole number from 1 to {MOST_REPEATED}, got {shown(count)}", REPEAT)
    return count, {key: value for key, value in given.items() if key != REPEAT}


def _check_repeat(family: Family, name: str, dimensions: int) -> None:
    if family.joint or dimensions:
        why = f"a {name} is a vector already" if family.joint else "a parameter is a list already"
        raise invalid(f"repeat is of the distribution of a single number, and {why}", REPEAT)


def _tensor(family: Family, key: str, value: Any, D: int) -> Tensor:
    """A number or a list, `[D]`; a matrix `[D, D]`, whose rows may end at the diagonal; rows, `[D, K]`."""
    if not _is_matrix(value):
        return torch.tensor(value, dtype=torch.float64).reshape(-1)
    if family.vector:
        return torch.tensor(value, dtype=torch.float64)
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
        if _is_matrix(value) and not rows and not family.rows:
            raise invalid(f"{key} of a {name} is no matrix", key)
    if family.rows and any(map(_is_matrix, values.values())):
        ((key, value),) = values.items()
        _check_rows(key, value)
        return len(value)
    if len(set(lengths.values())) > 1:
        described = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        raise invalid(f"lists of different length: {described}")
    return 0 if family.vector else next(iter(lengths.values()), 0)


def _check_rows(key: str, rows: list[list[float]]) -> None:
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]) or not row:
            raise invalid(
                f"the rows of {key}, one for each number of z, are of one length: "
                f"row 0 has {len(rows[0])}, and row {i} has {len(row)}",
                key,
                i,
            )


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
