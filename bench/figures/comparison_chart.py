"""The figure of a comparison that was asked for: its ratios, with remarks on them."""

from __future__ import annotations

from bench.analysis.comparison import Comparison
from bench.errors import invalid
from bench.figures import FIGURES
from bench.figures.captions import Caption
from bench.figures.composition import Spec, composed
from bench.text.ratio_text import remarks


def chart_of_a_comparison(found: Comparison) -> Spec:
    """Return the figure of ratios of a comparison as a specification, with title and caption.

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
