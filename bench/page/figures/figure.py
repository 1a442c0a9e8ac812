"""What a figure of the page is: a Vega-Lite specification, and which rows it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Spec = dict[str, Any]

_WHOLE = {"parameter": "all", "status": "ok"}


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: of its element, and in the address of the page.
        title: what it shows, in a line.
        description: the same for who cannot see it.
        table: whose rows are drawn.
        where: column -> the value that a row must have.
        needs: columns that must be finite numbers.
        spec: Vega-Lite, without data.
        logarithmic: channels whose axis may be logarithmic, and is at first.
        extra: name of a dataset -> the table that it holds.
        positive: columns that must be above zero.
        switched: columns of each of which one value is shown at a time.
        several: a column without two different values of which there is nothing to see.
    """

    name: str
    title: str
    description: str
    table: str
    needs: Sequence[str]
    spec: Spec
    where: Mapping[str, str] = field(default_factory=lambda: dict(_WHOLE))
    logarithmic: Sequence[str] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    positive: Sequence[str] = ()
    switched: Sequence[str] = ()
    several: str = ""
