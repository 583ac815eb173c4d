"""What may stand under `meta.hub`: the one place that names every key, with its meaning, its default and its checks.

The JSON schema, the reference and the lint are made from these models. Missing owners are a lint, not an error: an existing dbt project
loads as it is.
"""

from datetime import date, time, timedelta
from itertools import combinations
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from datahub_dagster.adapters.dbt.hub_types import (
    Calendar,
    Cron,
    Day,
    Duration,
    Email,
    Name,
    Span,
    TimeOfDay,
    Timezone,
    Version,
)
from datahub_dagster.domain.contract import (
    Classification,
    ConsumerKind,
    DeliverySpec,
    FreshnessSlo,
    Granularity,
    Language,
    License,
    Lifecycle,
    Mode,
    Override,
    PartitionSpec,
    QualitySlo,
    QuietHours,
    Retention,
    Schedule,
    Support,
)
from datahub_dagster.domain.promise import QUALITY
from datahub_dagster.domain.slo_report import slo_check_name

Objective = Annotated[float, Field(gt=0, le=1)]


class Block(BaseModel):
    """A map in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def keys(cls) -> dict[str, FieldInfo]:
        """Its keys as they are written; `from` can't be the name of a field."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


class QuietBlock(Block):
    """When nobody is told anything; what comes up then is told when it is over."""

    since: TimeOfDay = Field(alias="from", description="Local time from which it is quiet ...")
    until: TimeOfDay = Field(alias="to", description="... to this one, over midnight if it is not later.")
    timezone: Timezone = Field("UTC", description="The time zone of both.")

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.since == self.until:
            raise ValueError(
                "it would be quiet all day, and nobody would ever be told: write two different times"
            )
        return self


class SupportBlock(Block):
    """Where consumers ask and where alerts go."""

    tool: Literal["slack", "email", "webhook", "pagerduty", "teams"] = Field(
        description="What the channel belongs to."
    )
    channel: Name = Field(description="A name that the platform's settings resolve; never a secret.")
    url: Name | None = Field(None, description="Where people can open it.")
    language: Language | None = Field(
        None, description="In which language alerts are written; absent = as the platform's settings say."
    )
    quiet: QuietBlock | None = Field(None, description="When nobody is told anything; absent = never.")

    def to_domain(self) -> Support:
        """As a value of the domain."""
        quiet = self.quiet and QuietHours(
            since=self.quiet.since, until=self.quiet.until, timezone=self.quiet.timezone
        )
        return Support(
            tool=self.tool, channel=self.channel, url=self.url, language=self.language, quiet=quiet
        )


class PartitionsBlock(Block):
    """How the dataset is cut into partitions."""

    column: Name = Field(description="The partition column: inside the files, or only in their path.")
    granularity: Granularity = Field(Granularity.DAY, description="How much of time one partition holds.")
    start: Day | None = Field(None, description="The first partition's date.")
    calendar: Calendar | None = Field(
        None, description="The days that have a partition, as in `slo.freshness`; absent = every day."
    )

    def to_domain(self) -> PartitionSpec:
        """As a value of the domain."""
        return PartitionSpec(
            column=self.column, granularity=self.granularity, start=self.start, calendar=self.calendar
        )


class ScheduleBlock(Block):
    """When a scheduled release runs."""

    cron: Cron = Field(description="Five cron fields.")
    timezone: Timezone = Field("UTC", description="The time zone of the cron fields.")


