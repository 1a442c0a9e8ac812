"""Modules and methods that cannot be measured: each is refused by name, with the way out."""

# ruff: noqa: ARG005 - methods as functions, which need not use all that they are given

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import (
    Categorical,
    Independent,
    Normal,
    Transform,
    TransformedDistribution,
    constraints,
)
from torch.nn import functional as F

import bench
from bench.errors import Invalid
from bench.problem import Resolvable
from tests.own_modules import X, normal, problem_class, squares

Build = Callable[[], Resolvable]
LOOP = 'rows="loop"'


def linear() -> nn.Module:
    return nn.Linear(5, 4)


def cost(function: Callable[[Tensor], Any], **options: Any) -> Build:
    return problem_class(linear, normal, lambda own, net, z: function(z), **options)


def law(function: Callable[[Tensor], Any], **options: Any) -> Build:
    return problem_class(linear, lambda own, net: function(net(own.data)), squares, **options)


def dropping(*, rows: str = "vmap", training: bool = True) -> Build:
    net = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.5), nn.Linear(8, 4)).train(training)
    return problem_class(lambda: net, normal, squares, rows=rows)


class Decoding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(5, 4), nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8))

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x)  # type: ignore[no-any-return]


class Stashing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.linear(x)
        return self.last


class Flow(Transform):
    domain = codomain = constraints.real_vector
    bijective = True

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def _call(self, x: Tensor) -> Tensor:
        return x + self.net(x)  # type: ignore[no-any-return]


class Flowing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(2, 2)


def flow(own: Any, net: Flowing) -> TransformedDistribution:
    return TransformedDistribution(Independent(Normal(torch.zeros(6, 2), 1.0), 1), [Flow(net.net)])


class Forgetful(bench.ModuleProblem):
    def __init__(self) -> None:
        self.net = linear()

    def distribution(self, net: nn.Module) -> Any:
        return normal(self, net)

    def cost(self, net: nn.Module, z: Tensor) -> Tensor:
        return z.sum(-1)


class WithoutCost(bench.ModuleProblem):
    def distribution(self, net: nn.Module) -> Any:
        return normal(self, net)


class WrongSignature(WithoutCost):
    def cost(self, z: Tensor) -> Tensor:  # type: ignore[override]
        return z.sum(-1)


class WrongBound(WithoutCost):
    def cost(self, net: nn.Module, z: Tensor) -> Tensor:
        return -self.log_joint(net, z)

    def log_joint(self, net: nn.Module, z: Tensor) -> Tensor:
        return -z.square().sum(-1)


class TermWithoutCost(WithoutCost):
    def log_joint(self, net: nn.Module, z: Tensor) -> Tensor:
        return -z.square().sum(-1)

    def analytic_term(self, net: nn.Module, p: Any) -> Tensor:
        return p.mean.sum(-1)


class DataOfOwn(Forgetful):
    def __init__(self) -> None:
        bench.ModuleProblem.__init__(self, linear())
        self.data = X


def in_place(z: Tensor) -> Tensor:
    total = torch.zeros(len(z))
    total += z.sum(-1)
    return total


def decided(z: Tensor) -> Tensor:
    return torch.stack([each.sum() if each.sum() > 0 else -each.sum() for each in z])


def read(z: Tensor) -> Tensor:
    return torch.stack([each[0] * each[0].item() for each in z])


def locked() -> nn.Module:
    net = linear()
    net.lock = threading.Lock()  # type: ignore[assignment]
    return net


OTHER = nn.Linear(2, 1).double()
FIXED = nn.Linear(2, 1).double().requires_grad_(False)
LAZY = nn.LazyLinear(4)

