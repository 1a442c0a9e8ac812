"""The expected return of a policy in a Markov decision process of finitely many states."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from bench.distributions.trajectories import Environment, Trajectories, successors_of
from bench.policy import STATES, PolicyProblem
from bench.problem import NotApplicable, Points
from bench.problems.enumeration import mean_over_states, points_of


class Values(NamedTuple):
    """Expected returns from a token on, discounted from its own step.

    Attributes:
        of_start: before the first state, `[R]`.
        of_states: before each action, `[R, T, S]`.
        of_moves: after each action, before the state that it leads to, `[R, T, S, A]`.
    """

    of_start: Tensor
    of_states: Tensor
    of_moves: Tensor


class DecisionProcess(PolicyProblem):
    r"""The expected discounted return of a policy π(a | s; θ) over T steps.

    .. math:: F(\theta) = E\Big[\sum_{t < T} \gamma^t r_t\Big], \quad r_t = r(s_t, a_t) + g(s_{t+1})

    The gradient is exact by dynamic programming, backwards from the last step (Sutton & Barto 2018, §4.1):

    .. math:: V_t(s) = \sum_a \pi(a | s) \Big[r(s, a)
        + \sum_{s'} P(s' | s, a) (g(s') + \gamma V_{t+1}(s'))\Big], \quad V_T = 0,

    and V = 0 in terminal states. The second rule enumerates the trajectories where there are at most 2¹⁶;
    elsewhere it sums rewards by the probabilities to be in a state, which are found forwards. An x is a
    trajectory, see `bench.distributions.trajectories`.

    Args:
        transitions: P, `[S, A, S]`.
        step_rewards: r, `[S, A]`.
        start: the probabilities of the first state, which is not terminal, `[S]`.
        horizon: T.
        discount: γ.
        arrival_rewards: g, `[S]`; None if there are none, so that the last state need not be drawn.
        terminal: the states in which a trajectory ends, `[S]`; by default none.
    """

    def __init__(
        self,
        transitions: Tensor,
        step_rewards: Tensor,
        start: Tensor,
        horizon: int,
        discount: float,
        arrival_rewards: Tensor | None = None,
        terminal: Tensor | None = None,
    ) -> None:
        S, A = step_rewards.shape
        self.transitions, self.start, self.step_rewards = transitions, start, step_rewards
        self.successors, self.beneath = successors_of(transitions)
        self.terminal = torch.zeros(S, dtype=torch.bool) if terminal is None else terminal
        self.arrival_rewards = torch.zeros_like(start) if arrival_rewards is None else arrival_rewards
        self.horizon, self.discount = horizon, discount
        self._arrivals, self._ends = arrival_rewards is not None, bool(self.terminal.any())
        possible = start.nonzero()[:, 0].tolist()
        self._first = possible[0] if len(possible) == 1 else None
        self.width = horizon * (A + self.successors.shape[-1])

    @abstractmethod
    def logits(self, theta: Tensor) -> Tensor:
        """Logits of the actions in each state, `[R, P] -> [R, S, A]`."""

    @property
    def environment(self) -> Environment:
        """States, moves between them, and how trajectories are written."""
        return Environment(
            self.transitions,
            self.successors,
            self.beneath,
            self.start,
            self.terminal,
            self._first,
            self._ends,
            self.horizon,
            self._arrivals,
        )

    def distribution(self, theta: Tensor) -> Trajectories:
        return Trajectories(self.logits(theta).log_softmax(-1), self.environment)

    def steps(self, length: int) -> Tensor:
        places = torch.arange(length) - self.environment.offset
        return places.clamp(min=0) // 2

    def rewards(self, x: Tensor, theta: Tensor) -> Tensor:
        env = self.environment
        states, actions, arrivals = env.read(x)  # [N, R, T] each
        return self._tokens(states, self.step_rewards[states, actions], self.arrival_rewards[arrivals], 0.0)

    def values(self, x: Tensor, theta: Tensor) -> Tensor:
        env = self.environment
        states, actions, arrivals = env.read(x)  # [N, R, T] each
        with torch.no_grad():
            # Rows that share their memory have the same values.
            found = self._backwards(theta[:1] if theta.stride(0) == 0 else theta)
        T, S, A = found.of_moves.shape[1:]
        rows = torch.arange(len(found.of_start), device=x.device)[:, None]
        places = (rows * T + torch.arange(T, device=x.device)) * S + states  # [N, R, T], in [R, T, S]
        moves = (places * A + actions)[..., : arrivals.shape[-1]]
        of_start = found.of_start[:, None].expand(*x.shape[:-1], 1)
        return self._tokens(states, found.of_states.take(places), found.of_moves.take(moves), of_start)

    def expectation(self, theta: Tensor) -> Tensor:
        return self._backwards(theta).of_start

    def expectation_check(self, theta: Tensor) -> Tensor:
        try:
            return mean_over_states(self, theta, STATES)
        except NotApplicable:
            return self._forwards(theta)

    def points(self, check: bool = False) -> Points:
        return points_of(self, STATES)

    def _tokens(
        self, states: Tensor, of_actions: Tensor, of_arrivals: Tensor, of_start: Tensor | float
    ) -> Tensor:
        """Numbers of each token, `[N, R, tokens]`; 0 after the end."""
        env = self.environment
        found = env.written(of_actions, of_arrivals)
        if env.offset:
            first = torch.zeros_like(found[..., :1]) + of_start
            found = torch.cat([first, found], -1)
        return torch.where(env.there(states), found, 0.0) if env.ends else found

    def _backwards(self, theta: Tensor) -> Values:
        policy = self.logits(theta).softmax(-1)  # [R, S, A]
        moves = self.transitions.flatten(0, 1).T  # [S, S·A]
        future = torch.zeros_like(policy[..., 0])  # [R, S], of V at the next step
        of_states, of_moves = [], []
        for _ in range(self.horizon):
            reached = self.arrival_rewards + self.discount * future.masked_fill(self.terminal, 0.0)
            of_moves.append((reached @ moves).view_as(policy))
            future = (policy * (self.step_rewards + of_moves[-1])).sum(-1)
            of_states.append(future)
        return Values(future @ self.start, torch.stack(of_states[::-1], 1), torch.stack(of_moves[::-1], 1))

    def _forwards(self, theta: Tensor) -> Tensor:
        """F(θ) by the probabilities of states and actions at each step, `[R]`."""
        policy = self.logits(theta).softmax(-1)  # [R, S, A]
        rewards = self.step_rewards + self.transitions @ self.arrival_rewards  # [S, A]
        there, total = self.start.expand(len(theta), -1), torch.zeros_like(policy[:, 0, 0])
        for t in range(self.horizon):
            taken = there[..., None] * policy  # [R, S, A]
            total = total + self.discount**t * (taken * rewards).sum((-2, -1))
            there = (taken.flatten(1) @ self.transitions.flatten(0, 1)).masked_fill(self.terminal, 0.0)
        return total
