"""Rates of an audit: its loop against a bare one of backward passes, and rows that are computed together."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.losses.in_rows import Rows, Vectorize
from bench.losses.state import State
from bench.losses.weights import weights_of
from bench.noise.draws import Draws
from tests.losses_at_hand import Own, vae
from tests.speed.conftest import Ratio

ROWS = 256


def five_thousand() -> Own:
    """A VAE of 5 108 weights, a batch of four."""
    own = vae(batch=4, pixels=64, latent=26)
    assert 4_500 < sum(p.numel() for p in own.model.parameters()) < 5_500
    return own


def in_rows(own: Own, vectorize: Vectorize) -> Callable[[], None]:
    rows = Rows(weights_of(own.model), State({"model": own.model, "loss": own.loss}), vectorize)

    def work() -> None:
        rows.gradients([(own.loss, range(ROWS))], Draws((1, 2), 0, ROWS))

    work()  # it learns how the loss is computed
    assert rows.manners.together == (vectorize == "auto")
    return work


def bare(own: Own) -> Callable[[], None]:
    """What one would write by hand: backward passes whose gradients are kept."""
    parameters = list(own.model.parameters())

    def work() -> None:
        found: list[Tensor] = []
        for _ in range(ROWS):
            own.model.zero_grad()
            own.loss().backward()
            found.append(torch.cat([p.grad.reshape(-1) for p in parameters if p.grad is not None]))
        torch.stack(found)

    return work


def test_the_loop_costs_little_more_than_a_bare_one(ratio: Ratio) -> None:
    # Each on its own model: the bare loop leaves gradients there, which ours would see and take away.
    ours, theirs = in_rows(five_thousand(), "never"), bare(five_thousand())
    ratio("audit, rows one by one, against a bare loop", ours, theirs, 1 / 1.15)


def test_rows_together_are_many_times_as_fast_as_the_loop(ratio: Ratio) -> None:
    own = five_thousand()
    ratio("audit, 256 rows together, against one by one", in_rows(own, "auto"), in_rows(own, "never"), 15, 5)
