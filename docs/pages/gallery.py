"""The gallery: each reference run with its question, its answer, its pictures, its scenario and its page."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import bench
from bench.results.run import Run
from bench.scenario.shipped import scenario_files
from docs.pages.markdown import contents, literal, prose

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"

FIRST = "gaussian"
"""The lecture's example, which comes before all others."""

PICTURES = ("variance_by_option", "variance", "bias_by_option", "bias", "by_parameter")
"""Figures as they come. A page shows the first two that a run has; the first stands for it in the gallery."""

GROUPS: dict[str, tuple[str, ...]] = {
    "A number and its cost": (
        "gaussian", "gaussian_quadratic", "gaussian_cosine", "gaussian_bump", "heaviside", "sampling_rates",
        "logistic_regression", "perturbed_directions",
    ),
    "Autoencoders and bounds": (
        "vae", "vae_training", "vae_mnist", "sticking_the_landing", "iwae_signal_to_noise", "tighter_bounds",
        "doubly_reparameterized", "gan",
    ),
    "Discrete variables": (
        "quadratic_toy", "discrete_vae", "discrete_bounds", "relaxation_temperature", "rebar_coefficients",
        "antithetic_couplings", "independent_choices", "rao_blackwell_by_k",
    ),
    "Policies": (
        "group_baselines", "group_normalization", "prompt_shrinkage", "uniform_groups", "answer_lengths",
        "token_baselines", "ratio_rules", "kl_on_policy", "kl_off_policy", "discount_by_step",
        "credit_of_steps", "gridworld",
    ),
}  # fmt: skip
"""Headings -> reference runs; a test holds that each has its place."""


GALLERY = [name for names in GROUPS.values() for name in names]
"""The reference runs, in the order of the gallery."""


@functools.cache
def runs() -> dict[str, Run]:
    """Return the reference runs by name."""
    return {name: bench.load(REFERENCE / name) for name in GALLERY}


def pages() -> dict[str, str]:
    """Return a page for each run, and one with all."""
    found = {f"gallery/{name}.md": "\n\n".join(_page(name, run)) + "\n" for name, run in runs().items()}
    return {"gallery/index.md": "\n\n".join(_index()) + "\n", **found}


def question(run: Run) -> str:
    """Return the question of a run."""
    return str(run.record["scenario"].get("question") or run.record["scenario"]["name"])


def pictures(name: str) -> list[str]:
    """Return the names of the figures that are shown of a run, the most telling first."""
    return [each for each in PICTURES if (REFERENCE / name / "figures" / f"{each}.png").exists()][:2]


def _index() -> Iterator[str]:
    yield "# Gallery"
    yield (
        "A run of each scenario that comes with the bench. Each has its answer, its pictures, the file that "
        "asks, and the page that the run wrote: the interactive figures and every number."
    )
    for heading, names in GROUPS.items():
        entries = "\n\n".join(_entry(name, runs()[name]) for name in names)
        yield f"## {heading}\n\n:::::{{container}} gallery\n{entries}\n:::::"
    yield contents((f"{question(run)} <{name}>" for name, run in runs().items()), hidden="", maxdepth="1")


def _entry(name: str, run: Run) -> str:
    asked = f"**[{prose(question(run))}]({name}.md)**"
    parts = asked, _picture(name, pictures(name)[0], 340), said(name)[0]
    return "::::{container} entry\n" + "\n\n".join(parts) + "\n::::"


def said(name: str) -> list[str]:
    """Return the answer of a run, in Markdown, of which who wins comes before who is biased.

    It is that of all its replicates, of which the reference runs have kept a part: the first two sentences
    of the summary.
    """
    summary = (REFERENCE / name / "summary.md").read_text("utf-8")
    biased, best = re.findall(r"^- (.*)$", summary, re.MULTILINE)[:2]
    return [best, biased]


def _picture(name: str, figure: str, width: int) -> str:
    path = f"../../../results/reference/{name}/figures/{figure}.png"
    words = f"{figure.replace('_', ' ').capitalize()} of the run {name}"
    return f":::{{image}} {path}\n:alt: {words}\n:width: {width}px\n:target: {name}.html\n:::"


def _page(name: str, run: Run) -> Iterator[str]:
    yield f"# {prose(question(run))}"
    yield "\n".join(f"* {sentence}" for sentence in said(name))
    if name == FIRST:
        yield from _lecture()
    yield (
        f'<p><a class="run-page" href="runs/{name}.html">The page of this run</a>: interactive figures, '
        "verdicts and every number.</p>"
    )
    for figure in pictures(name):
        path = f"../../../results/reference/{name}/figures/{figure}.png"
        yield f":::{{image}} {path}\n:alt: {figure.replace('_', ' ').capitalize()}\n:width: 720px\n:::"
    yield "## The scenario"
    yield f"`bench run {name}` measures it again:"
    yield literal(scenario_files()[name].read_text("utf-8"), "yaml")


def _lecture() -> Iterator[str]:
    """Yield the numbers that lectures print of this example, as the first page has them."""
    start = (ROOT / "docs" / "start.md").read_text("utf-8")
    (rows,) = re.findall(r"^\| N \| .*?(?=\n\n)", start, re.DOTALL | re.MULTILINE)
    yield (
        "Lectures on variational autoencoders print the variances of this example from 100 estimates; here "
        "they are beside those measured and those exact, as in [Start](../../start.md)."
    )
    yield rows
