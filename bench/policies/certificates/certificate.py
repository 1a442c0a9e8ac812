"""The certificate of a policy's update: its verdict, its table and what happens at the edges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from bench.text.numbers import significant

Kind = Literal["unbiased", "multiple", "minus", "zero", "other", "undefined", "faulty"]

_SHOWN = {
    "setting": "setting",
    "truth": "truth",
    "mean": "mean",
    "bias": "bias",
    "variance": "variance",
    "variance_ratio": "/ leave-one-out",
}


@dataclass(frozen=True, eq=False)
class PolicyCertificate:
    """The verdict on the update of a policy, by its exact mean in some forty settings.

    Attributes:
        passed: whether its mean is the gradient of the mean reward, or a positive multiple if that is
            allowed.
        kind: `unbiased`; a `multiple` of the gradient; `minus` it; `zero`; `other` where something else is
            ascended; `undefined` where it has no number for some rewards; `faulty` where the function
            cannot be used.
        verdict: one line.
        objective: what is ascended, by name; empty if it has none.
        notes: what happens at the edges, a line each.
        table: a row for each setting with the exact `truth` and `mean`, tuples of a number for each
            parameter; the `bias`, signed for one parameter and else the norm; the `variance`, summed over
            parameters; `variance_ratio`, to that of leave-one-out; `undefined`, the probability of answers
            for which there is no number, which count as 0 in the mean; and whether it `counts`.

    Example:
        >>> import bench
        >>> found = bench.certify_advantage(lambda rewards: rewards - rewards.mean(1, keepdim=True))
        >>> found.passed, found.kind
        (False, 'multiple')
    """

    passed: bool
    kind: Kind
    verdict: str
    objective: str = ""
    notes: tuple[str, ...] = ()
    table: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __str__(self) -> str:
        """The verdict, the notes and the table."""
        lines = [
            f"{'passed' if self.passed else 'failed'}: {self.verdict}",
            *(f"- {each}" for each in self.notes),
        ]
        if len(self.table):
            lines += ["", _shown(self.table).to_string(index=False)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"PolicyCertificate(passed={self.passed}, kind={self.kind!r}, verdict={self.verdict!r})"


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that are read, as text; where there is no number its probability, too."""
    columns = dict(_SHOWN)
    if table["undefined"].any():
        columns["undefined"] = "P(undefined)"
    found = table[list(columns)].rename(columns=columns).map(_text)
    found["setting"] = table["setting"].where(table["counts"], table["setting"] + " (not counted)")
    return found


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(significant(each) for each in value)
    # What rounding leaves of a bias is none.
    return str(value) if isinstance(value, str) else significant(0.0 if abs(value) < 1e-12 else value)  # type: ignore[arg-type]
