"""Cards judge: where an estimator won, lost and was biased, as the reference runs have it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bench import judgments as module
from bench.cards import cards
from bench.judgments import KEPT, judgments
from estimators import ESTIMATORS


def row(name: str, factor: float, biased: bool = False, label: str = "") -> dict[str, Any]:
    known = {"estimator": label or name, "name": name, "biased": biased}
    return {**known, "factor": factor, "low": 0.9 * factor, "high": 1.1 * factor}


def run(size: str, problem: str, *order: dict[str, Any]) -> dict[str, Any]:
    biased = [{**each, "cells": 2, "of": 2} for each in order if each["biased"]]
    return {"size": size, "problem": problem, "order": list(order), "biased": biased}


ONE = run("N = 10", "expectation", row("a", 1), row("b", 4), row("c", 0.5, biased=True))
TWO = run("N = 2", "vae (k = 3)", row("c", 0), row("b", 1, label="b (best)"), row("b", 2), row("a", 30))
THREE = run("N = 2", "vae", row("a", 1), row("b", 5))


def kept(monkeypatch: pytest.MonkeyPatch, **runs: Mapping[str, Any]) -> None:
    monkeypatch.setattr(module, "_runs", lambda: runs)


def test_who_came_first_wins_by_the_factor_to_the_next_other(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, one=ONE, two=TWO, three=THREE)
    assert judgments("a")["wins"] == (
        "one (N = 10): 4 times less variance × evaluations of f than b; "
        "three (N = 2): 5 times less variance × evaluations of f than b"
    )
    wanted = "two (N = 2, k = 3): 30 times less variance × evaluations of f than a"
    assert judgments("b")["wins"] == wanted


def test_the_largest_loss_is_told_with_its_number_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, one=ONE, two=TWO, three=THREE)
    wanted = "two (N = 2, k = 3): a has 30 times the variance × evaluations of f of b (best)"
    assert judgments("a")["loses"] == wanted
    assert judgments("b")["loses"] == "three (N = 2): b has 5 times the variance × evaluations of f of a"


def test_what_chance_may_have_made_is_neither_a_win_nor_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, one=run("N = 10", "p", row("a", 1), row("b", 1.2)))
    assert judgments("a") == judgments("b") == {}
    kept(monkeypatch, one=run("N = 10", "p", row("a", 1), row("b", 1.3)))
    assert "wins" in judgments("a")
    assert "loses" in judgments("b")


def test_a_bias_in_any_cell_is_told_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = [{"estimator": "b (hard)", "name": "b", "cells": 3, "of": 4}]
    kept(monkeypatch, one={**ONE, "biased": elsewhere})
    assert judgments("b")["biased"] == "one (b (hard) in 3 of 4 cells)"
    assert "biased" not in judgments("a")


def test_what_is_biased_is_lost_to_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, one=run("N = 10", "p", row("c", 0.5, biased=True), row("a", 1), row("b", 4)))
    assert judgments("b")["loses"] == "one (N = 10): b has 4 times the variance × evaluations of f of a"


def test_what_is_biased_or_has_no_variance_neither_wins_nor_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, one=ONE, two=TWO)
    assert judgments("c") == {"biased": "one (c)"}


def test_what_was_never_measured_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, one=ONE)
    assert judgments("d") == {"measured": "in no reference run"}


def test_of_many_the_first_are_told_and_the_others_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(monkeypatch, **{f"run{i}": ONE for i in range(5)})
    assert judgments("c")["biased"] == "run0 (c); run1 (c); run2 (c); and 2 more"


def test_the_cards_have_the_judgments_of_the_runs_that_are_kept() -> None:
    runs = json.loads(KEPT.read_text("utf-8"))
    measured = {each["name"] for found in runs.values() for each in found["order"]}
    own = {card.name: card.facts for card in cards("estimators") if card.name in ESTIMATORS}
    assert measured <= own.keys()
    for name, facts in own.items():
        assert judgments(name).items() <= facts.items()
        assert ("measured" in facts) == (name not in measured)
    assert "iwae_signal_to_noise" in own["reinforce"]["loses"]
    assert own["go"]["measured"] == "in no reference run"
