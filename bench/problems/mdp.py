"""A Markov decision process by tables of probabilities and rewards, with a table of logits as the policy."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.errors import collected, invalid, shown
from bench.formula.constants import read_constants
from bench.problems.decision_process import DecisionProcess

# Rows of probabilities that miss one by more do not add up to it.
_ROUNDING = 1e-9
_LONGEST = 2000  # steps; credit is a matrix of as many rows and columns

_FIELD = [[[1.0, 0.0], [0.1, 0.9]], [[1.0, 0.0], [1.0, 0.0]]]
_EARNED = [[1.0, 0.0], [2.7, 1.0]]


class Mdp(DecisionProcess):
    r"""The expected discounted return of a softmax policy over T steps, F(θ) = E[Σ γ^t r(s_t, a_t)].

    θ are the logits of the actions in each state, the same at all steps. An x has the tokens s₀ (if it is
    random), a₀, s₁, a₁, ..., a_{T−1}. F and its gradient are by dynamic programming.

    By default the process is a field. In state 0 action 0 earns 1, and action 1 sows, after which the
    state is 1 in nine of ten cases; there action 0 reaps 2.7 and action 1 earns 1.

    Args:
        transitions: for each state the rows of its actions: the probabilities of the next states, such as
            `[[[1, 0], [0.1, 0.9]], [[1, 0], [1, 0]]]` for two states and two actions.
        rewards: r, for each state a row with a number for each action.
        horizon: T.
        start: the first state, or the probabilities of each.
        discount: γ.
        logits: θ, in the form of `rewards`; by default 0.

    References:
        Sutton & Barto (2018), Reinforcement learning: an introduction, §3 and §13.
    """

    def __init__(
        self,
        transitions: list[list[list[float]]] = _FIELD,
        rewards: list[list[float]] = _EARNED,
        horizon: int = 4,
        start: int | list[float] = 0,
        discount: float = 1.0,
        logits: list[list[float]] | None = None,
    ) -> None:
        with collected() as faults:
            with faults.under():
                table = read_constants({"rewards": rewards})["rewards"]  # [S, A]
                if table.dim() != 2:
                    raise invalid("wanted a row of numbers for each state", "rewards")
                if table.shape[1] < 2:
                    raise invalid("wanted rewards of at least two actions", "rewards")
            with faults.under():
                check_horizon(horizon)
            with faults.under():
                check_discount(discount)
        S = len(table)
        with collected() as faults:
            with faults.under("transitions"):
                moves = _moves(transitions, *table.shape)  # [S, A, S]
            with faults.under("start"):
                first = _start(start, S)  # [S]
            with faults.under("logits"):
                own = table * 0 if logits is None else _like(logits, table)
        super().__init__(moves, table, first, horizon, discount)
        self.theta = own.flatten()  # [P]
        self.parameters = {"logits": slice(0, len(self.theta))}

    def logits(self, theta: Tensor) -> Tensor:
        return theta.view(-1, *self.step_rewards.shape)


def check_horizon(horizon: int) -> None:
    """Refuse fewer than one step, and more than can be gone through."""
    if not 1 <= horizon <= _LONGEST:
        raise invalid(f"horizon must be between 1 and {_LONGEST}, got {horizon}", "horizon")


def check_discount(discount: float) -> None:
    """Refuse what is not between 0 and 1."""
    if not 0 <= discount <= 1:
        raise invalid(f"discount must be in [0, 1], got {discount}", "discount")


def _moves(transitions: list[list[list[float]]], S: int, A: int) -> Tensor:
    if len(transitions) != S:
        raise invalid(f"rewards have rows of {S} states, transitions of {len(transitions)}")
    found = []
    with collected() as faults:
        for s, rows in enumerate(transitions):
            with faults.under(s):
                found.append(_rows(rows, S, A))
    return torch.stack(found)


def _rows(rows: list[list[float]], S: int, A: int) -> Tensor:
    """The probabilities of the next states for each action, `[A, S]`."""
    if len(rows) != A:
        raise invalid(f"wanted a row for each of {A} actions, got {len(rows)}")
    found = []
    with collected() as faults:
        for a, row in enumerate(rows):
            with faults.under(a):
                found.append(_probabilities(row, S))
    return torch.stack(found)


def _probabilities(row: list[float], S: int) -> Tensor:
    if len(row) != S:
        raise invalid(f"wanted probabilities of {S} states, got {len(row)}")
    if not all(math.isfinite(p) and p >= 0 for p in row):
        raise invalid(f"probabilities must be finite and not negative, got {shown(row)}")
    if not abs(sum(row) - 1) <= _ROUNDING:
        raise invalid(f"probabilities must add up to 1, got {sum(row):.10g}")
    found = torch.tensor(row, dtype=torch.float64)
    return found / found.sum()


def _start(start: int | list[float], S: int) -> Tensor:
    if isinstance(start, list):
        return _probabilities(start, S)
    if not 0 <= start < S:
        raise invalid(f"start must be one of {S} states, 0 to {S - 1}, got {start}")
    return torch.eye(S, dtype=torch.float64)[start]


def _like(logits: list[list[float]], table: Tensor) -> Tensor:
    own = read_constants({"logits": logits})["logits"]
    if own.shape != table.shape:
        raise invalid(f"wanted logits of the shape {list(table.shape)}, got {list(own.shape)}")
    return own
