"""What may stand under `slo` of `meta.hub`: promises of timeliness and quality."""

from datetime import timedelta
from itertools import combinations
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from datahub_dagster.adapters.dbt.block import Block
from datahub_dagster.adapters.dbt.hub_types import (
    Calendar,
    Count,
    Day,
    Duration,
    Name,
    Number,
    Span,
    TimeOfDay,
    Timezone,
)
from datahub_dagster.domain.contract import FreshnessSlo, Override
from datahub_dagster.domain.promise import QUALITY
from datahub_dagster.domain.slo_report import slo_check_name

Objective = Annotated[Number, Field(gt=0, le=1)]


class OverrideBlock(Block):
    """A day on which the calendar is not what it seems."""

    on: Day = Field(description="The day.")
    kind: Annotated[str, Field(pattern="^(added|removed|moved)$")] = Field(
        description="`added`, `removed` or `moved`."
    )
    reason: Name = Field(description="Why; consumers read it.")
    due_on: Day | None = Field(None, description="For `moved`: the day on which it is due instead.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.kind == "moved") != (self.due_on is not None):
            raise ValueError("due_on stands with kind: moved, and only there")
        if self.due_on is not None and self.due_on < self.on:
            raise ValueError(f"due_on {self.due_on} lies before the day itself, {self.on}")
        return self


class FreshnessBlock(Block):
    """By when a release must be published."""

    name: Name = Field(
        "freshness",
        description="Needed where there are several. `quality` and what begins with `for_` are taken.",
    )
    due: TimeOfDay | None = Field(
        None,
        description="Local time by which the release must be published. This or `max_age`. Of a dataset partitioned by month "
        "the last session of each month alone is owed, whatever the calendar: of a month that grows daily say `max_age`.",
    )
    max_age: Span | None = Field(None, description="How old the published release may grow. This or `due`.")
    timezone: Timezone = Field("UTC", description="The time zone of `due`.")
    calendar: Calendar = Field(
        "daily",
        description="On which days: `daily`, `weekdays`, an ISO country code, the MIC of an exchange, a "
        "[calendar file](../how-to/write-a-calendar.md), `XTKS and JP`, `XTKS or XNYS`, or one session a month such as `5th of JP`.",
    )
    covers: Annotated[Count, Field(ge=0, le=260)] = Field(
        0, description="How many sessions before the due day the business date lies."
    )
    grace: Duration = Field(timedelta(0), description="How much later than due still counts as met.")
    overrides: tuple[OverrideBlock, ...] = Field(
        (), description="Days added, removed or moved, each with a reason."
    )
    objective: Objective = Field(0.99, description="The share of due times met ...")
    window: Span = Field(timedelta(days=90), description="... over this rolling window.")
    warn_before: Duration = Field(
        timedelta(minutes=15),
        description="How long before a due time it is told that nothing was delivered yet; `0m` = never.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.due is None) == (self.max_age is None):
            raise ValueError("exactly one of due and max_age must be there")
        return self

    def to_domain(self) -> FreshnessSlo:
        """As a value of the domain."""
        values: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        values["overrides"] = tuple(
            Override(on=day.on, kind=day.kind, reason=day.reason, due_on=day.due_on) for day in self.overrides
        )
        return FreshnessSlo(**values)


class QualityBlock(Block):
    """The share of deliveries that pass their audit at the first try."""

    objective: Objective = Field(0.95, description="The share ...")
    window: Span = Field(timedelta(days=90), description="... over this rolling window.")


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class SloBlock(Block):
    """What is promised of timeliness and quality."""

    freshness: Annotated[tuple[FreshnessBlock, ...], BeforeValidator(_as_list)] = Field(
        (), description="A map, or a list of maps with `name`."
    )
    quality: QualityBlock | None = Field(
        None, description="Deliveries that pass their audit at the first try."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [slo.name for slo in self.freshness]
        if len(set(names)) < len(names):
            raise ValueError("each of several freshness promises needs a name of its own")
        for name in names:
            if slo_check_name(name) == slo_check_name(QUALITY):
                raise ValueError(
                    f"a promise of freshness can't be called {name!r}: that is the promise of quality"
                )
            if slo_check_name(name).startswith(slo_check_name("for_")):
                raise ValueError(f"a promise can't be called {name!r}: for_... are those of consumers")
        for one, other in combinations(names, 2):
            if slo_check_name(one) == slo_check_name(other):
                raise ValueError(
                    f"{one!r} and {other!r} would be the same check, {slo_check_name(one)}: names differ in letters or digits"
                )
        return self
