"""The view of a run in a notebook: the estimators from the best to the worst, and the table of results."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len

from bench.page.render import filled
from bench.page.small_tables import Field, SmallTable, strip
from bench.results.run import Run
from bench.tables.results_table import results_table
from bench.tables.table import GAP, WIDEST
from bench.text.answer import headline_of
from bench.text.failures import attempt

MOST_ROWS = 60


def in_notebook(run: Run) -> str:
    """Return a run as HTML without styles and scripts; a table that cannot be made says why."""
    failed: list[str] = []

    def table(name: str, make: Callable[[], SmallTable | None]) -> SmallTable | None:
        return attempt(f"the table of {name} could not be made", make, None, failed)

    made = table("estimators", lambda: strip(run, headline_of(run))), table("results", lambda: _results(run))
    return filled("run.html", summary=repr(run), tables=[table for table in made if table], failed=failed)


def _results(run: Run) -> SmallTable:
    """Return the first rows of the table that the command line prints, and as many columns."""
    table = results_table(run.measurements, headline_of(run))
    columns, fields = table.fitted(WIDEST, cell_len, GAP), []
    for row in table.rows[:MOST_ROWS]:
        said = table.across(row)
        texts = [column.text(row) if column.key or not said else "" for column in columns]
        fields.append([Field(table.group(row)), *map(Field, texts), Field(said)])
    head = [table.heading, *(column.name for column in columns), ""]
    if not any(row[-1].text for row in fields):
        head, fields = head[:-1], [row[:-1] for row in fields]
    more = len(table.rows) - len(fields)
    notes = [*table.notes, f"{more} more rows are in run.measurements" if more else ""]
    return SmallTable("results", "Results", head, fields, "; ".join(filter(None, notes)))
