"""The shape of every document. Instants are ISO 8601 in UTC to the second, days ISO 8601, sizes bytes, shares 0 to 1.

What teams wrote is as they wrote it: text, and never markup. None = not known, or there is none.
"""

from typing import Any, Literal, NotRequired, TypedDict

SCHEMA_VERSION = 2

SloStateText = Literal["met", "late", "pending", "unknown"]
VerdictText = Literal["met", "late", "missed", "excused", "unknown"]
Fact = str | int | float | bool | None


class Person(TypedDict):
    """Where to ask. `url` is safe to link to, or None."""

    tool: str
    channel: str
    url: str | None


class Slo(TypedDict):
    """A promise of timeliness, as the contract has it now."""

    name: str
    due: str | None  # HH:MM
    max_age_seconds: float | None
    timezone: str
    calendar: str
    covers: int
    grace_seconds: float
    objective: float
    window_days: float
    consumer: str | None
    granularity: Literal["day", "month"] | None  # of the partitions that it is about
    overrides: list["SloOverride"]


class SloOverride(TypedDict):
    """A day on which the calendar is not what it seems. `kind` is added, removed or moved."""

    on: str
    kind: str
    due_on: str | None
    reason: str


class Standing(TypedDict):
    """How one SLO stands at the time of the build."""

    slo: str
    state: SloStateText
    business_date: str | None
    due_at: str | None
    deadline_at: str | None
    next_due_at: str | None
    reason: str


class SloResult(TypedDict):
    """One due time; of `quality`, one delivery, which has `release` and `delivery` instead of a business date."""

    verdict: VerdictText
    at: str  # when it is counted: the deadline, or the receipt
    business_date: str | None
    due_at: str | None
    deadline_at: str | None
    answered_at: str | None
    late_seconds: float | None  # only of `late`: what is missed grows with the clock
    release: str | None
    delivery: str | None
    reason: str | None


class SloHistory(TypedDict):
    """One SLO over its window."""

    name: str
    consumer: str | None
    consumer_label: str | None
    slo: Slo | None  # None = quality
    objective: float
    window_days: float
    since: str  # the window's begin
    attainment: float | None
    is_kept: bool | None
    met: int
    late: int
    missed: int
    excused: int
    unknown: int
    budget_allowed: float
    budget_left: float | None
    burn_rate: float | None
    next_due_at: str | None
    problem: str | None
    timezone: str
    results: list[SloResult]  # the oldest first, the newest 400
    results_count: int  # all within the window


class Tables(TypedDict):
    """Some rows. Values as text, None = null."""

    columns: list[str]
    rows: list[list[str | None]]
    truncated: bool


class CheckAnswer(TypedDict):
    """What a test said. `at` is when (UTC); `release` the delivery that it judged, None = a check of what was published."""

    status: Literal["pass", "warn", "fail", "error"]
    failures: int | None
    message: str
    at: str
    release: str | None
    sample: Tables | None


class Test(TypedDict):
    """A data test with its answers, the newest first."""

    check: str
    label: str
    kind: str
    column: str | None
    severity: Literal["warn", "error"]
    description: str
    where: str | None
    last: CheckAnswer | None  # on published data
    history: list[
        CheckAnswer
    ]  # of audits and checks, refused ones too, the newest first, the newest 60; samples only of the newest


class ColumnDocument(TypedDict):
    """A promised column, with what the published files say of it."""

    name: str
    type: str | None
    description: str
    nullable: bool
    unique: bool
    classification: str | None
    is_secret: bool
    deprecated: bool
    examples: list[str]
    tags: list[str]
    constraints: list[str]
    tests: list[str]  # kinds of the tests that stand on it, without not_null and unique
    statistics: "ColumnStatistics | None"  # of the published release's files
    readers: list[str]  # names of consumers that name it


class ColumnStatistics(TypedDict):
    """What the footers of one release say of a column. Bounds are text; None where they are unknown or secret."""

    name: str
    nulls: int | None
    low: str | None
    high: str | None


