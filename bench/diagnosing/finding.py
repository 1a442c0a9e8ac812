"""A finding: what was seen of an estimator, and the cause where one fits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Cause = Literal["nonfinite", "no gradient", "factor", "repair", "blocks", "jump", "bias", "unknown"]


@dataclass(frozen=True)
class Finding:
    """A fault of an estimator.

    Attributes:
        estimator: its label.
        cause: the kind of finding.
        text: as a sentence that begins in small letters, without its label.
        names: the shortest name of each cause that fits, such as "(N−1)/N" or the line to be changed.
    """

    estimator: str
    cause: Cause
    text: str
    names: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Plain data, for the record of a run."""
        return {**asdict(self), "names": list(self.names)}
