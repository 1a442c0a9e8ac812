"""The lean normal law against torch's own."""

import pytest
import torch
from torch.distributions import Independent, kl_divergence
from torch.distributions import Normal as TorchNormal

from bench.distributions.normal import Normal

SHAPES = [  # of x, of loc and scale before they are broadcast
    ((7, 5), (5,), (5,)),
    ((6, 4, 3, 2), (4, 3, 2), (4, 3, 2)),
    ((6, 4), (4,), ()),
    ((6, 4), (), (4,)),
    ((3,), (4, 3), (4, 3)),
    ((), (4, 3), (3,)),
    ((), (), ()),
]


def leaf(shape, seed, positive=False):
    generator = torch.Generator().manual_seed(seed)
    value = torch.randn(shape, generator=generator, dtype=torch.float64)
    return (value.exp() if positive else value).requires_grad_()


def inputs(shapes):
    x, loc, scale = shapes
    return leaf(x, 1), leaf(loc, 2), leaf(scale, 3, positive=True)


def seeded(draw):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return draw()


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_log_prob_and_its_gradients_are_those_of_torch(shapes):
    x, loc, scale = inputs(shapes)
    ours, theirs = (cls(loc, scale).log_prob(x) for cls in (Normal, TorchNormal))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    weights = leaf(theirs.shape, 4).detach()
    got, wanted = (torch.autograd.grad(y, (x, loc, scale), weights) for y in (ours, theirs))
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "shapes", [((70, 5), (5,), (5,)), ((3000, 4), (4,), ()), ((3, 300), (), (300,))], ids=str
)
def test_the_compiled_density_is_the_other_one(shapes, turned, dtype):
    x, loc, scale = (v.detach().to(dtype) for v in inputs(shapes))
    x = x.t().contiguous().t() if turned else x
    weights = leaf(x.shape, 4).detach().to(dtype)
    answers = []
    for samples in (x, x.clone().requires_grad_()):  # those that are differentiated take the other way
        p = Normal(loc.clone().requires_grad_(), scale.clone().requires_grad_(), validate_args=False)
        log_prob = p.log_prob(samples)
        names = type(log_prob.grad_fn).__name__
        assert names.startswith("_CompiledLogDensity" if samples is x else "_LogDensity")
        answers.append((log_prob, *torch.autograd.grad(log_prob, (p.loc, p.scale), weights)))
    rounding = 1e-12 if dtype is torch.float64 else 3e-5
    torch.testing.assert_close(answers[0], answers[1], rtol=rounding, atol=rounding)


def test_the_compiled_density_may_be_differentiated_twice():
    x, loc, scale = inputs(((18, 4), (4,), (4,)))

    def density(loc, scale):
        return Normal(loc, scale, validate_args=False).log_prob(x.detach())

    assert torch.autograd.gradcheck(density, (loc, scale))
    assert torch.autograd.gradgradcheck(density, (loc, scale))


def test_what_is_not_finite_stays_so_in_the_compiled_density():
    x = torch.tensor([[0.0, torch.inf, torch.nan], [1.0, 1.0, 1.0]])
    loc = torch.zeros(3, requires_grad=True)
    log_prob = Normal(loc, torch.ones(3), validate_args=False).log_prob(x)
    (gradient,) = torch.autograd.grad(log_prob, loc, torch.ones(2, 3))
    assert log_prob[0, 1] == -torch.inf
    assert log_prob[0, 2].isnan()
    assert gradient[:2].tolist() == [1.0, torch.inf]
    assert gradient[2].isnan()


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_log_prob_passes_gradcheck(shapes):
    assert torch.autograd.gradcheck(lambda x, loc, scale: Normal(loc, scale).log_prob(x), inputs(shapes))


@pytest.mark.parametrize("wanted", [(True, False, False), (False, True, False), (False, False, True)])
def test_only_the_gradients_that_are_wanted_are_taken(wanted):
    tensors = [v.detach().requires_grad_(w) for v, w in zip(inputs(SHAPES[0]), wanted, strict=True)]
    x, loc, scale = tensors
    Normal(loc, scale).log_prob(x).sum().backward()
    assert tuple(v.grad is not None for v in tensors) == wanted


