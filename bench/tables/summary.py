"""Pages of Markdown: of a run its question, answer, numbers, methods and provenance; of several together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.analysis import rows
from bench.analysis.comparison import changes_shown, compare
from bench.analysis.geometric import ratios_by_problem
from bench.analysis.pairs import within
from bench.results.run import Run
from bench.tables.comparison_table import comparison_table, problem_table, problem_title
from bench.tables.results_table import plain_table
from bench.text import together_claims
from bench.text.answer import answer, headline_of
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

    Raises:
        Invalid: if there is no estimator with the label or name `control`; None is the first of all.
    """
    scenario = run.record["scenario"]
    question = plain(scenario.get("question"), _LONG)
    provenance = (
        f"- {name}: {code(value) if name in AS_TYPED else markdown(value)}"
        for name, value in provenance_of(run.record)
    )
    sections = [
        f"# {markdown(plain(scenario.get('name'), _LONG) or '(no name)')}",
        *([f"**Question.** {markdown(question)}"] if question else []),
        _listed([*answer(run, control), *claims(run, control)]),
        "## Results",
        *attempted("the table", lambda: _results(run), markdown),
        "## Comparison",
        *attempted("the comparison", lambda: _comparison(run, control), markdown),
        f"## Methods\n\n{markdown(methods(run, control))}",
        "## Provenance",
        "\n".join(provenance),
    ]
    return "\n\n".join(section.rstrip() for section in sections) + "\n"


def _results(run: Run) -> Iterator[str]:
    yield plain_table(run.measurements, headline_of(run))
    if lines := details(run):
        yield _listed(lines)


def _comparison(run: Run, control: str | None) -> Iterator[str]:
    found = None if rows.whole(run.measurements).empty else compare(within(run, control), ("variance",))
    if found is not None and len(found.frame):
        yield comparison_table(found).markdown()
    else:
        yield "nothing can be compared"
        yield _listed(notes(found.left_out) if found else ())


def _listed(texts: Iterable[str]) -> str:
    return "\n".join(f"- {markdown(text)}" for text in texts)


def joint_markdown(runs: Sequence[Run], control: str | None = None) -> str:
    """Return the summary of several runs together: their answer, and a table of ratios on each problem.

    Raises:
        Invalid: if no run has an estimator with the label or name `control`; None is that of most runs.
    """
    said = _listed(together_claims.claims(runs, changes_shown(runs), control))
    found = ratios_by_problem(runs, control)
    title, table = markdown(problem_title(found)), problem_table(found).markdown()
    return f"# All runs\n\n{said}\n\n## {title}\n\n{table}"
