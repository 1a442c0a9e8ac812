"""Losses in rows: the loop's numbers, each a function of its address, together where that gives the same."""

from __future__ import annotations

import random
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from bench.losses.in_rows import Rows, Vectorize
from bench.losses.own_generators import state_of
from bench.losses.scalar_loss import WrongLoss
from bench.losses.state import State
from bench.losses.weights import weights_of
from bench.noise.draws import Draws
from tests.losses_at_hand import Own, leaf, samplers

KEY, R = (1, 2), 40
OWN = samplers()
ADDRESSED = [name for name in OWN if name != "own_generator"]


def rows_of(own: Own, vectorize: Vectorize = "auto") -> Rows:
    return Rows(weights_of(own.model), State({"model": own.model, "loss": own.loss}), vectorize)


def gradients(rows: Rows, own: Own, first: int = 0, count: int = R) -> Tensor:
    return rows.gradients([(own.loss, range(count))], Draws(KEY, first, count))


@pytest.mark.parametrize("name", OWN)
def test_rows_are_computed_together_where_they_can_be_and_the_reason_is_told_where_not(name: str) -> None:
    own = OWN[name]
    rows = rows_of(own)
    gradients(rows, own)
    assert rows.manners.together == own.together
    assert bool(rows.manners.why) != own.together


@pytest.mark.parametrize("name", ADDRESSED)
def test_rows_together_are_those_of_the_loop(name: str) -> None:
    own = OWN[name]
    together, looped = gradients(rows_of(own), own), gradients(rows_of(own, "never"), own)
    torch.testing.assert_close(together, looped, rtol=1e-4, atol=1e-5)
    assert len(together.unique(dim=0)) >= 2, "rows that are all alike tell nothing"


@pytest.mark.parametrize("name", ADDRESSED)
def test_a_row_is_a_function_of_its_address(name: str) -> None:
    own = OWN[name]
    whole, part = gradients(rows_of(own), own), gradients(rows_of(own), own, first=11, count=3)
    torch.testing.assert_close(part, whole[11:14], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(part, whole[12:15], rtol=1e-2)


@pytest.mark.parametrize("name", ADDRESSED)
def test_the_same_rows_come_again(name: str) -> None:
    own = OWN[name]
    rows = rows_of(own)
    first = gradients(rows, own)
    torch.testing.assert_close(gradients(rows, own), first, rtol=1e-4, atol=1e-5)


class Seen:
    """Keeps what a loss drew, where a loss that is put back after each row does not lose it."""

    last: ClassVar[Tensor]


def test_gradients_are_those_of_autograd() -> None:
    """By the numbers that were drawn: the gradient of (w ε)² in w is 2 w ε²."""
    w = leaf(0.3, 0.5)

    def loss() -> Tensor:
        epsilon = torch.randn(2)
        Seen.last = epsilon
        return (w * epsilon).square().sum()

    own = Own(w, loss)
    found = gradients(rows_of(own, "never"), own, count=2)
    torch.testing.assert_close(found[1], 2 * w.detach() * Seen.last.square())


def test_gradients_that_lie_otherwise_in_memory_are_in_the_order_of_their_weights() -> None:
    """That of a matrix that is used transposed comes with its axes exchanged."""
    w = torch.arange(6.0).reshape(2, 3).requires_grad_()
    x = torch.tensor([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]])
    own = Own(w, lambda: ((x @ w.T) * torch.tensor([1.0, 3.0])).sum() + 0 * torch.randn(1).sum())
    wanted = torch.stack([x.sum(0), 3 * x.sum(0)]).reshape(-1)
    for vectorize in ("auto", "never"):
        found = gradients(rows_of(own, vectorize), own)  # type: ignore[arg-type]
        torch.testing.assert_close(found, wanted.expand(R, -1))


def off(rows: Tensor, places: Any) -> None:
    rows[list(places)] *= 1.05


def draws_more(*_: Any) -> None:
    torch.empty(1).log_normal_(generator=torch.default_generator)


