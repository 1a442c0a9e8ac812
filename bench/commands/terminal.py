"""Exit codes, and the printing of results and errors, which all verbs share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from bench.results.run import Run
    from bench.tables.table import Table

FAILED, USAGE, SOME_CELLS_FAILED, NOTHING_MEASURED, UNDECIDED, INTERRUPTED = 1, 2, 3, 4, 5, 130


@contextmanager
def explained() -> Iterator[None]:
    """Print the mistakes of the user that are found within it, with exit code 2; a stop gives 130."""
    from bench.errors import Invalid

    try:
        yield
    except Invalid as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)


def tell(table: Table | None, lines: Iterable[str] = ()) -> None:
    """Print a table, if there is one, and lines below it that are data and not markup."""
    terminal = console()
    if table is not None:
        terminal.print(table)
    for line in lines:
        # Elsewhere than on a terminal each stays on a line of its own, which programs can take apart.
        terminal.print(line, markup=False, highlight=False, soft_wrap=not terminal.is_terminal)


def console() -> Console:
    """Return where tables are printed: as wide as the terminal, or as COLUMNS says, else 120."""
    from rich.console import Console

    made = Console()
    return made if made.is_terminal or os.environ.get("COLUMNS", "").isdigit() else Console(width=120)


def print_results(run: Run, lines: Sequence[str]) -> None:
    """Print the table of a run, and sentences below it."""
    from bench.tables.results_table import results_table
    from bench.text.answer import headline_of
    from bench.text.failures import attempted

    def table() -> Sequence[str]:
        terminal.print(results_table(run.measurements, headline_of(run)))
        return ()

    terminal = console()
    # These sentences are wrapped everywhere: nobody takes them apart.
    for line in (*attempted("the table", table), "", *lines):
        terminal.print(line, markup=False, highlight=False)
