"""Several runs on one page of Markdown: their answer, and a table of ratios on each problem."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.comparison import changes_shown
from bench.analysis.geometric import ratios_by_problem
from bench.results.runs import Run
from bench.tables import problem_table
from bench.text.labels import markdown
from bench.text.together_claims import claims


def as_markdown(runs: Sequence[Run], control: str | None = None) -> str:
    """Return the summary of several runs together; labels are data, not markup.

    Args:
        runs: from the first to the last, some of which have estimates.
        control: a label or a name; None for the label that most runs have.

    Raises:
        Invalid: if no run has such an estimator.
    """
    said = "\n".join(f"- {markdown(claim)}" for claim in claims(runs, changes_shown(runs), control))
    found = ratios_by_problem(runs, control)
    title = markdown(problem_table.title(found))
    return f"# All runs\n\n{said}\n\n## {title}\n\n{problem_table.as_markdown(found)}"
