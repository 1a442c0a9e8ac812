"""Trajectories of a policy in an environment of finitely many states, as sequences of tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Size, Tensor

from bench import noise
from bench.distributions.tokens import Tokens


@dataclass(frozen=True, eq=False)
class Environment:
    """States between which actions move, and how a trajectory through them is written as tokens.

    These are the first state, if there are several that it may be, then action and next state of each step,
    where the last state of all may be left out.

    Attributes:
        transitions: the probabilities of the next states, `[S, A, S]`.
        successors: the states that may come next, `[S, A, K]`, see `successors_of`.
        beneath: the probabilities to draw them by, `[S, A, K − 1]`.
        start: the probabilities of the first state, `[S]`.
        terminal: the states at whose arrival a trajectory ends, `[S]`.
        first: the first state, if there is one only.
        ends: whether there is a terminal state.
        horizon: H, the most steps.
        arrivals: whether the state after the last action is a token.
    """

    transitions: Tensor
    successors: Tensor
    beneath: Tensor
    start: Tensor
    terminal: Tensor
    first: int | None
    ends: bool
    horizon: int
    arrivals: bool

    @property
    def offset(self) -> int:
        """The place of the first action."""
        return int(self.first is None)

    @property
    def length(self) -> int:
        """T, the most tokens."""
        return self.offset + 2 * self.horizon - (not self.arrivals)

    def read(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The states in which actions are taken, the actions, and the states at which they arrive.

        Args:
            x: `[N, R, T]`.

        Returns:
            whole numbers, `[N, R, H]`; of the last `[N, R, H − 1]` where the last of all is left out.
        """
        tokens = x.long()
        arrivals = tokens[..., self.offset + 1 :: 2]
        first = tokens[..., :1] if self.first is None else torch.full_like(tokens[..., :1], self.first)
        states = torch.cat([first, arrivals[..., : self.horizon - 1]], -1)
        return states, tokens[..., self.offset :: 2], arrivals

    def written(self, of_actions: Tensor, of_states: Tensor) -> Tensor:
        """Numbers of actions, `[N, R, H]`, and of the states after them, in the order of the tokens.

        Returns:
            `[N, R, T]`, without the first state where that is a token.
        """
        left_out = of_actions.new_zeros(*of_actions.shape[:-1], self.horizon - of_states.shape[-1])
        both = torch.stack([of_actions, torch.cat([of_states, left_out], -1)], -1).flatten(-2)
        return both[..., : self.length - self.offset]

    def there(self, states: Tensor) -> Tensor:
        """Whether there is a token at each place, `[N, R, T]`, by the states in which actions are taken."""
        alive = self.terminal[states].cumsum(-1) == 0  # [N, R, H]
        of_steps = alive.repeat_interleave(2, -1)[..., : self.length - self.offset]
        return torch.cat([torch.ones_like(of_steps[..., : self.offset]), of_steps], -1)


def successors_of(transitions: Tensor) -> tuple[Tensor, Tensor]:
    """The states that may come next, in order, and the probabilities that one of the first k of these does.

    Args:
        transitions: `[S, A, S]`.

    Returns:
        `[S, A, K]`, filled up with states that may not, and `[S, A, K − 1]` for k from 1 to K − 1, which is
        infinity where no other may come.
    """
    counts = (transitions > 0).sum(-1)  # [S, A]
    most = int(counts.max())
    order = (transitions == 0).to(torch.int8).argsort(dim=-1, stable=True)[..., :most]  # [S, A, K]
    beneath = transitions.gather(-1, order).cumsum(-1)[..., :-1]
    last = torch.arange(1, most) >= counts[..., None]
    return order, beneath.masked_fill(last, math.inf)


