"""Samplers of torch that are served: the law of each, and torch's own back in their places."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Cauchy, Geometric, Laplace, LogNormal, RelaxedBernoulli
from torch.nn import functional

from bench.losses.row_noise import RowNoise
from bench.losses.served_samplers import FUNCTIONS, IN_PLACE, METHODS
from bench.losses.serving import served
from bench.noise.draws import Draws
from tests.parameters import some

R = 6000
# Of two moments of each of some twenty samplers each is held to 4.5 of its standard errors: a false alarm has
# probability below 4e-4, at a seed that is fixed.
LIMIT = 4.5

# name -> a call, the mean and the variance of one of its numbers
LAWS: dict[str, tuple[Callable[[], Tensor], float, float]] = {
    "randn": (lambda: torch.randn(3), 0.0, 1.0),
    "rand": (lambda: torch.rand((2, 2)), 0.5, 1 / 12),
    "randn_like": (lambda: torch.randn_like(torch.zeros(2)), 0.0, 1.0),
    "rand_like": (lambda: torch.rand_like(torch.zeros(2), dtype=torch.float64), 0.5, 1 / 12),
    "normal": (lambda: torch.normal(torch.tensor([1.0]), 2.0), 1.0, 4.0),
    "normal_of_a_size": (lambda: torch.normal(1.0, 2.0, (2,)), 1.0, 4.0),
    "bernoulli": (lambda: torch.bernoulli(torch.full((2,), 0.3)), 0.3, 0.21),
    "multinomial": (lambda: torch.multinomial(torch.tensor([2.0, 3.0, 5.0]), 4, True).float(), 1.3, 0.61),
    "multinomial_without": (lambda: torch.multinomial(torch.ones(3), 2).float(), 1.0, 2 / 3),
    "randint": (lambda: torch.randint(3, 10, (2,)).float(), 6.0, 4.0),
    "randint_of_one": (lambda: torch.randint(7, size=(2,)).float(), 3.0, 4.0),
    "randperm": (lambda: torch.randperm(5)[:1].float(), 2.0, 2.0),
    "normal_": (lambda: torch.empty(2).normal_(1.0, 2.0), 1.0, 4.0),
    "uniform_": (lambda: torch.empty(2).uniform_(-1, 3), 1.0, 16 / 12),
    "exponential_": (lambda: torch.empty(2).exponential_(2.0), 0.5, 0.25),
    "log_normal_": (
        lambda: torch.empty(2).log_normal_(0.0, 0.5),
        math.exp(0.125),
        (math.exp(0.25) - 1) * math.exp(0.25),
    ),
    "geometric_": (lambda: torch.empty(2).geometric_(0.3), 1 / 0.3, 0.7 / 0.09),
    "bernoulli_": (lambda: torch.empty(2).bernoulli_(0.3), 0.3, 0.21),
    "cauchy_": (lambda: torch.empty(2).cauchy_(1.0, 2.0).sub(1).div(2).atan(), 0.0, math.pi**2 / 12),
    "Bernoulli.sample": (lambda: torch.distributions.Bernoulli(torch.tensor([0.3])).sample(), 0.3, 0.21),
    "dropout": (lambda: functional.dropout(torch.ones(3), 0.25), 1.0, 1 / 3),
    "Laplace": (lambda: Laplace(torch.tensor([0.5]), 1.0).rsample(), 0.5, 2.0),
    "LogNormal": (
        lambda: LogNormal(torch.tensor([0.0]), 0.5).rsample(),
        math.exp(0.125),
        (math.exp(0.25) - 1) * math.exp(0.25),
    ),
    "Geometric": (lambda: Geometric(torch.tensor([0.3])).sample(), 0.7 / 0.3, 0.7 / 0.09),
    "Cauchy": (lambda: Cauchy(torch.tensor([0.0]), 1.0).rsample().atan(), 0.0, math.pi**2 / 12),
    "RelaxedBernoulli": (
        lambda: RelaxedBernoulli(torch.tensor(1.0), probs=torch.tensor([0.5])).rsample(),
        0.5,
        1 / 12,
    ),
}


def drawn(call: Callable[[], Tensor]) -> Tensor:
    noise = RowNoise(Draws((3, 4), 0, R))
    found = []
    with served(noise):
        for row in range(R // call_size(call)):
            noise.begin(row)
            found.append(call().reshape(-1).double())
            assert noise.asked, "it was not served"
    return torch.cat(found)


def call_size(call: Callable[[], Tensor]) -> int:
    return max(1, call().numel())


def off(values: Tensor, mean: float, variance: float) -> tuple[float, float]:
    """Mean and variance less what they should be, in standard errors."""
    squares = (values - mean).square()
    return (
        abs(float(values.mean()) - mean) / float(values.std()) * len(values) ** 0.5,
        abs(float(squares.mean()) - variance) / float(squares.std()) * len(values) ** 0.5,
    )


@pytest.mark.parametrize("name", some([name for name in LAWS if name != "multinomial_without"], 8))
def test_a_sampler_has_the_law_of_the_one_it_replaces(name: str) -> None:
    call, mean, variance = LAWS[name]
    values = drawn(call)
    assert max(off(values, mean, variance)) < LIMIT
    assert off(values, mean + 0.1 * variance**0.5, variance)[0] > LIMIT, "a wrong mean must be seen"
    assert off(values, mean, 1.2 * variance)[1] > LIMIT, "a wrong variance must be seen"


def test_classes_drawn_without_replacement_are_as_likely_as_torch_says() -> None:
    weights, R = torch.tensor([1.0, 2.0, 5.0]), 6000
    noise, counts = RowNoise(Draws((5, 6), 0, R)), torch.zeros(3, 3)
    with served(noise):
        for row in range(R):
            noise.begin(row)
            first, second = torch.multinomial(weights, 2).tolist()
            counts[first, second] += 1
    p = weights / weights.sum()
    wanted = p[:, None] * p[None] / (1 - p)[:, None]
    wanted.fill_diagonal_(0)
    error = (wanted * (1 - wanted) / R).sqrt().clamp(min=1e-9)
    assert float(((counts / R - wanted) / error).abs().max()) < LIMIT
    assert float(((counts / R - wanted.T) / error).abs().max()) > LIMIT, "another order must be seen"


def test_torch_has_its_own_samplers_again() -> None:
    before = {name: getattr(torch, name) for name in FUNCTIONS}
    methods = {name: getattr(torch.Tensor, name) for name in {**METHODS, **IN_PLACE}}
    own = {name for name in methods if name in vars(torch.Tensor)}
    with pytest.raises(ZeroDivisionError), served(RowNoise(Draws((1, 1), 0, 1))):
        print(torch.randn is before["randn"] or 1 / 0)
    assert all(getattr(torch, name) is function for name, function in before.items())
    assert all(getattr(torch.Tensor, name) == method for name, method in methods.items())
    assert {name for name in methods if name in vars(torch.Tensor)} == own
    assert functional.dropout.__module__ == "torch.nn.functional"


def test_what_cannot_be_served_is_left_to_torch() -> None:
    noise, generator = RowNoise(Draws((1, 1), 0, 1)), torch.Generator().manual_seed(3)
    with served(noise):
        torch.randn(2, generator=generator)
        torch.empty(2, dtype=torch.int64).random_()
        torch.empty(2).normal_(generator=generator)
        functional.dropout(torch.ones(2), 0.5, training=False)
    assert noise.asked == []
    assert not torch.equal(generator.get_state(), torch.Generator().manual_seed(3).get_state())


def test_every_sampler_of_the_tables_is_tested() -> None:
    tested = {name.partition("_of_")[0] for name in LAWS}
    assert {*FUNCTIONS, *IN_PLACE} <= tested
