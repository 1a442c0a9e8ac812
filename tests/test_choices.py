"""Choices: the noise behind them gives the draw, the relaxed one, and the draw given the choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Independent, Normal, OneHotCategorical

from bench.distributions.by_counter import Bernoulli, Categorical
from bench.distributions.choices import Choices, choices_of
from bench.distributions.layered import Layered, layers_of
from bench.distributions.repeated import Repeated
from bench.distributions.state_probabilities import probabilities_of
from bench.distributions.states import states_of
from bench.problem import NotApplicable

N = 40_000
Make = Callable[[Tensor], Distribution]
BIT, BITS = torch.tensor([0.7]), torch.tensor([[0.7, -1.1, 3.0]])
CLASS, CLASSES = torch.tensor([[0.3, -2.0, 0.9]]), torch.tensor([[[0.3, -0.4, 0.9], [2.1, 0.5, -0.2]]])
FAMILIES: dict[str, tuple[Tensor, Make]] = {
    "bit": (BIT, lambda logits: Bernoulli(logits=logits)),
    "bits": (BITS, lambda logits: Independent(Bernoulli(logits=logits), 1)),
    "class": (CLASS, lambda logits: Categorical(logits=logits)),
    "classes": (CLASSES, lambda logits: Independent(Categorical(logits=logits), 1)),
    "one-hot": (CLASSES, lambda logits: Independent(OneHotCategorical(logits=logits), 1)),
}


def made(name: str) -> tuple[Tensor, Distribution, Choices]:
    logits, make = FAMILIES[name]
    theta = logits.double().requires_grad_()
    p = make(theta)
    return theta, p, choices_of(p)


def away(values: Tensor, wanted: Tensor) -> float:
    """By how many standard errors the mean of values, `[N, ...]`, is off."""
    error = values.std(0) / len(values) ** 0.5
    return float(((values.mean(0) - wanted).abs() / error.clamp(min=1e-12)).max())


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_noise_decides_with_the_right_probabilities(name: str) -> None:
    _, _, choices = made(name)
    corner = choices.corner(choices.perturbed(N))
    assert away(corner, choices.probs.detach()) < 4.5
    assert away(corner, choices.probs.detach().roll(1) * 0.9) > 4.5
    x = choices.value(corner)
    assert torch.equal(choices.corner_of(x).double(), corner)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_relaxed_draw_nears_the_choice_as_the_temperature_falls(name: str) -> None:
    _, _, choices = made(name)
    z = choices.perturbed(N)
    far, near = ((choices.relaxed(z, τ) - choices.corner(z)).detach().abs().mean() for τ in (1.0, 0.01))
    assert float(near) < 0.02 < float(far)


@pytest.mark.parametrize("name", FAMILIES)
def test_noise_given_the_choice_leads_to_it_and_is_distributed_like_the_noise(name: str) -> None:
    _, _, choices = made(name)
    z = choices.perturbed(N).detach()
    corner = choices.corner(z)
    again = choices.conditional(corner).detach()
    assert torch.equal(choices.corner(again), corner)
    for moment in (lambda v: v, torch.square, lambda v: v * corner, lambda v: v.sigmoid() ** 3):
        assert away(moment(z) - moment(again), torch.zeros(())) < 4.5
    assert away(z - choices.perturbed(N).detach() * 1.1, torch.zeros(())) > 0  # the test sees other noise


@pytest.mark.parametrize("make", [Categorical, OneHotCategorical])
@pytest.mark.parametrize("drawn", range(3))
def test_noise_given_the_choice_has_its_exact_law_for_rare_classes(make: Make, drawn: int) -> None:
    """e^−z of the class c that was drawn, and π_i (e^−z_i − e^−z_c) of the others, are exponential numbers.

    Maddison & Tarlow, in Tucker et al. (2017), appendix C.
    """
    choices = choices_of(make(logits=torch.tensor([[0.0, -6.0, 1.0]]).double()))
    corner = torch.eye(3).double()[drawn].expand(N, 1, 3)
    arrivals = (-choices.conditional(corner)).exp()
    least = arrivals[..., drawn : drawn + 1]
    others = choices.probs * (arrivals - least)
    e = torch.where(corner > 0.5, arrivals, others)
    for power, moment in ((1, 1.0), (2, 2.0)):
        assert away(e**power, torch.tensor(moment)) < 4.5
        assert away((0.9 * e) ** power, torch.tensor(moment)) > 4.5  # the control
    assert away(e * e.roll(1, -1), torch.tensor(1.0)) < 4.5  # they are independent


@pytest.mark.parametrize("name", FAMILIES)
def test_the_gradient_goes_through_the_noise_given_the_choice(name: str) -> None:
    """E[c(z̃) ∇log p + ∇c(z̃)] = ∇E c(z), which is the mean of ∇c(z) for the noise itself."""

    def gradients(through: bool) -> Tensor:
        logits, make = FAMILIES[name]
        theta = logits.double().expand(N, *logits.shape[1:]).clone().requires_grad_()
        p = make(theta)
        choices = choices_of(p)
        z = choices.perturbed(1)
        again = choices.conditional(choices.corner(z))
        again = again if through else choices.logits + (again - choices.logits).detach()
        control, conditional = (choices.total(choices.relaxed(each, 0.7) ** 2) for each in (z, again))
        score = p.log_prob(choices.value(choices.corner(z)))
        surrogate = control - conditional - conditional.detach() * score
        (gradient,) = torch.autograd.grad(surrogate.sum(), theta)
        return gradient

    assert away(gradients(True), torch.zeros(())) < 4.5
    assert away(gradients(False), torch.zeros(())) > 4.5


@pytest.mark.parametrize("name", FAMILIES)
def test_log_p_is_that_of_values_and_linear_between_them(name: str) -> None:
    theta, p, choices = made(name)
    x = states_of(p, 1000)[:, None]
    corners = choices.corner_of(x).double()
    log_prob = p.log_prob(x)
    assert torch.allclose(choices.log_prob(corners), log_prob)
    middle = choices.log_prob((corners + 3 * corners.roll(1, 0)) / 4)
    assert torch.allclose(middle, (log_prob + 3 * log_prob.roll(1, 0)) / 4)
    mean = (log_prob.exp() * log_prob).sum(0)
    assert torch.allclose(choices.mean_log_prob(), mean)
    found, wanted = (
        torch.autograd.grad(each.sum(), theta, retain_graph=True)[0]
        for each in (choices.mean_log_prob(), mean)
    )
    assert torch.allclose(found, wanted)


@pytest.mark.parametrize("name", FAMILIES)
def test_slopes_are_those_of_the_probabilities(name: str) -> None:
    theta, _, choices = made(name)
    v = torch.randn(choices.probs.shape, dtype=torch.float64)
    (wanted,) = torch.autograd.grad((choices.probs * v).sum(), theta, retain_graph=True)
    logits, weights = choices.term(choices.slope(choices.probs, v))
    count = choices.logits[0].numel()
    (found,) = torch.autograd.grad((logits * weights.detach()).sum() / count, theta, retain_graph=True)
    assert torch.allclose(found, wanted)
    fixed = choices.probs.detach()
    moving = fixed + choices.slope(fixed, choices.moving)
    assert torch.equal(moving, choices.probs)
    (found,) = torch.autograd.grad((moving * v).sum(), theta)
    assert torch.allclose(found, wanted)


@pytest.mark.parametrize("name", FAMILIES)
def test_another_class_is_chosen_at_one_place_only(name: str) -> None:
    _, p, choices = made(name)
    x = p.sample((50,))
    for place in ((),) if not choices.shape else ((0,), (1,)):
        for which in range(choices.classes):
            changed = choices.chosen(x, place, which)
            log_prob = choices.log_masses[(..., *place, which)]
            old = choices.chosen(changed, place, torch.zeros(changed.shape[:2]))
            difference = p.log_prob(changed) - p.log_prob(old)
            wanted = log_prob - choices.log_masses[(..., *place, 0)]
            assert torch.allclose(difference, wanted.expand_as(difference))


@pytest.mark.parametrize("name", FAMILIES)
def test_values_are_made_of_the_numbers_of_classes(name: str) -> None:
    _, p, choices = made(name)
    x = p.sample((50,))
    corner = choices.corner_of(x)
    which = corner if name.startswith("bit") else corner.argmax(-1)  # [N, R, *shape]
    assert torch.equal(choices.of_classes(which).to(x), x)


def test_the_log_odds_are_of_the_second_of_two_classes() -> None:
    for name, two in (("class", Categorical), ("one-hot", OneHotCategorical)):
        _, _, choices = made(name)
        with pytest.raises(NotApplicable, match="among 3 classes, and two are wanted"):
            _ = choices.log_odds
        logits = torch.tensor([[0.3, 1.1]]).double()
        assert torch.allclose(choices_of(two(logits=logits)).log_odds, logits[:, 1] - logits[:, 0])
    assert torch.equal(made("bits")[2].log_odds, BITS.double())


@pytest.mark.parametrize("name", FAMILIES)
def test_classes_have_numbers(name: str) -> None:
    _, p, choices = made(name)
    x = p.sample((50,))
    classes = choices.classes_of(x)
    assert classes.shape == (50, *choices.log_masses.shape[:-1])
    assert torch.equal(choices.of_classes(classes), x)
    by_class = choices.log_masses.expand(50, *choices.log_masses.shape).gather(-1, classes[..., None])
    assert torch.allclose(by_class.flatten(2).sum(-1), p.log_prob(x))
    moved = choices.of_classes((classes + 1) % choices.classes)
    assert not bool((choices.classes_of(moved) == classes).any())


@pytest.mark.parametrize("p", [Normal(torch.zeros(2), 1.0), Binomial(3, torch.full((2,), 0.4))])
def test_what_makes_no_choices_is_refused(p: Distribution) -> None:
    with pytest.raises(NotApplicable, match="independent choices"):
        choices_of(p)


@pytest.mark.parametrize("name", FAMILIES)
def test_all_values_are_enumerated_once(name: str) -> None:
    _, p, choices = made(name)
    states = states_of(p, 1000)
    assert len(states) == choices.classes ** max(1, choices.shape.numel() if choices.shape else 1)
    assert float(p.log_prob(states[:, None]).exp().sum().detach()) == pytest.approx(1)
    with pytest.raises(NotApplicable, match="at most 1 are enumerated"):
        states_of(p, 1)


@pytest.mark.parametrize("name", FAMILIES)
def test_probabilities_of_values_are_those_of_the_density(name: str) -> None:
    _, p, _ = made(name)
    states = states_of(p, 1000)
    probs = probabilities_of(p)(states)
    assert torch.allclose(probs, p.log_prob(states[:, None]).exp().movedim(0, -1))
    assert probs.sum(-1).tolist() == pytest.approx([1] * len(probs))
    assert not probs.requires_grad


def test_what_cannot_happen_has_the_probability_zero() -> None:
    bits = Independent(Bernoulli(probs=torch.tensor([[0.0, 0.3], [0.4, 1.0]])), 1)
    assert probabilities_of(bits)(states_of(bits, 4)).tolist() == [
        pytest.approx([0.7, 0.3, 0, 0]),
        pytest.approx([0, 0.6, 0, 0.4]),
    ]
    classes = Categorical(probs=torch.tensor([[0.0, 0.25, 0.75]]))
    assert probabilities_of(classes)(states_of(classes, 3)).tolist() == [[0, 0.25, 0.75]]
    assert float(classes.log_prob(torch.tensor(0)).exp()) > 0  # torch's logarithm is clamped


def test_probabilities_of_repeated_draws_are_products() -> None:
    bits = Independent(Bernoulli(logits=BITS[..., :2].double()), 1)
    pairs = Repeated(bits, 2)
    single = probabilities_of(bits)(states_of(bits, 4))  # [1, 4]
    found = probabilities_of(pairs)(states_of(pairs, 16))
    assert torch.allclose(found, (single[:, :, None] * single[:, None]).flatten(1))


def test_probabilities_of_layers_and_of_counts_add_up() -> None:
    counts = Independent(Binomial(3, torch.tensor([[0.2, 0.6]])), 1)
    for p in (layered(), counts):
        probs = probabilities_of(p)(states_of(p, 1000))
        assert probs.shape == (*p.batch_shape, 32 if p.event_shape == (5,) else 16)
        assert probs.sum(-1).tolist() == pytest.approx([1] * len(probs))


def layered() -> Layered:
    weights = torch.tensor([[0.5, -1.2, 0.3], [0.9, 0.4, -0.8]], dtype=torch.float64)

    def logits(t: int, before: Tensor) -> Any:
        if t == 0:
            return torch.tensor([0.7, -0.4], dtype=torch.float64).expand(*before.shape[:-1], 2)
        return before @ weights + 0.1

    return Layered([2, 3], logits, torch.Size([2]), weights)


def test_independent_choices_are_a_single_layer() -> None:
    for name in ("bit", "bits"):
        _, p, choices = made(name)
        net = layers_of(p)
        assert net.sizes == (max(1, choices.shape.numel()),)
        u = torch.rand(50, 1, *net.event_shape, dtype=torch.float64)
        units = net.completed(u[..., :0], u)
        assert torch.equal(units, (u <= net.logits(0, u).sigmoid()).double())
        x = net.value(units)
        assert x.shape == (50, *p.batch_shape, *p.event_shape)
        assert torch.equal(x.reshape(units.shape), units)
    p = layered()
    assert layers_of(p) is p
    with pytest.raises(NotApplicable, match="two are wanted"):
        layers_of(made("class")[1])


def test_layers_are_drawn_with_the_probabilities_of_their_states() -> None:
    p = layered()
    states = states_of(p, 32)
    probs = p.log_prob(states[:, None].expand(-1, 2, -1)).exp()[:, 0]
    assert float(probs.sum()) == pytest.approx(1)
    x = p.sample((N,))[:, 0]
    found = (x[:, None] == states).all(-1).double()  # [N, S]
    assert away(found, probs) < 4.5
    assert away(found, probs.roll(1)) > 4.5


def test_values_of_several_draws_are_all_tuples_of_those_of_one() -> None:
    _, base, _ = made("classes")
    p = Repeated(base, 2)
    states = states_of(p, 81)
    assert states.shape == (81, 2, 2)
    assert float(p.log_prob(states[:, None]).exp().sum().detach()) == pytest.approx(1)
    assert len({tuple(each.flatten().tolist()) for each in states}) == 81
    with pytest.raises(NotApplicable, match=r"9\^2 values, and at most 80"):
        states_of(p, 80)


def test_layers_of_too_many_units_are_not_laid_out() -> None:
    p = Layered([200, 200], lambda _t, before: before, torch.Size([1]), torch.zeros(()))
    with pytest.raises(NotApplicable, match=r"2\^400 values"):
        states_of(p, 1 << 20)


def test_layers_above_are_drawn_from_the_same_numbers() -> None:
    p = layered()
    u = torch.rand(200, 2, 5, dtype=torch.float64)
    whole = p.completed(u[..., :0], u)
    assert torch.equal(p.completed(whole[..., :2], u), whole)
    other = p.completed(1 - whole[..., :2], u)
    assert torch.equal(other[..., :2], 1 - whole[..., :2])
    assert 0 < float((other[..., 2:] != whole[..., 2:]).double().mean()) < 1
    same = p.completed(whole[..., :2], u[:1])
    assert torch.equal(same, torch.cat([p.completed(each[None, :, :2], u[:1]) for each in whole]))


@pytest.mark.parametrize("name", FAMILIES)
def test_slopes_by_class_add_up_to_what_they_add_in_the_points(name: str) -> None:
    _, p, choices = made(name)
    x = p.sample((50,))
    classes = choices.classes_of(x)
    for place in ((),) if not choices.shape else ((0,), (1,)):
        changed = choices.chosen(x, place, classes[(..., *place)])
        assert torch.equal(changed, x)
        assert not torch.equal(choices.chosen(x, place, 1 - classes[(..., *place)].clamp(max=1)), x)
    slopes = torch.randn(50, *choices.logits.shape, dtype=torch.float64)
    taken = choices.by_class(slopes).gather(-1, classes.unsqueeze(-1))
    wanted = choices.total(slopes * choices.corner_of(x))
    assert torch.allclose(taken.flatten(wanted.dim()).sum(-1), wanted)
