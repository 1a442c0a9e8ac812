"""Values of the beginnings of answers: means over all answers that go on from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.distributions.tokens import number_of
from bench.policies.every_answer import every_answer
from bench.policy import PolicyProblem
from bench.problem import NotApplicable

Kind = Literal["value", "token", "answer"]


@dataclass(frozen=True, eq=False, repr=False)
class PrefixValues:
    """Values of prefixes.

    Attributes:
        codes: of the prefixes of each length, sorted, T lists `[S_t]`.
        values: of these, T tables `[S_t]`.
        base: of the codes.
    """

    codes: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    base: int

    def at(self, x: Tensor) -> Tensor:
        """The value of what comes before each token, `[N, R, T] -> [N, R, T]`."""
        found = []
        for t, (codes, values) in enumerate(zip(self.codes, self.values, strict=True)):
            places = torch.searchsorted(codes.to(x.device), number_of(x[..., :t], self.base))
            found.append(values.to(x)[places])
        return torch.stack(found, -1)

    def __repr__(self) -> str:
        return f"PrefixValues({[value.tolist() for value in self.values]})"


def prefix_values(problem: PolicyProblem, theta: Tensor, kind: Kind) -> PrefixValues:
    r"""Return E[r w | prefix] / E[w | prefix] by enumeration, at theta, `[1, P]`.

    Args:
        problem: with one prompt.
        theta: the point.
        kind: w is 1 for a `value`; :math:`\|\nabla \log \pi(x_t)\|^2` for a `token`, and that of all tokens
            together, whatever the prefix, for an `answer`.

    Raises:
        NotApplicable: if there are several prompts or too many answers.
    """
    p = problem.distribution(theta)
    if len(p.batch_shape) > 1 and p.batch_shape[1] != 1:
        raise NotApplicable("values of prefixes are known for a single prompt")
    x, answers, slopes = every_answer(problem, p, theta)  # [S, T], fields [1, S, 1, T], [S, T, P]
    mass = answers.log_prob[0, :, 0].sum(-1).exp()  # [S]
    returns = answers.returns[0, :, 0]  # [S]
    weights = _weights(kind, slopes) * mass[:, None]  # [S, T]
    base = int(x.max()) + 1
    codes, values = [], []
    for t in range(x.shape[1]):
        own, place = torch.unique(number_of(x[:, : 0 if kind == "answer" else t], base), return_inverse=True)
        down = torch.zeros(len(own), dtype=mass.dtype, device=x.device).index_add(0, place, weights[:, t])
        up = torch.zeros_like(down).index_add(0, place, weights[:, t] * returns)
        if kind == "answer":
            own = torch.unique(number_of(x[:, :t], base))
            down, up = down.expand(len(own)), up.expand(len(own))
        codes.append(own)
        values.append(torch.where(down > 0, up / torch.where(down > 0, down, 1.0), 0.0))
    return PrefixValues(tuple(codes), tuple(values), base)


def _weights(kind: Kind, slopes: Tensor) -> Tensor:
    """w of each token of each answer, `[S, T]`."""
    if kind == "value":
        return torch.ones_like(slopes[..., 0])
    if kind == "token":
        return slopes.square().sum(-1)
    return slopes.sum(1).square().sum(-1, keepdim=True).expand(slopes.shape[:2])
