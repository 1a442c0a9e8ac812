"""Claims of papers against reference runs: what is confirmed, contradicted, undecided or not tested."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench import claims_page
from bench.claims_page import Claim, Verdict, claims, verdict_of

GAUSSIAN = Claim("p", "s", "gaussian", "reparameterization", "reinforce")
BY_K = Claim("p", "s", "rao_blackwell_by_k", "top_k (k = 8)", "top_k (k = 1)")
TEMPERATURE = Claim("p", "s", "relaxation_temperature", "gumbel_rao (temperature = 0.5)", "reinmax")


def claim(**changes: Any) -> Claim:
    return replace(GAUSSIAN, **changes)


def test_a_claim_that_holds_everywhere_is_confirmed_and_its_reverse_contradicted() -> None:
    right = verdict_of(claim())
    assert right.word == "confirmed"
    assert right.holds == right.places == 5  # of five sizes
    assert right.ratios == "0.0460, exactly"  # 4 of 87, whatever N is
    wrong = verdict_of(claim(estimator="reinforce", control="reparameterization"))
    assert (wrong.word, wrong.fails) == ("contradicted", 5)


def test_a_claim_that_holds_here_and_not_there_is_undecided() -> None:
    found = verdict_of(claim(scenario="gaussian_bump"))
    assert found.word == "undecided"
    assert found.holds > 0
    assert found.fails > 0


def test_an_interval_without_ends_is_none() -> None:
    said = verdict_of(
        claim(scenario="discrete_vae", estimator="rodeo", control="reinforce (leave-one-out)")
    ).ratios
    assert said.endswith(" (no interval: its tails are too heavy)")
    assert "inf" not in said


def test_a_claim_about_one_size_is_held_against_that() -> None:
    assert verdict_of(claim(at=100)).places == 1
    with pytest.raises(ValueError, match="gaussian has no ratio of"):
        verdict_of(claim(at=7))
    with pytest.raises(ValueError, match="no ratio of reinforc "):
        verdict_of(claim(estimator="reinforc"))


def test_what_no_scenario_tells_is_not_tested() -> None:
    assert verdict_of(claim(scenario="")) == Verdict("not tested here")


@pytest.mark.parametrize("one", claims(), ids=lambda one: f"{one.scenario} {one.estimator} {one.control}")
def test_every_claim_that_is_kept_has_a_verdict(one: Claim) -> None:
    found = verdict_of(one)
    assert found.word in ("confirmed", "contradicted", "undecided", "not tested here")
    assert (found.places == 0) == (not one.scenario)
    assert found.holds + found.fails <= found.places


def test_an_interval_holds_the_ratio_and_is_empty_of_exact_ones() -> None:
    frame = claims_page.ratios_of(BY_K)
    assert (frame["low"] == frame["high"]).all()
    measured = claims_page.ratios_of(TEMPERATURE)
    assert (measured["low"] < measured["ratio"]).all()
    assert (measured["ratio"] < measured["high"]).all()


def test_the_page_is_up_to_date() -> None:
    assert claims_page.PAGE.read_text("utf-8") == claims_page.page(), "run `make claims`"
