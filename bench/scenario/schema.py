"""The schema of a scenario: its keys, their types and limits, for the program and for an editor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema

from bench.errors import Fault, Invalid, KeyFault, did_you_mean, invalid, shown
from bench.problems import PROBLEMS
from bench.scenario.gate_section import Gate
from bench.scenario.strict_models import Part, Replicates, SampleSize, Share
from bench.scenario.sweep_section import Sweep
from estimators import ESTIMATORS, OTHER_NAMES

_RESERVED_BY_WINDOWS = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?")
_LABEL = "Another name for it in tables and plots, on one line; two entries may then use the same estimator."


def _file_name(name: str) -> str:
    if ".." in name or name.endswith("."):
        raise invalid(f"wanted no '..' and no '.' at the end, got {shown(name)}")
    if _RESERVED_BY_WINDOWS.fullmatch(name):
        raise invalid(f"{shown(name)} cannot be the name of a folder on Windows; choose another")
    return name


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise invalid(f"wanted one line of printable characters, got {shown(text)}")
    return text


def _whole(number: object) -> object:
    # Python takes True and 1.0 for 1.
    if type(number) is not int:
        raise invalid(f"wanted 1, the version of the layout of scenario files, got {shown(number)}")
    return number


HEADLINES = ("bias", "variance", "mse", "snr", "cosine", "cost", "work_normalized_variance")
"""The names of the metrics; a test holds them to the table of metrics, which needs torch."""


def _metric(name: object) -> object:
    if name not in HEADLINES:
        near = did_you_mean(name, HEADLINES) if isinstance(name, str) else f"known: {', '.join(HEADLINES)}"
        raise invalid(f"wanted the name of a metric, got {shown(name)}; {near}")
    return name


class NamedSpec(Part):
    """A problem: its name and, beside it, its options."""

    model_config = ConfigDict(extra="allow", title="Problem")

    name: str = Field(
        min_length=1,
        description="Which problem; `bench list problems` lists them.",
        json_schema_extra={"enum": [*sorted(PROBLEMS)]},
    )

    @property
    def options(self) -> dict[str, Any]:
        """The values beside the name."""
        return dict(self.model_extra or {})


class EstimatorSpec(Part):
    """An estimator: its name, its options and, if it has one, its label."""

    name: str = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)
    label: Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_one_line)] | None = None

    @model_serializer
    def _as_written(self) -> str | dict[str, Any]:
        if not self.options and self.label is None:
            return self.name
        label = {} if self.label is None else {"label": self.label}
        return {self.name: self.options or None, **label}


_HOW_TO_WRITE_AN_ESTIMATOR = "wanted an estimator by name, or as {name: {option: value}}"


def _fields(item: object) -> object:
    """The fields of an `EstimatorSpec`, from one of the two ways to write it."""
    if isinstance(item, EstimatorSpec):
        return item
    if isinstance(item, str):
        item = {item: None}
    if not isinstance(item, Mapping):
        raise invalid(f"{_HOW_TO_WRITE_AN_ESTIMATOR}, got {shown(item)}")
    names = [key for key in item if key != "label"]
    if not names or not names[0] or "name" in names:
        raise invalid(f"{_HOW_TO_WRITE_AN_ESTIMATOR}, got {shown(item)}")
    if len(names) > 1:
        raise Invalid(*(_second_name(names[0], key) for key in names[1:]))
    options = {} if item[names[0]] is None else item[names[0]]
    if not isinstance(options, Mapping):
        raise invalid(f"wanted the options as {{option: value}}, got {shown(options)}", names[0])
    return {"name": names[0], "options": options, "label": item.get("label")}


def _second_name(name: str, key: str) -> Fault:
    if key in ESTIMATORS or key in OTHER_NAMES:
        return KeyFault(f"each entry has one name; begin another for {shown(key)}", (key,))
    near = did_you_mean(key, ["label"])
    near = f", or {near}" if near.startswith("did") else ""
    return KeyFault(f"{shown(key)} stands beside {shown(name)}; indent it to make it an option{near}", (key,))


def _estimator_json_schema() -> dict[str, Any]:
    names = sorted({*ESTIMATORS, *OTHER_NAMES})
    options = {
        name: {
            "type": ["object", "null"],
            "description": f"Options of {name}; `bench show {name}` explains them.",
        }
        for name in names
    }
    label = {"type": "string", "minLength": 1, "maxLength": 10_000, "description": _LABEL}
    return {
        "description": "An estimator: a name, or {name: {option: value}}; see `bench list estimators`.",
        "anyOf": [
            {"type": "string", "enum": names},
            {
                "type": "object",
                "properties": {**options, "label": label},
                "additionalProperties": False,
                "oneOf": [{"required": [name]} for name in names],
            },
        ],
    }


Estimator = Annotated[EstimatorSpec, BeforeValidator(_fields), WithJsonSchema(_estimator_json_schema())]


class Precision(Part):
    """The precision of results: cells get more replicates until they have it."""

    variance: Share = Field(
        description="The half-width of the 95 % interval of the variance, as a part of it: 5%."
    )


class Reference(Part):
    """A long run that stands for the exact gradient where that is not known."""

    estimator: Estimator | None = Field(default=None, description="Which unbiased estimator it uses.")
    sample_size: SampleSize | None = Field(default=None, description="Its N, samples per estimate.")
    replicates: Replicates | None = Field(default=None, description="Its R, independent estimates.")


class Scenario(Part):
    """One question about gradient estimators, and what is run to answer it."""

    schema_: Annotated[Literal[1], BeforeValidator(_whole)] = Field(
        alias="schema", description="The layout of this file; 1 is the only one."
    )
    name: Annotated[str, AfterValidator(_file_name)] = Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$",
        description="What the scenario and the folder of its results are called.",
    )
    version: int = Field(ge=1, description="Goes up with each change that changes numbers.")
    question: Annotated[str, Field(max_length=200), AfterValidator(_one_line)] | None = Field(
        default=None, description="The question that the scenario asks, on one line."
    )
    headline: Annotated[
        str, BeforeValidator(_metric), WithJsonSchema({"type": "string", "enum": [*HEADLINES]})
    ] = Field(
        default="variance", description="The metric that the question is about; no number depends on it."
    )
    problem: NamedSpec = Field(description="What is differentiated: a name and, beside it, the options.")
    estimators: list[Estimator] = Field(
        min_length=1, max_length=1000, description="The estimators that are compared."
    )
    sweep: Sweep = Field(description="What is varied.")
    data: Literal["fixed", "resampled"] = Field(
        default="fixed",
        description="Whether all replicates share one batch of the data, or each has its own: "
        "the variance is then split into that of sampling and that of the data.",
    )
    coordinates: Literal["all", "blocks", "none"] = Field(
        default="all",
        description="The finest detail that is kept: every coordinate, the blocks of parameters, or none but "
        "the whole gradient. Less takes less room where there are many.",
    )
    replicates: Replicates = Field(
        default=1000, description="R, the number of independent estimates in each cell."
    )
    precision: Precision | None = Field(
        default=None,
        description="How well results are to be known; R is then where each cell begins, not where it ends.",
    )
    max_replicates: Replicates = Field(
        default=1_000_000, description="The R at which a cell ends that did not reach the precision."
    )
    seed: int = Field(
        default=0, ge=0, lt=2**64, description="Of all random numbers; the same seed gives the same results."
    )
    reference: Reference = Field(
        default=Reference(), description="A long run in place of an exact gradient that is not known."
    )
    gate: Gate = Field(
        default=Gate(), description="How much worse an estimator may become, for `bench gate`."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.precision is not None and self.max_replicates < self.replicates:
            least = f"wanted at least the {self.replicates} of replicates"
            raise invalid(f"{least}, got {self.max_replicates}", "max_replicates")
        if others := [
            Fault(f"{sample_size} is not in sweep.sample_sizes", ("gate", "sample_sizes", i))
            for i, sample_size in enumerate(self.gate.sample_sizes or [])
            if sample_size not in (self.sweep.sample_sizes or [])
        ]:
            raise Invalid(*others)
        return self

    def plain(self) -> dict[str, Any]:
        """The scenario as a file would say it, defaults written out; reads back as an equal one."""
        return self.model_dump(by_alias=True)


class _WithoutTitles(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of scenario files, for editors that complete and check YAML.

    Names are those of the problems and estimators in this repository; their options are
    left open.
    """
    schema = Scenario.model_json_schema(schema_generator=_WithoutTitles)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}
