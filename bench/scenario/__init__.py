"""A scenario: one YAML file that asks one question, read with the position of every word."""

from bench.scenario.document import Document, parse
from bench.scenario.points import Point, points
from bench.scenario.reading import Source, read, read_text
from bench.scenario.schema import (
    EstimatorSpec,
    NamedSpec,
    Reference,
    Scenario,
    json_schema,
)
from bench.scenario.sweep_section import Sweep

__all__ = [
    "Document",
    "EstimatorSpec",
    "NamedSpec",
    "Point",
    "Reference",
    "Scenario",
    "Source",
    "Sweep",
    "json_schema",
    "parse",
    "points",
    "read",
    "read_text",
]
