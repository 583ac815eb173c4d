"""A hub as the pages meet it: published, rejected, rolled back, late, never delivered, confidential, broken and hostile."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.adapters.notify.outbox import OutboxNotifier
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.adapters.site.build import StaticSite
from datahub_dagster.adapters.site.publish import STATE
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.audit import AuditReport, CheckResult, CheckStatus, Sample, blocks
from datahub_dagster.domain.budget import budget
from datahub_dagster.domain.contract import (
    Classification,
    Column,
    Consumer,
    ConsumerKind,
    Contract,
    ContractBook,
    ContractFault,
    DataTest,
    DeliverySpec,
    FreshnessSlo,
    License,
    Lifecycle,
    Mode,
    Origin,
    PartitionSpec,
    QualitySlo,
    Severity,
    Support,
)
from datahub_dagster.domain.delivery import DeliveredFile, Delivery, Receipt
from datahub_dagster.domain.inbox import InboxEntry, InboxState
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.promise import QUALITY
from datahub_dagster.domain.release import (
    WHOLE,
    DueVerdict,
    Generation,
    GenerationKind,
    ReleaseRecord,
    ReleaseState,
)
from datahub_dagster.domain.slo import SloStanding, SloState
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict
from datahub_dagster.domain.view import FileList, ReleasedFile
from datahub_dagster.ports import Hub
from tests.hubs import GivenContracts, SetClock

HOSTILE = '<script>alert(1)</script> "quoted" & <img src=x onerror=alert(2)> {{ 7*7 }}'
SECRET = "Taro Yamada"
SQL = """select ticker, trade_date, count(*) as n_records
from equities.daily_prices
group by 1, 2
having count(*) > 1"""
FIRST_DAY = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


class Example:
    """A hub on disk whose contracts and statuses are values that a test changes."""

    def __init__(self, root: Path, statuses: list[DatasetStatus] | None = None, **book: Any) -> None:
        self.root = root
        self.storage = LocalStorage(root)
        self.log = JsonReleaseLog(self.storage)
        self.statuses = statuses or []
        self.slos: list[SloReport] = []
        self.consumers: tuple[Consumer, ...] = book.get("consumers", ())
        self.faults: tuple[ContractFault, ...] = book.get("faults", ())

    def hub(self, **site: Any) -> Hub:
        """The hub. The site reads contracts and the logs only, so that there is no catalog or engine."""
        datasets = {status.contract.name: status.contract for status in self.statuses}
        book = ContractBook(datasets=datasets, consumers=self.consumers, faults=self.faults)
        none = cast(Any, None)
        return Hub(
            storage=self.storage,
            log=self.log,
            contracts=GivenContracts(book),
            site=self.site(**site),
            notifier=OutboxNotifier(self.root),
            alerts=JsonAlertLog(self.storage),
            texts=none,
            channels=none,
            monitor_log=none,
            catalog=none,
            profiler=none,
            auditor=none,
            clock=SetClock(NOW),
        )

    def site(self, **settings: Any) -> StaticSite:
        return StaticSite(
            self.storage,
            lambda _hub, contracts: [each for each in self.statuses if each.contract in contracts],
            collect_slos=lambda _hub, contracts: [each for each in self.slos if each.contract in contracts],
            **settings,
        )

    def render(self, *, with_dbt_docs: bool = False, **site: Any) -> Path:
        """Render the pages from nothing, since no log tells of a change of the statuses; the folder that they are in."""
        (self.root / "docs" / STATE).unlink(missing_ok=True)
        hub = self.hub(**site)
        home = hub.site.render(hub, with_dbt_docs=with_dbt_docs).start
        return (self.root / home.path).parent

    def keep(self, *generations: Generation) -> None:
        for generation in generations:
            self.log.add_generation(generation)

    def page(self, name: str) -> str:
        return (self.root / "docs" / name).read_text(encoding="utf-8")


# ── Builders: each says only what a test is about ────────────────────────────────────────────────────────────────────


def contract(name: str, **values: Any) -> Contract:
    dataset = DatasetName.parse(name)
    defaults: dict[str, Any] = {
        "name": dataset,
        "unique_id": f"source.hub.{name}",
        "team": "markets",
        "schema": dataset.source,
        "identifier": dataset.table,
        "origin": Origin(f"models/markets/{dataset.source}.yml", 12),
        "fingerprint": "0" * 16,
        "declared": True,
    }
    return Contract(**(defaults | values))


def a_test(name: str, **values: Any) -> DataTest:
    kind = values.pop("kind", name.split("_daily")[0])
    return DataTest(unique_id=f"test.hub.{name}", name=name, check_name=name, kind=kind, **values)


def release(number: int) -> ReleaseId:
    return ReleaseId((FIRST_DAY + timedelta(days=number - 1)).date(), number)


def generation(
    of: Contract, number: int, partitions: Mapping[str, int] | None = None, **values: Any
) -> Generation:
    held = {key: release(n) for key, n in (partitions or {WHOLE: number}).items()}
    defaults: dict[str, Any] = {
        "kind": GenerationKind.RELEASE,
        "release_id": max(held.values()),
        "published_at": FIRST_DAY + timedelta(days=number - 1, minutes=12),
        "contract_version": of.version,
        "actor": "airflow",
    }
    return Generation(dataset=of.name, number=number, partitions=held, **(defaults | values))


def outcome(
    of: Contract, number: int, state: ReleaseState | None = ReleaseState.PUBLISHED, **record: Any
) -> Outcome:
    """How delivery `number` ended; state None = it repeated the first."""
    at = FIRST_DAY + timedelta(days=number - 1)
    delivery = Delivery(
        dataset=of.name,
        name=at.date().isoformat(),
        location=Location(f"inbox/{of.name.source}/{of.name.table}/{at.date().isoformat()}"),
        files=(DeliveredFile(path="part-0.parquet", size=1_204_113, sha256=f"{number:064x}"),),
    )
    receipt = Receipt(
        number=number,
        release_id=release(number),
        delivery=delivery,
        received_at=at,
        contract_fingerprint=of.fingerprint,
        actor="airflow",
        repeats=release(1) if state is None else None,
    )
    if state is None:
        return Outcome(receipt=receipt, record=None)
    defaults: dict[str, Any] = {
        "generation": number if state is ReleaseState.PUBLISHED else None,
        "rows": 3_912,
        "bytes": 1_204_113,
        "files": 1,
        "finished_at": at + timedelta(minutes=12),
    }
    return Outcome(
        receipt=receipt,
        record=ReleaseRecord(
            dataset=of.name,
            release_id=receipt.release_id,
            state=state,
            team=of.team,
            delivery=delivery.name,
            fingerprint=delivery.fingerprint,
            contract_version=of.version,
            contract_fingerprint=of.fingerprint,
            mode=of.delivery.mode,
            received_at=at,
            **(defaults | record),
        ),
    )


def result(
    test: DataTest, status: CheckStatus = CheckStatus.PASS, failures: int | None = 0, **values: Any
) -> CheckResult:
    return CheckResult(
        unique_id=test.unique_id,
        check_name=test.check_name,
        status=status,
        severity=test.severity,
        failures=failures,
        column=test.column,
        **values,
    )


def failed_audit(of: Contract, sample: Sample, **values: Any) -> dict[str, Any]:
    """What a record says whose first test failed, and all others passed."""
    first = result(
        of.tests[0],
        CheckStatus.FAIL,
        3,
        sample=sample,
        **{"message": "Got 3 results, configured to fail if != 0"} | values,
    )
    results = (first, *(result(test) for test in of.tests[1:]))
    report = AuditReport(dataset=of.name, base_generation=1, results=results, engine="duckdb")
    return {"audit": report, "blocks": blocks(of, results)}


# ── The example ──────────────────────────────────────────────────────────────────────────────────────────────────────


def realistic(root: Path) -> Example:
    """Seven datasets of three teams, three consumers, and a team whose files are broken."""
    from tests.adapters import site_example_weights  # it builds with what stands above

    example = Example(root)
    example.statuses = [
        _prices(example),
        _sessions(example),
        _weather(example),
        _airports(),
        _settlements(example),
        _hostile(),
    ]
    example.slos = _slos(*(status.contract for status in example.statuses))
    example.statuses.append(weights := site_example_weights.weights(example))
    example.slos += site_example_weights.weights_slos(weights.contract)
    prices, sessions = DatasetName("equities", "daily_prices"), DatasetName("volatility", "index_sessions")
    example.consumers = (
        Consumer(
            name="morning_signal",
            unique_id="exposure.hub.morning_signal",
            label="Morning signal of the Tokyo desk",
            kind=ConsumerKind.TEAM,
            exposure_type="application",
            owner_name="Tokyo desk",
            owner_email="tokyo-desk@example.com",
            depends_on=(prices, sessions),
            description="Reads the prices before the session opens and proposes the day's trades.",
            columns={"equities.daily_prices": ("ticker", "close")},
            slos={
                "equities.daily_prices": FreshnessSlo(
                    due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1
                )
            },
            notice=timedelta(days=30),
            url="https://example.com/signal",
        ),
        Consumer(
            name="rainfall_feed",
            unique_id="exposure.hub.rainfall_feed",
            label="Rainfall feed for Cascade Utilities",
            kind=ConsumerKind.CUSTOMER,
            exposure_type="ml",
            owner_name=HOSTILE,
            owner_email=None,
            depends_on=(DatasetName("weather", "daily_observations"),),
            url="javascript:alert(3)",
        ),
        site_example_weights.risk_report(),
    )
    example.faults = (
        ContractFault(
            team="logistics",
            path="models/logistics/parcels.yml",
            line=41,
            message="unknown key 'retension' under meta.hub; did you mean 'retention'?",
            next_step="mend the key, then: datahub check logistics",
            has_last_good=False,
        ),
    )
    return example


def due_result(day: str, verdict: Verdict, **values: Any) -> DueResult:
    return DueResult(
        slo="freshness", business_date=day, due_at=FIRST_DAY, deadline_at=FIRST_DAY, verdict=verdict, **values
    )


def report(of: Contract, slo: FreshnessSlo | None, *results: DueResult | DeliveryResult) -> SloReport:
    """How an SLO was kept, by its results alone; of deliveries without an SLO of freshness."""
    promised = slo or QualitySlo()
    until = FIRST_DAY + timedelta(days=30)
    kept = budget(
        results,
        objective=promised.objective,
        window=promised.window,
        since=until - promised.window,
        until=until,
    )
    return SloReport(
        contract=of,
        name=slo.name if slo else QUALITY,
        slo=slo,
        budget=kept,
        results=results,
        next_due_at=FIRST_DAY + timedelta(days=4, minutes=30) if slo else None,
    )


def _prices(example: Example) -> DatasetStatus:
    unique = a_test("hub_unique_combination_daily_prices", description="One row for each share and day.")
    positive = a_test("hub_between_daily_prices_close", column="close", severity=Severity.WARN)
    prices = contract(
        "equities.daily_prices",
        description="One row for each share and trading day, closing auction included.",
        owners=("markets-data@example.com",),
        support=(Support(tool="slack", channel="#markets-data"),),
        tags=("listed", "price"),
        version="1.2.0",
        lifecycle=Lifecycle.STABLE,
        delivery=DeliverySpec(
            mode=Mode.PARTITION,
            partitions=PartitionSpec(column="trade_date", start=date(2024, 1, 4), calendar="XTKS"),
        ),
        freshness_slos=(FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS"),),
        quality_slo=QualitySlo(),
        license=License(terms="internal use"),
        columns=(
            Column(
                name="ticker",
                data_type="varchar",
                description="Four-character securities code.",
                nullable=False,
                examples=("7203", "9984"),
            ),
            Column(
                name="trade_date",
                data_type="date",
                description="Session of the Tokyo Stock Exchange.",
                nullable=False,
            ),
            Column(name="close", data_type="double", description="Price of the closing auction, in yen."),
            Column(name="volume", data_type="bigint", description="Shares traded.", deprecated=True),
        ),
        tests=(
            unique,
            positive,
            a_test("not_null_daily_prices_ticker", column="ticker", kind="not_null"),
            a_test("relationships_daily_prices_ticker", column="ticker", where="trade_date >= '2026-01-01'"),
        ),
    )
    sample = Sample(
        columns=("ticker", "trade_date", "n_records"),
        rows=(("7203", "2026-11-19", "2"), ("9984", "2026-11-19", "2"), (None, "2026-11-19", "14")),
        truncated=True,
    )
    passed = AuditReport(
        dataset=prices.name, base_generation=2, results=tuple(result(t) for t in prices.tests)
    )
    days = ("2026-11-16", "2026-11-17", "2026-11-18")
    generations = [
        generation(prices, number, {day: index for index, day in enumerate(days[:number], start=1)})
        for number in (1, 2, 3)
    ]
    example.keep(*generations)
    for index, day in enumerate(days, start=1):
        path = f"releases/equities/daily_prices/{release(index)}/trade_date={day}/part-0.parquet"
        file = ReleasedFile(
            path=path,
            size=1_204_113,
            sha256="0" * 64,
            rows=3_912,
            partition=day,
            holds_partition_column=False,
        )
        example.log.add_file_list(FileList(dataset=prices.name, release_id=release(index), files=(file,)))
    warned = replace(
        result(positive, CheckStatus.WARN, 2), message="Got 2 results, configured to warn if != 0"
    )
    example.log.add_check(
        AuditReport(dataset=prices.name, base_generation=3, results=(warned,)),
        FIRST_DAY + timedelta(days=3, hours=18),
    )
    late = DueVerdict(
        slo="freshness", business_date="2026-11-17", due_at=FIRST_DAY + timedelta(days=1), late_seconds=720
    )
    return DatasetStatus(
        contract=prices,
        current=generations[-1],
        rows=11_736,
        bytes=3_612_339,
        outcomes=(
            outcome(prices, 1, partitions=days[:1], audit=passed),
            outcome(prices, 2, partitions=days[1:2], audit=passed, due=(late,)),
            outcome(
                prices,
                3,
                partitions=days[2:],
                audit=passed,
                warnings=("hub_between_daily_prices_close: 2 failures",),
            ),
            outcome(
                prices,
                4,
                ReleaseState.REJECTED,
                **failed_audit(prices, sample, compiled_sql=SQL),
            ),
        ),
        standings=(
            SloStanding(
                slo="freshness",
                state=SloState.LATE,
                due_at=FIRST_DAY + timedelta(days=3, minutes=30),
                business_date="2026-11-19",
                next_due_at=FIRST_DAY + timedelta(days=4, minutes=30),
            ),
        ),
        waiting=(
            InboxEntry(
                dataset=prices.name,
                delivery="2026-11-20",
                state=InboxState.INCOMPLETE,
                newest_at=FIRST_DAY + timedelta(days=4),
                files=3,
                bytes=2_400_000,
            ),
        ),
        failing_checks=("hub_between_daily_prices_close",),
    )


def _sessions(example: Example) -> DatasetStatus:
    accepted = a_test("accepted_values_index_sessions_signal", column="signal", kind="accepted_values")
    sessions = contract(
        "volatility.index_sessions",
        description="Open, high, low and close of the volatility index, one row a trading session.",
        owners=("volatility-desk@example.com",),
        version="1.0.0",
        lifecycle=Lifecycle.DEPRECATED,
        sunset_date=date(2027, 3, 31),
        successor="equities.daily_prices",
        freshness_slos=(
            FreshnessSlo(
                due=time(8),
                timezone="America/New_York",
                calendar="XNYS",
                covers=1,
                grace=timedelta(minutes=15),
            ),
        ),
        columns=(
            Column(name="trade_date", data_type="date", nullable=False, unique=True),
            Column(
                name="signal",
                data_type="varchar",
                classification=Classification.CONFIDENTIAL,
                examples=("short-secret",),
            ),
        ),
        tests=(accepted,),
    )
    sample = Sample(columns=("trade_date", "signal"), rows=(("2026-11-18", SECRET),))
    back = generation(
        sessions,
        3,
        {WHOLE: 1},
        kind=GenerationKind.ROLLBACK,
        reason="The second release held the prices of another index.",
        restores=1,
        actor="mika",
    )
    example.keep(generation(sessions, 1), generation(sessions, 2), back)
    return DatasetStatus(
        contract=sessions,
        current=back,
        rows=61,
        bytes=9_804,
        outcomes=(
            outcome(sessions, 1, rows=61, bytes=9_804),
            outcome(sessions, 2, rows=62, bytes=9_911),
            outcome(sessions, 3, ReleaseState.REJECTED, **failed_audit(sessions, sample)),
            outcome(sessions, 4, None),
        ),
        standings=(
            SloStanding(
                slo="freshness", state=SloState.MET, next_due_at=FIRST_DAY + timedelta(days=5, hours=4)
            ),
        ),
    )


def _weather(example: Example) -> DatasetStatus:
    weather = contract(
        "weather.daily_observations",
        team="climate",
        description="東京とシアトルの毎日の天気。降水量と最高・最低気温。",
        owners=("climate@example.com",),
        classification=Classification.PUBLIC,
        lifecycle=Lifecycle.STABLE,
        version="2.0.0",
        freshness_slos=(FreshnessSlo(max_age=timedelta(days=2)),),
        columns=(
            Column(name="date", data_type="date", nullable=False),
            Column(name="降水量", data_type="double"),
        ),
        tests=(a_test("not_null_daily_observations_date", column="date", kind="not_null"),),
        license=License(
            terms="CC BY 4.0", redistribution=True, url="https://creativecommons.org/licenses/by/4.0/"
        ),
    )
    example.keep(generation(weather, 1))
    return DatasetStatus(
        contract=weather,
        current=generation(weather, 1),
        rows=2_922,
        bytes=48_213,
        outcomes=(outcome(weather, 1, rows=2_922, bytes=48_213),),
        standings=(SloStanding(slo="freshness", state=SloState.MET),),
    )


def _airports() -> DatasetStatus:
    return DatasetStatus(
        contract=contract(
            "transport.airports", team="climate", declared=False, description="Airports of the United States."
        )
    )


def _settlements(example: Example) -> DatasetStatus:
    settlements = contract(
        "payments.card_settlements",
        team="payments",
        description="Settled card payments, one row each.",
        owners=("payments@example.com",),
        classification=Classification.CONFIDENTIAL,
        columns=(
            Column(name="settled_at", data_type="timestamp", nullable=False),
            Column(name="holder", data_type="varchar", examples=(SECRET,)),
        ),
        tests=(a_test("hub_matches_card_settlements_holder", column="holder"),),
    )
    sample = Sample(columns=("holder",), rows=((SECRET,),))
    missing = Fault(
        code="missing-column",
        message="the delivery has no column settled_at",
        file="part-0.parquet",
        files=4,
        column="settled_at",
        promised="models/payments/settlements.yml:41  settled_at timestamp, not null",
        found="7 columns: id, holder, amount, currency, …",
    )
    sql = f"select holder from payments.card_settlements where holder <> '{SECRET}'"
    example.keep(generation(settlements, 1))
    return DatasetStatus(
        contract=settlements,
        current=generation(settlements, 1),
        rows=1_204_113,
        bytes=88_120_441,
        outcomes=(
            outcome(settlements, 1),
            outcome(
                settlements, 2, ReleaseState.REJECTED, **failed_audit(settlements, sample, compiled_sql=sql)
            ),
            outcome(settlements, 3, ReleaseState.REJECTED, faults=(missing,)),
        ),
    )


def _slos(
    prices: Contract,
    _sessions: Contract,
    weather: Contract,
    _: Contract,
    settlements: Contract,
    hostile: Contract,
) -> list[SloReport]:
    """Kept and broken, a consumer's own, of deliveries, without a due time yet, and one of which nobody can say anything."""
    evening, hurt = prices.freshness_slos[0], hostile.freshness_slos[0]
    for_signal = replace(evening, name="for_morning_signal", consumer="morning_signal", due=time(8), covers=1)
    week = [
        due_result("2026-11-16", Verdict.MET),
        due_result("2026-11-17", Verdict.LATE, late=timedelta(minutes=12)),
        due_result("2026-11-18", Verdict.EXCUSED, reason="The exchange's systems failed."),
        due_result("2026-11-19", Verdict.MISSED, late=timedelta(hours=3)),
    ]
    first_try = DeliveryResult(
        release=str(release(1)), delivery="2026-11-16", at=FIRST_DAY, verdict=Verdict.MISSED, reason=SECRET
    )
    return [
        report(prices, evening, *week),
        report(prices, for_signal, due_result("2026-11-16", Verdict.MET)),
        report(weather, weather.freshness_slos[0]),
        report(settlements, None, first_try),
        replace(report(hostile, hurt, due_result(HOSTILE, Verdict.UNKNOWN, reason=HOSTILE)), problem=HOSTILE),
    ]


