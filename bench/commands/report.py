"""The verb `report`: a run as one page to open, to look at and to send, and as text for papers."""

from __future__ import annotations

from pathlib import Path

import click

from bench.commands.examples import examples
from bench.commands.terminal import explained
from bench.text.formats import formats_of


@click.command(
    epilog=examples(
        "bench report results/gaussian/RUN --figures png,pdf --tex gaussian.tex",
        "bench report results/gaussian/RUN results/vae/RUN -o page.html",
    )
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page.  [report.html of a single run]",
)
@click.option(
    "--control", metavar="NAME", help="The control of the sentences, by label or name.  [the first]"
)
@click.option(
    "--tex", type=click.Path(dir_okay=False, path_type=Path), help="Write claims and a table for LaTeX here."
)
@click.option(
    "--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write a summary in Markdown here."
)
@click.option(
    "--figures", metavar="FORMAT,...", help="Write the figures too, beside the page: png, svg, pdf.  [none]"
)
@click.option("--titles", is_flag=True, help="Give these figures titles and captions.")
def report(
    runs: tuple[Path, ...],
    out: Path | None,
    control: str | None,
    tex: Path | None,
    markdown: Path | None,
    figures: str | None,
    titles: bool,
) -> None:
    """Write one or several runs as one page that needs no network; nothing is estimated again.

    Several runs are ranked over their common problems; those of the same scenario are set against the first.

    Exits with 0, 2 (there is no such run or format, or it cannot be written) or 130.
    """
    with explained():
        formats = () if figures is None else formats_of(figures.split(","))
        from bench.page.report import write_report
        from bench.results.folder import load

        found = [load(run) for run in runs]
        written, failed = write_report(found, out, control, tex, markdown, formats, titles)
    for path in written:
        click.echo(f"report   {path}")
    for line in failed:
        click.echo(line, err=True)
