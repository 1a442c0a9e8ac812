"""Distributions of single rows that are put together as one: their densities, moments and samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import Size, Tensor
from torch import distributions as of_torch
from torch.distributions import (
    AffineTransform,
    Bernoulli,
    Distribution,
    Independent,
    Normal,
    TanhTransform,
    TransformedDistribution,
)

from bench.distributions import by_counter, normal, stacked
from bench.distributions.mixture import NormalMixture
from bench.distributions.multivariate_normal import MultivariateNormal
from bench.distributions.von_mises import VonMises
from bench.noise import drawn_from
from bench.noise.draws import Draws
from bench.problem import NotApplicable

ROWS, ITEMS = 3, 2
EYE = torch.eye(2, dtype=torch.float64)


class Steps(Distribution):
    """Somebody's own: two coins, the second of which knows the first, and a constant among the attributes."""

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(self, logits: Tensor) -> None:
        self.logits, self.parts = logits, {"shift": [torch.tensor(0.7)]}
        super().__init__(logits.shape[:-1], Size([2]), validate_args=False)

    def sample(self, shape: Any = Size()) -> Tensor:  # noqa: B008
        first = torch.bernoulli(self.logits[..., 0].sigmoid().expand(*shape, *self.batch_shape))
        return torch.stack([first, torch.bernoulli(self._second(first).sigmoid())], -1)

    def log_prob(self, x: Tensor) -> Tensor:
        first, second = x.unbind(-1)  # type: ignore[no-untyped-call]
        own = Bernoulli(logits=self.logits[..., 0]).log_prob(first)
        return own + Bernoulli(logits=self._second(first)).log_prob(second)

    def _second(self, first: Tensor) -> Tensor:
        return self.logits[..., 1] + self.parts["shift"][0] * first


def pair(cls: Any, *positive: int) -> Callable[[Tensor], Distribution]:
    """Of two parameters, some of which are positive; two numbers."""

    def made(h: Tensor) -> Distribution:
        parts = [part.exp() if i in positive else part for i, part in enumerate(h.chunk(2, -1))]
        return Independent(cls(*parts), 1)

    return made


def squashed(h: Tensor) -> Distribution:
    base = Normal(h[..., :2], h[..., 2:].exp())
    steps = [TanhTransform(cache_size=1), AffineTransform(torch.tensor(1.0), h[..., :1].exp())]
    return Independent(TransformedDistribution(base, steps), 1)


LAWS: dict[str, tuple[Callable[[Tensor], Distribution], type]] = {
    "normal": (pair(Normal, 1), normal.Normal),
    "laplace": (pair(of_torch.Laplace, 1), by_counter.Laplace),
    "lognormal": (pair(of_torch.LogNormal, 1), by_counter.LogNormal),
    "weibull": (pair(of_torch.Weibull, 0, 1), by_counter.Weibull),
    "von_mises": (pair(of_torch.VonMises, 1), VonMises),
    "gamma": (pair(of_torch.Gamma, 0, 1), of_torch.Gamma),
    "beta": (pair(of_torch.Beta, 0, 1), of_torch.Beta),
    "gumbel": (pair(of_torch.Gumbel, 1), of_torch.Gumbel),
    "kumaraswamy": (pair(of_torch.Kumaraswamy, 0, 1), of_torch.Kumaraswamy),
    "half_normal": (lambda h: Independent(of_torch.HalfNormal(h.exp()), 1), by_counter.HalfNormal),
    "exponential": (lambda h: Independent(of_torch.Exponential(h.exp()), 1), by_counter.Exponential),
    "student_t": (lambda h: Independent(of_torch.StudentT(3.0, h, 2.0), 1), of_torch.StudentT),
    "poisson": (lambda h: Independent(of_torch.Poisson(h.exp()), 1), of_torch.Poisson),
    "geometric": (lambda h: Independent(of_torch.Geometric(logits=h), 1), by_counter.Geometric),
    "binomial": (lambda h: Independent(of_torch.Binomial(5, logits=h), 1), of_torch.Binomial),
    "bernoulli": (lambda h: Independent(Bernoulli(logits=h), 1), by_counter.Bernoulli),
    "relaxed": (
        lambda h: Independent(of_torch.RelaxedBernoulli(torch.tensor(0.7), logits=h), 1),
        of_torch.RelaxedBernoulli,
    ),
    "categorical": (lambda h: of_torch.Categorical(logits=h), by_counter.Categorical),
    "one_hot": (lambda h: of_torch.OneHotCategorical(logits=h), of_torch.OneHotCategorical),
    "multinomial": (lambda h: of_torch.Multinomial(3, logits=h), of_torch.Multinomial),
    "dirichlet": (lambda h: of_torch.Dirichlet(h.exp()), of_torch.Dirichlet),
    "scale_tril": (
        lambda h: of_torch.MultivariateNormal(h[..., :2], scale_tril=torch.diag_embed(h[..., 2:].exp())),
        MultivariateNormal,
    ),
    "covariance": (
        lambda h: of_torch.MultivariateNormal(h[..., :2], torch.diag_embed(h[..., 2:].exp())),
        MultivariateNormal,
    ),
    "covariance of all items": (
        lambda h: of_torch.MultivariateNormal(h[..., :2], scale_tril=h.mean().exp() * EYE),
        MultivariateNormal,
    ),
    "constant covariance": (
        lambda h: of_torch.MultivariateNormal(h[..., :2], 2 * EYE),
        MultivariateNormal,
    ),
    "low_rank": (
        lambda h: of_torch.LowRankMultivariateNormal(h[..., :2], h[..., 2:, None], EYE.sum(0)),
        of_torch.LowRankMultivariateNormal,
    ),
    "transformed": (squashed, TransformedDistribution),
    "scaled by one number": (
        lambda h: Independent(
            TransformedDistribution(Normal(h, 1.0), AffineTransform(0.0, h.mean().exp())), 1
        ),
        TransformedDistribution,
    ),
    "mixture of normals": (
        lambda h: of_torch.MixtureSameFamily(
            of_torch.Categorical(logits=h[..., :2]), Normal(h[..., :2], h[..., 2:].exp())
        ),
        NormalMixture,
    ),
    "mixture of vectors": (
        lambda h: of_torch.MixtureSameFamily(
            of_torch.Categorical(logits=h[..., :2]), Independent(Normal(h.unflatten(-1, (2, 2)), 1.0), 1)
        ),
        of_torch.MixtureSameFamily,
    ),
    "somebody's own": (Steps, Steps),
}
"""Each of four numbers for an item, with the class of what is put together."""

