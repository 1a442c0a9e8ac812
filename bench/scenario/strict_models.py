"""The parts of which a scenario is made: strict models, shares, lists without repetition."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema

from bench.errors import Fault, Invalid, invalid, shown

T = TypeVar("T")

_PERCENT = re.compile(r"([0-9]+(\.[0-9]*)?|\.[0-9]+) ?%")
_SHARE: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": f"^({_PERCENT.pattern})$"},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    ],
    "examples": ["5%"],
}


class Part(BaseModel):
    """A part of a scenario: nothing is converted in silence, no key is unknown, nothing changes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Missing(ValueError):
    """A key of a mapping that is missing; the text says which."""


def _share(value: object) -> float:
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        share = float(value.rstrip(" %")) / 100
    else:
        share = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
    if not 0 < share < 1:
        raise invalid(f"wanted a percentage such as 5%, or a number between 0 and 1, got {shown(value)}")
    return share


def _distinct(items: list[T]) -> list[T]:
    first = {item: i for i, item in reversed(list(enumerate(items)))}
    repeated = [
        Fault(f"{shown(item)} is given twice", (i,)) for i, item in enumerate(items) if first[item] != i
    ]
    if repeated:
        raise Invalid(*repeated)
    return items


Share = Annotated[float, BeforeValidator(_share), WithJsonSchema(_SHARE)]
"""A percentage such as 5%, or a number between 0 and 1."""

SampleSize = Annotated[int, Field(ge=1, le=10**9)]
Replicates = Annotated[int, Field(ge=2, le=10**9)]
Distinct = AfterValidator(_distinct)
UNIQUE: dict[str, JsonValue] = {"uniqueItems": True}