class ColumnChange(TypedDict):
    """How a column differs between two releases, or between two contracts."""

    name: str
    kind: Literal["added", "removed", "changed"]
    was: str | None
    now: str | None


class StatisticsChange(TypedDict):
    """A column whose nulls or bounds differ between two releases."""

    name: str
    was: ColumnStatistics
    now: ColumnStatistics
    null_share_was: float | None
    null_share_now: float | None


class ReleaseDiff(TypedDict):
    """What a release brought, beside the last that was published with the same partitions. None of it tells values of secret columns.

    Where there is none, rows, bytes and statistics are not compared, and columns are with the release before.
    """

    against: str
    rows: int | None  # difference of the release's rows
    bytes: int | None
    dataset_rows: int | None  # difference of the whole dataset's rows, to the release before
    columns: list[ColumnChange]
    statistics: list[StatisticsChange]  # only what changed; of the newest 20 deliveries
    partitions_added: list[str]  # the newest 60
    partitions_added_count: int
    partitions_replaced: list[str]  # the newest 60
    partitions_replaced_count: int


class FaultDocument(TypedDict):
    """Why validation said no: one thing, in as many `files` as show it."""

    code: str
    message: str
    file: str | None
    files: int
    column: str | None


class BlockDocument(TypedDict):
    """Why an audit said no."""

    code: str
    check: str | None
    label: str
    message: str


class DueDocument(TypedDict):
    """How a release stood to a due time."""

    slo: str
    business_date: str
    due_at: str
    late_seconds: float
    is_counted: bool  # whether an SLO's window holds it as broken: not before it was promised, nor what was there before


class DeliveryDocument(TypedDict):
    """One delivery and how its way ended."""

    delivery: str
    release: str
    state: Literal["staged", "published", "rejected", "superseded", "repeat", "overtaken"]  # today
    outcome: Literal["published", "rejected", "superseded", "repeat"]
    received_at: str
    finished_at: str | None
    published_at: str | None
    why: str
    generation: int | None
    contract_version: str | None
    partitions: list[str]  # the newest 60; empty = the whole dataset
    partitions_count: int
    partitions_text: str  # many keys as a range
    rows: int | None
    dataset_rows: int | None  # of the whole dataset, with this release
    bytes: int | None
    files: int | None
    actor: str
    due: list[DueDocument]
    faults: list[FaultDocument]
    blocks: list[BlockDocument]
    failing: list["FailingCheck"]  # answers that are not a pass
    warnings: list[str]
    diff: ReleaseDiff | None


class FailingCheck(TypedDict):
    """What a test said of a delivery that is not a pass."""

    check: str
    label: str
    status: Literal["warn", "fail", "error"]
    failures: int | None
    message: str
    sample: Tables | None


class GenerationDocument(TypedDict):
    """A state of the dataset."""

    number: int
    kind: Literal["release", "rollback"]
    release: str
    published_at: str
    contract_version: str
    actor: str
    reason: str
    restores: int | None


class ContractChangeDocument(TypedDict):
    """One difference between two contracts, sorted as the team API says."""

    kind: Literal["breaking", "additive", "editorial"]
    subject: str  # column, test, SLO or key that changed; empty = the dataset
    text: str  # what changed, in English
    was: str | None
    now: str | None


class ContractVersionDocument(TypedDict):
    """An entry of the contract's changelog."""

    version: str
    valid_from: str
    kind: Literal["first", "breaking", "additive", "editorial"]
    changes: list[ContractChangeDocument]


class ReaderDocument(TypedDict):
    """A consumer as a dataset's page shows it."""

    name: str
    label: str
    kind: str | None  # analyst, team, customer
    type: str  # of the exposure
    columns: list[str]  # empty = all
    slo: Slo | None  # a promise of its own
    notice_days: float | None
    page: str
    affected_at: str | None  # if nothing comes from now on
    is_affected: bool


