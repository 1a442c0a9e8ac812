"""Problems made of modules: against the built-in VAE, against loops, and against their own gradient."""

from __future__ import annotations

import copy
import functools
import pickle
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal
from torch.func import functional_call

import bench
from bench import catalogue
from bench.engine.contents import changed, contents
from bench.engine.truth import exact_gradient
from bench.estimator import Estimator, NotApplicable, gradient_of
from bench.noise import drawn_from
from bench.noise.draws import Draws
from bench.plugin_files import module_of
from bench.problem import Problem, VariationalProblem
from bench.problems.importance_weighted import ImportanceWeighted
from bench.problems.modules.row_calls import RowCalls
from bench.results.keys import key_of_truth, unlike
from tests.cases import (
    EVERY,
    POLICY_ESTIMATORS,
    REINFORCE,
    VARIATIONAL_ESTIMATORS,
    estimates_of,
    estimator_of,
    fitted_to,
)
from tests.own_modules import Coins, Regression, X, normal, problem_class, squares, vaes
from tests.parameters import spread
from tests.practice import experiment_on

# Of unbiasedness below: two problems, fifty estimators and nine coordinates; two-sided 6e-7 each: 5e-4.
Z_LIMIT = 5.0


def estimates(
    estimator: Estimator,
    problem: Problem,
    sample_size: int = 2,
    rows: int = 3,
    fitted_on: Problem | None = None,
) -> Tensor:
    """Some estimates from noise of one key, `[R, P]`."""
    fitted = fitted_to(estimator, fitted_on or problem, sample_size)
    theta = problem.theta.expand(rows, -1).requires_grad_()
    with drawn_from(Draws((7, 8), rows=rows)):
        return fitted.gradient(problem, theta, sample_size)


# One of those that need a policy stands for all: none applies to a module.
TRIED = [name for name in EVERY if name not in POLICY_ESTIMATORS or name == "group_policy"]

# --- the built-in VAE --------------------------------------------------------------------------------


built = functools.cache(vaes)


@pytest.mark.parametrize("bound", ["analytic_kl", "sampled"])
@pytest.mark.parametrize("name", spread(TRIED, 8))
def test_every_estimate_is_that_of_the_built_in_vae(name: str, bound: str) -> None:
    vae, own = built(bound)
    estimator = estimator_of(name)
    N = max(2, estimator.minimum_sample_size)
    try:
        wanted = estimates(estimator, vae, N)
    except NotApplicable:
        assert name != "reinforce"
        with pytest.raises(NotApplicable):
            estimates(estimator, own, N)
        return
    if name.startswith("rao_blackwell") and bound == "sampled":
        with pytest.raises(NotApplicable, match="does not split"):
            estimates(estimator, own, N)
        return
    torch.testing.assert_close(estimates(estimator, own, N), wanted, rtol=1e-7, atol=1e-7)
    assert not torch.equal(wanted[0], wanted[1]) or name == "exact"


@pytest.mark.parametrize("name", [*VARIATIONAL_ESTIMATORS, "reparameterization"])
def test_the_bound_of_k_samples_is_that_of_the_built_in_vae(name: str) -> None:
    both = [ImportanceWeighted.of(problem, 3) for problem in built("sampled")]  # type: ignore[arg-type]
    try:
        wanted, found = (estimates(estimator_of(name), problem) for problem in both)
    except NotApplicable:
        assert name == "sticking_the_landing"
        return
    torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-7)


def test_batches_that_are_resampled_are_those_of_the_built_in_vae() -> None:
    both, resampled = vaes("analytic_kl"), []
    for problem in both:
        with drawn_from(Draws((5, 6), rows=4)):
            resampled.append(problem.resampled(8, 2))
    for name in ("reparameterization", "leave_one_out", "learned"):
        wanted, found = (
            estimates(estimator_of(name), batches, rows=8, fitted_on=one)
            for batches, one in zip(resampled, both, strict=True)
        )
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-7)


