"""One page from its views: text filled in, data and libraries put inside, nothing left to fetch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from bench.figures.estimator_style import styles

LIBRARIES = "libraries.min.js"
"""Vega, Vega-Lite and Vega-Embed, of the versions that draw the files, too."""

_SCRIPTS = ("state", "figures", "table", "controls", "start")
_FOR_SCRIPTS = ("name", "title", "figures", "headline", "measurements", "columns", "meanings", "rough")


def page(views: Sequence[Mapping[str, Any]], libraries_at: str = "") -> str:
    """Return the page that shows these views, of which the first is seen at first.

    Args:
        views: what is shown.
        libraries_at: the address of `LIBRARIES` where several pages share them; empty to put them inside.
    """
    seen = styles(label for view in views for label in view["labels"])
    known = {
        "labels": list(seen),
        "colors": [style.color for style in seen.values()],
        "shapes": [style.shape for style in seen.values()],
        "dashes": [style.dashes for style in seen.values()],
        "views": [{name: view[name] for name in _FOR_SCRIPTS if name in view} for view in views],
    }
    data = json.dumps(known, allow_nan=False, separators=(",", ":"))
    return filled(
        "page.html",
        views=views,
        # No parser of HTML takes it for markup.
        data=Markup(data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")),
        libraries="" if libraries_at else _asset(f"vendor/{LIBRARIES}"),
        libraries_at=libraries_at,
        css=_asset("page.css"),
        script=Markup("\n").join(_asset(f"script/{name}.js") for name in _SCRIPTS),
    )


def filled(template: str, **values: Any) -> str:
    """Return a template of this folder with its values; what is no markup is escaped."""
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FunctionLoader(_asset),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)


def _asset(name: str) -> Markup:
    return Markup(files("bench.page").joinpath(name).read_text(encoding="utf-8"))