class Neighbour(TypedDict):
    """Another dataset that a test links with this one. `page` is None where it has none."""

    dataset: str
    page: str | None
    tests: list[str]


class Lineage(TypedDict):
    """Who is next to a dataset: `reads` are datasets that its tests read, `read_by_tests` those whose tests read it."""

    reads: list[Neighbour]
    read_by_tests: list[Neighbour]
    consumers: list[ReaderDocument]


class Snippet(TypedDict):
    """Code to copy. `note` is an English sentence of where it runs, or empty.

    `for_all` is one of how to read all partitions where it shows the newest alone, else empty.
    """

    language: Literal["athena", "python", "duckdb", "pandas", "spark", "r"]
    title: str
    code: str
    note: str
    for_all: str


class ContractFaultDocument(TypedDict):
    """What is wrong with a team's files."""

    team: str
    path: str
    line: int | None
    message: str
    next_step: str
    has_last_good: bool
    is_broken: bool


class IncidentDocument(TypedDict):
    """Something that is, or was, wrong. `kind` in the words of `AlertKind`; `text` is English."""

    id: str
    kind: str
    dataset: str | None
    team: str  # empty = the platform's own
    page: str | None  # of the dataset or the team, below the site's root
    opened_at: str
    closed_at: str | None
    text: str
    acknowledged_by: str | None
    acknowledged_reason: str | None
    facts: dict[str, Fact]  # what `text` is made of, for other languages; see `documents.incidents`


class Event(TypedDict):
    """Something that consumers may want to hear of: an entry of the feeds and of the page of changes."""

    id: str  # stable; the same for the same event for ever
    at: str
    kind: Literal["published", "rejected", "rolled-back", "contract", "sunset", "incident"]
    dataset: str
    team: str
    title: str  # English, one line
    text: str  # English
    page: str  # with an anchor, below the site's root
    release: str | None
    change: Literal["breaking", "additive", "editorial", "first"] | None
    facts: dict[str, Fact]  # what `title` and `text` are made of, for other languages; see `documents.events`


class Published(TypedDict):
    """What readers read."""

    release: str
    generation: int
    business_date: str | None
    rows: int | None
    bytes: int | None
    published_at: str
    rolled_back: bool
    restores: int | None
    reason: str
    actor: str


class SloShort(TypedDict):
    """An SLO's figures for overviews, with a letter for each day of the last 90: see `documents.days`."""

    name: str
    consumer: str | None
    consumer_label: str | None
    objective: float
    attainment: float | None
    is_kept: bool | None
    budget_left: float | None
    burn_rate: float | None
    missed: int
    late: int
    timezone: str
    days: str  # a letter a day, the oldest first: m(et) l(ate) x (missed) e(xcused) u(nknown) . (nothing due)
    days_end: str  # the last of these days


class DatasetShort(TypedDict):
    """A dataset in overviews: what the start, team, status and consumer pages show of it."""

    dataset: str
    team: str
    description: str
    owners: list[str]
    tags: list[str]
    columns: list[str]
    version: str
    lifecycle: Literal["preview", "stable", "deprecated"]
    sunset_date: str | None
    successor: str | None
    classification: Literal["public", "internal", "confidential"]
    page: str
    document: str
    published: Published | None
    slo_state: SloStateText | None  # the worst; None = no promise of timeliness
    standings: list[Standing]
    promises: list[Slo]
    slos: list[SloShort]
    last_outcome: str | None  # state of the newest delivery
    last_delivery: str | None
    last_release: str | None
    last_at: str | None
    last_why: str | None
    waiting: int
    failing_checks: list[str]
    needs_attention: (
        bool  # an SLO is late, unknown or broken, the newest delivery rejected, or something fails
    )
    consumers: list[str]  # names
    consumer_labels: list[str]  # what people call them, in the same order
    contract_fault: ContractFaultDocument | None
    problem: str | None


