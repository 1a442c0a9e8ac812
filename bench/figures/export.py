"""Figures as files: PNG, SVG and PDF of the same specification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.analysis.comparison import Comparison
from bench.errors import invalid
from bench.figures import FIGURES, each
from bench.figures.captions import Caption
from bench.figures.composition import Spec, composed
from bench.figures.definition import Figure
from bench.figures.figure_tables import Tables
from bench.figures.rendering import picture
from bench.results.files import atomic_write
from bench.text.ratio_text import remarks

MOST_PROBLEMS = 6  # points of a sweep with a panel each; of more, curves along the option are drawn


def write(spec: Spec, stem: Path, formats: Sequence[str]) -> list[Path]:
    """Write a specification in each of the formats; each file is whole or not there."""
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in formats]
    for path, kind in zip(paths, formats, strict=True):
        with atomic_write(path) as temporary:
            temporary.write_bytes(picture(spec, kind))
    return paths


def draw(
    folder: Path,
    tables: Tables,
    caption: Caption,
    formats: Sequence[str],
    titled: bool,
    names: Iterable[str] = tuple(FIGURES),
) -> tuple[list[Path], list[str]]:
    """Write the figures that apply to these tables, in some formats, into a folder that is made if need be.

    Returns:
        The files, and a line for each figure that could not be drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    has_curves = "along" in tables and not tables["along"].empty

    def written(figure: Figure) -> list[Path] | None:
        rows = figure.drawn(tables)
        if has_curves and "problem" in rows and rows["problem"].nunique() > MOST_PROBLEMS:
            return None
        spec = composed(figure, tables, caption, titled)
        return None if spec is None else write(spec, folder / figure.name, formats)

    found, failed = each([FIGURES[name] for name in names if FIGURES[name].table in tables], written)
    return [path for paths in found for path in paths], failed


def chart_of_a_comparison(found: Comparison) -> Spec:
    """Return the figure of ratios of a comparison that was asked for, with remarks on them.

    Raises:
        Invalid: if there is no ratio that has a place on a logarithmic axis.
    """
    paired = int(found.frame["paired"].sum())
    some = "the" if paired == len(found.frame) else f"{paired} of {len(found.frame)}"
    facts = [*remarks(found), f"{some} pairs have the same random numbers"]
    caption = Caption(found.scenario, found.estimators, " · ".join(facts), found.frame, found.control)
    spec = composed(FIGURES["ratios"], {"ratios": found.frame}, caption)
    if spec is None:
        raise invalid("the comparison has nothing that could be drawn: no ratio is a number above zero")
    return spec