@pytest.mark.parametrize(("deed", "why"), [(off, "are not the same"), (draws_more, "does something else")])
def test_rows_that_are_not_those_of_the_loop_are_not_computed_together(
    deed: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    w, together = leaf(0.3, 0.5), Rows._together

    def other(self: Rows, call: Any, rows: Any, noise: Any, made: Tensor) -> None:
        together(self, call, rows, noise, made)
        deed(made, rows)

    own = Own(w, lambda: (w * torch.randn(2)).square().sum())
    wanted = gradients(rows_of(own, "never"), own)
    monkeypatch.setattr(Rows, "_together", other)
    rows = rows_of(own)
    torch.testing.assert_close(gradients(rows, own), wanted)
    assert why in rows.manners.why


GENERATORS: dict[str, Any] = {
    "torch": torch.Generator().manual_seed(1),
    "numpy": np.random.default_rng(1),
    "older numpy": np.random.RandomState(1),
    "python": random.Random(1),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_of_its_own_has_a_state_for_each_row_and_is_left_as_it_was(name: str) -> None:
    w, generator = leaf(0.3, 0.5), GENERATORS[name]

    def loss() -> Tensor:
        if name == "torch":
            noise = torch.randn(2, generator=generator)
        else:
            draw = generator.gauss if name == "python" else generator.normal
            noise = torch.tensor([draw(0.0, 1.0), draw(0.0, 1.0)])
            draw(0.0, 1.0)  # some keep every second number
        return (w * noise).sum()

    own = Own(w, loss)
    rows, before = rows_of(own), state_of(generator)
    whole, part = gradients(rows, own), gradients(rows_of(own), own, first=11, count=3)
    assert state_of(generator) == before
    assert rows.manners.why == "it draws from a generator of its own"
    assert len(whole.unique(dim=0)) == R
    torch.testing.assert_close(part, whole[11:14])
    assert 0.5 < float(whole.var(0).mean()) < 1.6  # of 80 normal numbers, outside in 1 of 500 tests


def test_what_a_loss_takes_out_of_its_batch_is_there_in_the_next_row() -> None:
    w, batch = leaf(0.3, 0.5), {"x": torch.ones(2)}
    own = Own(w, lambda: (w * batch.pop("x").mul_(0.5) * torch.randn(2)).sum())
    rows = rows_of(own)
    found = gradients(rows, own)
    assert torch.equal(batch["x"], torch.ones(2))
    plain = Own(w, lambda: (w * 0.5 * torch.randn(2)).sum())
    torch.testing.assert_close(found, gradients(rows_of(plain), plain))


def test_weights_without_a_gradient_get_zeros() -> None:
    model = {"used": leaf(1.0), "unused": leaf(2.0, 3.0)}
    own = Own(model, lambda: (model["used"] * torch.randn(1)).sum())
    for vectorize in ("auto", "never"):
        found = gradients(rows_of(own, vectorize), own)  # type: ignore[arg-type]
        assert bool(found[:, 1:].eq(0).all())
        assert bool(found[:, 0].ne(0).all())


def test_a_loss_that_draws_nothing_is_the_same_in_each_row() -> None:
    w = leaf(1.0, 2.0)
    own = Own(w, lambda: w.square().sum())
    torch.testing.assert_close(gradients(rows_of(own), own), (2 * w.detach()).expand(R, -1))


def test_a_loss_that_never_reaches_the_weights_has_no_gradient() -> None:
    w = leaf(1.0)
    own = Own(w, lambda: Normal(w, 1.0).sample().sum())
    assert bool(gradients(rows_of(own), own).eq(0).all())


def of_batches(rows: Rows, loss: Any, sizes: list[int]) -> Tensor:
    """Gradients of a loss of batches of some sizes, which have their rows in turn."""
    calls = [(partial(loss, torch.ones(size)), range(i, R, len(sizes))) for i, size in enumerate(sizes)]
    return rows.gradients(calls, Draws(KEY, 0, R))


def test_batches_that_ask_for_other_noise_are_computed_together_each() -> None:
    w = leaf(0.3, 0.5)

    def loss(batch: Tensor) -> Tensor:
        return (w * torch.randn(len(batch), 2) * batch[:, None]).square().mean()

    own = Own(w, loss)
    rows, looped = rows_of(own), rows_of(own, "never")
    for _ in range(2):
        found = of_batches(rows, loss, [8, 3, 5])
        torch.testing.assert_close(found, of_batches(looped, loss, [8, 3, 5]), rtol=1e-4, atol=1e-5)
        assert rows.manners.together, rows.manners.why


def test_a_batch_whose_rows_cannot_be_computed_together_is_looped_with_the_reason() -> None:
    w = leaf(0.3, 0.5)

    def loss(batch: Tensor) -> Tensor:
        noise = torch.randn(2)
        if len(batch) < 5 and float(noise[0]) > 0:
            return (w * noise).sum()
        return (w * noise).square().mean()

    own = Own(w, loss)
    rows, looped = rows_of(own), rows_of(own, "never")
    found = of_batches(rows, loss, [8, 3])
    torch.testing.assert_close(found, of_batches(looped, loss, [8, 3]), rtol=1e-4, atol=1e-5)
    assert "cannot be computed together" in rows.manners.why


def test_what_changes_only_after_the_first_rows_is_seen() -> None:
    """A loss that counts its small batches, of which the first rows have none."""
    w = leaf(0.3, 0.5)
    calls = torch.zeros(())

    def loss(batch: Tensor) -> Tensor:
        if len(batch) < 5:
            calls.add_(1)
        return (w * torch.randn(2)).square().mean()

    own = Own(w, loss)
    rows = rows_of(own)
    of_batches(rows, loss, [8, 3])
    assert not rows.manners.together
    assert float(calls) == 0


W = leaf(1.0, 2.0)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda: None, "it returned None, wanted a scalar tensor; return the loss itself"),
        (lambda: 3.0, "it returned a float, wanted a scalar tensor"),
        (lambda: W * 2, r"it returned a tensor of shape \[2\], wanted a scalar"),
        (lambda: (W > 0).sum(), "it returned int64, wanted a real number"),
    ],
)
def test_what_is_no_loss_is_refused(loss: Any, said: str) -> None:
    own = Own(W, loss)
    with pytest.raises(WrongLoss, match=said):
        gradients(rows_of(own), own)


def test_a_loss_that_changes_the_weights_is_refused_and_they_are_as_before() -> None:
    w = leaf(1.0, 2.0)

    def loss() -> Tensor:
        value = (w * torch.randn(2)).sum()
        with torch.no_grad():
            w.add_(1.0)
        return value

    own = Own(w, loss)
    with pytest.raises(WrongLoss, match="it changes the weights themselves"):
        gradients(rows_of(own), own)
    assert w.tolist() == [1.0, 2.0]