class Trajectories(Tokens):
    r"""The distribution of a policy's trajectories.

    .. math:: p(x; \theta) = \mu(s_0) \prod_t \pi(a_t \mid s_t; \theta)\, P(s_{t+1} \mid s_t, a_t)

    There is no token after a terminal state. Only the factors of the policy depend on θ.

    Args:
        policy: log π, `[R, S, A]`.
        environment: with S states.
    """

    def __init__(self, policy: Tensor, environment: Environment) -> None:
        self.policy, self.environment = policy, environment
        super().__init__(environment.length, self._log_probs, self._goes, Size(policy.shape[:1]), policy)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        env, (S, A) = self.environment, self.policy.shape[1:]
        with torch.no_grad():
            u = noise.unit(self._extended_shape(sample_shape), self.like)  # [N, R, T]
            x = torch.zeros_like(u)
            rows = torch.arange(0, len(self.policy) * S, S, device=u.device)  # [R]
            of_actions = self.policy.exp().cumsum(-1)[..., :-1].reshape(-1, A - 1)  # [R·S, A − 1]
            successors, beneath = env.successors.flatten(0, 1), env.beneath.flatten(0, 1)  # [S·A, K or K − 1]
            state = self._first(u)  # [N, R]
            x[..., : env.offset] = state[..., None]
            alive = torch.ones_like(state)
            for t in range(env.offset, env.length, 2):
                action = (u[..., t, None] > of_actions[rows + state]).sum(-1)  # [N, R]
                x[..., t] = action * alive
                if t + 1 < env.length:
                    pair = state * A + action
                    drawn = (u[..., t + 1, None] > beneath[pair]).sum(-1, keepdim=True)
                    state = successors[pair].gather(-1, drawn)[..., 0]
                    x[..., t + 1] = state * alive
                    alive = alive * ~env.terminal[state] if env.ends else alive
            return x

    def token_log_probs(self, value: Tensor) -> Tensor:
        env, (S, A) = self.environment, self.policy.shape[1:]
        states, actions, arrivals = env.read(value)  # [N, R, H] each
        pairs = states * A + actions
        # One axis for each row, so that the derivative has the shape of the policy and not N times that.
        in_rows = pairs.transpose(0, 1).flatten(1)  # [R, N·H]
        chosen = self.policy.flatten(1).gather(1, in_rows).view(*states.shape[1::-1], -1).transpose(0, 1)
        moved = _log(env.transitions).flatten()[pairs[..., : arrivals.shape[-1]] * S + arrivals]
        tokens = env.written(chosen, moved)
        if env.offset:
            tokens = torch.cat([_log(env.start)[value[..., :1].long()], tokens], -1)
        return torch.where(env.there(states), tokens, 0.0) if env.ends else tokens

    def mask(self, value: Tensor) -> Tensor:
        return self.environment.there(self.environment.read(value)[0]).to(value.dtype)

    def _first(self, u: Tensor) -> Tensor:
        """The first state, `[N, R]`, by the first of the uniform numbers."""
        env = self.environment
        if env.first is not None:
            return torch.full(u.shape[:-1], env.first, device=u.device)
        possible = env.start.nonzero()[:, 0]  # [K]
        return possible[(u[..., :1] > env.start[possible].cumsum(0)[:-1]).sum(-1)]

    def _log_probs(self, t: int, before: Tensor) -> Tensor:
        env = self.environment
        if t < env.offset:
            return _log(env.start).expand(1, len(self.policy), -1)
        if (t - env.offset) % 2:
            return _log(env.transitions)[self._state(before[..., :-1]), before[..., -1].long()]
        return self.policy[torch.arange(len(self.policy), device=before.device), self._state(before)]

    def _state(self, before: Tensor) -> Tensor:
        """The state after some tokens, `[N, R, t] -> [N, R]`."""
        if before.shape[-1] == 0:
            return torch.full(before.shape[:-1], self.environment.first or 0, device=before.device)
        return before[..., -1].long()

    def _goes(self, _t: int, before: Tensor) -> Tensor:
        arrivals = before[..., self.environment.offset + 1 :: 2].long()
        return ~self.environment.terminal[arrivals].any(-1)


def _log(probabilities: Tensor) -> Tensor:
    """Logarithms that are finite, also of 0, so that 0 log 0 is 0."""
    return probabilities.log().clamp(min=torch.finfo(probabilities.dtype).min)
