"""Answers of several tokens, which may end early, with a reward at the end."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from bench.errors import collected, invalid, shown
from bench.formula import Formula
from bench.formula.constants import read_constants
from bench.formula.ranges import Range
from bench.problems.token_tables import RowOf, TablePolicy, one_row, row_of_place, row_of_prefix

Sharing = Literal["all", "places", "prefixes"]
Rows = list[float] | list[list[float]] | dict[str, Any]

# A row of the table for each prefix.
_MOST_ROWS = 1 << 14


class SequencePolicy(TablePolicy):
    r"""The expected return of sequences of tokens, F(θ) = E[γ^{|x|−1} r(x)] − β KL(π‖π_ref).

    An answer x has T tokens at most, each one of C, by a softmax of logits that all tokens share, or that
    each place has, or each prefix; it ends after the token `end`. The reward is a formula of all tokens,
    where those after the end are 0, and comes with the last token. With C = 2 log odds of token 1 may be
    given in place of logits. F and its gradient are by enumeration of up to 2¹⁶ answers.

    Args:
        length: T.
        reward: r, a formula of the tokens z, such as `z[0] == z[1]` or `f[z[0]]`.
        logits: C numbers; or rows of them, one for each place or prefix (first the empty one, then those of
            one token, and so on, in order); or `{tokens: C, scale: s, seed: 0}` for normal ones, by default
            of two tokens.
        log_odds: a number for each place, or each prefix, of token 1 against token 0.
        sharing: which tokens share logits: `all`, `places` or `prefixes`.
        end: the token after which there is none.
        let: constants that the formula names.
        behavior: the logits, or log odds, of the policy that answers are drawn from; by default those of θ;
            or `{shift: d}` for those of θ with d more for the last token, or for all log odds.
        reference: those of π_ref, likewise.
        discount: γ.
        kl_weight: β.

    References:
        Sutton & Barto (2018), Reinforcement learning: an introduction, §13.
    """

    def __init__(
        self,
        length: int = 2,
        reward: str = "0.2 * (z[0] == 0) + z[0] * z[1]",
        logits: Rows | None = None,
        log_odds: list[float] | None = None,
        sharing: Sharing = "places",
        end: int | None = None,
        let: dict[str, Any] | None = None,
        behavior: Rows | None = None,
        reference: Rows | None = None,
        discount: float = 1.0,
        kl_weight: float = 0.0,
    ) -> None:
        if length < 1:
            raise invalid(f"length must be at least 1, got {length}", "length")
        given = {"logits": logits, "log_odds": log_odds}
        named = {name: value for name, value in given.items() if value is not None}
        if len(named) > 1:
            raise invalid("wanted either logits or log_odds, not both")
        ((kind, own),) = (named or {"logits": {"tokens": 2}}).items()
        with collected() as faults:
            with faults.under(kind):
                table = _table(own, kind, sharing, length)  # [rows, C]
            with faults.under():
                _check_numbers(discount, kl_weight, reference)
        C = max(2, table.shape[1])
        with collected() as faults:
            others = {}
            for name, rows in (("behavior", behavior), ("reference", reference)):
                if rows is not None:
                    with faults.under(name):
                        others[name] = _other(rows, table, kind, sharing, length)
            with faults.under():
                _check_end(end, C)
            with faults.under("reward"):
                self.formula = Formula(reward, let or {})
                self.formula.check(length, Range(0, C - 1, True))
        super().__init__(
            table[None],
            length,
            _row_of(sharing, C),
            end,
            behavior=others.get("behavior"),
            reference=others.get("reference"),
        )
        self.discount, self.kl_weight = discount, kl_weight

    def rewards(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.formula(x, 1)[..., None] * self._last(x)


def _row_of(sharing: Sharing, classes: int) -> RowOf:
    return {"all": one_row, "places": row_of_place, "prefixes": row_of_prefix(classes)}[sharing]


def _table(given: Rows, kind: str, sharing: Sharing, length: int) -> Tensor:
    """Logits, `[rows, C]`, or log odds, `[rows, 1]`."""
    if isinstance(given, dict):
        return _normal(given, sharing, length)
    read = read_constants({"logits": given})["logits"]
    table = read[:, None] if kind == "log_odds" and read.dim() == 1 else read
    table = table[None] if table.dim() == 1 else table
    if table.dim() != 2 or (kind == "log_odds") != (table.shape[1] == 1):
        raise invalid(f"wanted rows of logits of at least two tokens, got {shown(given)}")
    wanted = _rows(sharing, max(2, table.shape[1]), length)
    if len(table) != wanted:
        raise invalid(f"with sharing {sharing} there are {wanted} rows, got {len(table)}")
    return table


def _rows(sharing: Sharing, classes: int, length: int) -> int:
    count = {"all": 1, "places": length}.get(sharing) or (classes**length - 1) // (classes - 1)
    if count > _MOST_ROWS:
        raise invalid(f"there are {count} prefixes, and at most {_MOST_ROWS} have rows of their own")
    return count


def _normal(given: dict[str, Any], sharing: Sharing, length: int) -> Tensor:
    options = {"tokens": 2, "scale": 1.0, "seed": 0, **given}
    C, scale, seed = options["tokens"], options["scale"], options["seed"]
    if set(options) != {"tokens", "scale", "seed"} or not isinstance(C, int) or C < 2:
        raise invalid(f"wanted {{tokens: C, scale: s, seed: 0}} with C of at least 2, got {shown(given)}")
    if not isinstance(scale, int | float) or not math.isfinite(scale) or not isinstance(seed, int):
        raise invalid(f"scale must be a finite number and seed a whole one, got {shown(given)}")
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(_rows(sharing, C, length), C, generator=generator, dtype=torch.float64)


def _other(given: Rows, own: Tensor, kind: str, sharing: Sharing, length: int) -> Tensor:
    """The table of another policy, in the form of one's own."""
    if isinstance(given, dict) and set(given) == {"shift"}:
        shift = given["shift"]
        if isinstance(shift, bool) or not isinstance(shift, int | float) or not math.isfinite(shift):
            raise invalid(f"wanted a finite number, got {shown(shift)}", "shift")
        return torch.cat([own[:, :-1], own[:, -1:] + shift], 1)
    table = _table(given, kind, sharing, length)
    if table.shape != own.shape:
        raise invalid(f"wanted logits of the shape {list(own.shape)}, got {list(table.shape)}")
    return table


def _check_numbers(discount: float, kl_weight: float, reference: Rows | None) -> None:
    if not 0 <= discount <= 1:
        raise invalid(f"discount must be in [0, 1], got {discount}", "discount")
    if not math.isfinite(kl_weight):
        raise invalid(f"kl_weight must be finite, got {kl_weight}", "kl_weight")
    if kl_weight and reference is None:
        raise invalid("a weight of the divergence needs a reference policy", "kl_weight")


def _check_end(end: int | None, classes: int) -> None:
    if end is not None and not 0 <= end < classes:
        raise invalid(f"end must be one of {classes} tokens, 0 to {classes - 1}, got {end}", "end")
