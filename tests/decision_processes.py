"""Small Markov decision processes for tests, and sums over all their trajectories in plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.policies import policy


class Tables(NamedTuple):
    """A process: probabilities `[S, A, S]`, rewards, those of the first state, horizon, γ and logits."""

    transitions: np.ndarray
    rewards: np.ndarray
    start: np.ndarray
    horizon: int
    discount: float
    logits: np.ndarray

    @property
    def policy(self) -> np.ndarray:
        weights = np.exp(self.logits)
        return weights / weights.sum(1, keepdims=True)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the problem `mdp`."""
        certain = np.flatnonzero(self.start == 1)
        return {
            "transitions": self.transitions.tolist(),
            "rewards": self.rewards.tolist(),
            "start": int(certain[0]) if len(certain) else self.start.tolist(),
            "horizon": self.horizon,
            "discount": self.discount,
            "logits": self.logits.tolist(),
        }

    def problem(self) -> Any:
        return policy("mdp", **self.options)


def two_states(discount: float = 0.8) -> Any:
    """Action a leads to state a; rewards r(0, 1) = 1 and r(1, 1) = 2; two steps from state 0."""
    return policy(
        "mdp",
        transitions=[[[1, 0], [0, 1]], [[1, 0], [0, 1]]],
        rewards=[[0, 1], [0, 2]],
        horizon=2,
        discount=discount,
        logits=[[0, 0.4], [0, -0.3]],
    )


def drawn(seed: int, S: int = 3, A: int = 2, horizon: int = 3, several: bool = True) -> Tables:
    """A process of random tables, some of whose moves are impossible."""
    rng = np.random.default_rng(seed)
    moves = rng.dirichlet(np.ones(S), (S, A)) * (rng.random((S, A, S)) < 0.7)
    moves[..., 0] += moves.sum(-1) == 0  # some move there must be
    moves /= moves.sum(-1, keepdims=True)
    start = rng.dirichlet(np.ones(S)) if several else np.eye(S)[S - 1]
    return Tables(moves, rng.normal(size=(S, A)), start, horizon, 0.8, rng.normal(size=(S, A)))


def trajectories(tables: Tables) -> Iterator[tuple[list[int], list[int], float]]:
    """States and actions of each trajectory, with its probability."""
    S, A = tables.rewards.shape
    T, policy = tables.horizon, tables.policy
    for states in itertools.product(range(S), repeat=T):
        for actions in itertools.product(range(A), repeat=T):
            p = tables.start[states[0]]
            for t in range(T):
                p *= policy[states[t], actions[t]]
                if t + 1 < T:
                    p *= tables.transitions[states[t], actions[t], states[t + 1]]
            if p > 0:
                yield list(states), list(actions), float(p)


def score(tables: Tables, state: int, action: int) -> np.ndarray:
    """∇ log π(a | s), in the shape of the logits."""
    found = np.zeros_like(tables.logits)
    found[state] = np.eye(found.shape[1])[action] - tables.policy[state]
    return found


def value(tables: Tables, t: int, state: int) -> float:
    """The expected return of a state from step t on, by recursion."""
    if t == tables.horizon:
        return 0.0
    return sum(
        tables.policy[state, a]
        * (
            tables.rewards[state, a]
            + tables.discount
            * sum(p * value(tables, t + 1, s) for s, p in enumerate(tables.transitions[state, a]))
        )
        for a in range(tables.rewards.shape[1])
    )


def by_hand(tables: Tables) -> tuple[float, np.ndarray]:
    """F and its gradient `[P]`: the mean of return times score over all trajectories."""
    total, gradient = 0.0, np.zeros_like(tables.logits)
    for states, actions, p in trajectories(tables):
        steps = list(zip(states, actions, strict=True))
        gain = sum(tables.discount**t * tables.rewards[step] for t, step in enumerate(steps))
        total += p * gain
        gradient += p * gain * sum(score(tables, *step) for step in steps)
    return total, gradient.flatten()