def test_log_prob_keeps_the_type():
    p = Normal(torch.zeros(3), torch.ones(3))
    assert p.log_prob(torch.ones(2, 3)).dtype == torch.float32
    assert p.rsample((2,)).dtype == torch.float32
    assert Normal(torch.zeros(3).double(), 1.0).sample().dtype == torch.float64


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_log_prob_may_be_differentiated_twice(shapes):
    assert torch.autograd.gradgradcheck(lambda x, loc, scale: Normal(loc, scale).log_prob(x), inputs(shapes))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (5,), (3, 40)])
def test_samples_are_the_same_numbers_from_all_samplers(shape, dtype):
    loc, scale = leaf(shape, 2).to(dtype), leaf(shape, 3, positive=True).to(dtype)
    draws = [
        seeded(lambda sampler=sampler: sampler((11,)))
        for sampler in (
            Normal(loc, scale).sample,
            Normal(loc, scale).rsample,
            TorchNormal(loc, scale).sample,
            TorchNormal(loc, scale).rsample,
        )
    ]
    # Torch's own draw along the other axis where there are more samples than locations.
    same = draws[:2] if shape == (5,) else draws
    for draw in same:
        assert torch.equal(draws[0], draw)
    assert not draws[0].requires_grad
    assert draws[1].requires_grad


def test_rsample_has_the_gradients_of_torch():
    loc, scale = leaf((4, 3), 2), leaf((3,), 3, positive=True)
    weights = leaf((6, 4, 3), 4).detach()
    got, wanted = (
        torch.autograd.grad(seeded(lambda cls=cls: cls(loc, scale).rsample((6,))), (loc, scale), weights)
        for cls in (Normal, TorchNormal)
    )
    torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


def test_moments_of_the_samples():
    loc, scale, n = 2.3, 0.7, 200_000
    x = seeded(lambda: Normal(torch.tensor(loc).double(), scale).sample((n,)))
    z = (x - loc) / scale
    # The standard errors of the mean of z and of z² are √(1/n) and √(2/n). Two-sided
    # false alarms at five of them: 6e-7 each.
    assert abs(z.mean()) < 5 * (1 / n) ** 0.5
    assert abs(z.square().mean() - 1) < 5 * (2 / n) ** 0.5
    assert abs((1.01 * z).square().mean() - 1) > 5 * (2 / n) ** 0.5  # 1 % of the scale would be noticed


def test_it_expands_and_is_made_independent_as_itself():
    p = Normal(leaf((3,), 2), leaf((3,), 3, positive=True), validate_args=False)
    wide = p.expand((4, 3))
    assert type(wide) is Normal
    assert wide.batch_shape == (4, 3)
    independent = Independent(p, 1, validate_args=False).expand((4,))
    assert type(independent.base_dist) is Normal
    x = leaf((6, 4, 3), 1)
    torch.testing.assert_close(independent.log_prob(x), wide.log_prob(x).sum(-1))


@pytest.mark.parametrize("event", [(), (3,)])
@pytest.mark.parametrize("dtypes", [(torch.float32, torch.float32), (torch.float32, torch.float64)])
def test_the_slope_of_a_sample_in_its_location_is_one(event, dtypes):
    loc = torch.ones((5, *event), dtype=dtypes[0], requires_grad=True)
    scale = torch.full((5, *event), 2.0, dtype=dtypes[1])
    x = Normal(loc, scale, validate_args=False).rsample((4,))
    assert x.dtype == TorchNormal(loc, scale).rsample((4,)).dtype
    weights = torch.rand_like(x)
    (found,) = torch.autograd.grad((weights * x).sum(), loc)
    torch.testing.assert_close(found, weights.sum(0).to(found.dtype))


def test_entropy_and_divergence_are_those_of_torch():
    ours, theirs = (
        [cls(leaf((3,), k), leaf((3,), k + 1, positive=True)) for k in (1, 5)]
        for cls in (Normal, TorchNormal)
    )
    assert torch.equal(ours[0].entropy(), theirs[0].entropy())
    assert torch.equal(kl_divergence(*ours), kl_divergence(*theirs))


def test_arguments_are_validated_when_asked():
    with pytest.raises(ValueError, match="scale"):
        Normal(torch.zeros(2), -torch.ones(2), validate_args=True)
    with pytest.raises(ValueError, match="support"):
        Normal(torch.zeros(2), torch.ones(2), validate_args=True).log_prob(torch.tensor(float("nan")))
