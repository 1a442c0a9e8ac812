"""The section of a scenario on its regression test: how much worse an estimator may become."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from bench.errors import invalid
from bench.scenario.strict_models import UNIQUE, Distinct, Part, Replicates, SampleSize, Share

Sizes = Annotated[list[SampleSize], Distinct, Field(min_length=1, max_length=1000, json_schema_extra=UNIQUE)]


class Ratio(Part):
    """The factor by which a quantity may grow."""

    max_increase: Share | None = Field(
        default=None, description="The relative increase that must be found, with probability 99 %: 10%."
    )
    indifference: Share | None = Field(
        default=None, description="The increase up to which no alarm is raised: a fifth of the other."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (
            self.indifference is not None
            and self.max_increase is not None
            and self.indifference >= self.max_increase
        ):
            raise invalid("wanted an indifference smaller than max_increase", "indifference")
        return self


class Bias(Part):
    """The largest bias that is allowed."""

    margin: Share | None = Field(
        default=None, description="As a part of the gradient's norm; left out, any bias is too much: 1%."
    )


class Thresholds(Part):
    """The limits for an estimator."""

    variance: Ratio | None = Field(default=None, description="Of the variance.")
    mse: Ratio | None = Field(default=None, description="Of the mean squared error.")
    bias: Bias | None = Field(default=None, description="Of the bias of an estimator that claims none.")


class Gate(Thresholds):
    """The regression test of a scenario: `bench gate` holds its estimators against a baseline."""

    sample_sizes: Sizes | None = Field(
        default=None, description="The values of N that are tested; all of the sweep if left out."
    )
    max_replicates: Replicates = Field(
        default=1_000_000, description="The most replicates that a cell may take, confirmation apart."
    )
    estimators: dict[str, Thresholds] = Field(
        default={}, description="Thresholds of single estimators, by label."
    )
