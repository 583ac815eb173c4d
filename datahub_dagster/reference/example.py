"""One delivery as an example, for the pages that show what the hub writes: daily prices, one day corrected."""

from datetime import UTC, date, datetime

from datahub_dagster.domain.audit import AuditReport, CheckResult, CheckStatus, Sample
from datahub_dagster.domain.contract import Mode, Severity
from datahub_dagster.domain.delivery import DeliveredFile, Delivery, Receipt
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.release import DueVerdict, Generation, GenerationKind, ReleaseRecord, ReleaseState
from datahub_dagster.domain.statistics import ColumnStatistics
from datahub_dagster.domain.view import FileList, ReleasedFile

DATASET = DatasetName("equities", "daily_prices")
CONTRACT = "5f1e0c7a9b3d2846"
_RELEASE = ReleaseId(date(2026, 11, 20), 7)
_RECEIVED_AT = datetime(2026, 11, 20, 8, 55, tzinfo=UTC)
_PUBLISHED_AT = datetime(2026, 11, 20, 8, 55, 2, tzinfo=UTC)
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_COLUMNS = (("ticker", "varchar"), ("trade_date", "date"), ("close", "double"))

_DELIVERY = Delivery(
    dataset=DATASET,
    name="2026-11-20",
    location=Location("inbox/equities/daily_prices/2026-11-20"),
    files=(DeliveredFile(path="part-0.parquet", size=184_320, sha256=_SHA256),),
)

RECEIPT = Receipt(
    number=7,
    release_id=_RELEASE,
    delivery=_DELIVERY,
    received_at=_RECEIVED_AT,
    contract_fingerprint=CONTRACT,
    actor="airflow",
)

FILES = FileList(
    dataset=DATASET,
    release_id=_RELEASE,
    files=(
        ReleasedFile(
            path=f"releases/equities/daily_prices/{_RELEASE}/part-0.parquet",
            size=184_320,
            sha256=_SHA256,
            rows=3_918,
            partition="2026-11-20",
        ),
    ),
    columns=_COLUMNS,
    promised=_COLUMNS,
    partition_column="trade_date",
    partition_type="date",
)

GENERATION = Generation(
    dataset=DATASET,
    number=3,
    kind=GenerationKind.RELEASE,
    partitions={"2026-11-19": ReleaseId(date(2026, 11, 19), 6), "2026-11-20": _RELEASE},
    release_id=_RELEASE,
    published_at=_PUBLISHED_AT,
    contract_version="1.2.0",
    contract_fingerprint=CONTRACT,
    actor="airflow",
)

AUDIT = AuditReport(
    dataset=DATASET,
    base_generation=2,
    results=(
        CheckResult(
            unique_id="test.hub.hub_between_equities_daily_prices_close__True__0",
            check_name="hub_between_equities_daily_prices_close__True__0",
            status=CheckStatus.WARN,
            severity=Severity.WARN,
            failures=1,
            column="close",
            message="Got 1 result, configured to warn if != 0",
            compiled_sql='select * from "memory"."equities"."daily_prices" where not ("close" > 0)',
            sample=Sample(columns=("ticker", "trade_date", "close"), rows=(("1301", "2026-11-20", "0.0"),)),
            seconds=0.021,
        ),
    ),
    contract_fingerprint=CONTRACT,
    engine="duckdb 2.0.0, dbt 1.11.16",
    seconds=0.021,
)

RECORD = ReleaseRecord(
    dataset=DATASET,
    release_id=_RELEASE,
    state=ReleaseState.PUBLISHED,
    team="markets",
    delivery=_DELIVERY.name,
    fingerprint=_DELIVERY.fingerprint,
    contract_version="1.2.0",
    contract_fingerprint=CONTRACT,
    mode=Mode.PARTITION,
    received_at=_RECEIVED_AT,
    finished_at=datetime(2026, 11, 20, 8, 55, 3, tzinfo=UTC),
    published_at=_PUBLISHED_AT,
    generation=3,
    base_generation=2,
    partitions=("2026-11-20",),
    rows=3_918,
    bytes=184_320,
    files=1,
    dataset_rows=7_834,
    dataset_bytes=368_100,
    columns=_COLUMNS,
    statistics=(
        ColumnStatistics(name="ticker", nulls=0, low="1301", high="9997"),
        ColumnStatistics(name="trade_date", nulls=0, low="2026-11-20", high="2026-11-20"),
        ColumnStatistics(name="close", nulls=0, low="0.0", high="71150.0"),
    ),
    audit=AUDIT,
    due=(
        DueVerdict(
            slo="freshness",
            business_date="2026-11-20",
            due_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
            late_seconds=-2_098.0,
        ),
    ),
    warnings=("hub_between_equities_daily_prices_close__True__0: Got 1 result, configured to warn if != 0",),
    actor="airflow",
    step_seconds={
        "receive": 0.011,
        "validate": 0.006,
        "stage": 0.014,
        "audit": 0.41,
        "publish": 0.004,
        "observe": 0.008,
    },
)
