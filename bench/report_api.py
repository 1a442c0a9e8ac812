"""Runs in, a page and texts for papers out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.analysis.together import named, varied
from bench.errors import invalid
from bench.figures import Tables
from bench.figures.captions import caption_of_run, caption_of_runs, label_of
from bench.figures.export import draw
from bench.figures.figure_tables import of_a_run, of_several_runs
from bench.figures.image_grid import write_pictures
from bench.page.one_run import one_run
from bench.page.render import page
from bench.page.several_runs import several_runs
from bench.page.view import View
from bench.results.files import whole
from bench.results.runs import Run
from bench.tables.summary import as_markdown
from bench.tables.tex import as_tex
from bench.text import joint_summary
from bench.text.claims import claims
from bench.text.formats import formats_of
from bench.text.methods import methods
from estimators import ALIASES

PAGE = "report.html"
"""What the page of a run is called in its folder."""

FIGURES = "figures"
"""What the folder beside the page is called."""


@dataclass(frozen=True)
class Told:
    """A run with what is said of it."""

    run: Run
    control: str | None
    tables: Tables
    claims: Sequence[str]


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
    told = [_told(run, _control(control, run, runs)) for run in runs]
    views = _views(told, control)
    texts = {place: page(views)}
    if tex is not None:
        texts[tex] = "\n".join(as_tex(one.run.measurements, one.claims) for one in told)
    if markdown is not None:
        joint = [joint_summary.as_markdown(runs, control)] if len(runs) > 1 else []
        texts[markdown] = "\n".join([*joint, *(as_markdown(one.run, one.control) for one in told)])
    for path, text in texts.items():
        with _explained(path), whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    drawn, failed = _drawn(told, place.parent / FIGURES, control, formats, titles)
    missing = dict.fromkeys(line for view in views for line in view.failed)
    return [*texts, *drawn], list(dict.fromkeys([*missing, *failed]))


def _control(control: str | None, run: Run, runs: Sequence[Run]) -> str | None:
    """The control of one run; the first estimator where a run of several does not have it."""
    known = {*run.measurements["estimator"], *run.measurements["estimator_name"]}
    return None if len(runs) > 1 and control not in known else control


def _told(run: Run, control: str | None) -> Told:
    label = None if control is None else label_of(run, control)
    return Told(run, control, of_a_run(run, label), claims(run, control))


def _folder(run: Run) -> Path:
    assert run.folder is not None
    return run.folder


def _views(told: Sequence[Told], control: str | None) -> list[View]:
    """One view for a single run; for several one of all together, then one each."""
    if len(told) == 1:
        return [_view(told[0])]
    runs = [one.run for one in told]
    labels, differ = named(runs), varied(runs)
    together = several_runs(runs, of_several_runs(runs), control, "all-")
    return [
        together,
        *(
            _view(one, f"run{i}-", labels[i], None if differ is None else differ.values[i])
            for i, one in enumerate(told)
        ),
    ]


def _view(one: Told, name: str = "", title: str | None = None, value: float | None = None) -> View:
    methods_ = methods(one.run, one.control)
    return one_run(one.run, one.tables, one.claims, methods_, name, title, value)


def _drawn(
    told: Sequence[Told], beside: Path, control: str | None, formats: Sequence[str], titles: bool
) -> tuple[list[Path], list[str]]:
    """Write the figures; those of several runs together, and of each in a folder of its own."""
    if not formats:
        return [], []
    several = len(told) > 1
    with _explained(beside):
        folders = [beside / _folder(one.run).resolve().name if several else beside for one in told]
        found = [_drawn_run(one, folder, formats, titles) for one, folder in zip(told, folders, strict=True)]
        if several:
            runs = [one.run for one in told]
            tables, about = of_several_runs(runs), caption_of_runs(runs, control)
            found.insert(0, draw(beside, tables, about, formats, titles))
    return [path for paths, _ in found for path in paths], [line for _, failed in found for line in failed]


def _drawn_run(one: Told, folder: Path, formats: Sequence[str], titles: bool) -> tuple[list[Path], list[str]]:
    paths, failed = draw(folder, one.tables, caption_of_run(one.run, one.control), formats, titles)
    return [*paths, *write_pictures(folder, one.run, formats)], failed


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise invalid(f"{path}: cannot be written: {error.strerror}") from error
