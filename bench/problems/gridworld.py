"""A walk on a grid to a goal, with slips, whose policy is a small network."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from bench.errors import collected, invalid
from bench.networks import Weights, perceptron
from bench.problems.decision_process import DecisionProcess
from bench.problems.mdp import check_discount, check_horizon
from bench.problems.seeds import generator_for

# Up, right, down, left, as rows and columns.
_MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
# Dynamic programming and tables take as much as the fourth power of it.
_LARGEST = 16
_WIDEST = 4096


class Gridworld(DecisionProcess):
    r"""The expected discounted return of a walk from the first cell of a square grid to the last.

    In each step the policy chooses one of four directions, by logits that a perceptron makes of the cell.
    With probability `slip` the walk moves to one of the two sides instead, to each as often; at a wall it
    stays. It ends at the goal, the last cell, with a reward of 1, and in a pit in the middle with −1; a grid
    of two cells to a side has none. Each step costs `step_cost`. An x has the tokens a₀, s₁, a₁, s₂, and so
    on: directions (up, right, down, left) and cells, row by row.

    F and its gradient are by dynamic programming over the cells, through the network.

    Args:
        size: cells to a side.
        horizon: the most steps.
        slip: the probability to move to a side.
        discount: γ.
        step_cost: what is taken off the return for each step.
        features: of a cell: `coordinates`, two numbers between −1 and 1, or `one_hot`.
        hidden: units of the hidden layer.
        seed: of the weights, which are as networks begin.

    References:
        Sutton & Barto (2018), Reinforcement learning: an introduction, §3.5 and §13.
    """

    def __init__(
        self,
        size: int = 5,
        horizon: int = 20,
        slip: float = 0.1,
        discount: float = 0.95,
        step_cost: float = 0.02,
        features: Literal["coordinates", "one_hot"] = "coordinates",
        hidden: int = 16,
        seed: int = 0,
    ) -> None:
        with collected() as faults:
            with faults.under():
                _check(size, slip, step_cost, hidden)
            with faults.under():
                check_horizon(horizon)
            with faults.under():
                check_discount(discount)
        S = size * size
        arrival_rewards = torch.zeros(S, dtype=torch.float64)
        arrival_rewards[S - 1] = 1.0
        if size > 2:
            arrival_rewards[size // 2 * (size + 1)] = -1.0
        super().__init__(
            _transitions(size, slip),
            torch.full((S, len(_MOVES)), -step_cost, dtype=torch.float64),
            torch.eye(S, dtype=torch.float64)[0],
            horizon,
            discount,
            arrival_rewards,
            terminal=arrival_rewards != 0,
        )
        self.cells = _features(size, features)  # [S, F]
        self.weights = Weights({"policy": [self.cells.shape[1], hidden, len(_MOVES)]})
        self.parameters = self.weights.blocks
        self.theta = self.weights.initial(generator_for(seed, "weights"))  # [P]

    def logits(self, theta: Tensor) -> Tensor:
        cells = self.cells.expand(len(theta), -1, -1)  # [R, S, F]
        return perceptron(cells, self.weights.of(theta)["policy"])


def _transitions(size: int, slip: float) -> Tensor:
    """`[S, A, S]`: straight on, or to one of the two sides."""
    S, A = size * size, len(_MOVES)
    found = torch.zeros(S, A, S, dtype=torch.float64)
    for s in range(S):
        reached = [_moved(s, move, size) for move in _MOVES]
        for a in range(A):
            for turn, probability in ((0, 1 - slip), (1, slip / 2), (-1, slip / 2)):
                found[s, a, reached[(a + turn) % A]] += probability
    return found


def _moved(state: int, move: tuple[int, int], size: int) -> int:
    row, column = (min(max(at + by, 0), size - 1) for at, by in zip(divmod(state, size), move, strict=True))
    return row * size + column


def _features(size: int, kind: Literal["coordinates", "one_hot"]) -> Tensor:
    """Features of each cell, which the network sees, `[S, F]`."""
    if kind == "one_hot":
        return torch.eye(size * size, dtype=torch.float64)
    line = torch.linspace(-1, 1, size, dtype=torch.float64)
    return torch.cartesian_prod(line, line)


def _check(size: int, slip: float, step_cost: float, hidden: int) -> None:
    with collected() as faults:
        for wrong, message, name in (
            (not 2 <= size <= _LARGEST, f"size must be between 2 and {_LARGEST}, got {size}", "size"),
            (not 0 <= slip <= 1, f"slip must be in [0, 1], got {slip}", "slip"),
            (not math.isfinite(step_cost), f"step_cost must be finite, got {step_cost}", "step_cost"),
            (not 1 <= hidden <= _WIDEST, f"hidden must be between 1 and {_WIDEST}, got {hidden}", "hidden"),
        ):
            with faults.under():
                if wrong:
                    raise invalid(message, name)
