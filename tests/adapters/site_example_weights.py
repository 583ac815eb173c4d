"""A dataset with a past, for the example hub: a contract that changed, releases that differ, SLOs kept and broken over months."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.domain.alert import Alert, AlertKind, Incident, Stage
from datahub_dagster.domain.audit import AuditReport, CheckStatus, Sample
from datahub_dagster.domain.contract import (
    Classification,
    Column,
    Consumer,
    ConsumerKind,
    Contract,
    DataTest,
    FreshnessSlo,
    License,
    Lifecycle,
    Override,
    QualitySlo,
    Severity,
    Support,
)
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import DueVerdict, ReleaseState
from datahub_dagster.domain.slo import SloStanding, SloState
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.statistics import ColumnStatistics
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict
from datahub_dagster.domain.view import FileList, ReleasedFile
from tests.adapters.site_example import (
    FIRST_DAY,
    NOW,
    Example,
    a_test,
    contract,
    generation,
    outcome,
    release,
    report,
    result,
)

NAME = DatasetName("equities", "index_weights")
DESCRIPTION = """毎営業日の指数構成銘柄とウエイト。**引け後**に確定した値です。

- `weight` は合計が 1 になります
- 銘柄入れ替えは[取引所の公表資料](https://example.com/index)に従います

| 列 | 出所 |
|---|---|
| weight | 指数会社 |
"""
EVENING = FreshnessSlo(
    due=time(19),
    timezone="Asia/Tokyo",
    calendar="XTKS",
    grace=timedelta(minutes=30),
    overrides=(Override(on=date(2026, 9, 14), kind="removed", reason="取引所のシステム障害のため"),),
    objective=0.95,
)
FOR_RISK = FreshnessSlo(due=time(21), timezone="Asia/Tokyo", calendar="XTKS", objective=0.99)
YOUNG = FreshnessSlo(name="age", max_age=timedelta(days=4), timezone="Asia/Tokyo", objective=0.9)
EARLIER = FIRST_DAY - timedelta(days=400)


def weights_contract() -> Contract:
    """What the team promises now."""
    return contract(
        str(NAME),
        description=DESCRIPTION,
        owners=("index-team@example.com", "markets-data@example.com"),
        support=(
            Support(tool="slack", channel="#指数データ", url="https://example.com/chat"),
            Support(tool="email", channel="index-team@example.com"),
        ),
        tags=("指数", "listed"),
        version="2.0.1",
        lifecycle=Lifecycle.STABLE,
        freshness_slos=(EVENING, YOUNG),
        quality_slo=QualitySlo(),
        license=License(terms="社内利用のみ"),
        columns=(
            Column(
                name="ticker",
                data_type="varchar",
                description="四文字の証券コード。",
                nullable=False,
                unique=True,
                examples=("7203", "9984"),
                tags=("key",),
            ),
            Column(name="weight", data_type="double", description="ウエイト (0–1)。", nullable=False),
            Column(name="sector", data_type="varchar", description="業種。"),
            Column(
                name="desk_view",
                data_type="varchar",
                description="For the desk alone.",
                classification=Classification.CONFIDENTIAL,
                examples=("overweight-secret",),
            ),
        ),
        tests=_tests(),
    )


def _tests() -> tuple[DataTest, ...]:
    return (
        a_test(
            "relationships_index_weights_ticker",
            kind="relationships",
            column="ticker",
            description="Each share of the index has a price.",
            depends_on=(NAME, DatasetName("equities", "daily_prices")),
        ),
        a_test("hub_sum_index_weights", kind="hub_sum", description="The weights add up to 1."),
        a_test("not_null_index_weights_ticker", column="ticker", kind="not_null"),
        a_test("hub_accepted_index_weights_sector", column="sector", severity=Severity.WARN),
    )


def risk_report() -> Consumer:
    """A consumer with a due time of its own."""
    return Consumer(
        name="risk_report",
        unique_id="exposure.hub.risk_report",
        label="リスク管理部の日次レポート",
        kind=ConsumerKind.TEAM,
        exposure_type="dashboard",
        owner_name="リスク管理部",
        owner_email="risk@example.com",
        depends_on=(NAME, DatasetName("equities", "daily_prices"), DatasetName("logistics", "parcels")),
        columns={str(NAME): ("ticker", "weight")},
        slos={str(NAME): FOR_RISK},
        notice=timedelta(days=60),
    )


def weights(example: Example) -> DatasetStatus:
    """How it stands: four deliveries, of which the third was rejected."""
    now = weights_contract()
    _keep_contract(example, now)
    generations = [generation(now, number) for number in (1, 2, 4)]
    generations = [replace(each, number=number) for number, each in enumerate(generations, start=1)]
    example.keep(*generations)
    _keep_data(example)
    _keep_checks(example, now)
    _keep_incidents(example)
    return DatasetStatus(
        contract=now,
        current=generations[-1],
        rows=225,
        bytes=6_402,
        outcomes=[_outcome(now, number) for number in range(1, 5)],
        standings=(
            SloStanding(
                slo="freshness",
                state=SloState.MET,
                due_at=NOW - timedelta(hours=18),
                deadline_at=NOW - timedelta(hours=17, minutes=30),
                business_date="2026-11-19",
                next_due_at=NOW + timedelta(hours=6),
            ),
            SloStanding(slo="age", state=SloState.MET, next_due_at=NOW + timedelta(days=2)),
        ),
    )


def _outcome(of: Contract, number: int) -> Outcome:
    columns = (("ticker", "varchar"), ("weight", "float" if number < 4 else "double"))
    columns += (("sector", "varchar"),) if number >= 2 else ()
    if number == 3:
        missing = Fault(
            code="missing-column",
            message="the delivery has no column weight",
            file="part-0.parquet",
            column="weight",
        )
        return outcome(of, number, ReleaseState.REJECTED, faults=(missing,), rows=0, statistics=())
    audit = AuditReport(dataset=NAME, base_generation=number - 1, results=tuple(map(result, of.tests)))
    late = DueVerdict(
        slo="freshness",
        business_date=release(number).received_date.isoformat(),
        due_at=FIRST_DAY + timedelta(days=number - 1, hours=1, minutes=30),
        late_seconds=2_520.0 if number == 2 else -4_680.0,
    )
    return outcome(
        of,
        number,
        audit=audit,
        generation=number if number < 3 else number - 1,
        rows=220 + number,
        bytes=6_300 + 17 * number,
        dataset_rows=220 + number,
        columns=columns,
        due=(late,),
        statistics=(
            ColumnStatistics(name="ticker", nulls=0, low="1301", high="9984"),
            ColumnStatistics(name="weight", nulls=0, low="0.00012", high=f"0.1{number}"),
            ColumnStatistics(name="sector", nulls=number % 3, low="Automobiles", high="Utilities"),
            ColumnStatistics(name="desk_view", nulls=1, low="overweight-secret", high="underweight"),
        )[: len(columns) + 1],
        published_at=FIRST_DAY + timedelta(days=number - 1, minutes=12),
    )


def _keep_data(example: Example) -> None:
    """The published file, so that there are rows to show."""
    path = f"releases/equities/index_weights/{release(4)}/part-0.parquet"
    target = example.root / path
    target.parent.mkdir(parents=True)
    rows = pa.table(
        {
            "ticker": ["7203", "9984", "6758", "8306", "4063", "6861", "9432"],
            "weight": [0.041, 0.035, 0.031, 0.024, 0.019, 0.017, 0.011],
            "sector": ["自動車", "通信", "電機", "銀行", None, "電機", "通信"],
            "desk_view": ["overweight-secret"] * 7,
        }
    )
    pq.write_table(rows, target)
    file = ReleasedFile(path=path, size=target.stat().st_size, sha256="0" * 64, rows=7)
    example.log.add_file_list(FileList(dataset=NAME, release_id=release(4), files=(file,)))


def _keep_contract(example: Example, now: Contract) -> None:
    first = replace(
        now,
        version="1.0.0",
        lifecycle=Lifecycle.PREVIEW,
        columns=(now.columns[0], replace(now.columns[1], data_type="float")),
        tests=now.tests[2:3],
        freshness_slos=(replace(EVENING, due=time(18)),),
    )
    second = replace(first, version="1.1.0", columns=(*first.columns, now.columns[2]), tests=now.tests[1:])
    third = replace(now, version="2.0.0", description="Weights of the index.")
    for days, version in ((0, first), (120, second), (300, third), (390, now)):
        example.log.add_contract_version(
            ContractVersion(dataset=NAME, valid_from=EARLIER + timedelta(days=days), contract=version)
        )


def _keep_checks(example: Example, of: Contract) -> None:
    for number in range(12):
        at = NOW - timedelta(days=number, hours=3)
        bad = number in (0, 4)
        sample = Sample(columns=("ticker", "desk_view"), rows=(("4063", "overweight-secret"),))
        sector = result(
            of.tests[3],
            CheckStatus.WARN if bad else CheckStatus.PASS,
            int(bad),
            message="Got 1 result, configured to warn if != 0" if bad else "",
            sample=sample if bad else None,
        )
        others = [result(test) for test in of.tests[:3]]
        example.log.add_check(AuditReport(dataset=NAME, base_generation=3, results=(*others, sector)), at)


def _keep_incidents(example: Example) -> None:
    alerts = JsonAlertLog(example.storage)

    def incident(kind: AlertKind, opened_at: datetime, facts: dict[str, object], **more: object) -> None:
        key = f"{kind.value}/{NAME}/{opened_at:%Y%m%d}"
        team = str(more.pop("team", "markets"))
        dataset = str(more.pop("dataset", NAME))
        alert = Alert(
            kind=kind, key=key, stage=Stage.OPEN, team=team, at=opened_at, dataset=dataset, facts=facts
        )
        identity = f"{opened_at:%m%d}{len(kind.value)}"
        alerts.save_incident(Incident(id=identity, key=key, opened_at=opened_at, alert=alert, **more))  # pyright: ignore[reportArgumentType]

    incident(
        AlertKind.SLO_MISSED,
        FIRST_DAY - timedelta(days=20, hours=-1),
        {"slo": "freshness", "business_date": "2026-10-27", "due_at": "2026-10-27T10:00:00+00:00"},
        closed_at=FIRST_DAY - timedelta(days=20, hours=-5),
        acknowledged_by="mika",
        acknowledged_reason="指数会社からの受信が遅れました。",
    )
    incident(
        AlertKind.CHECKS_FAILED,
        NOW - timedelta(hours=3),
        {"checks": [{"check": "hub_accepted_index_weights_sector", "failures": 1}]},
    )
    incident(AlertKind.MONITOR_SILENT, NOW - timedelta(hours=2), {"slos": 7}, team="", dataset="")


def weights_slos(of: Contract) -> list[SloReport]:
    """Ninety days of each SLO, with all that can become of a due time."""
    for_risk = replace(FOR_RISK, name="for_risk_report", consumer="risk_report")
    return [
        report(of, EVENING, *_evenings(EVENING, 0)),
        report(of, YOUNG, *_evenings(YOUNG, 1)),
        report(of, for_risk, *_evenings(for_risk, 2)),
        report(of, None, *_first_tries()),
    ]


def _evenings(slo: FreshnessSlo, seed: int) -> Iterator[DueResult]:
    ends = timedelta(hours=10) + slo.grace
    for back in range(88, 0, -1):
        day = (NOW - timedelta(days=back)).date()
        if day.weekday() >= 5:
            continue
        due = datetime.combine(day, time(0), tzinfo=NOW.tzinfo) + ends - slo.grace
        verdict = {
            (7 + seed): Verdict.LATE,
            (24 + seed): Verdict.MISSED,
            (40 - seed): Verdict.LATE,
            58: Verdict.UNKNOWN,
            67: Verdict.EXCUSED,
        }.get(back, Verdict.MET)
        reasons = {
            Verdict.EXCUSED: "取引所のシステム障害のため",
            Verdict.UNKNOWN: "generation 31 is missing from the log",
        }
        late = timedelta(minutes=37 + back) if verdict is Verdict.LATE else timedelta(0)
        came = {Verdict.MET: due - timedelta(minutes=48), Verdict.LATE: due + slo.grace + late}
        yield DueResult(
            slo=slo.name,
            business_date=day.isoformat(),
            due_at=due,
            deadline_at=due + slo.grace,
            verdict=verdict,
            answered_at=came.get(verdict),
            late=late,
            reason=reasons.get(verdict, ""),
        )


def _first_tries() -> Iterator[DeliveryResult]:
    for back in range(80, 0, -1):
        at = NOW - timedelta(days=back, hours=2)
        verdict = Verdict.MISSED if back in (1, 33, 34) else Verdict.MET
        yield DeliveryResult(
            release=f"{at:%Y-%m-%d}.{81 - back}", delivery=at.date().isoformat(), at=at, verdict=verdict
        )
