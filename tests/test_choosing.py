"""Candidates for a problem, what is kept of the shipped scenarios, and the command that tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

import bench
from bench import choosing, choosing_page
from bench.catalogue import build
from bench.choosing import Candidate, alike, candidates, features_of
from bench.cli import main
from bench.commands import choosing_table
from bench.commands.choosing_table import order_lines
from bench.scenario.shipped import scenario_files

BITS = choosing_page.KINDS["x is a vector of bits, and f is also defined between them"]
VALUES = choosing_page.KINDS["x is a vector of bits, and f is known by its values only"]


def by_name(problem: dict[str, Any]) -> dict[str, Candidate]:
    found = candidates(choosing_page.experiment_of(problem))
    return {one.estimator: one for one in found}


@pytest.mark.slow
def test_an_estimator_applies_or_the_reason_is_told() -> None:
    found, jumps = by_name(BITS), by_name(VALUES)
    assert found["rebar"].reason == ""
    assert found["rebar"].evaluations == 3
    assert "comparison" in jumps["rebar"].reason
    assert jumps["disarm"].evaluations == 2
    assert "reparameterized" in found["reparameterization"].reason
    assert found["arms"].least == 2
    reasons = [bool(one.reason) for one in candidates(choosing_page.experiment_of(BITS))]
    assert reasons == sorted(reasons)  # those first that apply


def test_features_are_what_estimators_may_ask_for() -> None:
    options = dict(BITS)
    problem = build("problems", options.pop("name"), options)
    assert features_of(problem) == (
        "x consists of choices between two",
        "x has few values",
        "f is defined between the values of x",
    )


def test_what_is_kept_is_of_the_shipped_scenarios_that_have_a_run() -> None:
    kept = choosing.kept()
    assert set(kept) == {name for name in scenario_files() if (choosing_page.REFERENCE / name).is_dir()}
    for name in ("gaussian", "quadratic_toy", "relaxation_temperature"):
        assert kept[name] == json.loads(json.dumps(choosing_page._described(name))), "run `make choosing`"
    orders = [row["factor"] for row in kept["gaussian"]["order"] if not row["biased"]]
    assert orders == sorted(orders)
    assert orders[0] == 1


def test_without_variance_comes_first_and_factors_are_to_the_least_that_is_not_zero() -> None:
    order = choosing_page.order_of(bench.load(choosing_page.REFERENCE / "quadratic_toy"))
    assert order["size"] == "6 evaluations of f"
    said = [(row["estimator"], choosing.factor_said(row)) for row in order["order"]]
    assert said[:2] == [("disarm", "variance 0"), ("local_expectation", "variance 0")]
    assert said[2][1] == "1"
    factors = [row["factor"] for row in order["order"][2:]]
    assert factors == sorted(factors)
    assert len(factors) == 8
    # The control: a run without any has the factor 1 at its head, and N for a size.
    gaussian = choosing_page.order_of(bench.load(choosing_page.REFERENCE / "gaussian"))
    assert gaussian["order"][0]["factor"] == 1
    assert gaussian["size"] == "N = 100000"
    # What is found to be biased is last, though it has no variance.
    heaviside = choosing_page.order_of(bench.load(choosing_page.REFERENCE / "heaviside"))
    assert choosing.factor_said(heaviside["order"][-1]) == "biased"


def test_an_order_is_told_with_its_size_and_none_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = order_lines(["quadratic_toy"])
    assert line.startswith(
        "as on quadratic_toy, 6 evaluations of f, by variance × evaluations of f: disarm ("
    )
    assert "disarm (variance 0), local_expectation (variance 0), " in line
    empty = {"quadratic_toy": {"size": "", "order": []}}
    monkeypatch.setattr(choosing_table, "kept", lambda: empty)
    assert list(order_lines(["quadratic_toy"])) == []


def test_the_scenario_itself_is_most_like_a_problem_of_its_own() -> None:
    assert "gaussian" in alike(choosing.kept()["gaussian"]["features"])
    assert "discrete_vae" in alike(choosing.kept()["discrete_vae"]["features"])


@pytest.mark.slow
def test_the_page_is_up_to_date() -> None:
    assert choosing.KEPT.read_text("utf-8") == choosing_page.text(), "run `make choosing`"
    assert choosing_page.PAGE.read_text("utf-8") == choosing_page.page(choosing.kept()), "run `make choosing`"


def test_the_command_tells_what_applies_to_a_scenario() -> None:
    done = CliRunner().invoke(main, ["list", "estimators", "--for", "gaussian"])
    assert done.exit_code == 0, done.output
    assert "x has a path" in done.stdout
    assert "it is no bound that averages K weights" in done.stdout
    assert "as on gaussian, N = 100000" in done.stdout
    as_json = CliRunner().invoke(main, ["list", "estimators", "--for", "gaussian", "--json"])
    found = json.loads(as_json.stdout)
    assert {one["estimator"] for one in found["estimators"]} >= {"reinforce", "rebar"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "problems", "--for", "gaussian"], "--for is of estimators"),
        (["list", "estimators", "--for", "gausian"], "did you mean gaussian?"),
    ],
)
def test_what_cannot_be_listed_is_said(words: list[str], said: str) -> None:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert said in done.output