def _hostile() -> DatasetStatus:
    hostile = contract(
        "zz_hostile.table",
        team="climate",
        description=HOSTILE + "\n" + "unbroken" * 60,
        owners=(HOSTILE,),
        tags=(HOSTILE,),
        support=(Support(tool=HOSTILE, channel=HOSTILE, url="javascript:alert(4)"),),
        license=License(terms=HOSTILE, url="data:text/html,<script>alert(5)</script>"),
        columns=(
            Column(
                name=HOSTILE,
                data_type=HOSTILE,
                description=HOSTILE,
                examples=(HOSTILE,),
                constraints=(HOSTILE,),
            ),
        ),
        tests=(a_test("hostile_test", column=HOSTILE, description=HOSTILE, where=HOSTILE),),
        freshness_slos=(FreshnessSlo(name=HOSTILE, due=time(9), calendar=HOSTILE),),
    )
    sample = Sample(columns=(HOSTILE, "n"), rows=((HOSTILE, "1"), (None, "2")))
    return DatasetStatus(
        contract=hostile,
        outcomes=(
            outcome(hostile, 1, ReleaseState.REJECTED, **failed_audit(hostile, sample, message=HOSTILE)),
        ),
        standings=(SloStanding(slo=HOSTILE, state=SloState.UNKNOWN, reason=HOSTILE),),
        problem=f"log/zz_hostile/table/generations/00000001.json can't be read: {HOSTILE}",
    )
