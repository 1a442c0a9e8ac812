"""One page from one run: text filled in, data and libraries put inside, nothing left to be fetched."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from bench.page import tables
from bench.page.figures import FIGURES
from bench.page.figures.figure import Figure
from bench.report import rows
from bench.report.labels import plain
from bench.report.pairs import Measured
from bench.report.style import looks

LIBRARIES = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")

_SHAPES = {
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross",
    "<": "triangle-left", "X": "stroke", ">": "triangle-right", "p": "wedge", "h": "arrow",
}  # fmt: skip
_LONG = 300
_MOST_VERDICTS = 20


def page(run: Measured, coordinates: pd.DataFrame, claims: Sequence[str], methods: str) -> str:
    """The page of a run.

    Args:
        run: what it left.
        coordinates: its table of coordinates.
        claims: the answer, a sentence each.
        methods: by what statistics.
    """
    scatter, some_coordinates = tables.scatter(run, coordinates)
    ratios, some_ratios = tables.ratios(run)
    spread, some_histograms = tables.spread(run)
    notices = {"coordinates": some_coordinates, "ratios": some_ratios, "spread": some_histograms}
    data = {
        "measurements": run.measurements,
        "ratios": ratios,
        "guides": tables.guides(run.measurements),
        "spread": spread,
        "coordinates": scatter,
    }
    figures = [figure for make in FIGURES if _has_something(figure := make(), data)]
    scenario = run.record["scenario"]
    whole = rows.whole(run.measurements)
    every = sorted(whole["sample_size"].unique())
    step = max(1, math.ceil(len(every) / _MOST_VERDICTS))
    sizes = every[::step]
    return _template().render(
        title=plain(scenario["name"], _LONG),
        question=plain(scenario.get("question"), _LONG),
        claims=[plain(claim, _LONG) for claim in claims],
        sizes=sizes,
        verdicts=list(_verdicts(whole, sizes)),
        more=f"of {len(every)} sample sizes every {step}th is shown" if step > 1 else "",
        missing=[plain(line, _LONG) for line in rows.not_measured(whole)],
        figures=[{**asdict(figure), "notice": notices.get(figure.table, "")} for figure in figures],
        provenance=list(_provenance(run.record)),
        methods=methods,
        data=_embedded(_data(run, data, figures)),
        vendor=[Markup(_asset(f"vendor/{name}")) for name in LIBRARIES],
        css=Markup(_asset("page.css")),
        script=Markup(_asset("page.js")),
    )


def _has_something(figure: Figure, data: Mapping[str, pd.DataFrame]) -> bool:
    """Whether there is a row to draw, and two values of what a figure compares."""
    frame = data[figure.table]
    for name, value in figure.where.items():
        frame = frame[frame[name] == value]
    numbers = frame[list(figure.needs)].astype(float)
    drawn = frame[np.isfinite(numbers.to_numpy()).all(axis=1)]
    return len(drawn) > 0 and (not figure.several or drawn[figure.several].nunique() > 1)


def _data(run: Measured, frames: Mapping[str, pd.DataFrame], figures: Sequence[Figure]) -> dict[str, Any]:
    labels = list(tables.labels_of(run))
    ratios = frames["ratios"]
    seen = looks(labels)
    return {
        "name": run.record["scenario"]["name"],
        "labels": labels,
        "controls": [label for label in labels if label in set(ratios["control"])] or labels[:1],
        "colors": [seen[label].color for label in labels],
        "shapes": [_SHAPES[seen[label].marker] for label in labels],
        "tables": tables.as_data(frames),
        "figures": [{**asdict(figure), "fields": _fields(figure.spec)} for figure in figures],
    }


def _fields(spec: Any) -> dict[str, list[str]]:
    """The columns that the two axes of a specification show."""
    found: dict[str, list[str]] = {"x": [], "y": []}
    for channel, name in _channels(spec):
        if name not in found[channel]:
            found[channel].append(name)
    return found


def _channels(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("x", "y") and isinstance(value, dict) and "field" in value:
                yield key, value["field"]
            yield from _channels(value)
    elif isinstance(part, list):
        for each in part:
            yield from _channels(each)


def _verdicts(whole: pd.DataFrame, sizes: Sequence[int]) -> Iterator[dict[str, Any]]:
    """A row for each estimator, device and type, with a cell for each of these N."""
    settings = rows.setting_of(whole)
    for (label, setting), group in whole.groupby([whole["estimator"], settings], sort=False):
        if (group["status"] != "ok").all():
            continue  # the list of what was not measured has it
        found = {row.sample_size: row for row in group.itertuples()}
        name = f"{plain(label)} ({setting})" if setting else plain(label)
        yield {"label": name, "cells": [_cell(found.get(N)) for N in sizes]}


def _cell(row: Any) -> dict[str, str]:
    if row is None:
        return {"text": "", "kind": "failed"}
    if row.status != "ok":
        return {"text": plain(row.status).replace("_", " "), "kind": "failed"}
    return {"text": plain(row.verdict), "kind": plain(row.verdict).split(" ")[0]}


def _provenance(record: Any) -> Iterator[tuple[str, str]]:
    git = record.get("git") or {}
    scenario = record["scenario"]
    yield (
        "scenario",
        f"{plain(scenario['name'])}, version {scenario.get('version')}, seed {scenario.get('seed')}",
    )
    if git:
        yield "commit", plain(git.get("commit")) + (" with changes" if git.get("dirty") else "")
    yield "versions", plain(", ".join(f"{k} {v}" for k, v in (record.get("versions") or {}).items()), _LONG)
    machine = record.get("machine") or {}
    yield (
        "machine",
        plain(f"{machine.get('processor')}, {machine.get('cores')} cores, {machine.get('platform')}", _LONG),
    )
    yield "random numbers", plain(record.get("stream_layout"))
    yield "finished", plain(record.get("finished"))
    yield (
        "to repeat",
        plain(" ".join(["python -m bench", *map(str, list(record.get("command") or [])[1:])]), _LONG),
    )


def _embedded(data: Any) -> Markup:
    """JSON that no HTML parser takes for markup."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@cache
def _asset(name: str) -> str:
    return files("bench.page").joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(_asset("page.html"))
