"""A scenario: one YAML file that asks one question, read with the position of every word."""

from bench.scenario.document import Document, parse
from bench.scenario.points import Point, points
from bench.scenario.reading import Source, read, read_text
from bench.scenario.schema import (
    EstimatorSpec,
    NamedSpec,
    Reference,
    Scenario,
    Sweep,
    json_schema,
)

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
