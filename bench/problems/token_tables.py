"""Policies over tokens whose logits stand in a table: a row for each prefix, for each place, or for all."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor

from bench.distributions.tokens import Goes, Tokens, number_of
from bench.policy import STATES, PolicyProblem
from bench.problem import NotApplicable, Points, TruthKind
from bench.problems.enumeration import mean_over_states, points_of

RowOf = Callable[[int, Tensor], int | Tensor]


class TablePolicy(PolicyProblem):
    """A policy by a table of logits, for each of B prompts; see the problems that are made of it.

    Args:
        logits: `[B, rows, C]`; or `[B, rows, 1]` of log odds, of token 1 against token 0.
        length: T.
        row_of: the row of token t given those before it, a number or `[N, R, B]`.
        end: the token after which there is none; None for answers of T tokens.
        prompts: whether there is an axis of prompts.
        behavior: the table of the policy that answers are drawn from; None for that of `logits`.
        reference: that of the reference policy, if there is one.
    """

    truth_kind: TruthKind = "enumeration"

    def __init__(
        self,
        logits: Tensor,
        length: int,
        row_of: RowOf,
        end: int | None = None,
        prompts: bool = False,
        behavior: Tensor | None = None,
        reference: Tensor | None = None,
    ) -> None:
        self.shape, self.length, self.row_of = logits.shape, length, row_of
        self.end, self.prompts = end, prompts
        self.theta = logits.flatten()  # [P]
        self.parameters = {"log_odds" if logits.shape[-1] == 1 else "logits": slice(0, len(self.theta))}
        self.classes = max(2, logits.shape[-1])
        # Tables flattened, `[P]`.
        self.behavior_logits = None if behavior is None else behavior.flatten()
        self.reference_logits = None if reference is None else reference.flatten()
        self.off_policy = behavior is not None and not _same_policy(behavior, logits)
        self.has_reference = reference is not None
        self._only: int | None = None  # the one prompt of an item
        self.width = logits.shape[0] * length * self.classes

    def distribution(self, theta: Tensor) -> Tokens:
        return self._tokens(theta)

    def behavior(self, theta: Tensor) -> Tokens:
        if self.behavior_logits is None:
            return self._tokens(theta.detach())
        return self._tokens(self.behavior_logits.expand_as(theta))

    def reference(self, theta: Tensor) -> Tokens:
        if self.reference_logits is None:
            raise NotApplicable("it has no reference policy")
        return self._tokens(self.reference_logits.expand_as(theta))

    def expectation(self, theta: Tensor) -> Tensor:
        return mean_over_states(self, theta, STATES)

    def points(self, check: bool = False) -> Points:
        return points_of(self, STATES)

    def item(self, index: int) -> Self:
        if not self.prompts:
            raise NotApplicable("it has one prompt")
        other = copy.copy(self)
        # Of all prompts, as theta has those of the others too.
        other._only = index
        return other

    def _tokens(self, theta: Tensor) -> Tokens:
        table = theta.view(len(theta), *self.shape)  # [R, B, rows, C]
        if self._only is not None:
            table = table[:, self._only, None]
        if table.shape[-1] == 1:
            table = torch.cat([torch.zeros_like(table), table], -1)
        if not self.prompts:
            table = table[:, 0]
        return TableTokens(table, self.length, self.row_of, self._goes_on)

    def _goes_on(self, t: int, before: Tensor) -> Tensor:
        if self.end is None or t == 0:
            return torch.ones((), dtype=torch.bool, device=before.device).expand(before.shape[:-1])
        return (before != self.end).all(-1)

    def _last(self, x: Tensor) -> Tensor:
        """Whether each token is the last of its answer, `[N, R, (B,) T]`, as 0 and 1."""
        places = torch.arange(self.length, device=x.device)
        ends = torch.stack([self._goes_on(t, x[..., :t]) for t in places.tolist()], -1).sum(-1)
        return (places == ends[..., None] - 1).to(x.dtype)


class TableTokens(Tokens):
    """Tokens whose probabilities stand in a table.

    Args:
        table: logits, `[R, (B,) rows, C]`.
        length: T.
        row_of: the row of token t given those before it.
        goes_on: see `Tokens`.
    """

    def __init__(self, table: Tensor, length: int, row_of: RowOf, goes_on: Goes) -> None:
        # Of many rows few are used.
        self.few = table.shape[-2] <= length
        self.table, self.row_of = _normalized(table) if self.few else table, row_of
        super().__init__(length, self._of_classes, goes_on, table.shape[:-2], table)

    def token_log_probs(self, value: Tensor) -> Tensor:
        # All tokens at once: a single pass over the table forwards and back.
        N, T, C = len(value), self.length, self.table.shape[-1]
        rows = torch.stack([self._row(t, value[..., :t]) for t in range(T)], -1)  # [N, R, (B), T]
        places, tokens = (each.movedim(0, -2).flatten(-2) for each in (rows, value.long()))  # [R, (B), N·T]
        if self.few:
            found = self.table.flatten(-2).gather(-1, places * C + tokens)
        else:
            logits = self._rows(places)
            found = logits.gather(-1, tokens[..., None])[..., 0] - logits.logsumexp(-1)
        return found.unflatten(-1, (N, T)).movedim(-2, 0) * self.mask(value)  # type: ignore[no-any-return, no-untyped-call]

    def _of_classes(self, t: int, before: Tensor) -> Tensor:
        row = self.row_of(t, before)
        if isinstance(row, int):
            found = self.table[None, ..., row, :]  # [1, R, (B), C]
        else:
            found = self._rows(row.movedim(0, -1)).movedim(-2, 0)  # [N, R, (B), C]
        return found if self.few else _normalized(found)

    def _row(self, t: int, before: Tensor) -> Tensor:
        row = self.row_of(t, before)
        if isinstance(row, Tensor):
            return row
        return torch.full((), row, device=before.device).expand(before.shape[:-1])

    def _rows(self, places: Tensor) -> Tensor:
        """Rows of the table, `[R, (B,) K] -> [R, (B,) K, C]`."""
        picked = places[..., None].expand(*places.shape, self.table.shape[-1])
        return self.table.gather(-2, picked)


def _same_policy(one: Tensor, other: Tensor) -> bool:
    """Whether tables stand for the same probabilities, as logits do that differ by a constant."""
    if one.shape[-1] > 1:
        one, other = _normalized(one), _normalized(other)
    return torch.allclose(one.flatten(), other.flatten(), rtol=0, atol=1e-9)


def _normalized(logits: Tensor) -> Tensor:
    """log π of logits, `[..., C]`; for few classes this is several times as fast as torch's `log_softmax`."""
    return logits - logits.logsumexp(-1, keepdim=True)


def one_row(_t: int, _before: Tensor) -> int:
    """A single row for all tokens."""
    return 0


def row_of_place(t: int, _before: Tensor) -> int:
    """A row for each place."""
    return t


def row_of_prefix(classes: int) -> RowOf:
    """A row for each prefix: first the empty one, then those of one token, and so on, in order."""

    def row(t: int, before: Tensor) -> int | Tensor:
        if t == 0:
            return 0
        found: Tensor = number_of(before, classes) + (classes**t - 1) // (classes - 1)
        return found

    return row