class DeliveryBlock(Block):
    """How data come in."""

    mode: Mode = Field(
        Mode.REPLACE, description="What a delivery replaces: the whole dataset, or the partitions it brings."
    )
    partitions: PartitionsBlock | None = Field(
        None, description="Needed in mode `partition`, and only there."
    )
    source: Name | None = Field(
        None, description="Where a scheduled release fetches from; absent = wait for the inbox."
    )
    schedule: ScheduleBlock | None = Field(None, description="When to fetch from `source`.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.mode is Mode.PARTITION and self.partitions is None:
            raise ValueError("mode partition needs partitions: write partitions: {column: ..., start: ...}")
        if self.mode is Mode.REPLACE and self.partitions is not None:
            raise ValueError("partitions need mode partition: write mode: partition, or leave partitions out")
        if self.schedule and not self.source:
            raise ValueError(
                "a schedule needs a source to fetch from: write source: ..., or leave the schedule out"
            )
        return self

    def to_domain(self) -> DeliverySpec:
        """As a value of the domain."""
        schedule = self.schedule and Schedule(cron=self.schedule.cron, timezone=self.schedule.timezone)
        partitions = self.partitions and self.partitions.to_domain()
        return DeliverySpec(mode=self.mode, partitions=partitions, source=self.source, schedule=schedule)


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
    covers: Annotated[int, Field(ge=0, le=260)] = Field(
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


class RetentionBlock(Block):
    """What is kept at least; a release is removed only when both allow it."""

    releases: Annotated[int, Field(ge=1)] = Field(30, description="So many releases.")
    days: Annotated[int, Field(ge=0)] = Field(365, description="Everything younger than so many days.")


class LicenseBlock(Block):
    """What a consumer may do with the data."""

    terms: Name = Field(description="In a few words.")
    redistribution: bool = Field(False, description="Whether it may be passed on; customers need it.")
    url: Name | None = Field(None, description="Where the terms stand in full.")


class HubBlock(Block):
    """`meta.hub` of a source or a table."""

    # The keys whose own keys a table inherits one by one; of the others a table's value replaces its source's whole.
    MERGED: ClassVar = ("delivery", "slo", "retention")

    team: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")] | None = Field(
        None, description="Who owns it; by default the folder under `models/`."
    )
    owners: tuple[Email, ...] = Field((), description="E-mail addresses of the people answerable.")
    support: tuple[SupportBlock, ...] = Field((), description="Where consumers ask and where alerts go.")
    version: Version = Field("0.1.0", description="Version of the contract, not of the data.")
    lifecycle: Lifecycle = Field(Lifecycle.PREVIEW, description="How far the contract may be relied on.")
    sunset_date: Day | None = Field(None, description="When a deprecated dataset ends.")
    successor: Name | None = Field(None, description="What to read instead of a deprecated dataset.")
    classification: Classification = Field(Classification.INTERNAL, description="Who may see the data.")
    delivery: DeliveryBlock = Field(DeliveryBlock(), description="How data come in.")  # pyright: ignore[reportCallIssue]
    slo: SloBlock = Field(SloBlock(), description="Promises of timeliness and quality.")  # pyright: ignore[reportCallIssue]
    retention: RetentionBlock = Field(RetentionBlock(), description="What is kept.")  # pyright: ignore[reportCallIssue]
    license: LicenseBlock | None = Field(None, description="What a consumer may do with the data.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.lifecycle is Lifecycle.DEPRECATED and self.sunset_date is None:
            raise ValueError(
                "lifecycle deprecated needs sunset_date: tell consumers until when they can rely on it"
            )
        return self

    def contract_values(self) -> dict[str, Any]:
        """The arguments of `Contract` that this block decides, the team aside."""
        plain = ("owners", "version", "lifecycle", "sunset_date", "successor", "classification")
        quality = self.slo.quality
        return {
            **{name: getattr(self, name) for name in plain},
            "support": tuple(entry.to_domain() for entry in self.support),
            "delivery": self.delivery.to_domain(),
            "freshness_slos": tuple(slo.to_domain() for slo in self.slo.freshness),
            "quality_slo": quality and QualitySlo(objective=quality.objective, window=quality.window),
            "retention": Retention(releases=self.retention.releases, days=self.retention.days),
            "license": self.license
            and License(
                terms=self.license.terms, redistribution=self.license.redistribution, url=self.license.url
            ),
        }


def _as_texts(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    return tuple(item.isoformat() if isinstance(item, date | time) else str(item) for item in value)


class ColumnBlock(Block):
    """`meta.hub` of a column."""

    classification: Classification | None = Field(
        None, description="Who may see it; absent = as the dataset."
    )
    deprecated: bool = Field(False, description="Whether it will go.")
    examples: Annotated[tuple[str, ...], BeforeValidator(_as_texts)] = Field(
        (), description="A few values, for readers."
    )


class DataTestBlock(Block):
    """`meta.hub` of a data test."""

    dataset: Name | None = Field(
        None, description="Which dataset a test over several belongs to: `source.table`."
    )


class ConsumerBlock(Block):
    """`meta.hub` of an exposure."""

    consumer: ConsumerKind | None = Field(None, description="Who reads: `analyst`, `team` or `customer`.")
    columns: dict[str, tuple[str, ...]] = Field({}, description="What it reads, by dataset; absent = all.")
    slo: dict[str, FreshnessBlock] = Field({}, description="By when it needs a dataset, by dataset.")
    notice: Duration | None = Field(None, description="Promised before a breaking change.")


def inherited(source: Any, table: Any) -> Any:
    """A table's `hub` block on top of its source's, key by key; `delivery`, `slo` and `retention` by their own keys too.

    A table that says `mode: replace` does not inherit its source's partitions.

    >>> inherited({"team": "a", "retention": {"days": 7}}, {"retention": {"releases": 3}})
    {'team': 'a', 'retention': {'days': 7, 'releases': 3}}
    """
    if not isinstance(source, dict) or not isinstance(table, dict):
        return source if table is None else table
    merged = {**source, **table}
    for key in HubBlock.MERGED:
        if isinstance(source.get(key), dict) and isinstance(table.get(key), dict):
            merged[key] = {**source[key], **table[key]}
    replaces = isinstance(table.get("delivery"), dict) and table["delivery"].get("mode") == Mode.REPLACE
    if replaces and "partitions" not in table["delivery"]:
        merged["delivery"].pop("partitions", None)
    return merged
