"""Families whose samples are made of noise by counter: distributions, densities and their derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch import distributions as of_torch

from bench.distributions import by_counter
from bench.distributions.mixture import NormalMixture
from bench.distributions.multivariate_normal import MultivariateNormal, triangle
from bench.formula.square import power
from bench.networks import perceptron
from bench.noise import drawn_from
from bench.noise.draws import Draws

LEVEL = 1e-5
"""The level of each test: some fifty of them raise a false alarm in one of 2000 choices of the key."""

CONTINUOUS: dict[str, tuple[of_torch.Distribution, Callable[..., object]]] = {
    "exponential": (by_counter.Exponential(torch.tensor([0.7])), stats.expon(scale=1 / 0.7).cdf),
    "half_normal": (by_counter.HalfNormal(torch.tensor([1.3])), stats.halfnorm(scale=1.3).cdf),
    "laplace": (by_counter.Laplace(torch.tensor([0.4]), torch.tensor([1.3])), stats.laplace(0.4, 1.3).cdf),
    "lognormal": (
        by_counter.LogNormal(torch.tensor([0.4]), torch.tensor([0.8])),
        stats.lognorm(0.8, scale=math.exp(0.4)).cdf,
    ),
    "normal_mixture": (
        NormalMixture(
            torch.tensor([[-1.0, 0.5, 2.0]]), torch.tensor([[0.5, 1.0, 0.2]]), torch.tensor([[0.2, 0.5, 0.3]])
        ),
        lambda z: sum(
            w * stats.norm.cdf(z, m, s) for w, m, s in ((0.2, -1, 0.5), (0.5, 0.5, 1), (0.3, 2, 0.2))
        ),
    ),
    "weibull": (
        by_counter.Weibull(torch.tensor([1.3]), torch.tensor([0.8])),
        stats.weibull_min(0.8, scale=1.3).cdf,
    ),
}


def samples(p: of_torch.Distribution, count: int = 200_000) -> Tensor:
    with drawn_from(Draws((11, 12))):
        return p.sample((count,))  # type: ignore[no-any-return, no-untyped-call]


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTINUOUS)
def test_samples_have_their_distribution(name: str) -> None:
    p, cdf = CONTINUOUS[name]
    x = samples(p)[:, 0].double().numpy()
    assert stats.kstest(x, cdf).pvalue > LEVEL
    assert stats.kstest(1.05 * x, cdf).pvalue < LEVEL


DISCRETE: dict[str, tuple[of_torch.Distribution, list[float]]] = {
    "bernoulli": (by_counter.Bernoulli(logits=torch.tensor([0.4])), [0.0, 1.0]),
    "categorical": (by_counter.Categorical(torch.tensor([[0.1, 0.0, 0.4, 0.5, 0.0]])), [0.0, 2.0, 3.0]),
    "geometric": (by_counter.Geometric(torch.tensor([0.3])), [float(k) for k in range(12)]),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_values_are_as_frequent_as_they_should_be(name: str) -> None:
    p, values = DISCRETE[name]
    x = samples(p)[:, 0]
    chance = torch.tensor([float(p.log_prob(torch.tensor([value])).exp()) for value in values])  # type: ignore[no-untyped-call]
    counts = torch.tensor([float((x == value).sum()) for value in values])
    if name == "geometric":  # all that are larger
        chance, counts = (
            torch.cat([chance, 1 - chance.sum(0, True)]),
            torch.cat([counts, (x > 11).sum(0, True)]),
        )
    assert int(counts.sum()) == len(x)
    chance = chance.double() / chance.double().sum()
    assert stats.chisquare(counts.numpy(), (chance * len(x)).numpy()).pvalue > LEVEL
    shifted = chance.roll(1)
    assert stats.chisquare(counts.numpy(), (shifted * len(x)).numpy()).pvalue < LEVEL


def test_the_edges_of_uniform_numbers_belong_to_what_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    many = torch.full((1, 1000), 1e-3)
    impossible_last = torch.cat([many, torch.zeros(1, 3)], 1)
    for u, wanted in ((1.0, 999), (2.0**-33, 0)):
        monkeypatch.setattr(by_counter.noise, "unit", lambda shape, like, u=u: like.new_full(shape, u))
        for probs in (many, impossible_last):
            assert by_counter.Categorical(probs).sample((1,)).tolist() == [[wanted]]
        assert by_counter.Bernoulli(torch.tensor([1.0, 0.0])).sample((1,)).tolist() == [[1.0, 0.0]]


@pytest.mark.slow
def test_rare_classes_are_drawn_wherever_they_stand() -> None:
    p = 2e-6
    for probs in ([p, 0.6, 0.4 - p], [0.6, p, 0.4 - p], [0.6, 0.4 - p, p]):
        place = probs.index(p)
        with drawn_from(Draws((21, 22))):
            x = by_counter.Categorical(torch.tensor([probs])).sample((10_000_000,))
        assert stats.binomtest(int((x == place).sum()), 10_000_000, p).pvalue > LEVEL
    edges = torch.tensor([[1 - 2e-8, 2e-8]]).cumsum(-1)
    assert float(edges[0, 0]) == 1  # what float32 would make of a class that is there
    assert float(torch.tensor([[1 - 2e-8, 2e-8]]).double().cumsum(-1)[0, 0]) == 1


@pytest.mark.parametrize(
    "p",
    [
        by_counter.LogNormal(torch.tensor(0.4), torch.tensor(0.8)),
        by_counter.HalfNormal(torch.tensor(1.3)),
        by_counter.Weibull(torch.tensor(1.3), torch.tensor(0.8)),
        by_counter.Laplace(torch.tensor(0.4), torch.tensor(1.3)),
        by_counter.Exponential(torch.tensor(0.7)),
        by_counter.Bernoulli(torch.tensor(0.7)),
        by_counter.Geometric(torch.tensor(0.7)),
        by_counter.Categorical(torch.tensor([0.2, 0.8])),
    ],
    ids=lambda p: type(p).__name__,
)
def test_a_law_of_one_number_may_be_drawn_from_and_expanded(p: of_torch.Distribution) -> None:
    assert p.sample().shape == ()  # type: ignore[no-untyped-call]
    more = p.expand((3,))
    assert type(more) is type(p)
    x = more.sample((5,))  # type: ignore[no-untyped-call]
    assert x.shape == (5, 3)
    assert torch.allclose(more.log_prob(x), p.log_prob(x))  # type: ignore[no-untyped-call]


def test_the_density_of_samples_along_their_path_may_be_differentiated_again() -> None:
    torch.manual_seed(1)
    lower = torch.tensor([0.7, 0.2, 1.3, -0.3, 0.1, 0.8], dtype=torch.float64).expand(2, -1).requires_grad_()
    loc = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    p = MultivariateNormal(loc, lower, validate_args=False)
    x = p.rsample((5,))
    found = [
        torch.autograd.grad(p.log_prob(x).sum(), [loc, lower], retain_graph=True, create_graph=again)
        for again in (False, True)
    ]
    assert all(torch.allclose(a, b) for a, b in zip(*found, strict=True))
    assert torch.allclose(found[1][0], torch.zeros(2, 3, dtype=torch.float64), atol=1e-12)


def test_what_is_certain_and_what_is_impossible() -> None:
    p = by_counter.Bernoulli(torch.tensor([0.0, 1.0, 1e-30]))
    assert samples(p).sum(0).tolist() == [0, 200_000, 0]
    last = by_counter.Categorical(torch.tensor([[0.5, 0.5, 0.0]]))
    assert int(samples(last).max()) == 1
    assert not by_counter.Geometric(torch.tensor([1.0])).sample((100,)).any()


@pytest.mark.parametrize("logits", [-40.0, -0.3, 0.0, 2.0, 40.0])
def test_the_mass_of_a_coin_and_its_slopes_are_those_of_torch(logits: float) -> None:
    given = torch.tensor([logits, logits / 2], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[0.0, 1.0], [1.0, 0.3], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    w = torch.tensor([[0.3, -1.0], [2.0, 0.1], [0.4, 0.4]], dtype=torch.float64)
    ours, theirs = (
        cls(logits=given, validate_args=False).log_prob(x)
        for cls in (by_counter.Bernoulli, of_torch.Bernoulli)
    )
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    of_x = [torch.autograd.grad((w * y).sum(), x, retain_graph=True)[0] for y in (ours, theirs)]
    assert torch.allclose(*of_x, rtol=1e-12, atol=1e-15)
    slopes = [torch.autograd.grad((w * y).sum(), given, create_graph=True)[0] for y in (ours, theirs)]
    assert torch.allclose(*slopes, rtol=1e-12, atol=1e-15)
    again = [torch.autograd.grad(each.sum(), given)[0] for each in slopes]
    assert torch.allclose(*again, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("of_x", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("N", [2, 9])
def test_the_density_of_normal_vectors_is_that_of_torch(N: int, shared: bool, of_x: bool) -> None:
    torch.manual_seed(0)
    D, R = 4, 3
    factor = torch.randn(D, D, dtype=torch.float64).tril()
    factor.diagonal().exp_()
    lower = triangle(factor).expand(R, -1)
    loc = torch.randn(D, dtype=torch.float64).expand(R, -1)
    if not shared:
        lower, loc = lower * torch.tensor([[1.0], [1.1], [0.8]], dtype=torch.float64), loc.clone()
    x = torch.randn(N, R, D, dtype=torch.float64)
    leaves = [each.detach().requires_grad_() for each in ([x, loc, lower] if of_x else [loc, lower])]
    loc, lower = leaves[-2:]
    x = leaves[0] if of_x else x
    rows, columns = torch.tril_indices(D, D)
    matrix = torch.zeros(R, D, D, dtype=torch.float64).index_put(
        (torch.arange(R)[:, None], rows, columns), lower
    )
    ours = MultivariateNormal(loc, lower, validate_args=False)
    theirs = of_torch.MultivariateNormal(loc, scale_tril=matrix, validate_args=False)
    densities = [p.log_prob(x) for p in (ours, theirs)]  # type: ignore[no-untyped-call]
    assert torch.allclose(*densities)
    w = torch.randn(N, R, dtype=torch.float64)
    slopes = [torch.autograd.grad((w * y).sum(), leaves, create_graph=True) for y in densities]
    assert all(torch.allclose(a, b) for a, b in zip(*slopes, strict=True))
    plain = torch.autograd.grad((w * densities[0]).sum(), leaves, retain_graph=True)
    assert all(torch.allclose(a, b) for a, b in zip(plain, slopes[1], strict=True))
    again = [torch.autograd.grad(sum(s.sin().sum() for s in each), leaves) for each in slopes]  # type: ignore[arg-type]
    assert all(torch.allclose(a, b) for a, b in zip(*again, strict=True))


@pytest.mark.parametrize("shared", [True, False])
def test_samples_of_normal_vectors_follow_their_parameters(shared: bool) -> None:
    D, R, N = 3, 2, 40
    lower = torch.tensor([0.7, 0.2, 1.3, -0.3, 0.1, 0.8], dtype=torch.float64).expand(R, -1)
    lower = (lower if shared else lower.clone()).detach().requires_grad_()
    loc = torch.zeros(R, D, dtype=torch.float64, requires_grad=True)
    with drawn_from(Draws((1, 2), 0, R)):
        z = MultivariateNormal(loc, lower, validate_args=False).rsample((N,))
    with drawn_from(Draws((1, 2), 0, R)):
        e = MultivariateNormal(loc, triangle(torch.eye(D)).double().expand(R, -1)).sample((N,))
    matrix = torch.tensor([[0.7, 0, 0], [0.2, 1.3, 0], [-0.3, 0.1, 0.8]], dtype=torch.float64)
    assert torch.allclose(z, e @ matrix.T)
    (slope,) = torch.autograd.grad(z.square().sum(), lower)
    wanted = torch.stack([triangle(2 * z[:, r].T @ e[:, r]) for r in range(R)])
    assert torch.allclose(slope, wanted.detach())


@pytest.mark.parametrize("same_inputs", [True, False])
def test_a_network_with_shared_weights_is_one_with_equal_weights(same_inputs: bool) -> None:
    torch.manual_seed(0)
    R, M = 3, 5
    sizes = [(4, 6), (6,), (6, 2), (2,)]
    one = [torch.randn(1, *size, dtype=torch.float64) for size in sizes]
    x = torch.randn(1 if same_inputs else R, M, 4, dtype=torch.float64).expand(R, -1, -1)

    def outcome(shared: bool) -> list[Tensor]:
        leaves = [(w.expand(R, *w.shape[1:]) if shared else w.repeat(R, *[1] * (w.dim() - 1))) for w in one]
        leaves = [w.detach().requires_grad_() for w in leaves]
        inputs = (x if shared else x.clone()).detach().requires_grad_()
        layers = [(leaves[0], leaves[1]), (leaves[2], leaves[3])]
        value = perceptron(inputs, layers)
        weights = torch.arange(value.numel(), dtype=torch.float64).view(value.shape)
        slopes = torch.autograd.grad((value * weights).sum(), [inputs, *leaves], retain_graph=True)
        twice = torch.autograd.grad((value * weights).sum(), [inputs, *leaves], create_graph=True)
        total = torch.stack([slope.sin().sum() for slope in twice]).sum()
        again = torch.autograd.grad(total, [inputs, *leaves], materialize_grads=True)
        return [value.detach(), *slopes, *again]

    for a, b in zip(outcome(True), outcome(False), strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("weights", ["one", "many"])
def test_the_slope_of_a_square_is_that_of_torch(weights: str) -> None:
    x = torch.linspace(-2, 3, 12, dtype=torch.float64).view(3, 4).requires_grad_()
    w = (
        torch.arange(12.0, dtype=torch.float64).view(3, 4)
        if weights == "many"
        else torch.tensor(0.5).double()
    )
    found = []
    for y in (power(x, 2.0), torch.pow(x, 2.0)):
        (plain,) = torch.autograd.grad((w * y).sum(), x, retain_graph=True)
        (slope,) = torch.autograd.grad((w * y).sum(), x, create_graph=True)
        (again,) = torch.autograd.grad(slope.sin().sum(), x)
        found.append((y.detach(), plain, slope.detach(), again))
    assert all(torch.allclose(a, b, rtol=1e-14) for a, b in zip(*found, strict=True))
    assert torch.equal(power(x, 3.0), x**3)
    (zero,) = torch.autograd.grad(power(x[:, :0], 2.0).sum(), x, allow_unused=True)
    assert not zero.any()
