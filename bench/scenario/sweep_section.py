"""The section of a scenario on what is varied."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bench.errors import invalid
from bench.scenario.strict_models import UNIQUE, Distinct, Missing, Part, SampleSize
from bench.scenario.sweep import Values

Device = Annotated[str, Field(pattern=r"^(cpu|mps|cuda(:(0|[1-9][0-9]{0,3}))?)$")]


SIZES = frozenset({"sample_sizes", "evaluations"})
"""The keys of which a sweep has one."""
NO_SIZE = "missing key 'sample_sizes' in sweep; or evaluations, in its place"


class Sweep(Part):
    """The quantities that are varied: each estimator runs once for every combination."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["sample_sizes"]}, {"required": ["evaluations"]}]}
    )

    sample_sizes: Annotated[list[SampleSize], Distinct] = Field(
        default=None,  # type: ignore[arg-type]
        min_length=1,
        max_length=1000,
        description="Values of N, the number of samples that one estimate uses.",
        json_schema_extra=UNIQUE,
    )
    evaluations: Annotated[list[SampleSize], Distinct] = Field(
        default=None,  # type: ignore[arg-type]
        min_length=1,
        max_length=1000,
        description="In place of sample_sizes: evaluations of f for one estimate; each estimator has the "
        "largest N that they pay for.",
        json_schema_extra=UNIQUE,
    )
    devices: Annotated[list[Device], Distinct] = Field(
        default=["cpu"],
        min_length=1,
        max_length=1000,
        description="Where to run: cpu, cuda, cuda:0 and so on, or mps.",
        json_schema_extra={**UNIQUE, "examples": [["cpu"], ["cpu", "cuda"]]},
    )
    dtypes: Annotated[list[Literal["float32", "float64"]], Distinct] = Field(
        default=["float32"],
        min_length=1,
        max_length=1000,
        description="The precision of the samples and of the cost.",
        json_schema_extra=UNIQUE,
    )
    options: dict[str, Values] = Field(
        default={},
        description="Options that take several values, by their dotted names: problem.OPTION, or "
        "estimators.NAME.OPTION with the label or the name of an estimator.",
        examples=[{"problem.cost.bump.k": {"log": [0.1, 10, 9]}}],
    )
    zip: list[list[str]] = Field(
        default=[], max_length=20, description="Options of the problem that go side by side, not crosswise."
    )
    exclude: list[dict[str, Any]] = Field(
        default=[], max_length=1000, description="Combinations of options of the problem that are left out."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        given = self.model_fields_set & SIZES
        if len(given) > 1:
            raise invalid("wanted sample_sizes or evaluations, got both", "evaluations")
        if not given:
            raise Missing(NO_SIZE)
        return self

    @model_serializer(mode="wrap")
    def _without_the_other(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in written(self).items() if value is not None}

    @property
    def sizes(self) -> list[int]:
        """The values of N, or the budgets that no N exceeds."""
        return [*(self.sample_sizes or []), *(self.evaluations or [])]
