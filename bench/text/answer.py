"""The answer of a run in at most two sentences, and the metric that it is about."""

from __future__ import annotations

from bench.results.runs import Run
from bench.text.claims import claims


def answer(run: Run, control: str | None = None) -> list[str]:
    """Return the answer in at most two sentences."""
    return claims(run, control)[:1]


def headline_of(run: Run) -> str:
    """Return the metric that the scenario is about."""
    return str(run.record["scenario"].get("headline") or "variance")