def test_theta_and_its_blocks_are_named_as_those_of_the_built_in_vae() -> None:
    vae, own = vaes("sampled")
    assert torch.equal(vae.theta, own.theta)
    assert dict(vae.parameters).items() <= dict(own.parameters).items()
    assert own.parameters["decoder.1.weight"].stop == own.parameters["decoder.1.bias"].start


# --- rows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", ["analytic_kl", "sampled"])
@pytest.mark.parametrize("name", ["reparameterization", "leave_one_out", "learned"])
def test_a_loop_gives_the_numbers_of_rows_at_once(name: str, bound: str) -> None:
    (_, at_once), (_, looped) = vaes(bound), vaes(bound, rows="loop")
    assert looped.loops  # type: ignore[attr-defined]
    for a, b in ((at_once, looped), (_resampled(at_once), _resampled(looped))):
        wanted = estimates(estimator_of(name), a, fitted_on=at_once)
        found = estimates(estimator_of(name), b, fitted_on=at_once)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def _resampled(problem: Problem) -> Problem:
    with drawn_from(Draws((5, 6), rows=3)):
        return problem.resampled(3)


@pytest.mark.parametrize("rows", ["vmap", "loop"])
def test_rows_do_not_touch_each_other(rows: str) -> None:
    _, own = vaes("sampled", rows)
    theta = (own.theta + 0.1 * torch.randn(3, len(own.theta), dtype=torch.float64)).detach()
    moved = theta.clone()
    moved[0] += 1
    found = []
    for rows_of in (theta, moved):
        leaf = rows_of.requires_grad_()
        with drawn_from(Draws((7, 8), rows=3)):
            found.append(estimator_of("reparameterization").gradient(own, leaf, 2))
    torch.testing.assert_close(found[0][1:], found[1][1:], rtol=1e-12, atol=1e-12)
    assert not torch.equal(found[0][0], found[1][0])


def test_a_row_is_a_backward_pass_of_the_module_itself() -> None:
    net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4)).double()
    own = problem_class(lambda: net, normal, squares)().resolve()
    noise = torch.randn(1, 2, 6, 2, dtype=torch.float64)
    theta = own.theta.expand(2, -1).requires_grad_()
    p = own.distribution(theta)
    found = gradient_of(theta, own.cost(p.mean + p.stddev * noise, theta))
    for r in range(2):
        mean, log_scale = net(X.double()).chunk(2, -1)
        loss = (mean + log_scale.exp() * noise[0, r]).square().sum(-1).mean()
        wanted = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
        torch.testing.assert_close(found[r], wanted)


# --- exact gradients ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [Coins, Regression])
@pytest.mark.parametrize("name", spread([n for n in TRIED if estimator_of(n).bias == "unbiased"], 15))
def test_estimates_average_to_the_exact_gradient(name: str, cls: type[bench.ModuleProblem]) -> None:
    problem = cls().resolve().to("cpu", torch.float64)
    estimator = estimator_of(name)
    N = max(2, estimator.minimum_sample_size)
    truth = exact_gradient(problem).gradient
    try:
        found = estimates_of(estimator, problem, N, 2000)
    except NotApplicable:
        assert name not in ("reinforce", "leave_one_out")
        return
    off = found.mean(0) - truth
    error = found.std(0) / len(found) ** 0.5
    assert (off.abs() <= Z_LIMIT * error + 1e-9).all()
    if name == "reinforce":  # the control: a tenth more is seen
        assert ((1.1 * found.mean(0) - truth).abs() > Z_LIMIT * error).any()


def test_a_small_discrete_distribution_is_enumerated() -> None:
    problem = Coins().resolve()
    assert problem.truth_kind == "enumeration"
    points = problem.points()
    assert points.x.shape == (4, 1, 2)
    assert float(points.weights.sum()) == pytest.approx(1)
    theta = problem.theta[None]
    value = (points.weights * problem.cost(points.x, theta)[:, 0]).sum()
    assert float(problem.expectation(theta)) == pytest.approx(float(value))