BY_COUNTER = [
    *(name for name, (_, cls) in LAWS.items() if cls.__module__.startswith("bench.") and cls is not VonMises),
    "one_hot",
]


def numbers(batch: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return 0.5 * torch.randn(ROWS, *batch, 4, generator=generator, dtype=torch.float64)


def together(name: str, h: Tensor) -> Distribution:
    parts = [stacked.taken_apart(LAWS[name][0](row)) for row in h]
    tensors = [torch.stack(several) for several in zip(*(each.tensors for each in parts), strict=True)]
    varies = [not bool((t == t[:1]).all()) for t in tensors]
    return parts[0].stacked(tensors, varies, len(h))


@pytest.mark.parametrize("batch", [(), (ITEMS,)], ids=["one", "items"])
@pytest.mark.parametrize("name", LAWS)
def test_each_row_is_its_own_distribution(name: str, batch: tuple[int, ...]) -> None:
    h = numbers(batch)
    p = together(name, h)
    first: Any = LAWS[name][0](h[0])
    assert p.batch_shape == (ROWS, *batch)
    assert p.event_shape == first.event_shape
    x = p.sample(Size([5]))
    assert x.shape == (5, ROWS, *batch, *first.event_shape)
    log_prob: Any = p.log_prob(x)  # type: ignore[no-untyped-call]
    for r in range(ROWS):
        own: Any = LAWS[name][0](h[r])
        # The normalizer of torch's von Mises distribution is right to 1e-7.
        torch.testing.assert_close(log_prob[:, r], own.log_prob(x[:, r]), rtol=1e-6, atol=1e-6)
    assert not torch.allclose(log_prob[:, 0], log_prob[:, 1])


@pytest.mark.parametrize("name", LAWS)
def test_classes_are_those_whose_samples_are_noise_by_counter(name: str) -> None:
    p = together(name, numbers((ITEMS,)))
    assert type(p.base_dist if isinstance(p, Independent) else p) is LAWS[name][1]


@pytest.mark.parametrize("name", BY_COUNTER)
def test_the_numbers_of_a_row_do_not_depend_on_the_others(name: str) -> None:
    h = numbers((ITEMS,))
    found = []
    for count in (ROWS, 1):
        with drawn_from(Draws((3, 4), rows=count)):
            found.append(together(name, h[:count]).sample(Size([4]))[:, 0])
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-12)


def test_gradients_go_to_the_row_that_they_are_of() -> None:
    h = numbers((ITEMS,)).requires_grad_()
    p = together("transformed", h)
    x = p.rsample(Size([5]))  # type: ignore[no-untyped-call]
    (slope,) = torch.autograd.grad(x[:, 1].sum() + p.log_prob(x.detach())[:, 1].sum(), h)  # type: ignore[no-untyped-call]
    assert slope[1].all()
    assert not slope[[0, 2]].any()


def test_what_is_taken_apart_stays_as_it_was() -> None:
    p = squashed(numbers((ITEMS,))[0])
    before = p.log_prob(torch.ones(ITEMS, 2, dtype=torch.float64))  # type: ignore[no-untyped-call]
    parts = stacked.taken_apart(p)
    parts.row([torch.zeros_like(t) for t in parts.tensors])
    after = p.log_prob(torch.ones(ITEMS, 2, dtype=torch.float64))  # type: ignore[no-untyped-call]
    assert torch.equal(before, after)


def test_a_distribution_that_holds_a_module_is_refused() -> None:
    p = Normal(torch.zeros(2), 1.0)
    p.net = torch.nn.Linear(2, 2)  # type: ignore[attr-defined]
    with pytest.raises(NotApplicable, match="holds the module Linear"):
        stacked.taken_apart(p)