class DatasetDocument(DatasetShort):
    """Everything of a dataset's page."""

    schema_version: int
    unique_id: str  # dbt's, for its docs page
    asset_key: list[str]  # in Dagster
    origin: str
    support: list[Person]
    delivery: str  # an English sentence; `mode` and `partitions` for other languages
    mode: Literal["replace", "partition"]
    partition_column: str | None
    partition_granularity: str | None
    retention_releases: int
    retention_days: int
    license_terms: str | None
    license_redistribution: bool | None
    license_url: str | None
    quality_objective: float | None
    quality_window_days: float | None
    dbt_freshness: str | None
    is_closed: bool
    column_documents: list[ColumnDocument]
    found_columns: list[list[str]]  # name and type in the newest release; only where none is promised
    tests: list[Test]
    samples: Tables | None
    # why there are none; not-public: anybody may read the pages; no-columns: the contract names none that may be shown
    samples_reason: (
        Literal["confidential", "not-public", "no-columns", "unpublished", "unreadable", "off"] | None
    )
    slo_history: list[SloHistory]
    deliveries: list[DeliveryDocument]  # the newest first, the newest 400
    deliveries_count: int
    generations: list[GenerationDocument]  # the newest first, the newest 400
    generations_count: int
    changelog: list[ContractVersionDocument]  # the newest first, the newest 100
    pins: list[list[str]]  # release, reason
    inbox: list["InboxDocument"]
    lineage: Lineage
    snippets: list[Snippet]
    incidents: list[IncidentDocument]  # open ones, and those of the last 90 days
    events: list[Event]  # the newest first, the newest 60
    downloads: dict[str, str]  # kind (odcs, json_schema, atom) → path below the site's root
    successor_page: str | None  # None = none, or it has no page


class InboxDocument(TypedDict):
    """What lies in the inbox and is not handled."""

    delivery: str
    state: str
    problem: str | None
    files: int
    bytes: int
    newest_at: str | None


class ConsumerDocument(TypedDict):
    """Who reads what."""

    schema_version: int
    name: str
    label: str
    kind: str | None
    type: str
    owner: str | None
    email: str | None
    url: str | None
    description: str
    notice_days: float | None
    page: str
    reads: list["Reading"]


class Reading(TypedDict):
    """What a consumer reads of a dataset, and how that stands."""

    dataset: str
    page: str | None  # None = the dataset has no page (its team's files are broken)
    columns: list[str]  # empty = all
    slo: Slo | None  # a promise of its own
    slo_state: SloStateText | None
    history: SloShort | None  # of its own promise
    affected_at: str | None
    is_affected: bool
    classification: str | None
    license_terms: NotRequired[str | None]


class TeamDocument(TypedDict):
    """A team's datasets."""

    schema_version: int
    team: str
    page: str
    owners: list[str]
    support: list[Person]
    datasets: list[DatasetShort]
    faults: list[ContractFaultDocument]
    incidents: list[IncidentDocument]
    events: list[Event]


class SiteDocument(TypedDict):
    """`status.json`: all datasets in short; shown by the start page, the status page and the list of consumers."""

    schema_version: int
    datasets: list[DatasetShort]
    teams: list["TeamShort"]
    consumers: list[ConsumerDocument]
    contract_faults: list[ContractFaultDocument]
    incidents: list[IncidentDocument]  # that are open


class TeamShort(TypedDict):
    """A team in overviews."""

    team: str
    page: str
    datasets: int
    needs_attention: int


class ChangesDocument(TypedDict):
    """What changed lately and what will."""

    schema_version: int
    events: list[Event]  # the newest first
    sunsets: list["Sunset"]  # the nearest first
    incidents: list[IncidentDocument]  # the newest first


class Sunset(TypedDict):
    """A dataset that is deprecated."""

    dataset: str
    team: str
    page: str
    sunset_date: str | None
    successor: str | None
    successor_page: str | None
    consumers: list[str]  # labels


Json = dict[str, Any]
