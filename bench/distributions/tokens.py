"""Sequences of tokens, each of which depends on those before it, and which may end early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from bench import noise
from bench.problem import NotApplicable

LogProbs = Callable[[int, Tensor], Tensor]
Goes = Callable[[int, Tensor], Tensor]


# A logarithm of what cannot come, the smallest of all numbers or minus infinity, and of no small probability.
_IMPOSSIBLE = -1e30


def number_of(prefix: Tensor, base: int) -> Tensor:
    """The whole number that a sequence of class numbers is in a base, `[..., t] -> [...]`; 0 of none."""
    powers = base ** torch.arange(prefix.shape[-1] - 1, -1, -1, device=prefix.device)
    found: Tensor = (prefix.long() * powers).sum(-1)
    return found


class Tokens(Distribution):
    r"""The distribution of a sequence of class numbers.

    .. math:: \pi(x) = \prod_{t < |x|} \pi(x_t \mid x_0, \dots, x_{t-1})

    A sequence is a vector of T class numbers; those after its end are 0.

    Args:
        length: T, the most tokens.
        log_probs: of the classes of token t given those before it,
            `(t, [N, *batch, t]) -> [N, *batch, C_t]`, or `[1, *batch, C_t]` where these do not matter;
            finite, also of what is impossible.
        goes_on: whether there is a token t after those before it, `(t, [N, *batch, t]) -> [N, *batch]`.
        batch_shape: `[R]` or `[R, B]`.
        like: a tensor of the type and on the device of the probabilities.
    """

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012 - as torch has it
    has_rsample = False

    def __init__(
        self, length: int, log_probs: LogProbs, goes_on: Goes, batch_shape: Size, like: Tensor
    ) -> None:
        self.length, self.log_probs, self.goes_on, self.like = length, log_probs, goes_on, like
        super().__init__(batch_shape, Size([length]), validate_args=False)

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.nonnegative_integer, 1)  # type: ignore[no-untyped-call]

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        with torch.no_grad():
            u = noise.unit(self._extended_shape(sample_shape), self.like)  # [N, *batch, T]
            x = torch.zeros_like(u)
            for t in range(self.length):
                before = x[..., :t]
                beneath = self.log_probs(t, before).exp().cumsum(-1)[..., :-1]  # [N or 1, *batch, C_t − 1]
                beneath = beneath.expand(*u.shape[:-1], -1).contiguous()
                drawn = torch.searchsorted(beneath, u[..., t, None].contiguous())[..., 0]
                x[..., t] = drawn * self.goes_on(t, before)
            return x

    def mask(self, value: Tensor) -> Tensor:
        """Whether there is a token at each place, `[N, *batch, T] -> [N, *batch, T]`, as 0 and 1."""
        there = [self.goes_on(t, value[..., :t]).expand(value.shape[:-1]) for t in range(self.length)]
        return torch.stack(there, -1).to(value.dtype)

    def token_log_probs(self, value: Tensor) -> Tensor:
        """log π of each token given those before it, `[N, *batch, T]`; 0 after the end."""
        each = []
        for t in range(self.length):
            before = value[..., :t]
            of_classes = self.log_probs(t, before).expand(*value.shape[:-1], -1)  # [N, *batch, C_t]
            own = of_classes.gather(-1, value[..., t, None].long())[..., 0]  # [N, *batch]
            each.append(torch.where(self.goes_on(t, before), own, 0.0))
        return torch.stack(each, -1)

    def entropies(self, value: Tensor) -> Tensor:
        """The entropy of each token given those before it, `[N, *batch, T]`; 0 after the end."""
        return self.token_means(value, lambda _t, _before, log_probs: -(log_probs.exp() * log_probs).sum(-1))

    def token_means(self, value: Tensor, mean: Callable[[int, Tensor, Tensor], Tensor]) -> Tensor:
        """A function of the probabilities of all classes at each token, 0 after the end.

        Args:
            value: `[N, *batch, T]`.
            mean: of t, the tokens before it, `[N, *batch, t]`, and log π of the classes,
                `[N or 1, *batch, C_t]`; what it gives has no axis of classes.

        Returns:
            `[N, *batch, T]`.
        """
        each = []
        for t in range(self.length):
            before = value[..., :t]
            found = mean(t, before, self.log_probs(t, before)).expand(value.shape[:-1])
            each.append(torch.where(self.goes_on(t, before), found, 0.0))
        return torch.stack(each, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.token_log_probs(value).sum(-1)

    def states(self, most: int) -> Tensor:
        """All sequences that are possible, `[S, T]`, where they are no more than `most`.

        Raises:
            NotApplicable: if there are more.
        """
        ones = [1] * len(self.batch_shape)
        x = torch.zeros(1, 0, dtype=self.like.dtype, device=self.like.device)  # [S, t]
        for t in range(self.length):
            before = x.view(len(x), *ones, t).expand(len(x), *self.batch_shape, t)
            goes = self.goes_on(t, before).reshape(len(x), -1)[:, 0]  # [S]
            possible = (self.log_probs(t, before) > _IMPOSSIBLE).expand(*before.shape[:-1], -1)  # [S, *B, C]
            possible = possible.reshape(len(x), -1, possible.shape[-1]).any(1)  # [S, C]
            nothing = torch.arange(possible.shape[1], device=x.device) == 0
            rows, token = torch.where(goes[:, None], possible, nothing).nonzero(as_tuple=True)  # [S']
            if len(rows) > most:
                raise NotApplicable(
                    f"there are {len(rows)} sequences or more, and at most {most} are enumerated"
                )
            x = torch.cat([x[rows], token[:, None].to(x)], 1)
        return x
