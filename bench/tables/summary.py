"""A run on one page of Markdown: the question, the answer, the numbers, methods and provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.pairs import within
from bench.results.runs import Run
from bench.tables.comparison_table import comparison_table
from bench.tables.results_table import plain_table
from bench.text.answer import answer
from bench.text.claims import claims
from bench.text.failures import attempted
from bench.text.labels import code, markdown, plain
from bench.text.left_out import notes
from bench.text.methods import methods
from bench.text.provenance import AS_TYPED, provenance_of
from bench.text.remarks import details

_LONG = 1000


def as_markdown(run: Run, control: str | None = None) -> str:
    """Return the summary of a run; labels, questions and reasons are data, not markup.

    Args:
        run: the run.
        control: a label or a name, with which all are compared; None for the first estimator.

    Raises:
        Invalid: if there is no such estimator.
    """
    scenario = run.record["scenario"]
    question = plain(scenario.get("question"), _LONG)
    sections = [
        f"# {markdown(plain(scenario.get('name'), _LONG) or '(no name)')}",
        *([f"**Question.** {markdown(question)}"] if question else []),
        _listed([*answer(run, control), *claims(run, control)]),
        "## Results",
        *attempted("the table", lambda: [_results(run)], markdown),
        "## Comparison",
        *attempted("the comparison", lambda: [_comparison(run, control)], markdown),
        f"## Methods\n\n{markdown(methods(run, control))}",
        "## Provenance",
        "\n".join(_provenance(run.record)),
    ]
    return "\n\n".join(section.rstrip() for section in sections) + "\n"


def _results(run: Run) -> str:
    """Return the table without the rows of absent devices, unless all are: the claims say as much."""
    measurements = run.measurements
    present = measurements[measurements["status"] != "unavailable"]
    lines = details(run)
    table = plain_table(measurements if present.empty else present).rstrip()
    return "\n\n".join([table, *([_listed(lines)] if lines else [])])


def _comparison(run: Run, control: str | None) -> str:
    if rows.whole(run.measurements).empty:
        return "nothing can be compared"
    found = compare(within(run, control), ("variance",))
    if found.frame.empty:
        return "\n".join(["nothing can be compared", "", _listed(list(notes(found.left_out)))])
    return comparison_table(found).markdown()


def _provenance(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines of Markdown on all that it takes to repeat the run."""
    for name, value in provenance_of(record):
        yield f"- {name}: {code(value) if name in AS_TYPED else markdown(value)}"


def _listed(texts: list[str]) -> str:
    return "\n".join(f"- {markdown(text)}" for text in texts)