def test_an_expectation_of_items_is_the_mean_over_them() -> None:
    problem = Regression().resolve()
    assert isinstance(problem, VariationalProblem)
    assert problem.truth_kind == "closed_form"
    p = problem.distribution(problem.theta[None])
    torch.manual_seed(0)
    cost = problem.cost(p.sample((200_000,)), problem.theta[None])  # type: ignore[no-untyped-call]
    means = cost.mean((1, 2))
    z = (means.mean() - problem.expectation(problem.theta[None])) / (means.std() / len(means) ** 0.5)
    assert abs(float(z)) < Z_LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("name", [*REINFORCE, "reparameterization", "sticking_the_landing"])
def test_estimators_are_certified_on_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue._ADDED, "problems", {})
    found = bench.certify(estimator_of(name), {"coins": Coins, "bound": Regression}, replicates=3000)
    assert found.passed, [str(fault) for fault in found.all_faults()]


# --- modules ------------------------------------------------------------------------------------------


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.first, self.b = nn.Linear(5, 4), self.a
        self.first.bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(self.first(x)))  # type: ignore[no-any-return]


def test_tied_parameters_count_once_and_fixed_ones_not() -> None:
    problem = problem_class(Tied, normal, squares)().resolve()
    assert set(problem.parameters) == {"a", "a.weight", "a.bias", "first.weight"}
    assert len(problem.theta) == 16 + 4 + 20
    theta = problem.theta[None].clone().requires_grad_()
    (slope,) = torch.autograd.grad(problem.distribution(theta).mean.sum(), theta)
    net = Tied().double()
    pieces = {"a.weight": theta[0, :16].view(4, 4), "a.bias": theta[0, 16:20]}
    own = problem.net  # type: ignore[attr-defined]
    pieces["first.weight"] = theta[0, 20:].view(4, 5)
    pieces["first.bias"] = own.first.bias
    mean = functional_call(net, pieces, (X.double(),)).chunk(2, -1)[0]
    torch.testing.assert_close(slope, torch.autograd.grad(mean.sum(), theta)[0])


BATCH_NORM = [
    lambda: nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)),
    lambda: nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.Linear(8, 4)),
]


@pytest.mark.parametrize("net", BATCH_NORM, ids=["running", "batch"])
def test_batch_norm_in_training_mode_uses_the_batch_and_keeps_what_it_had(net: Any) -> None:
    at_once, looped = (problem_class(net, normal, squares, rows=rows)() for rows in ("vmap", "loop"))
    torch.nn.utils.vector_to_parameters(
        torch.nn.utils.parameters_to_vector(at_once._given.net.parameters()), looped._given.net.parameters()
    )
    before = {name: value.clone() for name, value in at_once._given.net.named_buffers()}
    first, second = (one.resolve() for one in (at_once, looped))
    wanted = estimates(estimator_of("reparameterization"), second)
    torch.testing.assert_close(estimates(estimator_of("reparameterization"), first), wanted)
    for name, value in first.net.named_buffers():  # type: ignore[attr-defined]
        assert torch.equal(value, before[name].to(value.dtype))