REFUSED: dict[str, tuple[Build, str]] = {
    # what vmap cannot call, or may not
    "dropout": (dropping(), "P.distribution: 1 (Dropout) in training mode draws at random.* net.eval()"),
    "dropout, loop": (dropping(rows="loop"), "P.distribution: 1 (Dropout) in training mode.* net.eval()"),
    "F.dropout": (cost(lambda z: F.dropout(z).sum(-1)), "P.cost: it draws random numbers itself"),
    "noise, loop": (
        cost(lambda z: torch.randn_like(z[:, 0]), rows="loop"),
        "P.cost: it draws random numbers",
    ),
    "item": (cost(read), f"P.cost (test_module_refusals.py:.*item.*{LOOP}"),
    "if": (cost(decided), f"P.cost (test_module_refusals.py:.*decides by the value.*torch.where can.*{LOOP}"),
    "in place": (cost(in_place), f"P.cost (test_module_refusals.py:.*in place.*y = y \\+ x.*{LOOP}"),
    # shapes and kinds
    "cost [B, 1]": (
        cost(lambda z: z.sum(-1, keepdim=True)),
        "P.cost gave a float64 tensor of shape [6, 1], for a sample of shape [6, 2]; "
        "wanted a number for each item, [6]: .squeeze",
    ),
    "cost []": (
        cost(lambda z: z.sum()),
        "P.cost gave a float64 tensor of shape [].* wanted .* [6]: sum over",
    ),
    "cost [B, D]": (cost(lambda z: z), "P.cost gave .* [6, 2],.* wanted .*[6]: .flatten(1).sum(1)"),
    "cost is a number": (cost(lambda z: 3.0), "P.cost gave float (3.0).* wanted a number for each item, [6]"),
    "cost is NaN": (cost(lambda z: z[:, 0] * torch.nan), "P.cost gave nan for each of 16 samples of 6 of 6"),
    "cost mixes items": (
        cost(lambda z: z.sum(-1) - z.mean()),
        "P.cost of an item changes with the sample of another item: a sum or mean over the batch",
    ),
    "batch norm mixes items": (
        problem_class(Decoding, normal, lambda own, net, z: net.decoder(z).sum(-1)),
        "P.cost of an item changes.* decoder.1 in training mode mixes items, call net.eval()",
    ),
    "batch [B, D]": (
        law(lambda h: Normal(h, 1.0)),
        "P.distribution gave Normal with batch shape [6, 4], wanted [6] or []: Independent(…, 1)",
    ),
    "batch of another size": (law(lambda h: Categorical(logits=h[:4])), "batch shape [4], wanted [6] or []"),
    "no distribution": (
        law(lambda h: h),
        "P.distribution gave a float64 tensor of shape [6, 4], wanted a torch.d",
    ),
    "parameters out of range": (
        law(lambda h: Independent(Normal(h, h), 1)),
        "P.distribution .*Expected parameter",
    ),
    "a flow": (
        problem_class(Flowing, flow, squares),
        "holds the module Linear.* give the noise before it as the",
    ),
    "float32 within": (
        law(lambda h: Independent(Normal(h.float() @ torch.ones(4, 4), 1.0), 1)),
        "P.distribution .*it is called in float64 too.* do not call .float()",
    ),
    # parameters
    "no parameters": (
        problem_class(nn.ReLU, normal, squares),
        "ReLU has no parameters; wanted a module with some",
    ),
    "all fixed": (
        problem_class(lambda: linear().requires_grad_(False), normal, squares),
        "all parameters of Linear are fixed .*wanted one that is not",
    ),
    "lazy": (
        problem_class(lambda: LAZY, normal, squares),
        "LazyLinear: the parameter weight has no shape yet",
    ),
    "complex": (
        problem_class(lambda: nn.Linear(5, 4, dtype=torch.complex64), normal, squares),
        "the parameter weight is complex",
    ),
    "cannot be copied": (
        problem_class(locked, normal, squares),
        "Linear cannot be copied (TypeError: .*lock",
    ),
    "called all": (problem_class(lambda: nn.ModuleDict({"all": linear()}), normal, squares), "is called all"),
    "does not depend on theta": (
        law(lambda h: Independent(Normal(h.detach(), 1.0), 1)),
        "neither P.distribution nor P.cost depends on the parameters of net",
    ),
    "parameters of another": (
        cost(lambda z: OTHER(z)[:, 0]),
        "P.cost uses a parameter of shape [1, 2] that is not one of its argument net: take it from net",
    ),
    "stashed": (
        problem_class(Stashing, normal, lambda own, net, z: net.last.sum(-1)),
        "P.cost .*'Stashing' object has no attribute 'last'",
    ),
    # classes
    "no super().__init__": (Forgetful, "Forgetful.__init__ does not call super().__init__(net, …)"),
    "no cost": (lambda: WithoutCost(linear(), X), "WithoutCost has neither cost(self, net, z) nor log_joint"),
    "signature": (
        lambda: WrongSignature(linear(), X),
        "WrongSignature.cost takes (self, z: 'Tensor'), wanted def cost(self, net, z)",
    ),
    "wrong bound": (lambda: WrongBound(linear(), X), "WrongBound has a cost other than log q"),
    "a term without a cost": (
        lambda: TermWithoutCost(linear(), X),
        "wanted a cost that leaves out the analytic term",
    ),
    "data of its own": (DataOfOwn, "DataOfOwn: self.data was set, wanted super().__init__(net, data=…)"),
    # arguments
    "a class": (lambda: WithoutCost(nn.ReLU), "net is .*, wanted a torch.nn.Module, such as Net()"),  # type: ignore[arg-type]
    "rows": (lambda: WithoutCost(linear(), X, rows="for"), "rows is 'for', wanted 'vmap' or 'loop'"),  # type: ignore[arg-type]
    "an array": (
        lambda: WithoutCost(linear(), np.ones((3, 5))),
        "data holds numpy.ndarray, wanted tensors .*torch.as_tensor makes one",
    ),
    "sizes": (
        lambda: WithoutCost(linear(), (X, X[:3])),
        "data has the shapes [6, 5], [3, 5], wanted one first",
    ),
    "no batch_size": (lambda: WithoutCost(linear(), data_set=X), "data_set needs a batch_size"),
    "batch_size": (
        lambda: WithoutCost(linear(), data_set=X, batch_size=7),
        "wanted a whole number from 1 to 6",
    ),
    "batch_size and data": (
        lambda: WithoutCost(linear(), X, batch_size=2),
        "batch_size is given, wanted with",
    ),
    "theta": (lambda: WithoutCost(linear(), X, theta={"init": 0}), "wanted {train: {...}}, or nothing"),
    "training": (
        lambda: WithoutCost(linear(), X, theta={"train": {"step": 3}}),
        "unknown option 'step' of train",
    ),
    "no data to train on": (lambda: WithoutCost(linear(), theta={"train": {}}), "no data to be trained on"),
}


