"""The contract: what a team promises of a dataset, as values. Read from YAML by `adapters.dbt`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from difflib import get_close_matches
from enum import StrEnum

from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import UnknownDatasetError


class Severity(StrEnum):
    """What a failing data test means: `error` blocks a release, `warn` is reported."""

    WARN = "warn"
    ERROR = "error"


class Mode(StrEnum):
    """What a delivery replaces: the whole dataset, or the partitions that it brings."""

    REPLACE = "replace"
    PARTITION = "partition"


class Granularity(StrEnum):
    """How much of time one partition holds."""

    DAY = "day"
    MONTH = "month"


class Lifecycle(StrEnum):
    """How far a contract may be relied on."""

    PREVIEW = "preview"
    STABLE = "stable"
    DEPRECATED = "deprecated"


class Classification(StrEnum):
    """Who may see the data."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"


class ConsumerKind(StrEnum):
    """Who reads."""

    ANALYST = "analyst"
    TEAM = "team"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the project something is written: a path relative to the dbt project, and a line (1 = first)."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A promised column.

    `data_type` is as written, None where the team promised no type. `nullable` is False where an unconditional `not_null`
    test of severity error stands on the column, `unique` likewise.
    """

    name: str
    data_type: str | None = None
    description: str = ""
    nullable: bool = True
    unique: bool = False
    classification: Classification | None = None
    deprecated: bool = False
    examples: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTest:
    """A dbt data test that belongs to a dataset.

    Args:
        unique_id: dbt's own id of the test.
        name: dbt's name of the test.
        check_name: The name as an asset check: letters, digits and `_`, unique within the dataset.
        kind: The generic test (`not_null`, `hub_between`, ...) or `singular`.
        depends_on: Every dataset that its SQL reads, its own included.
        arguments: What the team wrote below its kind, each as JSON, by name.
        limit: How many failures are looked at; None = all.
        fail_calc: SQL by which failures are counted.
        sql: A digest of a singular test's SQL; empty for a generic one.
    """

    unique_id: str
    name: str
    check_name: str
    kind: str
    severity: Severity = Severity.ERROR
    column: str | None = None
    where: str | None = None
    warn_if: str = "!= 0"
    error_if: str = "!= 0"
    description: str = ""
    depends_on: tuple[DatasetName, ...] = ()
    arguments: tuple[tuple[str, str], ...] = ()
    sql: str = ""
    limit: int | None = None
    fail_calc: str = "count(*)"
    origin: Origin | None = None

    @property
    def counts_rows(self) -> bool:
        """Whether each row that its SQL returns is one failure."""
        return "".join(self.fail_calc.lower().split()) in {"count(*)", "count(1)"}

    @property
    def blocks_on_each_row(self) -> bool:
        """Whether a single row that breaks it is enough to block a release, whichever row it is."""
        is_strict = "".join(self.error_if.split()) in {"!=0", ">0", ">=1"}
        is_counted = self.counts_rows and self.limit != 0
        return self.severity is Severity.ERROR and not self.where and is_strict and is_counted

    @property
    def label(self) -> str:
        """What people call it: its kind and column (`unique of ticker`), unless the team gave it a name of its own."""
        if self.kind == "singular" or not self.name.startswith("source_"):
            return self.name
        return f"{self.kind} of {self.column}" if self.column else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A day on which the calendar is not what it seems, and why. `due_on` moves its due time to another day."""

    on: date
    kind: str  # added | removed | moved
    reason: str
    due_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFile:
    """A calendar of the hub's own: a file below `calendars/` of the dbt project.

    Args:
        name: The file's name without its ending, as contracts write it.
        base: The calendar that it starts from, any text that a contract may write; None = no day but the added ones is a session.
        first: The first day of which it says something; None = as its base. Without a base both are there.
        last: The last such day, likewise.
        overrides: The days on which it differs from its base, `added` or `removed`, each with a reason.
    """

    name: str
    base: str | None = None
    first: date | None = None
    last: date | None = None
    overrides: tuple[Override, ...] = ()
    description: str = field(default="", compare=False, repr=False)
    origin: Origin | None = field(default=None, compare=False, repr=False)

    def __hash__(self) -> int:
        # Calendars are looked up by their files many times a second, and a file may hold hundreds of days.
        return hash((self.name, self.base, self.first, self.last, len(self.overrides)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSpec:
    """How a dataset is cut into partitions. A key is `YYYY-MM-DD` or `YYYY-MM`, by granularity.

    `calendar_files` are those that `calendar` names, and those that they are based on.
    """

    column: str
    granularity: Granularity = Granularity.DAY
    start: date | None = None
    calendar: str | None = None
    calendar_files: tuple[CalendarFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a scheduled release runs: five cron fields, in a time zone."""

    cron: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySpec:
    """How data come in. `source` is where a scheduled release fetches from (a path or `file:` URI; relative = to the dbt project)."""

    mode: Mode = Mode.REPLACE
    partitions: PartitionSpec | None = None
    source: str | None = None
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessSlo:
    """By when a release must be published.

    Exactly one of `due` (local time in `timezone`, on each day of `calendar`) and `max_age` is set. `covers` is how many
    sessions before the due day the business date lies that the release must hold. `objective` is the share of due times met
    over `window`.

    Args:
        warn_before: How long before a due time it is told that nothing was delivered yet; nothing = never.
        calendar_files: Those that `calendar` names, and those that they are based on.
        consumer: Name of the consumer that was promised this; None = everybody.
    """

    name: str = "freshness"
    due: time | None = None
    max_age: timedelta | None = None
    timezone: str = "UTC"
    calendar: str = "daily"
    covers: int = 0
    grace: timedelta = timedelta(0)
    overrides: tuple[Override, ...] = ()
    objective: float = 0.99
    window: timedelta = timedelta(days=90)
    warn_before: timedelta = timedelta(minutes=15)
    calendar_files: tuple[CalendarFile, ...] = ()
    consumer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySlo:
    """The share of deliveries that pass their audit at the first try, over a window."""

    objective: float = 0.95
    window: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class DbtFreshness:
    """dbt's own `freshness` block: ages after which the data are called stale."""

    warn_after: timedelta | None = None
    error_after: timedelta | None = None
    loaded_at_field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept at least: so many releases, and everything younger than so many days."""

    releases: int = 30
    days: int = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """What a consumer may do with the data."""

    terms: str
    redistribution: bool = False
    url: str | None = None


class Language(StrEnum):
    """In which language messages are written."""

    ENGLISH = "en"
    JAPANESE = "ja"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From when to when nobody is told anything: local times in `timezone`; over midnight where `until` is not after `since`."""

    since: time
    until: time
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Where consumers ask and where alerts go. A channel is a name that the platform's settings resolve, never a secret.

    `language` is None where the platform's setting decides. What comes up in `quiet` hours is told when they are over.
    """

    tool: str
    channel: str
    url: str | None = None
    language: Language | None = None
    quiet: QuietHours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Everything that a team promises of one dataset.

    Args:
        name: `source.table`, as dbt names them.
        unique_id: dbt's id of the source node.
        identifier: The table's name in the engine, where it differs from `name.table`.
        schema: The engine's schema (dbt: `schema`, by default the source's name).
        declared: Whether the team wrote a `hub` block; without one, everything beyond plain dbt is a default.
        fingerprint: A digest of all that decides whether a delivery passes: columns, delivery, tests and their SQL.
    """

    name: DatasetName
    unique_id: str
    team: str
    schema: str
    identifier: str
    origin: Origin
    fingerprint: str
    declared: bool = False
    description: str = ""
    owners: tuple[str, ...] = ()
    support: tuple[Support, ...] = ()
    tags: tuple[str, ...] = ()
    version: str = "0.1.0"
    lifecycle: Lifecycle = Lifecycle.PREVIEW
    sunset_date: date | None = None
    successor: str | None = None
    classification: Classification = Classification.INTERNAL
    delivery: DeliverySpec = field(default_factory=DeliverySpec)
    freshness_slos: tuple[FreshnessSlo, ...] = ()
    quality_slo: QualitySlo | None = None
    dbt_freshness: DbtFreshness | None = None
    retention: Retention = field(default_factory=Retention)
    license: License | None = None
    columns: tuple[Column, ...] = ()
    tests: tuple[DataTest, ...] = ()
    constraints: tuple[str, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Whether the columns are promised whole, so that one more is a fault: all of them have a type.

        A team that lists only the columns that it tests, as most existing dbt projects do, promises nothing of the others.
        """
        return bool(self.columns) and all(column.data_type for column in self.columns)

    @property
    def partitions(self) -> PartitionSpec | None:
        """How the dataset is partitioned; None in mode `replace`."""
        return self.delivery.partitions if self.delivery.mode is Mode.PARTITION else None

    @property
    def confidential_columns(self) -> frozenset[str]:
        """Names (lower case) whose values are shown to nobody: not in samples, not in previews."""
        return frozenset(
            column.name.lower()
            for column in self.columns
            if (column.classification or self.classification) is Classification.CONFIDENTIAL
        )

    def column(self, name: str) -> Column | None:
        """The promised column of that name; case is ignored, as in both engines."""
        wanted = name.lower()
        return next((column for column in self.columns if column.name.lower() == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Somebody who reads: a dbt exposure. `columns` per dataset; a dataset that is not in it is read whole."""

    name: str
    unique_id: str
    label: str
    kind: ConsumerKind | None
    exposure_type: str
    owner_name: str | None
    owner_email: str | None
    depends_on: tuple[DatasetName, ...]
    description: str = ""
    url: str | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    slos: Mapping[str, FreshnessSlo] = field(default_factory=dict[str, FreshnessSlo])
    notice: timedelta | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFault:
    """What is wrong with a team's files. Until it is mended, the team's last good state is used.

    Args:
        team: The folder under `models/` that it concerns.
        has_last_good: False where the team has no earlier state, so that its datasets are absent.
        is_broken: False where the fault is told, and everything but what the message names is used as it is written.
    """

    team: str
    path: str
    line: int | None
    message: str
    next_step: str = ""
    has_last_good: bool = True
    is_broken: bool = True

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractBook:
    """All contracts of the hub, the consumers, and what could not be read."""

    datasets: Mapping[DatasetName, Contract]
    consumers: tuple[Consumer, ...] = ()
    faults: tuple[ContractFault, ...] = ()
    _readers: Mapping[DatasetName, tuple[Consumer, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        readers: dict[DatasetName, tuple[Consumer, ...]] = {}
        for consumer in self.consumers:
            for name in dict.fromkeys(consumer.depends_on):
                readers[name] = (*readers.get(name, ()), consumer)
        object.__setattr__(self, "_readers", readers)

    def find(self, text: str) -> Contract:
        """The contract of `source.table`.

        Raises:
            UnknownDatasetError: There is none; the nearest names are in the message.
        """
        by_text = {str(name): contract for name, contract in self.datasets.items()}
        if text in by_text:
            return by_text[text]
        nearest = get_close_matches(text, by_text, n=3, cutoff=0.5)
        raise UnknownDatasetError(
            "there is no such dataset",
            subject=text,
            found=f"{len(by_text)} datasets" + (f"; the nearest: {', '.join(nearest)}" if nearest else ""),
            next_step="datahub status",
        )

    def consumers_of(self, name: DatasetName) -> tuple[Consumer, ...]:
        """Everybody who declared to read the dataset."""
        return self._readers.get(name, ())

    def of_team(self, team: str) -> tuple[Contract, ...]:
        """A team's contracts, by name."""
        return tuple(sorted((c for c in self.datasets.values() if c.team == team), key=lambda c: c.name))

    @property
    def teams(self) -> tuple[str, ...]:
        """All teams that have a dataset, sorted."""
        return tuple(sorted({contract.team for contract in self.datasets.values()}))


def digest(*parts: str) -> str:
    """A short, stable digest of texts: 16 hexadecimal digits of their SHA-256.

    >>> digest("a", "b") == digest("ab")
    False
    """
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