class Keeping(nn.Module):
    """Keeps what it computed, as many modules do, and a tensor that is no buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.last = nn.Linear(5, 4), torch.zeros(1)
        self.scale = torch.tensor([1.0, 2.0, 3.0, 4.0])
        self.calls: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.linear(x) * self.scale
        return self.last


class Everything(bench.ModuleProblem):
    """A module in training mode with gradients, a fixed parameter and buffers; others beside it."""

    def __init__(self) -> None:
        self.net_of_mine = nn.Sequential(Keeping(), nn.BatchNorm1d(4))
        self.net_of_mine(X).sum().backward()
        self.net_of_mine[1].bias.requires_grad_(False)
        self.teacher = nn.Linear(2, 1).requires_grad_(False)
        self.prior = Normal(torch.zeros(2), torch.ones(2))
        super().__init__(self.net_of_mine, data={"x": X, "label": torch.arange(6)})

    def distribution(self, net: nn.Module) -> Distribution:
        mean, log_scale = net(self.data["x"]).chunk(2, -1)
        return Independent(Normal(mean, log_scale.exp()), 1)

    def cost(self, net: nn.Module, z: Tensor) -> Tensor:
        z = z + torch.ones(2) * self.data["label"][:, None]
        return self.teacher(z)[:, 0] - self.prior.log_prob(z).sum(-1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_persons_own_objects_stay_as_they_are(dtype: torch.dtype) -> None:
    own = Everything()
    before, mode = contents(own), [part.training for part in own.net_of_mine.modules()]
    gradients = [p.grad.clone() for p in own.net_of_mine.parameters() if p.grad is not None]
    state = torch.default_generator.get_state()
    problem = own.resolve().to("cpu", dtype)
    assert torch.equal(torch.default_generator.get_state(), state)
    assert estimates(estimator_of("reparameterization"), problem).dtype == dtype
    assert estimates(estimator_of("learned"), problem).dtype == dtype
    assert changed(before) == []
    assert mode == [part.training for part in own.net_of_mine.modules()]
    kept = [p.grad for p in own.net_of_mine.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(gradients, kept, strict=True))
    assert len(gradients) == 4
    assert torch.get_default_dtype() == torch.float32
    assert Distribution._validate_args


def test_a_problem_is_pickled_and_copied() -> None:
    problem = Regression().resolve()
    wanted = estimates(estimator_of("reinforce"), problem)
    for again in (pickle.loads(pickle.dumps(problem)), copy.deepcopy(problem)):
        assert torch.equal(estimates(estimator_of("reinforce"), again), wanted)
        assert again.fingerprint == problem.fingerprint


def test_a_fingerprint_tells_other_weights_and_data() -> None:
    problem = Regression().resolve()
    for name in ("theta", "data"):
        other = copy.deepcopy(problem)
        vars(other)[name] = vars(other)[name] + 1
        assert other.fingerprint != problem.fingerprint


def test_new_tensors_are_where_theta_is() -> None:
    seen = []

    def single(owner: object, net: nn.Module) -> Tensor:
        seen.append(torch.zeros(1))
        return net.weight.sum() + seen[0]  # type: ignore[union-attr, operator]

    pieces = {"weight": torch.empty(3, 2, 2, device="meta", dtype=torch.float64)}
    calls = RowCalls(Coins(), nn.Linear(2, 2), loops=True)
    assert calls("cost", single, pieces, None, False).device.type == "meta"
    assert (seen[0].device.type, seen[0].dtype) == ("meta", torch.float64)


def test_a_method_may_be_made_for_a_batch_of_one_size() -> None:
    labels = torch.arange(6.0)
    cls = problem_class(lambda: nn.Linear(5, 4), normal, lambda *given: given[2].sum(-1) * labels.view(6))
    problem = cls().resolve()
    assert problem.reduced() is problem
    assert problem_class(lambda: nn.Linear(5, 4), normal, squares)().resolve().reduced().data.shape == (2, 5)


# --- from scenarios -----------------------------------------------------------------------------------


class Trained(bench.ModuleProblem):
    """Two tensors of items; the weights are drawn anew each time it is built."""

    def __init__(self, hidden: int = 3, theta: dict[str, Any] | None = None) -> None:
        net = nn.Sequential(nn.Linear(5, hidden), nn.Tanh(), nn.Linear(hidden, 4))
        items = torch.randn(40, 5, generator=torch.Generator().manual_seed(1))
        super().__init__(net, data_set=(items, items.sum(-1)), batch_size=5, theta=theta)

    def distribution(self, net: nn.Module) -> Distribution:
        mean, log_scale = net(self.data[0]).chunk(2, -1)
        return Independent(Normal(mean, log_scale.exp()), 1)

    def cost(self, net: nn.Module, z: Tensor) -> Tensor:
        return (z.sum(-1) - self.data[1]).square() + 0.1 * z.square().sum(-1)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue._ADDED, "problems", {})
    for cls in (Trained, Regression):
        bench.plugin(cls)


def run(problem: dict[str, Any], tmp_path: Any, **more: Any) -> pd.DataFrame:
    scenario = {
        "schema": 1,
        "name": "own",
        "version": 1,
        "problem": problem,
        "replicates": 200,
        "estimators": ["reparameterization"],
        "sweep": {"sample_sizes": [2]},
        **more,
    }
    frame: pd.DataFrame = bench.run(scenario, out=tmp_path, progress=False).measurements
    assert set(frame["status"]) == {"ok"}
    return frame


@pytest.mark.slow
@pytest.mark.usefixtures("plugged")
def test_scenarios_train_it_and_draw_its_batches(tmp_path: Any) -> None:
    theta = {"train": {"steps": 200, "learning_rate": 0.02}, "checkpoints": [0, 200]}
    frame = run({"name": "trained", "hidden": 4, "theta": theta}, tmp_path, data="resampled")
    frame = frame[frame["parameter"] == "all"]
    assert frame["problem"].tolist() == ["trained (steps = 0)", "trained (steps = 200)"]
    assert (frame["data_variance"] > 0).all()
    norms = frame["truth_norm"].tolist()
    assert norms[1] < 0.3 * norms[0]


@pytest.mark.usefixtures("plugged")
def test_weights_are_the_same_each_time_a_scenario_is_built() -> None:
    built = [catalogue.build("problems", "trained", {}) for _ in range(2)]
    torch.manual_seed(3)
    built.append(catalogue.build("problems", "trained", {}))
    assert torch.equal(built[0].theta, built[1].theta)
    assert torch.equal(built[0].theta, built[2].theta)
    torch.manual_seed(3)
    assert not torch.equal(Trained().resolve().theta, built[0].theta)  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.usefixtures("plugged")
def test_a_bound_of_k_samples_is_built_of_it(tmp_path: Any) -> None:
    inner = {"name": "regression"}
    frame = run(
        {"name": "importance_weighted", "samples": 3, "problem": inner}, tmp_path, estimators=["dreg"]
    )
    assert frame["truth"].eq("reference").all()


def test_what_was_measured_at_other_weights_is_not_taken() -> None:
    def key(problem: Problem) -> dict[str, Any]:
        return key_of_truth(replace(experiment_on(problem), problem_key='{"name": "own"}'))

    problem = Regression().resolve()
    other = copy.deepcopy(problem)
    other.theta = other.theta + 1
    assert isinstance(problem, VariationalProblem)
    assert isinstance(other, VariationalProblem)
    for pair in ((problem, other), [ImportanceWeighted.of(each, 2) for each in (problem, other)]):
        assert [line.split()[0] for line in unlike(*map(key, pair))] == ["problem_fingerprint"]
    assert "problem_fingerprint" not in key(vaes("sampled")[0])


FORWARD = """from torch import nn
class Net(nn.Linear):
    def forward(self, x):
        return FACTOR * super().forward(x)
"""


def test_a_fingerprint_tells_another_forward_pass(tmp_path: Any) -> None:
    file, found = tmp_path / "fingerprinted_net.py", []
    for factor in ("2", "2", "3"):
        file.write_text(FORWARD.replace("FACTOR", factor))
        torch.manual_seed(0)
        net = module_of(str(file)).Net(5, 4)
        found.append(problem_class(lambda net=net: net, normal, squares)().resolve().fingerprint)  # type: ignore[misc]
    assert found[0] == found[1] != found[2]
