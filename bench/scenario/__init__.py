"""A scenario: one YAML file that asks one question, read with the position of every word."""

from bench.scenario.document import Document, ScenarioError, parse
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
    "Reference",
    "Scenario",
    "ScenarioError",
    "Source",
    "Sweep",
    "json_schema",
    "parse",
    "read",
    "read_text",
]
