"""Runs in, a page and texts for papers out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.analysis.together import named, varied
from bench.errors import invalid
from bench.page.one_run import one_run
from bench.page.render import page
from bench.page.several_runs import several_runs
from bench.page.view import View
from bench.report.claims import claims
from bench.report.figures import draw_run, draw_several
from bench.report.formats import formats_of
from bench.report.methods import methods
from bench.report.summary import as_markdown
from bench.report.tex import as_tex
from bench.results.files import whole
from bench.results.runs import Run
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
    claims: Sequence[str]


def write_report(
    runs: Sequence[Run],
    out: Path | None = None,
    control: str | None = None,
    tex: Path | None = None,
    markdown: Path | None = None,
    figures: Sequence[str] = (),
) -> list[Path]:
    """Write the page of one or several runs, and the texts and figures that are asked for.

    Args:
        runs: with their folders; of those of the same scenario, others are compared with the first.
        out: the page; None for `report.html` in the folder of a single run.
        control: of all sentences, by label or name; None for the first estimator.
        tex: where the sentences and a table for LaTeX go.
        markdown: where a summary in Markdown goes.
        figures: in which formats the figures of the runs are drawn, into a folder beside the page.

    Returns:
        The files that were written.

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
    texts = {place: page(_views(told, control))}
    if tex is not None:
        texts[tex] = "\n".join(as_tex(one.run.measurements, one.claims) for one in told)
    if markdown is not None:
        texts[markdown] = "\n".join(as_markdown(one.run, one.control) for one in told)
    for path, text in texts.items():
        with _explained(path), whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [*texts, *_drawn(told, place.parent / FIGURES, control, formats)]


def _control(control: str | None, run: Run, runs: Sequence[Run]) -> str | None:
    """The control of one run; the first estimator where a run of several does not have it."""
    known = {*run.measurements["estimator"], *run.measurements["estimator_name"]}
    return None if len(runs) > 1 and control not in known else control


def _told(run: Run, control: str | None) -> Told:
    return Told(run, control, claims(run, control))


def _folder(run: Run) -> Path:
    assert run.folder is not None
    return run.folder


def _views(told: Sequence[Told], control: str | None) -> list[View]:
    """One view for a single run; for several one of all together, then one each."""
    if len(told) == 1:
        return [_view(told[0])]
    runs = [one.run for one in told]
    labels, differ = named(runs), varied(runs)
    together = several_runs(runs, control, "all-")
    return [
        together,
        *(
            _view(one, f"run{i}-", labels[i], None if differ is None else differ.values[i])
            for i, one in enumerate(told)
        ),
    ]


def _view(one: Told, name: str = "", title: str | None = None, value: float | None = None) -> View:
    methods_ = methods(one.run, one.control)
    return one_run(one.run, one.claims, methods_, name, title, value)


def _drawn(told: Sequence[Told], beside: Path, control: str | None, formats: Sequence[str]) -> list[Path]:
    """The figures as files; those of several runs together, and of each in a folder of its own."""
    if not formats:
        return []
    with _explained(beside):
        if len(told) == 1:
            return _drawn_run(told[0], beside, formats)
        own = [
            path
            for one in told
            for path in _drawn_run(one, beside / _folder(one.run).resolve().name, formats)
        ]
        return [*draw_several(beside, [one.run for one in told], control, formats), *own]


def _drawn_run(one: Told, folder: Path, formats: Sequence[str]) -> list[Path]:
    return draw_run(folder, one.run, one.control, formats)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise invalid(f"{path}: cannot be written: {error.strerror}") from error
