"""A run folder in, a page and texts for papers out."""

from __future__ import annotations

from pathlib import Path

from bench.errors import invalid
from bench.page.one_run import one_run
from bench.page.render import page
from bench.report.claims import claims
from bench.report.methods import methods
from bench.report.pairs import Measured
from bench.report.summary import as_markdown
from bench.report.tex import as_tex
from bench.store.files import whole
from bench.store.folder import load, read_record
from estimators import ALIASES

PAGE = "report.html"
"""What the page of a run is called in its folder."""


def read_run(folder: Path) -> Measured:
    """What a run left, with estimators by their own names.

    Raises:
        Invalid: if the folder is not that of a run.
    """
    measurements = load(folder)
    # A scenario may use another name for the same estimator; a control is found by either.
    names = measurements["estimator_name"].map(lambda name: ALIASES.get(name, name))
    return Measured(
        measurements.assign(estimator_name=names), load(folder, "replicates"), read_record(folder)
    )


def write_report(
    folder: Path,
    out: Path | None = None,
    control: str | None = None,
    tex: Path | None = None,
    markdown: Path | None = None,
) -> list[Path]:
    """Write the page of a run, and the texts that are asked for.

    Args:
        folder: of the run.
        out: the page; None for `report.html` in the folder.
        control: of the sentences, by label or name; None for the first estimator.
        tex: where a table for LaTeX goes.
        markdown: where a summary in Markdown goes.

    Returns:
        The files that were written.

    Raises:
        Invalid: if the folder is not that of a run, there is no such control, or nothing can be written.
    """
    run = read_run(folder)
    control = None if control is None else ALIASES.get(control, control)
    said = claims(run, control)
    texts = {out or folder / PAGE: page([one_run(run, load(folder, "coordinates"), {}, said, methods(run))])}
    if tex is not None:
        texts[tex] = as_tex(run.measurements)
    if markdown is not None:
        texts[markdown] = as_markdown(run, control)
    for path, text in texts.items():
        _write(path, text)
    return list(texts)


def _write(path: Path, text: str) -> None:
    try:
        with whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise invalid(f"{path}: cannot be written: {error.strerror}") from error
