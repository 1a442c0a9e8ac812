"""Costs by name: each is the formula that it stands for, and what is none is refused where it stands."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from bench.catalogue import build
from bench.engine.truth import exact_gradient
from bench.errors import Invalid
from tests.cases import expectation


def problem(cost: Any, **distribution: Any) -> Any:
    options = expectation(cost, ["loc"], **(distribution or {"normal": {"loc": 0.7, "scale": 0.6}}))
    return build("problems", options.pop("name"), options)


@pytest.mark.parametrize(
    ("name", "constants", "formula"),
    [
        ("quadratic", {"k": -0.5}, "(z + 0.5)**2"),
        ("quadratic", {}, "z**2"),
        ("bump", {"k": 2}, "exp(-2*z**2)"),
        ("cosine", {"k": 1e-3}, "cos(0.001*z)"),
        ("heaviside", {"threshold": 0.2}, "z > 0.2"),
    ],
)
def test_a_name_is_its_formula(name: str, constants: dict[str, float], formula: str) -> None:
    z = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    named, written = problem({name: constants}), problem(formula)
    assert torch.equal(named.cost(z[..., 0], named.theta), written.cost(z[..., 0], written.theta))
    assert torch.equal(exact_gradient(named).gradient, exact_gradient(written).gradient)
    vector = {"normal": {"loc": [0.7, 0.2], "scale": 0.6}}
    named, written = problem({name: constants}, **vector), problem(f"sum({formula})", **vector)
    assert torch.equal(named.cost(z, named.theta), written.cost(z, written.theta))
    assert torch.equal(exact_gradient(named).gradient, exact_gradient(written).gradient)


def test_rosenbrock_by_hand() -> None:
    valley = problem({"rosenbrock": {"b": 10}}, normal={"loc": [0.7, 0.2, 0.1], "scale": 0.6})
    z = torch.tensor([[[3.0, 2.0, 7.0]]], dtype=torch.float64)  # (1 − 3)² + 10·7² + (1 − 2)² + 10·3²
    assert valley.cost(z, valley.theta).item() == 585
    # With m = Var z + (E z)² and E z⁴ of each, and E z² of the next: by moments of normal numbers.
    mean, scale = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64), 0.6
    square = mean**2 + scale**2
    fourth = mean**4 + 6 * mean**2 * scale**2 + 3 * scale**4
    terms = (1 - 2 * mean + square)[:-1] + 10 * (square[1:] - 2 * mean[1:] * square[:-1] + fourth[:-1])
    assert exact_gradient(valley).value == pytest.approx(float(terms.sum()), rel=1e-13)


@pytest.mark.parametrize(
    ("cost", "path", "reason"),
    [
        ({"quadratc": {"k": 1}}, (), "quadratic"),
        ({"bump": {"c": 1}}, ("bump", "c"), "unknown option 'c' of cost bump"),
        ({"bump": {"k": "two"}}, ("bump", "k"), "wanted a number"),
        ({"bump": 2}, ("bump",), "wanted the constants of cost bump"),
        ({"bump": {"k": math.inf}}, ("bump", "k"), "must be finite"),
        ({"bump": {"k": 1}, "cosine": {"k": 1}}, (), "wanted one cost"),
        ({"rosenbrock": {}}, (), "of a vector"),
    ],
)
def test_what_is_no_cost_is_refused(cost: Any, path: tuple[str, ...], reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as error:
        problem(cost)
    (fault,) = error.value.faults
    assert fault.path == ("cost", *path)
