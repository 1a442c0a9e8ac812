"""The generator's gradient: its path by hand, its costs, its training, and estimators that need a density."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench import catalogue
from bench.engine.streams import Address, stream
from bench.errors import Invalid
from bench.problem import NotApplicable
from bench.problems.gan import GAN
from bench.problems.modules.implicit_rows import ImplicitModuleRows
from tests.cases import EVERY, IMPLICIT, estimates_of, estimator_of

SMALL = {key: value for key, value in IMPLICIT["gan"].items() if key != "name"}
COSTS = ("saturating", "non_saturating")


def gan(**options: Any) -> ImplicitModuleRows:
    problem: ImplicitModuleRows = catalogue.build("problems", "gan", SMALL | options)
    return problem.to("cpu", torch.float64)


@pytest.fixture(scope="module")
def usual() -> ImplicitModuleRows:
    return gan()


def drawn(name: str, problem: ImplicitModuleRows, rows: int = 2, sample_size: int = 4) -> Tensor:
    with stream(Address(0, "gan", sample_size, "estimates"), torch.device("cpu"), 0) as draws:
        draws.begin(0, rows)
        theta = problem.theta.expand(rows, -1).requires_grad_()
        return estimator_of(name).gradient(problem, theta, sample_size)


def by_hand(problem: ImplicitModuleRows, noise: Tensor, cost: str) -> Tensor:
    """The gradient of the mean cost of noise, `[N, latent] -> [P]`, by plain modules."""
    net = problem.flat.put(problem.net, problem.theta)
    weights = [p for p in net.parameters() if p.requires_grad]
    hidden = (noise @ weights[0].T + weights[1]).tanh()
    pixels = 1 / (1 + (-(hidden @ weights[2].T + weights[3])).exp())
    D = 1 / (1 + (-net.discriminator(pixels)[:, 0]).exp())
    value = (1 - D).log() if cost == "saturating" else -D.log()
    return torch.cat([g.flatten() for g in torch.autograd.grad(value.mean(), weights)])


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("sampler", ["reparameterization", "antithetic"])
def test_the_path_is_that_of_plain_modules(cost: str, sampler: str) -> None:
    problem = gan(cost=cost)
    estimates = drawn(sampler, problem)
    with stream(Address(0, "gan", 4, "estimates"), torch.device("cpu"), 0) as draws:
        draws.begin(0, 2)
        count = 2 if sampler == "antithetic" else 4
        noise = problem.distribution(problem.theta.expand(2, -1)).noise.sample((count,))  # [N, 2, latent]
    noise = torch.cat([noise, -noise]) if sampler == "antithetic" else noise
    for row in range(2):
        torch.testing.assert_close(
            estimates[row], by_hand(problem, noise[:, row], cost), rtol=1e-9, atol=1e-12
        )
    other = by_hand(problem, noise[:, 0], COSTS[cost == "saturating"])
    assert not torch.allclose(estimates[0], other, rtol=1e-3)


APPLIES = {
    "reparameterization",
    "antithetic",
    "rqmc",
    "evolution_strategies",
    "evolution_strategies-forward",
    "evolution_strategies-independent",
    "evolution_strategies-orthogonal",
    "evolution_strategies-coordinates",
    "evolution_strategies-sphere",
    "evolution_strategies-rademacher",
    "simultaneous_perturbation",
    "simultaneous_perturbation-independent",
    "finite_differences",
    "finite_differences-forward",
    "finite_differences-independent",
}
"""Those that need samples or a path alone."""

BY_THE_SCORE = {name for name, (kind, _) in EVERY.items() if kind in ("reinforce", "mixture")}


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_estimators_that_need_a_density_do_not_apply(name: str, usual: ImplicitModuleRows) -> None:
    problem = usual
    if name in APPLIES:
        assert drawn(name, problem).any(1).all()
        return
    reason = "no density that is known" if name in BY_THE_SCORE else "."
    with pytest.raises(NotApplicable, match=reason):
        estimates_of(estimator_of(name), problem, 4, 2)


def test_with_noise_for_x_the_score_would_say_nothing() -> None:
    """The control: a score that is zero leaves a "score function" that is the path."""

    class Wrong(GAN):
        generate = GAN.__mro__[1].generate

        def cost(self, net: Any, z: Tensor) -> Tensor:
            return super().cost(net, net.generate(z))

    wrong = Wrong(**SMALL).resolve().to("cpu", torch.float64)
    torch.testing.assert_close(drawn("reinforce", wrong), drawn("reparameterization", gan()))


Z_LIMIT = 5.0  # two-sided p = 6e-7 for each of four means


def test_the_mean_of_paths_is_the_slope_of_the_mean_cost() -> None:
    """In two directions; the cost of the other kind, the control, has another slope."""
    problem, n, h = gan(cost="saturating"), 20_000, 1e-4
    directions = torch.randn(
        2, len(problem.theta), dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    paths = estimates_of(estimator_of("reparameterization"), problem, 1, n) @ directions.T  # [n, 2]
    noise = torch.randn(n, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

    def z(other: ImplicitModuleRows) -> Tensor:
        slopes = []
        with torch.no_grad():
            for direction in directions:
                ahead, behind = ((problem.theta + s * h * direction)[None] for s in (1, -1))
                ends = [
                    other.cost(other.sample_of(noise, at), at)[:, 0] for at in (ahead, behind)
                ]  # [n] each
                slopes.append((ends[0] - ends[1]) / (2 * h))
        differences = torch.stack(slopes, 1)  # [n, 2]
        error = ((paths.var(0) + differences.var(0)) / n).sqrt()
        return (paths.mean(0) - differences.mean(0)) / error

    assert z(problem).abs().max() < Z_LIMIT
    assert z(gan(cost="non_saturating")).abs().max() > Z_LIMIT


def train(**options: Any) -> dict[str, Any]:
    return {"train": {"steps": 15, "batch_size": 16} | options}


def test_training_is_the_same_again_and_for_both_costs() -> None:
    state = torch.default_generator.get_state()
    problem = gan(theta=train())
    ready = problem.prepared()
    assert torch.equal(torch.default_generator.get_state(), state)
    assert ready.prepared() is ready
    assert not torch.equal(ready.theta, problem.theta)
    again = pickle.loads(pickle.dumps(gan(theta=train(), cost="saturating"))).prepared()
    assert torch.equal(again.theta, ready.theta)
    weights = [copy.deepcopy(each.net.discriminator).state_dict() for each in (ready, again, problem)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])
    assert not any(p.requires_grad for p in ready.net.discriminator.parameters())
    assert not torch.equal(gan(theta=train(seed=1)).prepared().theta, ready.theta)


def test_without_steps_the_weights_are_those_at_first() -> None:
    assert torch.equal(gan(theta=train(steps=0)).prepared().theta, gan().theta)
    assert not torch.equal(gan(theta={"init": 1}).theta, gan().theta)


def test_a_trained_discriminator_tells_data_from_the_first_pictures() -> None:
    """After few steps, before the generator follows; at the start it cannot."""
    for steps, apart in ((0, False), (30, True)):
        ready = gan(hidden=32, theta=train(steps=steps, discriminator_steps=5, batch_size=64)).prepared()
        with torch.no_grad():
            x = ready.distribution(ready.theta[None]).sample((200,))[:, 0]  # [200, 64]
            made = ready.net.logits(x).sigmoid().mean()
            data = (
                ready.net.logits(torch.from_numpy(ready.pictures()["data"].reshape(8, 64))).sigmoid().mean()
            )
        assert (made < 0.2 and data > 0.8) == apart


def test_costs_where_the_discriminator_is_sure() -> None:
    """log(1 − D) has hardly any slope in the logit there, and −log D one of −1."""
    logits = torch.tensor([-6.0], dtype=torch.float64, requires_grad=True)
    for cost, slope in (("saturating", -1 / (1 + math.exp(6))), ("non_saturating", -1 / (1 + math.exp(-6)))):
        owner = GAN(cost=cost, **SMALL)

        class Sure:
            def logits(self, z: Tensor) -> Tensor:
                return logits

        (found,) = torch.autograd.grad(owner.cost(Sure(), logits).sum(), logits)  # type: ignore[arg-type]
        assert found.item() == pytest.approx(slope)


def test_pictures_are_of_the_generator_at_theta() -> None:
    pictures = gan().pictures()
    assert {name: stack.shape for name, stack in pictures.items()} == {
        "data": (8, 8, 8),
        "generated": (8, 8, 8),
    }
    moved = gan()
    moved.theta = moved.theta + 1
    assert not np.array_equal(moved.pictures()["generated"], pictures["generated"])
    assert all(stack.min() >= 0 and stack.max() <= 1 for stack in pictures.values())


def test_layers_are_blocks() -> None:
    found = gan(hidden=[4, 5])
    assert {"layer_1", "layer_2.weight", "layer_3.bias"} <= set(found.parameters)
    assert len(found.theta) == (3 * 4 + 4) + (4 * 5 + 5) + (5 * 64 + 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": 0}, "latent must be at least 1, got 0"),
        ({"hidden": []}, "widths must be at least 1"),
        ({"cost": "wasserstein"}, "wanted one of 'saturating', 'non_saturating'"),
        ({"theta": {"trian": {}}}, "did you mean 'train'"),
        ({"theta": {"train": {"steps": -1}}}, "steps must be at least 0"),
        ({"theta": {"train": {"discriminator_steps": 0}}}, "discriminator_steps must be at least 1"),
        ({"theta": {"train": {"estimator": "reinforce"}}}, "unknown option 'estimator'"),
        ({"theta": {"init": "a"}}, "init wants a seed"),
        ({"theta": {}}, "wanted {init: SEED}"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        gan(**options)
    assert message in str(caught.value)
