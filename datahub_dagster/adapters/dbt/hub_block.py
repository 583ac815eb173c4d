"""What may stand under `meta.hub`: the one place that names every key, with its meaning, its default and its checks.

The JSON schema, the reference and the lint are made from these models. Missing owners are a lint, not an error: an existing dbt project
loads as it is.
"""

from datetime import date, time
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from datahub_dagster.adapters.dbt.block import Block
from datahub_dagster.adapters.dbt.hub_types import (
    Calendar,
    Count,
    Cron,
    Day,
    Duration,
    Email,
    Name,
    TimeOfDay,
    Timezone,
    Version,
)
from datahub_dagster.adapters.dbt.slo_block import FreshnessBlock, SloBlock
from datahub_dagster.domain.contract import (
    Classification,
    ConsumerKind,
    DeliverySpec,
    Granularity,
    Language,
    License,
    Lifecycle,
    Mode,
    PartitionSpec,
    QualitySlo,
    QuietHours,
    Retention,
    Schedule,
    Support,
)


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


class RetentionBlock(Block):
    """What is kept at least; a release is removed only when both allow it."""

    releases: Annotated[Count, Field(ge=1)] = Field(30, description="So many releases.")
    days: Annotated[Count, Field(ge=0)] = Field(365, description="Everything younger than so many days.")


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
