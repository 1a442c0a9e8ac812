"""The verb `reproduce`: known numbers, measured again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench.commands.examples import examples
from bench.commands.terminal import FAILED, explained, tell


@click.command(
    epilog=examples(
        "bench reproduce", "bench reproduce --only lecture", "bench reproduce --markdown numbers.md"
    )
)
@click.option("--only", multiple=True, metavar="NAME", help="Only this question; may be given several times.")
@click.option(
    "--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write the table here as a page, too."
)
def reproduce(only: tuple[str, ...], markdown: Path | None) -> None:
    """Measure numbers that papers and lectures print, and that formulas give, in one table.

    Beside each measured number stand the exact one and what the source prints, with two verdicts: whether
    what is measured agrees with the exact number, all of them together with a false alarm in one run of
    1000, and whether what is printed does, or is within what chance explains of as many repetitions.

    Exits with 0, 1 (a measured number is not as exact), 2 (there is no such question) or 130.
    """
    from bench.errors import did_you_mean, invalid, shown
    from bench.reproduction.known import questions
    from bench.reproduction.reproduced import AS_EXACT, reproduced
    from bench.reproduction.reproduction_page import page
    from bench.reproduction.reproduction_table import ending, reproduction_table
    from bench.results.files import atomic_write

    with explained():
        every = questions()
        names = [each.name for each in every]
        for name in only:
            if name not in names:
                raise invalid(
                    f"--only {shown(name)}: there is no question of this name; {did_you_mean(name, names)}"
                )
        if markdown is not None and not markdown.parent.is_dir():
            raise invalid(f"{markdown}: cannot be written: there is no such folder")
        wanted = [each for each in every if not only or each.name in only]
        rows = reproduced(wanted, lambda each: click.echo(f"{each.name}: {each.setting}", err=True))
        tell(reproduction_table(rows), [ending(rows)])
        if markdown is not None:
            with atomic_write(markdown) as temporary:
                temporary.write_text(page(rows), encoding="utf-8")
    sys.exit(FAILED if any(row.verdict != AS_EXACT for row in rows) else 0)
