"""Markov decision processes: against sums over trajectories in plain loops, by hand, and by sampling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.distributions.tokens import Tokens
from bench.distributions.trajectories import successors_of
from bench.engine.streams import Address, stream
from bench.engine.truth import exact_gradient
from bench.errors import Invalid
from bench.problem import NotApplicable
from tests.cases import estimates_of
from tests.decision_processes import Tables, by_hand, drawn, two_states
from tests.decision_processes import value as value_by_hand
from tests.parameters import some
from tests.policies import exact, gradient, policy
from tests.test_unbiasedness import z_scores

# One number each from 400 000 trajectories, one gradient of 116 coordinates from 40 000 estimates, and the
# frequencies of 838 trajectories. |z| > 5.5 has probability 4e-8 for a normal number, |z| > 4 6e-5: the file
# raises a false alarm with probability below 2e-4.
Z_LIMIT = 5.5
VALUE_LIMIT = 4.0

CASES = {
    "random start": drawn(0),
    "one start": drawn(1, several=False),
    "three actions": drawn(2, S=2, A=3),
    "one step": drawn(3, horizon=1),
    "longer": drawn(4, S=2, horizon=5),
}
SMALL_GRID = {"size": 2, "horizon": 3, "hidden": 3, "slip": 0.3, "discount": 0.7, "seed": 1}


def gridworld(**options: Any) -> Any:
    return policy("gridworld", **options)


def slope(value: Tensor, theta: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(value.sum(), theta)
    return found


def sampled(problem: Any, count: int, seed: int = 0) -> Tensor:
    """`[count, 1, T]` trajectories."""
    with stream(Address(seed, "test", count, "estimates"), torch.device("cpu")) as draws:
        draws.begin(0, 1)
        found: Tensor = problem.distribution(problem.theta[None]).sample((count,))
    return found


# --- value and gradient ---------------------------------------------------------------------------


@pytest.mark.parametrize("tables", CASES.values(), ids=CASES)
def test_value_and_gradient_are_those_of_a_sum_over_trajectories(tables: Tables) -> None:
    problem = tables.problem()
    total, own = by_hand(tables)
    for rule in (problem.expectation, problem.expectation_check, problem._forwards):
        theta = problem.theta[None].requires_grad_()
        value = rule(theta)
        assert float(value.detach()) == pytest.approx(total, rel=1e-12)
        torch.testing.assert_close(slope(value, theta)[0], torch.tensor(own), rtol=1e-10, atol=1e-12)
    assert np.linalg.norm(own) > 0.05


@pytest.mark.parametrize(
    "changed",
    [
        {"discount": 0.81},
        {"horizon": 4},
        {"rewards": -CASES["one start"].rewards},
        {"transitions": CASES["one start"].transitions[::-1]},
        {"start": np.eye(3)[0]},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_process_has_another_gradient(changed: dict[str, Any]) -> None:
    # The control: each of the tables matters to what is compared above.
    tables = CASES["one start"]
    _, own = by_hand(tables)
    other = gradient(tables._replace(**changed).problem())
    assert float((other - torch.tensor(own)).norm()) > 1e-3


def test_two_states_by_hand() -> None:
    # With p_s the probability of action 1 in state s, the values of the last step are p₀ and 2 p₁, so that
    # F = p₀ + γ((1 − p₀) p₀ + p₀ · 2 p₁). In the logits η_s of action 1, with dp_s/dη_s = p_s(1 − p_s),
    # ∂F/∂η₀ = p₀(1 − p₀)(1 + γ(1 − 2 p₀ + 2 p₁)) and ∂F/∂η₁ = 2 γ p₀ p₁(1 − p₁).
    p, r, g = 1 / (1 + np.exp(-0.4)), 1 / (1 + np.exp(0.3)), 0.8
    problem = two_states(g)
    assert float(problem.expectation(problem.theta[None])) == pytest.approx(
        p + g * ((1 - p) * p + 2 * p * r), rel=1e-14
    )
    first = p * (1 - p) * (1 + g * (1 - 2 * p + 2 * r))
    second = 2 * g * p * r * (1 - r)
    found = gradient(problem)
    assert found.tolist() == pytest.approx([-first, first, -second, second], rel=1e-12)


def test_the_field_that_is_the_default() -> None:
    # With two steps and two equally likely actions V₁ = (½, 1.85), and sowing leads to state 1 nine times in
    # ten: F = ½ (1 + ½) + ½ (.1 · ½ + .9 · 1.85).
    problem = policy("mdp", horizon=2)
    assert float(problem.expectation(problem.theta[None])) == pytest.approx(1.6075, rel=1e-14)


def test_rows_of_theta_are_apart() -> None:
    problem = CASES["random start"].problem()
    theta = torch.stack([problem.theta, problem.theta * 0.3])
    alone = torch.cat([problem.expectation(row[None]) for row in theta])
    torch.testing.assert_close(problem.expectation(theta), alone, rtol=1e-14, atol=0)
    x = sampled(problem, 5).expand(-1, 2, -1)
    of_rows = torch.cat([problem.values(x[:, :1], row[None]) for row in theta], 1)
    torch.testing.assert_close(problem.values(x, theta), of_rows, rtol=1e-14, atol=0)


def test_the_default_policy_is_uniform() -> None:
    options = {**CASES["one start"].options}
    del options["logits"]
    problem = build("problems", "mdp", options)
    assert problem.theta.tolist() == [0.0] * 6
    flat = CASES["one start"]._replace(logits=np.zeros((3, 2)))
    assert float(problem.expectation(problem.theta[None])) == pytest.approx(by_hand(flat)[0], rel=1e-12)


# --- trajectories ---------------------------------------------------------------------------------

PROBLEMS = {name: tables.problem() for name, tables in CASES.items()} | {"gridworld": gridworld(**SMALL_GRID)}
each_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


@each_problem
def test_trajectories_are_those_of_tokens_in_turn(problem: Any) -> None:
    # The general rules of `Tokens`, one token after the other, on the same uniform numbers.
    p = problem.distribution(problem.theta * torch.tensor([[1.0], [0.3], [-2.0]]).double())
    torch.manual_seed(0)
    x = p.sample((400,))
    torch.manual_seed(0)
    assert torch.equal(x, Tokens.sample(p, (400,)))
    torch.testing.assert_close(p.token_log_probs(x), Tokens.token_log_probs(p, x), rtol=1e-14, atol=1e-14)
    assert torch.equal(p.mask(x), Tokens.mask(p, x))
    assert bool(p.entropies(x).isfinite().all())


def test_what_is_impossible_is_not_drawn_by_rounding() -> None:
    # The probabilities of the two states that may come add up to less than one.
    moves = torch.tensor([0.0, 0.3, 0.6999, 0.0]).double().expand(4, 1, 4).clone()
    moves[3] = 0.25  # here all four may
    successors, beneath = successors_of(moves)
    assert successors[0, 0, :2].tolist() == [1, 2]
    assert beneath[0, 0].tolist() == pytest.approx([0.3, math.inf, math.inf])
    assert beneath[3, 0].tolist() == [0.25, 0.5, 0.75]


@each_problem
def test_all_trajectories_are_enumerated_and_none_that_is_impossible(problem: Any) -> None:
    points = problem.points()
    assert float(points.weights.sum()) == pytest.approx(1, rel=1e-12)
    assert float(points.weights.min()) > 0
    assert len(torch.unique(points.x[:, 0], dim=0)) == len(points.x)


def frequency_z_scores(problem: Any, weights: Tensor, count: int) -> Tensor:
    """How often each trajectory comes, against its probability."""
    keys = {tuple(x): i for i, x in enumerate(problem.points().x[:, 0].tolist())}
    found = torch.zeros_like(weights)
    for x in sampled(problem, count)[:, 0].tolist():
        found[keys[tuple(x)]] += 1
    often = weights * count > 30  # so that counts are about normal
    return ((found - count * weights) / (count * weights * (1 - weights)).sqrt())[often]


@pytest.mark.parametrize("name", some(["random start", "gridworld"], 1))
def test_trajectories_come_as_often_as_they_should(name: str) -> None:
    problem = PROBLEMS[name]
    weights = problem.points().weights
    assert frequency_z_scores(problem, weights, 40_000).abs().max() < Z_LIMIT
    # The control: as often as another policy would have them.
    x = problem.points().x
    other = problem.distribution((problem.theta + torch.linspace(0, 2, len(problem.theta)))[None])
    assert frequency_z_scores(problem, other.log_prob(x).exp()[:, 0], 40_000).abs().max() > 2 * Z_LIMIT


@each_problem
def test_values_are_the_mean_of_what_comes(problem: Any) -> None:
    x, weights, _ = problem.points()
    factors = problem.discount ** problem.steps(x.shape[-1]).double()
    rewards = problem.discounted(x, problem.theta[None])[:, 0]  # [S, T]
    values = problem.values(x, problem.theta[None])[:, 0] * factors
    mask = problem.distribution(problem.theta[None]).mask(x)[:, 0]
    for i in range(x.shape[-1]):
        prefixes = [tuple(each) for each in x[:, 0, :i].tolist()]
        places = {prefix: k for k, prefix in enumerate(dict.fromkeys(prefixes))}
        which = torch.tensor([places[prefix] for prefix in prefixes])
        mass = torch.zeros(len(places), dtype=weights.dtype).index_add(0, which, weights)
        rest = torch.zeros_like(mass).index_add(0, which, weights * rewards[:, i:].sum(-1))
        wanted = (rest / mass)[which] * mask[:, i]
        torch.testing.assert_close(values[:, i], wanted, rtol=1e-10, atol=1e-12)
    assert float(values.std()) > 0.01


@pytest.mark.parametrize(
    ("name", "steps"), [("random start", [0, 0, 0, 1, 1, 2]), ("one start", [0, 0, 1, 1, 2])]
)
def test_tokens_belong_to_the_step_of_their_action(name: str, steps: list[int]) -> None:
    tables, problem = CASES[name], PROBLEMS[name]
    x, theta = sampled(problem, 7), problem.theta[None]
    assert problem.steps(x.shape[-1]).tolist() == steps
    costs, values = problem.cost(x, theta)[:, 0], problem.values(x, theta)[:, 0]
    first = [] if len(steps) == 6 else [2]
    for tokens, found, of_tokens, cost in zip(
        x[:, 0].long().tolist(), problem.discounted(x, theta)[:, 0], values, costs, strict=True
    ):
        pairs = list(zip([*first, *tokens][::2], [*first, *tokens][1::2], strict=True))
        wanted = [0.8**t * tables.rewards[pair] for t, pair in enumerate(pairs)]
        actions = slice(1 - len(first), None, 2)
        assert found[actions].tolist() == pytest.approx(wanted, rel=1e-12)
        assert float(found.sum()) == float(cost) == pytest.approx(sum(wanted), rel=1e-12)
        of_states = [value_by_hand(tables, t, state) for t, (state, _) in enumerate(pairs)]
        assert of_tokens[actions].tolist() == pytest.approx(of_states, rel=1e-12)


def test_beyond_two_to_the_sixteen_trajectories_none_are_listed() -> None:
    problem = drawn(5, horizon=8).problem()
    with pytest.raises(NotApplicable, match="at most 65536"):
        problem.points()
    assert exact_gradient(problem).kind == "closed_form"


# --- estimators that know nothing of states -------------------------------------------------------


@pytest.mark.parametrize("several", [True, False], ids=["random start", "one start"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("reinforce", {}), ("reinforce", {"baseline": "leave_one_out"}), ("group_policy", {})],
    ids=str,
)
def test_reinforce_is_unbiased(several: bool, name: str, options: dict[str, Any]) -> None:
    problem = drawn(0, horizon=2, several=several).problem()
    truth = gradient(problem)
    found = exact(problem, 2, name, **options)
    torch.testing.assert_close(found.mean, truth, rtol=1e-9, atol=1e-12)
    # The control: of a mean that includes the answer itself half is left.
    shrunk = exact(problem, 2, baseline="mean")
    torch.testing.assert_close(shrunk.mean, truth / 2, rtol=1e-9, atol=1e-12)


# --- the gridworld --------------------------------------------------------------------------------


def walked(problem: Any, count: int) -> float:
    """The z-score of the mean return of some walks against F."""
    with torch.no_grad():
        returns = problem.cost(sampled(problem, count), problem.theta[None])[:, 0]
    wanted = problem.expectation(problem.theta[None])[0]
    return float((returns.mean() - wanted) / (returns.std() / count**0.5))


@pytest.mark.slow
@pytest.mark.parametrize("features", some(["coordinates", "one_hot"], 1))
def test_the_return_of_a_gridworld_is_that_of_long_sampling(features: str) -> None:
    problem = gridworld(features=features, seed=2)
    assert abs(walked(problem, 200_000)) < VALUE_LIMIT
    # The control: F without the last step, a step of γ⁴ · 0.02 and what is found in it.
    shorter = gridworld(features=features, seed=2, horizon=19)
    problem.expectation = shorter.expectation
    assert abs(walked(problem, 200_000)) > VALUE_LIMIT


@pytest.mark.slow
def test_the_gradient_of_a_gridworld_is_that_of_sampling() -> None:
    problem = gridworld()
    truth = gradient(problem)
    estimates = estimates_of(
        build("estimators", "reinforce", {"baseline": "leave_one_out"}), problem, 4, 40_000
    )
    assert z_scores(estimates, truth).abs().max() < Z_LIMIT
    # The control: with another discount.
    other = gradient(gridworld(discount=0.9))
    assert z_scores(estimates, other).abs().max() > 2 * Z_LIMIT


@pytest.mark.parametrize("options", [SMALL_GRID, {**SMALL_GRID, "features": "one_hot", "slip": 0.0}])
def test_a_small_gridworld_is_enumerated(options: dict[str, Any]) -> None:
    problem = gridworld(**options)
    found = []
    for rule in (problem.expectation, problem.expectation_check, problem._forwards):
        theta = problem.theta[None].requires_grad_()
        value = rule(theta)
        found.append(torch.cat([value.detach(), slope(value, theta)[0]]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(found[2], found[0], rtol=1e-11, atol=1e-13)
    assert float(found[0][1:].norm()) > 0.01


def test_nothing_follows_an_early_end() -> None:
    """Of walks of four steps some end after two: what stands after it is 0, and counts once."""
    problem = gridworld(size=2, horizon=4, slip=0.0, hidden=1, discount=1.0)
    x, weights, _ = problem.points()
    assert float(weights.sum()) == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(
        problem.expectation_check(problem.theta[None]), problem.expectation(problem.theta[None])
    )
    ended = x[..., 0, 3] == 3  # at the goal after two moves
    assert ended.any()
    assert (x[ended][..., 4:] == 0).all()


def test_a_start_may_be_impossible_before_one_that_is_not() -> None:
    tables = CASES["random start"]._replace(start=np.array([0.0, 0.3, 0.7]))
    x = sampled(tables.problem(), 20_000)
    shares = [float((x[:, 0, 0] == state).double().mean()) for state in range(3)]
    assert shares[0] == 0
    assert shares[1] == pytest.approx(0.3, abs=VALUE_LIMIT * (0.21 / 20_000) ** 0.5)


def test_the_pit_the_seed_and_the_coordinates_of_a_gridworld() -> None:
    pits = {
        size: gridworld(size=size).arrival_rewards.eq(-1).nonzero().flatten().tolist()
        for size in (2, 3, 4, 5)
    }
    assert pits == {2: [], 3: [4], 4: [10], 5: [12]}
    first, second = gridworld(seed=0), gridworld(seed=1)
    assert not torch.equal(first.theta, second.theta)
    assert torch.equal(first.theta, gridworld(seed=0).theta)
    assert first.cells.min(0).values.tolist() == [-1, -1]
    assert first.cells.max(0).values.tolist() == [1, 1]


def test_the_two_rules_of_a_large_gridworld_agree() -> None:
    problem = gridworld()
    values = []
    for rule in (problem.expectation, problem.expectation_check):
        theta = problem.theta[None].requires_grad_()
        value = rule(theta)
        values.append(torch.cat([value.detach(), slope(value, theta)[0]]))
    torch.testing.assert_close(values[1], values[0], rtol=1e-10, atol=1e-13)


def test_walks_stay_on_the_grid_and_end_where_they_should() -> None:
    problem = gridworld(slip=0.0)
    x = sampled(problem, 300)[:, 0].long()
    ended = 0
    for tokens in x.tolist():
        cell = 0
        for step in range(20):
            action, arrival = tokens[2 * step : 2 * step + 2]
            row, column = divmod(cell, 5)
            row, column = [(row - 1, column), (row, column + 1), (row + 1, column), (row, column - 1)][action]
            cell = 5 * min(max(row, 0), 4) + min(max(column, 0), 4)
            assert arrival == cell
            if cell in (12, 24):
                assert tokens[2 * step + 2 :] == [0] * (38 - 2 * step)
                ended += 1
                break
    assert 50 < ended < 300


def test_a_slip_is_to_either_side() -> None:
    problem = gridworld(slip=0.3)
    wanted = torch.zeros(25, dtype=torch.float64)
    wanted[[2, 6, 8]] = torch.tensor([0.7, 0.15, 0.15], dtype=torch.float64)  # up from cell 7
    torch.testing.assert_close(problem.transitions[7, 0], wanted)
    corner = torch.zeros(25, dtype=torch.float64)
    corner[[0, 1]] = torch.tensor([0.85, 0.15], dtype=torch.float64)  # up from cell 0, where walls are
    torch.testing.assert_close(problem.transitions[0, 0], corner)


def test_a_return_by_hand_on_a_small_grid() -> None:
    # Right, then down, without slips: two steps, and the goal at the end of the second.
    problem = gridworld(size=2, horizon=4, slip=0.0, discount=0.9, step_cost=0.1)
    x = torch.tensor([1.0, 1, 2, 3, 0, 0, 0, 0], dtype=torch.float64).view(1, 1, -1)
    wanted = [-0.1, 0, 0.9 * -0.1, 0.9, 0, 0, 0, 0]
    assert problem.discounted(x, problem.theta[None]).flatten().tolist() == pytest.approx(wanted, rel=1e-12)
    assert problem.distribution(problem.theta[None]).mask(x).flatten().tolist() == [1] * 4 + [0] * 4
    assert problem.values(x, problem.theta[None])[0, 0, 3:].tolist() == pytest.approx([1, 0, 0, 0, 0])


# --- what is refused ------------------------------------------------------------------------------

GIVEN = CASES["one start"].options


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 0}, "horizon must be between 1 and 2000, got 0"),
        ({"discount": 1.2}, r"discount must be in \[0, 1\], got 1.2"),
        ({"rewards": [1, 2, 3]}, "wanted a list of numbers"),
        ({"rewards": [[1, 2], [3]]}, "row 1 has"),
        ({"rewards": [[1], [2], [3]]}, "at least two actions"),
        ({"transitions": GIVEN["transitions"][:2]}, "rewards have rows of 3 states, transitions of 2"),
        (
            {"transitions": [GIVEN["transitions"][0][:1], *GIVEN["transitions"][1:]]},
            "wanted a row for each of 2 actions, got 1",
        ),
        ({"transitions": [[[0.5, 0.5, 0.1], [0, 0, 1]], *GIVEN["transitions"][1:]]}, "add up to 1, got 1.1"),
        ({"transitions": [[[1.5, -0.5, 0], [0, 0, 1]], *GIVEN["transitions"][1:]]}, "not negative"),
        ({"transitions": [[[0.5, 0.5], [0, 0, 1]], *GIVEN["transitions"][1:]]}, "of 3 states, got 2"),
        ({"start": 3}, "start must be one of 3 states, 0 to 2, got 3"),
        ({"start": [0.5, 0.4, 0.0]}, "add up to 1, got 0.9"),
        ({"start": [0.5, 0.5, 1e-6]}, "add up to 1"),
        ({"logits": [[0.1, 0.2]]}, r"wanted logits of the shape \[3, 2\], got \[1, 2\]"),
    ],
    ids=str,
)
def test_a_process_that_is_none(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message) as error:
        build("problems", "mdp", {**GIVEN, **change})
    assert error.value.faults[0].path[:1] == (next(iter(change)),)


def test_all_faults_are_told_with_their_places() -> None:
    bad = [[[0.5, 0.4, 0.0], [0, 0, 1]], [[1, 0, 0], [0, 2, 0]], [[1, 0, 0], [1, 0, 0]]]
    with pytest.raises(Invalid) as error:
        build("problems", "mdp", {**GIVEN, "transitions": bad, "start": -1})
    assert [fault.path for fault in error.value.faults] == [
        ("transitions", 0, 0),
        ("transitions", 1, 1),
        ("start",),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 1}, "size must be between 2 and 16, got 1"),
        ({"horizon": 0}, "horizon must be between 1 and 2000"),
        ({"horizon": 100_000}, "horizon must be between 1 and 2000, got 100000"),
        ({"slip": 1.5}, r"slip must be in \[0, 1\], got 1.5"),
        ({"discount": -0.1}, r"discount must be in \[0, 1\]"),
        ({"hidden": 0}, "hidden must be between 1 and 4096"),
        ({"hidden": 10_000_000}, "hidden must be between 1 and 4096"),
        ({"features": "pixels"}, "coordinates"),
        ({"step_cost": float("inf")}, "step_cost must be finite"),
    ],
    ids=str,
)
def test_a_gridworld_that_is_none(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message) as error:
        build("problems", "gridworld", change)
    assert [fault.path for fault in error.value.faults] == [(next(iter(change)),)]


def test_a_policy_knows_its_values_only_where_it_says_so() -> None:
    problem = build("problems", "sequence_policy", {"length": 2, "reward": "z[0]", "log_odds": [0.4, -0.3]})
    with pytest.raises(NotApplicable, match="values of its states"):
        problem.values(torch.zeros(1, 1, 2), problem.theta[None])
