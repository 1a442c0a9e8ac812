"""Repeats, rows and mixtures of named distributions: densities, samples and paths by other means."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Gamma, MixtureSameFamily, Normal

from bench.catalogue import build
from bench.engine.streams import Address, stream
from bench.errors import Invalid
from bench.problem import Problem
from tests.cases import expectation

# |z| > 5 has probability 6e-7; ten means are compared: a false alarm in 10⁵ new seeds.
Z_LIMIT = 5.0
COUNT = 200_000


def problem(cost: str, parameters: list[str], **law: Any) -> Problem:
    options = expectation(cost, parameters, **law)
    made: Problem = build("problems", options.pop("name"), options)
    return made.to("cpu", torch.float64)


def f64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def drawn(made: Problem, path: bool = False) -> Tensor:
    with stream(Address(0, "several", COUNT, "test", 0), torch.device("cpu")):
        p: Any = made.distribution(made.theta[None])  # type: ignore[attr-defined]
        x: Tensor = (p.rsample if path else p.sample)((COUNT,))
    return x


def two(left: dict[str, Any], right: dict[str, Any], **weights: Any) -> dict[str, Any]:
    return {"parts": {"left": left, "right": right}, **weights}


HALF = {"probs": [0.5, 0.5]}
PAIR = two({"normal": {"loc": -0.9, "scale": 0.6}}, {"normal": {"loc": 1.2, "scale": 0.4}}, probs=[0.3, 0.7])


def test_a_mixture_of_one_family_has_the_density_of_torch() -> None:
    made = problem("z", ["left.loc"], mixture=PAIR)
    parts = Normal(f64(-0.9, 1.2), f64(0.6, 0.4))
    plain = MixtureSameFamily(Categorical(f64(0.3, 0.7)), parts)
    z = torch.linspace(-3, 3, 50, dtype=torch.float64)
    ours: Any = made.distribution(made.theta[None])  # type: ignore[attr-defined]
    assert torch.allclose(ours.log_prob(z[:, None])[:, 0], plain.log_prob(z), rtol=1e-13)
    samples = drawn(made)[:, 0]
    for power in (1, 2):
        draws = samples**power
        wanted = plain.mean if power == 1 else plain.variance + plain.mean**2
        assert abs(float((draws.mean() - wanted) / (draws.std() / COUNT**0.5))) < Z_LIMIT


def test_a_part_has_no_density_where_it_is_not() -> None:
    law = two(
        {"normal": {"loc": 0.3, "scale": 0.6}},
        {"gamma": {"concentration": 2.0, "rate": 1.5}},
        logits=[0.0, 0.4],
    )
    made = problem("z", ["logits", "right.rate"], mixture=law)
    theta = made.theta[None].clone().requires_grad_()
    z = torch.tensor([[-0.5], [0.8]], dtype=torch.float64)
    found: Any = made.distribution(theta).log_prob(z)  # type: ignore[attr-defined]
    shares = torch.tensor([0.0, 0.4], dtype=torch.float64).softmax(0)
    normal = Normal(0.3, 0.6).log_prob(z).exp()[:, 0]
    gamma = torch.stack([torch.tensor(0.0).double(), Gamma(2.0, 1.5).log_prob(z[1, 0]).exp()])
    assert torch.allclose(found.exp()[:, 0], shares[0] * normal + shares[1] * gamma)
    (slope,) = torch.autograd.grad(found.sum(), theta)
    assert slope.isfinite().all()


def test_the_path_of_a_mixture_has_the_slope_of_its_mean() -> None:
    law = two(PAIR["parts"]["left"], {"laplace": {"loc": 1.2, "scale": 0.4}}, probs=[0.3, 0.7])
    made = problem("z**2", ["left.loc", "right.scale"], mixture=law)
    rows = made.theta.expand(1, -1).clone().requires_grad_()
    with stream(Address(0, "several", COUNT, "test", 0), torch.device("cpu")):
        x = made.distribution(rows).rsample((COUNT,))  # type: ignore[attr-defined]
    (slope,) = torch.autograd.grad((x**2).mean(), rows)
    # E z² = .3 (μ² + σ²) + .7 (ν² + 2 b²).
    wanted = torch.tensor([[0.3 * 2 * -0.9, 0.7 * 4 * 0.4]], dtype=torch.float64)
    assert torch.allclose(slope, wanted, rtol=0.02)
    assert not torch.allclose(slope, 1.1 * wanted, rtol=0.02)  # the control


def test_rows_are_independent_choices() -> None:
    logits = torch.tensor([[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]], dtype=torch.float64)
    made = problem("sum(z)", ["logits"], categorical={"logits": logits.tolist()})
    x = drawn(made)[:, 0]  # [N, 2]
    p: Any = made.distribution(made.theta[None])  # type: ignore[attr-defined]
    by_hand = sum(logits[d].log_softmax(-1)[x[:, d].long()] for d in range(2))
    assert torch.allclose(p.log_prob(x[:, None])[:, 0], by_hand)
    for d in range(2):
        for k, share in enumerate(logits[d].softmax(-1).tolist()):
            error = (float((x[:, d] == k).double().mean()) - share) / (share * (1 - share) / COUNT) ** 0.5
            assert abs(error) < Z_LIMIT


@pytest.mark.parametrize(
    ("law", "columns"),
    [
        (
            {"normal": {"loc": 0.3, "scale": 0.6, "repeat": 3}},
            {"normal": {"loc": [0.3] * 3, "scale": [0.6] * 3}},
        ),
        (
            {"categorical": {"logits": [0.3, -0.4, 0.9], "repeat": 2}},
            {"categorical": {"logits": [[0.3, -0.4, 0.9]] * 2}},
        ),
    ],
)
def test_a_repeat_draws_what_as_many_draw(law: dict[str, Any], columns: dict[str, Any]) -> None:
    (name,) = law
    parameters = [key for key in law[name] if key != "repeat"]
    tied, free = (problem("sum(z)", parameters, **each) for each in (law, columns))
    assert torch.equal(drawn(tied), drawn(free))
    assert len(tied.theta) < len(free.theta)


REFUSED: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "no repeat": ({"normal": {"loc": 0.3, "scale": 0.6, "repeat": 0}}, ("normal", "repeat"), "from 1 to"),
    "half a repeat": ({"normal": {"loc": 0.3, "scale": 0.6, "repeat": 1.5}}, ("normal", "repeat"), "whole"),
    "repeat of a list": (
        {"normal": {"loc": [0.3], "scale": 0.6, "repeat": 2}},
        ("normal", "repeat"),
        "a parameter is a list already",
    ),
    "repeat of a vector": (
        {"dirichlet": {"concentration": [1.0, 2.0], "repeat": 2}},
        ("dirichlet", "repeat"),
        "a dirichlet is a vector already",
    ),
    "repeats": ({"normal": {"loc": 0.3, "scale": 0.6, "repeats": 2}}, ("normal", "repeats"), "'repeat'"),
    "ragged": (
        {"categorical": {"logits": [[0.1, 0.2], [0.3]]}},
        ("categorical", "logits", 1),
        "of one length: row 0 has 2, and row 1 has 1",
    ),
    "no simplex": (
        {"categorical": {"probs": [[0.5, 0.5], [0.3, 0.3]]}},
        ("categorical", "probs"),
        "probabilities that add up to 1",
    ),
    "one part": (
        {"mixture": {"parts": {"a": {"normal": {"loc": 0.3, "scale": 0.6}}}, "probs": [1.0]}},
        ("mixture", "parts"),
        "at least two parts",
    ),
    "no weights": (
        {"mixture": {"parts": PAIR["parts"]}},
        ("mixture",),
        "needs one of the parameters probs, logits",
    ),
    "weights": ({"mixture": {**PAIR, "probs": [0.2, 0.3, 0.5]}}, ("mixture", "probs"), "there are 2 parts"),
    "an unknown word": ({"mixture": {**PAIR, "prob": [1]}}, ("mixture", "prob"), "did you mean 'probs'"),
    "an unknown part": (
        {"mixture": two({"norml": {"loc": 0.0, "scale": 1.0}}, PAIR["parts"]["left"], **HALF)},
        ("mixture", "parts", "left", "norml"),
        "did you mean 'normal'",
    ),
    "unlike": (
        {"mixture": two({"poisson": {"rate": 1.0}}, PAIR["parts"]["left"], **HALF)},
        ("mixture", "parts", "right"),
        "left is discrete, and right is continuous",
    ),
    "of another size": (
        {"mixture": two({"normal": {"loc": [0.1, 0.2], "scale": 1.0}}, PAIR["parts"]["left"], **HALF)},
        ("mixture", "parts", "right"),
        "z is of 2 numbers of left, and a number of right",
    ),
    "on a surface": (
        {"mixture": two({"dirichlet": {"concentration": [1.0, 2.0]}}, PAIR["parts"]["left"], **HALF)},
        ("mixture", "parts", "left", "dirichlet"),
        "on a surface",
    ),
    "within a mixture": (
        {"mixture": two({"mixture": PAIR}, PAIR["parts"]["left"], **HALF)},
        ("mixture", "parts", "left"),
        "a mixture within a mixture",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_distribution_is_refused_where_it_stands(name: str) -> None:
    law, path, words = REFUSED[name]
    with pytest.raises(Invalid) as refusal:
        problem("sum(z)", ["loc"], **law)
    faults = [fault for fault in refusal.value.faults if fault.path[:1] == ("distribution",)]
    assert [fault.path for fault in faults] == [("distribution", *path)]
    assert words in faults[0].message
