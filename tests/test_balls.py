"""Formulas in ball arithmetic hold all values that the formulas have in torch."""

from __future__ import annotations

import pytest
import torch
from flint import acb, arb

from bench.formula import Formula, parse
from bench.formula.balls import Enclosure

FORMULAS = [
    "z**2 - 3*z",
    "z**3 / (z**2 + 1)",
    "exp(-z**2) * sin(3*z)",
    "tanh(z) + sigmoid(-2*z)",
    "abs(z - 0.3) + (z > 0.1) * (z <= 0.7)",
    "sqrt(abs(z)) + log(z**2 + 0.5)",
    "1 / (1 + z**2) - (z != 0.25)",
    "z**-2",
    "(z**2)**1.5",
    "2**z - cos(z)",
]
INTERVALS = [(-2.0, 3.0), (0.1, 0.2), (-0.5, 0.5), (1.0, 40.0), (-3.0, -2.9)]


def ball(low: float, high: float) -> acb:
    return acb(arb((low + high) / 2, (high - low) / 2))


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_an_interval_holds_all_values(text: str, low: float, high: float) -> None:
    formula = parse(text)
    summand = enclosed(formula)
    found = summand(ball(low, high), None).real
    values = formula(torch.linspace(low, high, 401, dtype=torch.float64), 0)
    slack = 1e-12 * (1 + float(values.abs().max()))
    for value in values[values.isfinite()].tolist():
        assert found.overlaps(arb(value, slack)), (value, found)


SINGULAR = ["z > 0.2", "abs(z - 0.2)", "sqrt(z - 0.2)", "log(z - 0.2)", "1/(z - 0.2)", "(z - 0.2)**0.5"]


def enclosed(formula: Formula) -> Enclosure:
    split = formula.split(1)
    assert split is not None
    return split.summands[0][1].enclosure


def of(text: str) -> Enclosure:
    return enclosed(parse(text))


@pytest.mark.parametrize("text", SINGULAR)
def test_no_ball_about_a_singular_point_is_analytic(text: str) -> None:
    about = acb(arb(0.3, 0.2), arb(0, 0.2))
    assert not of(text)(about, acb(about.real)).is_finite()
    # The control: to its right it is.
    right = acb(arb(0.8, 0.2), arb(0, 0.2))
    assert of(text)(right, acb(right.real)).is_finite()


@pytest.mark.parametrize("text", SINGULAR)
def test_within_an_interval_a_comparison_and_abs_are_one_function_wherever_it_leads(text: str) -> None:
    beyond, within = acb(0.1), acb(arb(0.6, 0.2))  # 0.2 lies between
    if text == "z > 0.2":
        assert of(text)(beyond, within) == 1
    elif text == "abs(z - 0.2)":
        assert of(text)(beyond, within).overlaps(acb(arb(-0.1, 1e-12)))
        assert not of(text)(beyond, within).overlaps(acb(0.1))
    # The control: the others have a value of their own there, or none.
    elif text == "1/(z - 0.2)":
        assert of(text)(beyond, within).overlaps(acb(arb(-10, 1e-12)))
    else:
        assert not of(text)(beyond, within).is_finite()


@pytest.mark.parametrize("text", ["log(z)", "sqrt(z)", "z**0.5", "log(z) * 0"])
def test_where_a_formula_has_no_value_it_is_undefined(text: str) -> None:
    summand = of(text)
    assert summand(ball(-2.0, -1.0), None).real.is_nan()
    assert summand(ball(1.0, 2.0), None).is_finite()
