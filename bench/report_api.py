"""Runs in, a page and texts for papers out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.analysis.together import named
from bench.errors import invalid
from bench.figures.captions import caption_of_run, caption_of_runs, label_of
from bench.figures.export import draw
from bench.figures.figure_tables import of_a_run, of_several_runs
from bench.figures.image_grid import write_pictures
from bench.page.one_run import one_run
from bench.page.render import page
from bench.page.several_runs import several_runs
from bench.page.view import View
from bench.results.files import atomic_write
from bench.results.runs import Run
from bench.tables import joint_summary
from bench.tables.summary import as_markdown
from bench.tables.tex import as_tex
from bench.text.claims import claims
from bench.text.formats import formats_of
from estimators import ALIASES

PAGE = "report.html"
"""What the page of a run is called in its folder."""

FIGURES = "figures"
"""What the folder beside the page is called."""


def write_report(
    runs: Sequence[Run],
    out: Path | None = None,
    control: str | None = None,
    tex: Path | None = None,
    markdown: Path | None = None,
    figures: Sequence[str] = (),
    titles: bool = False,
) -> tuple[list[Path], list[str]]:
    """Write the page of one or several runs, and the texts and figures that are asked for.

    Args:
        runs: with their folders; of those of the same scenario, others are compared with the first.
        out: the page; None for `report.html` in the folder of a single run.
        control: of all sentences, by label or name; None for the first estimator.
        tex: where the sentences and a table for LaTeX go.
        markdown: where a summary in Markdown goes.
        figures: in which formats the figures of the runs are drawn, into a folder beside the page.
        titles: whether these figures have titles and captions, which papers write themselves.

    Returns:
        The files that were written, and a line for each figure that could not be drawn.

    Raises:
        Invalid: if there is no such control or format, or nothing can be written.
    """
    formats = formats_of(figures) if figures else ()
    if out is None and len(runs) > 1:
        raise invalid(f"one page for {len(runs)} runs: say with -o where it goes")
    place = out or _folder(runs[0]) / PAGE
    for path in filter(None, (place, tex, markdown)):
        if not path.parent.is_dir():
            raise invalid(f"{path}: cannot be written: there is no such folder")
    control = None if control is None else ALIASES.get(control, control)
    controls = [_control(control, run, runs) for run in runs]
    views = _views(runs, controls, control)
    texts = {place: page(views)}
    if tex is not None:
        texts[tex] = "\n".join(
            as_tex(run.measurements, claims(run, own)) for run, own in zip(runs, controls, strict=True)
        )
    if markdown is not None:
        joint = [joint_summary.as_markdown(runs, control)] if len(runs) > 1 else []
        each = [as_markdown(run, own) for run, own in zip(runs, controls, strict=True)]
        texts[markdown] = "\n".join([*joint, *each])
    for path, text in texts.items():
        with _explained(path), atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    drawn, undrawn = _draw(runs, controls, place.parent / FIGURES, control, formats, titles)
    failed = [line for view in views for line in view.failed]
    return [*texts, *drawn], list(dict.fromkeys([*failed, *undrawn]))


def _control(control: str | None, run: Run, runs: Sequence[Run]) -> str | None:
    """Return the control of one run; the first estimator where a run of several does not have it."""
    known = {*run.measurements["estimator"], *run.measurements["estimator_name"]}
    return None if len(runs) > 1 and control not in known else control


def _folder(run: Run) -> Path:
    assert run.folder is not None
    return run.folder


def _views(runs: Sequence[Run], controls: Sequence[str | None], control: str | None) -> list[View]:
    """Return one view for a single run; for several one of all together, then one each."""
    if len(runs) == 1:
        return [one_run(runs[0], controls[0])]
    each = enumerate(zip(runs, controls, named(runs), strict=True))
    together = several_runs(runs, of_several_runs(runs), control, "all-")
    return [together, *(one_run(run, own, f"run{i}-", label) for i, (run, own, label) in each)]


def _draw(
    runs: Sequence[Run],
    controls: Sequence[str | None],
    beside: Path,
    control: str | None,
    formats: Sequence[str],
    titles: bool,
) -> tuple[list[Path], list[str]]:
    """Write the figures; those of several runs together, and of each in a folder of its own."""
    if not formats:
        return [], []
    paths: list[Path] = []
    failed: list[str] = []
    with _explained(beside):
        if len(runs) > 1:
            about = caption_of_runs(runs, control)
            paths, failed = draw(beside, of_several_runs(runs), about, formats, titles)
        for run, own in zip(runs, controls, strict=True):
            folder = beside / _folder(run).resolve().name if len(runs) > 1 else beside
            tables = of_a_run(run, None if own is None else label_of(run, own))
            drawn, undrawn = draw(folder, tables, caption_of_run(run, own), formats, titles)
            paths += [*drawn, *write_pictures(folder, run, formats)]
            failed += undrawn
    return paths, failed


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise invalid(f"{path}: cannot be written: {error.strerror}") from error
