"""Problems of a person's module that generates x from noise: x can be sampled and has no density."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from bench.distributions.pushforward import Pushforward
from bench.problems.modules import answers
from bench.problems.modules.module_rows import OF_ROWS, ModuleRows


class ImplicitModuleRows(ModuleRows):
    """Such a problem whose class has `generate`: its `distribution` is that of the noise of which x is made.

    Attributes:
        event_shape: of x; found by a trial.
    """

    event_shape = Size()

    def distribution(self, theta: Tensor) -> Distribution:
        noise = super().distribution(theta)
        parts, tensors = vars(noise)[OF_ROWS]
        depends = any(t.requires_grad for t in tensors)
        p = Pushforward(noise, lambda e: self.sample_of(e, theta), self.event_shape, depends)
        vars(p)[OF_ROWS] = parts, tensors
        return p

    def sample_of(self, drawn: Tensor, theta: Tensor) -> Tensor:
        """x of noise, `[N, R, (B,) *noise] -> [N, R, (B,) *event]`."""
        batch = drawn.shape[2 : 2 + self.batch_axes]
        calls = self._calls

        def single(owner: Any, net: nn.Module, e: Tensor) -> Tensor:
            return calls.samples(lambda one: answers.generated(owner.generate(net, one), batch, owner), e)

        noise = drawn.expand(len(drawn), len(theta), *drawn.shape[2:]).movedim(1, 0)  # [R, N, (B,) *noise]
        x: Tensor = self._called("generate", single, theta, (noise,))  # [R, N, (B,) *event]
        return x.movedim(0, 1)

    def found_by(self, owner: Any, net: nn.Module, p: Distribution) -> None:
        """Keep the event shape of x, as one call tells it."""
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            x = answers.generated(owner.generate(net, p.sample()), p.batch_shape, owner)
        self.event_shape = x.shape[len(p.batch_shape) :]
