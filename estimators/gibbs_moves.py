"""The shared part of the estimators by a discrete Stein operator: the moves of a Gibbs sampler."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.distributions.choices import Choices


class GibbsMoves:
    r"""The other classes that each of the D choices of x may have, and how probable they are.

    A Gibbs sampler that draws one choice again, the others as they are, has the generator

    .. math:: (A h)(x) = \frac{1}{D} \sum_d \sum_c P(x_d = c \mid x_{-d}; \theta)\,
        \big(h(x \text{ with } x_d = c) - h(x)\big),

    of mean zero for any h, as p is what the sampler leaves alone. For independent choices the
    probability is that of the class. Of Bernoulli variables Barker's operator over states that differ in one
    is the same but for the factor 1/D.

    Values of h before a move have the shape `[N, R, (B)]`, those after moves `[N, R, (B,) *shape, C − 1]`.

    Attributes:
        own: the classes of x, `[N, R, (B,) *shape, 1]`.
        others: those that x may have instead, `[N, R, (B,) *shape, C − 1]`.
        rates: their probabilities over D, likewise.
    """

    def __init__(self, choices: Choices, x: Tensor) -> None:
        self.choices = choices
        self.own = choices.classes_of(x).unsqueeze(-1)
        self.others = (self.own + torch.arange(1, choices.classes, device=x.device)) % choices.classes
        masses = choices.log_masses.detach().exp()  # [R, (B,) *shape, C]
        shape = (len(x), *masses.shape)
        self.rates = masses.expand(shape).gather(-1, self.others) / choices.shape.numel()

    def change(self, values: Tensor) -> Tensor:
        """Return by how much a move changes values that classes have, `[N, R, (B,) *shape, C]`."""
        return values.gather(-1, self.others) - values.gather(-1, self.own)

    def beside(self, before: Tensor) -> Tensor:
        """Values before a move in a shape that fits those after it."""
        return before.reshape(*before.shape, *[1] * (len(self.choices.shape) + 1))

    def operator(self, before: Tensor, after: Tensor) -> Tensor:
        """(A h)(x), `[N, R, (B)]`."""
        change = self.rates * (after - self.beside(before))  # [N, R, (B,) *shape, C − 1]
        return change.flatten(before.dim()).sum(-1)

    def score_term(self, weight: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        r"""The mean over samples of w s(x) + (A (h s))(x) for the score s, as a term of `gradient_of`.

        A move changes the score of one choice only, so that with c its class
        :math:`A(h s) = (A h)\, s(x) + \sum \text{rate} \cdot h(\text{after})\,
        \nabla (\log \pi_c - \log \pi_{x_d})`.
        """
        flow = self.rates * after  # [N, R, (B,) *shape, C − 1]
        stay = self.beside(weight + self.operator(before, after)) - flow.sum(-1, keepdim=True)
        classes = torch.cat([self.own, self.others], -1)  # [N, R, (B,) *shape, C]
        by_class = torch.cat([stay, flow], -1)
        weights = torch.zeros_like(by_class).scatter_(-1, classes, by_class).mean(0)  # [R, (B,) *shape, C]
        # A mean over the classes of all choices is meant where we want the sum.
        return self.choices.log_masses, weights * (self.choices.shape.numel() * self.choices.classes)
