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
from bench.results.files import atomic_write
from bench.results.run import Run
from bench.tables.summary import as_markdown, joint_markdown
from bench.tables.tex import as_tex
from bench.text.claims import claims
from bench.text.formats import formats_of
from estimators import ALIASES, called


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
    formats, several = formats_of(figures) if figures else (), len(runs) > 1
    if out is None and several:
        raise invalid(f"one page for {len(runs)} runs: say with -o where it goes")
    folders = [run.folder for run in runs if run.folder is not None]
    place = out or folders[0] / "report.html"
    for path in filter(None, (place, tex, markdown)):
        if not path.parent.is_dir():
            raise invalid(f"{path}: cannot be written: there is no such folder")
    control = None if control is None else ALIASES.get(control, control)
    each = [(run, _control(control, run, several)) for run in runs]
    views = [several_runs(runs, control, "all-")] if several else [one_run(*each[0])]
    for i, ((run, own), label) in enumerate(zip(each, named(runs), strict=True) if several else ()):
        views.append(one_run(run, own, f"run{i}-", label))
    texts = {place: page(views)}
    if tex is not None:
        texts[tex] = "\n".join(as_tex(run.measurements, claims(run, own)) for run, own in each)
    if markdown is not None:
        joint = [joint_markdown(runs, control)] if several else []
        texts[markdown] = "\n".join([*joint, *(as_markdown(run, own) for run, own in each)])
    for path, text in texts.items():
        with _explained(path), atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    written, failed = list(texts), [line for view in views for line in view["failed"]]
    if formats:
        beside = place.parent / "figures"
        with _explained(beside):
            for drawn, undrawn in _draw(each, folders, beside, control, formats, titles):
                written += drawn
                failed += undrawn
    return written, list(dict.fromkeys(failed))


def _control(control: str | None, run: Run, several: bool) -> str | None:
    """Return the control of one run; the first estimator where a run of several does not have it."""
    names = run.measurements[["estimator_name", "options"]].drop_duplicates().itertuples(index=False)
    known = set(run.measurements["estimator"]).union(*(called(*each) for each in names))
    return None if several and control not in known else control


def _draw(
    each: Sequence[tuple[Run, str | None]],
    folders: Sequence[Path],
    beside: Path,
    control: str | None,
    formats: Sequence[str],
    titles: bool,
) -> Iterator[tuple[list[Path], list[str]]]:
    """Write the figures; those of several runs together, and of each in a folder of its own."""
    runs = [run for run, _ in each]
    if len(runs) > 1:
        yield draw(beside, of_several_runs(runs), caption_of_runs(runs, control), formats, titles)
    for (run, own), place in zip(each, folders, strict=True):
        folder = beside / place.resolve().name if len(runs) > 1 else beside
        tables = of_a_run(run, None if own is None else label_of(run, own))
        yield draw(folder, tables, caption_of_run(run, own), formats, titles)
        yield write_pictures(folder, run, formats), []


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise invalid(f"{path}: cannot be written: {error.strerror}") from error
