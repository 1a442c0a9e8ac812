"""The texts of `choosing.json` and `docs/choosing.md`, from catalogue and reference runs: `make choosing`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import bench
from bench.analysis.first_screen import at_one_place
from bench.analysis.rows import may_be_unbiased, measured, whole
from bench.choosing import Candidate, candidates, factor_said, features_of
from bench.engine.plan import Experiment
from bench.judgments import KEPT
from bench.results.run import Run
from bench.scenario.resolved import resolved
from bench.scenario.shipped import scenario_files
from bench.text.size_words import size_said

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "choosing.md"
REFERENCE = ROOT / "results" / "reference"

_BITS = {"bernoulli": {"logits": [0.7, -1.1, 0.2]}}
_CLASSES = {"categorical": {"logits": [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]]}}


def _expectation(distribution: Mapping[str, Any], cost: str, *parameters: str) -> dict[str, Any]:
    return {
        "name": "expectation",
        "distribution": distribution,
        "parameters": list(parameters) or ["logits"],
        "cost": cost,
    }


KINDS: Mapping[str, dict[str, Any]] = {
    "x is continuous, and f has a gradient": _expectation(
        {"normal": {"loc": [0.3, -0.6], "scale": 0.8}}, "sum(cos(z))**2", "loc", "scale"
    ),
    "x is continuous, and f is known by its values only": _expectation(
        {"normal": {"loc": 0.6, "scale": 0.8}}, "z > 0.2", "loc", "scale"
    ),
    "x is a vector of bits, and f is also defined between them": _expectation(_BITS, "(sum(z) - 1.3)**2"),
    "x is a vector of bits, and f is known by its values only": _expectation(_BITS, "sum(z) > 1"),
    "x is a vector of classes, and f is also defined between them": {
        **_expectation(_CLASSES, "T[z[0], z[1]]"),
        "let": {"T": [[1, 2, 0.5], [0.3, -1.5, 1], [2, 0.1, -0.7]]},
    },
    "x is a count": _expectation({"poisson": {"rate": 3.4}}, "sqrt(z + 1)", "rate"),
    "x is the number of a class": _expectation(
        {"categorical": {"logits": [0.3, -0.4, 0.9, 0.1]}}, "sin(3*z)"
    ),
    "an ELBO with bits for latents": {"name": "discrete_vae", "batch_size": 3, "latent": 2},
    "an ELBO with layers of bits": {"name": "belief_net", "batch_size": 3, "layers": [2, 2]},
    "a bound of K samples with bits for latents": {
        "name": "discrete_vae",
        "batch_size": 3,
        "latent": 2,
        "bound": {"iwae": 3},
    },
    "groups of answers to prompts, right or wrong": {"name": "group_bandit", "success": [0.3, 0.6]},
    "answers of several tokens from an older policy": {
        "name": "sequence_policy",
        "log_odds": [0.4, -0.3],
        "behavior": [0.0, 0.5],
    },
    "a decision process": {"name": "mdp"},
    "an ELBO with continuous latents": {"name": "vae", "batch_size": 3, "latent": 2, "hidden": 4},
    "a bound of K samples with continuous latents": {
        "name": "vae",
        "batch_size": 3,
        "latent": 2,
        "hidden": 4,
        "bound": {"iwae": 4},
    },
}
"""Possession, as text -> a problem of that kind."""


def text() -> str:
    """Return what is kept of the shipped scenarios with a reference run, as JSON."""
    found = {name: _described(name) for name in sorted(scenario_files()) if (REFERENCE / name).is_dir()}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _described(name: str) -> dict[str, Any]:
    scenario, _, experiments = resolved(str(scenario_files()[name]))
    run = bench.load(REFERENCE / name)
    return {
        "question": scenario.question or "",
        "features": features_of(experiments[0].problem),
        **order_of(run),
    }


def order_of(run: Run) -> dict[str, Any]:
    """Return the order of the estimators by variance × evaluations of f, where most were measured.

    Factors, with the ends of their 95 % intervals, are those to the best of the unbiased ones that has any
    variance; without any it is 0. What was found to be biased comes last, after what has no variance and is
    not shown to be unbiased. Beside the order stands in how many of its cells, wherever they are, an
    estimator was found to be biased.
    """
    name = "evaluation_normalized_variance"
    at = measured(at_one_place(whole(run.measurements)), name)
    at = at.assign(biased=at["verdict"] == "biased", unsure=~may_be_unbiased(at))
    at = at.sort_values(["biased", "unsure", name], kind="stable")
    best = next(iter(at.loc[at[name] > 0, name]), 1.0)
    rows = [
        {
            "estimator": row.estimator,
            "name": row.estimator_name,
            "factor": _factor(getattr(row, name) / best),
            "low": _factor(getattr(row, f"{name}_low") / best),
            "high": _factor(getattr(row, f"{name}_high") / best),
            "biased": row.biased,
        }
        for row in at.itertuples()
    ]
    if not rows:
        return {"size": "", "problem": "", "order": rows, "biased": []}
    size = size_said(at, str(at["sample_size"].iloc[0]))
    return {"size": size, "problem": str(at["problem"].iloc[0]), "order": rows, "biased": _biased(run)}


def _factor(times: float) -> float:
    return float(f"{times:.3g}")


def _biased(run: Run) -> list[dict[str, Any]]:
    """Return the estimators that were found to be biased in some cell, with the number of these cells."""
    cells = whole(run.measurements)
    cells = cells[cells["status"] == "ok"]
    counts = cells.groupby(["estimator", "estimator_name"], sort=False)["verdict"].agg(
        cells=lambda verdicts: int((verdicts == "biased").sum()), of="size"
    )
    some = counts[counts["cells"] > 0].reset_index().rename(columns={"estimator_name": "name"})
    found: list[dict[str, Any]] = some.to_dict("records")
    return found


def page(kept: Mapping[str, Any]) -> str:
    """Return the page of the documentation, as Markdown."""
    return "\n".join(_lines(kept)) + "\n"


def _lines(kept: Mapping[str, Any]) -> Iterator[str]:
    yield "# Which estimator?\n\nMade by `make choosing` from the catalogue and the reference runs.\n"
    yield (
        "`bench list estimators --for SCENARIO` says the same of a scenario of your own: which apply, "
        "why the others do not,\nand how they came out on the shipped scenario that is most like it.\n"
    )
    yield "## What you have, and what applies\n"
    yield "In parentheses stand the evaluations of f that the smallest estimate takes.\n"
    for kind, problem in KINDS.items():
        yield from _kind(kind, candidates(experiment_of(problem)))
    yield "## In which order they came out\n"
    yield (
        "By variance × evaluations of f, times the least that is not 0, where most of a run were measured. "
        "Evaluations of\nthe gradient of f, and what an estimator learns beforehand, are not counted.\n"
    )
    for name, each in kept.items():
        yield from _scenario(name, each)


def experiment_of(problem: dict[str, Any]) -> Experiment:
    """The experiment of a problem on which estimators are tried."""
    said = {
        "schema": 1, "name": "kind", "version": 1, "problem": problem, "estimators": ["exact"],
        "sweep": {"sample_sizes": [2]},
    }  # fmt: skip
    return resolved(said)[2][0]


def _kind(kind: str, found: Sequence[Candidate]) -> Iterator[str]:
    yield f"### {kind[0].upper()}{kind[1:]}\n"
    for claim, head in (("unbiased", "Unbiased"), ("consistent", "Consistent"), ("biased", "Biased")):
        some = [one for one in found if not one.reason and one.claim == claim]
        if some:
            yield f"{head}: {', '.join(map(_said, some))}.\n"
    reasons: dict[str, list[str]] = {}
    for one in found:
        if one.reason:
            reasons.setdefault(one.reason, []).append(f"`{one.estimator}`")
    for reason, names in reasons.items():
        yield f"* not {', '.join(names)}: {reason}"
    yield ""


def _said(one: Candidate) -> str:
    return f"`{one.estimator}` ({', '.join(filter(None, (f'{one.evaluations:g}', one.remark)))})"


def _scenario(name: str, each: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {name}\n\n{each['question']}\n"
    yield f"{'; '.join(each['features'])}. {', '.join(filter(None, (each['problem'], each['size'])))}.\n"
    for place, row in enumerate(each["order"], 1):
        yield f"{place}. {row['estimator']}: {factor_said(row, ' times')}"
    yield ""


if __name__ == "__main__":
    KEPT.write_text(text(), "utf-8")
    if PAGE.parent.is_dir():  # an installed package has no documents
        PAGE.write_text(page(json.loads(KEPT.read_text("utf-8"))), "utf-8")