def pattern(text: str) -> str:
    """A pattern for a message in which `.*` stands for anything, and all else for itself."""
    return ".*".join(re.escape(part) for part in text.replace("\\+", "+").split(".*"))


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name_with_the_way_out(name: str) -> None:
    build, message = REFUSED[name]
    with pytest.raises(Invalid) as caught:
        build().resolve()
    assert re.search(pattern(message), str(caught.value), re.DOTALL), str(caught.value)
    assert "\n" not in str(caught.value)
    # Nothing is left behind by what failed.
    assert torch.get_default_dtype() == torch.float32
    assert torch.distributions.Distribution._validate_args
    assert torch.is_grad_enabled()


def sequences(net: Callable[[], nn.Module], **options: Any) -> Build:
    data = torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(2))
    return problem_class(net, normal, squares, data=data, **options)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0][:, -1]  # type: ignore[no-any-return]


REFUSED["gru"] = sequences(Recurrent), f"P.distribution .*no form of an operation for rows at once.*{LOOP}"


ALLOWED: dict[str, Build] = {
    "gru, by a loop": sequences(Recurrent, rows="loop"),
    "attention": sequences(
        lambda: nn.Sequential(
            nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval(), nn.Flatten(), nn.Linear(12, 4)
        )
    ),
    "normalized layers": problem_class(
        lambda: nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 4)), normal, squares
    ),
    "weight norm": problem_class(
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(5, 4)), normal, squares
    ),
    "dropout in eval mode": dropping(training=False),
    "if, by a loop": cost(decided, rows="loop"),
    "in place, by a loop": cost(in_place, rows="loop"),
    "item, by a loop": cost(read, rows="loop"),
    "noise before the module": problem_class(
        Flowing,
        lambda own, net: Independent(Normal(torch.zeros(6, 2), 1.0), 1),
        lambda own, net, z: net.net(z).square().sum(-1),
    ),
    "batch norm in eval mode": problem_class(
        lambda: Decoding().eval(), normal, lambda own, net, z: net.decoder(z).sum(-1)
    ),
    "rarely NaN": cost(lambda z: z.sum(-1).log()),
    "a parameter of another, fixed": cost(lambda z: FIXED(z)[:, 0]),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_the_way_out_is_one(name: str) -> None:
    problem = ALLOWED[name]().resolve()
    theta = problem.theta.expand(3, -1).requires_grad_()
    p = problem.distribution(theta)
    cost = problem.cost(p.sample((2,)), theta)  # type: ignore[no-untyped-call]
    assert cost.shape == (2, 3, 6)
    total = cost.nan_to_num().sum() + p.log_prob(p.sample((1,))).sum()  # type: ignore[no-untyped-call]
    assert torch.autograd.grad(total, theta)[0].any()
