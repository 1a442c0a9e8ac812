"""A person's module that generates z of noise: its rows, refusals, and weights of a training of one's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal

import bench
from bench.errors import Invalid
from bench.problem import NotApplicable, Problem
from estimators.reinforce import Reinforce
from estimators.reparameterization import Reparameterization

X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))  # [B, 3]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.lower, self.upper = nn.Linear(4, 6), nn.Linear(6, 2)
        for p in self.parameters():
            p.data = 0.5 * torch.randn(p.shape, generator=generator)
        self.fixed = nn.Parameter(torch.tensor([0.3, -0.7]), requires_grad=False)

    def forward(self, data: Tensor, noise: Tensor) -> Tensor:
        return self.upper(self.lower(torch.cat([data, noise], -1)).tanh())  # type: ignore[no-any-return]


class Own(bench.ModuleProblem):
    """A conditional generator: z of the data of its item and of noise."""

    def __init__(self, rows: Any = "vmap") -> None:
        super().__init__(Net(), data=X, rows=rows)

    def distribution(self, net: Net) -> Distribution:
        return Independent(Normal(torch.zeros(len(self.data), 1), 1.0), 1)

    def generate(self, net: Net, noise: Tensor) -> Tensor:
        return net(self.data, noise)

    def cost(self, net: Net, z: Tensor) -> Tensor:
        return (z - net.fixed).square().sum(-1)


def double(problem: bench.ModuleProblem) -> Any:
    return problem.resolve().to("cpu", torch.float64)


def estimate(problem: Problem, N: int = 3) -> Tensor:
    torch.manual_seed(2)
    theta = problem.theta.expand(2, -1).requires_grad_()
    return Reparameterization().gradient(problem, theta, N)


def test_rows_at_once_are_those_one_by_one_and_by_hand() -> None:
    problem = double(Own())
    found = estimate(problem)
    torch.testing.assert_close(found, estimate(double(Own(rows="loop"))))
    torch.manual_seed(2)
    noise = problem.distribution(problem.theta.expand(2, -1)).noise.sample((3,))  # [N, 2, B, 1]
    net = problem.flat.put(problem.net, problem.theta)
    for row in range(2):
        cost = (net(X.double().expand(3, -1, -1), noise[:, row]) - net.fixed).square().sum(-1).mean()
        weights = [p for p in net.parameters() if p.requires_grad]
        by_hand = torch.cat([g.flatten() for g in torch.autograd.grad(cost, weights)])
        torch.testing.assert_close(found[row], by_hand)


def test_the_score_does_not_apply() -> None:
    problem = double(Own())
    with pytest.raises(NotApplicable, match="no density that is known"):
        Reinforce().gradient(problem, problem.theta[None].requires_grad_(), 2)


def test_the_run_has_a_row_that_says_so(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.api.draw", lambda *_: ([], []))
    monkeypatch.setattr("bench.catalogue._ADDED", {"estimators": {}, "problems": {}})
    bench.plugin(Own)
    scenario = {"schema": 1, "name": "own", "version": 1, "problem": {"name": "own"}, "replicates": 50}
    scenario |= {"estimators": ["reinforce", "reparameterization"], "sweep": {"sample_sizes": [2]}}
    run = bench.run(scenario, out=tmp_path, progress=False)
    rows = run.measurements[run.measurements["parameter"] == "all"].set_index("estimator")
    assert rows["status"].to_dict() == {"reinforce": "not_applicable", "reparameterization": "ok"}
    assert "no density that is known" in rows.loc["reinforce", "reason"]
    assert rows.loc["reparameterization", "truth"] == "reference"


def test_noise_that_depends_on_theta_is_followed_or_refused() -> None:
    class Scaled(Own):
        def distribution(self, net: Net) -> Distribution:
            return Independent(Normal(torch.zeros(len(self.data), 1), net.upper.bias[0].exp()), 1)

    class Coins(Own):
        def distribution(self, net: Net) -> Distribution:
            return Independent(Bernoulli(logits=net.upper.bias[0].expand(len(self.data), 1)), 1)

    class FairCoins(Own):
        def distribution(self, net: Net) -> Distribution:
            return Independent(Bernoulli(logits=torch.zeros(len(self.data), 1)), 1)

    assert not torch.allclose(estimate(double(Scaled())), estimate(double(Own())))
    assert estimate(double(FairCoins())).any()
    with pytest.raises(NotApplicable, match="no reparameterized sampler"):
        estimate(double(Coins()))


class Bound(Own):
    def log_joint(self, net: Net, z: Tensor) -> Tensor:
        return -z.square().sum(-1)


class Flat(Own):
    def generate(self, net: Net, noise: Tensor) -> Tensor:
        return net(self.data, noise).sum(0)


class Whole(Own):
    def generate(self, net: Net, noise: Tensor) -> Any:
        return (net(self.data, noise) > 0).long()


class Mixed(Own):
    def generate(self, net: Net, noise: Tensor) -> Tensor:
        return net(self.data, noise) + noise.mean(0)


class Lone(Own):
    def generate(self, net: Net) -> Tensor:  # type: ignore[override]
        return net.fixed


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Bound, "Bound has generate and log_joint, whose bound needs a density"),
        (Flat, r"Flat.generate gave a float64 tensor of shape \[2\], wanted a real tensor \[5, …\]"),
        (Whole, r"Whole.generate gave a int64 tensor"),
        (Mixed, "cost of an item changes with the sample of another item"),
        (Lone, r"Lone.generate takes \(self, net: 'Net'\), wanted def generate\(self, net, noise\)"),
    ],
)
def test_what_is_wrong_is_told(cls: type[Own], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        cls().resolve()


class Prepared(Own):
    def prepare(self, net: Net) -> None:
        with torch.no_grad():
            net.upper.bias += torch.randn(2)
            net.fixed += self.data.mean()


def test_weights_are_prepared_once_by_a_training_of_ones_own() -> None:
    problem = double(Prepared())
    state = torch.default_generator.get_state()
    ready = problem.prepared()
    assert torch.equal(torch.default_generator.get_state(), state)
    assert ready.prepared() is ready
    changed = ready.theta != problem.theta
    where = problem.parameters["upper.bias"]
    assert changed[where].all()
    assert changed.sum() == where.stop - where.start
    torch.testing.assert_close(ready.net.fixed, problem.net.fixed + X.double().mean())
    assert not torch.allclose(estimate(ready), estimate(problem))
    assert torch.equal(double(Prepared()).prepared().theta, ready.theta)


class Broken(Own):
    def prepare(self, net: Net) -> None:
        net.upper.bias.data[0] = torch.nan


class Failing(Own):
    def prepare(self, net: Net) -> None:
        raise KeyError("gone")


class NoPictures(Own):
    def pictures(self, net: Net) -> Any:
        return {"these": net.fixed}


def test_what_is_wrong_before_and_beside_is_told() -> None:
    with pytest.raises(Invalid, match=r"Broken.prepare left upper.bias with values that are not finite"):
        double(Broken()).prepared()
    with pytest.raises(Invalid, match=r"Failing.prepare.*KeyError: 'gone'"):
        double(Failing()).prepared()
    with pytest.raises(Invalid, match=r"NoPictures.pictures gave a float64 tensor of shape \[2\], wanted"):
        double(NoPictures()).pictures()
    assert double(Own()).pictures() == {}
