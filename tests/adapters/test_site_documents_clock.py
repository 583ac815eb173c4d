"""While nothing happens a document stays the same to the byte, but for the instants that are announced."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.site.documents import encode
from datahub_dagster.adapters.site.documents.dataset import dataset_document
from datahub_dagster.adapters.site.documents.validity import overviews_valid_until, valid_until
from datahub_dagster.adapters.site.facts import INCIDENTS_SHOWN, DatasetFacts
from datahub_dagster.adapters.site.gather import gather_dataset
from datahub_dagster.adapters.site.links import Links
from datahub_dagster.domain.alert import Alert, AlertKind, Incident, Stage
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract import (
    Consumer,
    Contract,
    DeliverySpec,
    FreshnessSlo,
    Override,
    QualitySlo,
)
from datahub_dagster.domain.promise import promise_of
from datahub_dagster.domain.release import WHOLE, GenerationKind, ReleaseState
from datahub_dagster.domain.view import FileList, ReleasedFile
from datahub_dagster.ports import Hub
from tests.builders import (
    by_day,
    by_month,
    consumer,
    contract,
    generation,
    receipt,
    record,
    release_id,
    result,
)
from tests.hubs import SetClock, hub_at

START = datetime(
    2026, 10, 20, 12, 0, tzinfo=UTC
)  # a Tuesday; Berlin's clocks go back on the Sunday after, Chicago's a week later
STEP = timedelta(hours=5, minutes=37)
MOMENT = timedelta(microseconds=1)

EVENING = FreshnessSlo(
    due=time(18, 30), timezone="Europe/Berlin", calendar="weekdays", window=timedelta(days=8)
)
T_PLUS_ONE = FreshnessSlo(
    due=time(8),
    timezone="America/Chicago",
    calendar="XNYS",
    covers=1,
    grace=timedelta(minutes=20),
    window=timedelta(days=6),
)
AGE = FreshnessSlo(
    max_age=timedelta(days=2), timezone="Europe/Berlin", grace=timedelta(hours=1), window=timedelta(days=7)
)
MONTHLY = FreshnessSlo(
    due=time(9), timezone="Asia/Tokyo", calendar="weekdays", covers=2, window=timedelta(days=45)
)
EXCUSED = replace(
    EVENING,
    overrides=(Override(on=date(2026, 10, 22), kind="removed", reason="a strike"),),
    grace=timedelta(hours=2),
)
OF_READER = FreshnessSlo(
    due=time(7), timezone="Asia/Tokyo", calendar="JP", covers=1, window=timedelta(days=5)
)


class Walk:
    """A hub in which nothing happens any more, looked at on one instant after the other."""

    def __init__(self, root: Path, of: Contract, readers: Sequence[Consumer] = ()) -> None:
        self.contract = of
        self.clock = SetClock(START)
        self.hub: Hub = hub_at(root, of, clock=self.clock)
        self.readers = tuple(readers)
        self.incidents: list[Incident] = []
        self.has_reports = True

    def facts(self, now: datetime) -> DatasetFacts:
        self.clock.at = now
        book = replace(self.hub.book(), consumers=self.readers)
        hub = replace(self.hub, contracts=type(self.hub.contracts)(book))  # pyright: ignore[reportCallIssue]
        (status,) = pipeline.status(hub)
        return gather_dataset(
            hub,
            status,
            book=book,
            links=Links.of(book),
            reports=pipeline.slo(hub, [self.contract]) if self.has_reports else (),
            incidents=self.incidents,
            now=now,
        )

    def published(
        self, number: int, at: datetime, partitions: Sequence[str] = (WHOLE,), **more: object
    ) -> None:
        """Partition keys are those of the whole dataset after it."""
        file = ReleasedFile(path=f"{number}.parquet", size=1, sha256="", rows=1, partition=partitions[-1])
        files = FileList(dataset=self.contract.name, release_id=release_id(number), files=(file,))
        self.hub.log.add_file_list(files)
        self.hub.log.add_generation(
            generation(
                self.contract,
                number,
                partitions={key: release_id(number) for key in partitions},
                release_id=release_id(number),
                published_at=at,
                **more,
            )
        )

    def changes(self, days: int) -> int:
        """Goes on for some days, and gives how often the document changed.

        Raises:
            AssertionError: It did so unannounced, or was announced to time and again for nothing.
        """
        now, changed, announced = START, 0, set[datetime]()
        facts = self.facts(now)
        until, before = valid_until(facts), encode(dataset_document(facts))
        while now < START + timedelta(days=days):
            soon = now + STEP
            # At the announced instant itself, and just after it, beside the steps that nobody chose.
            now = min(at for at in (until, until and until + MOMENT, soon) if at and at > now)
            facts = self.facts(now)
            document = encode(dataset_document(facts))
            if until is None or now <= until:
                assert document.splitlines() == before.splitlines(), f"at {now}, was to hold until {until}"
            changed += document != before
            announced |= {until} if until and now > until else set()
            until, before = valid_until(facts), document
            assert until is None or until >= now
        assert len(announced) <= 10 * days
        return changed


@pytest.mark.parametrize("slo", [EVENING, T_PLUS_ONE, AGE, EXCUSED], ids=["due", "T+1", "age", "excused"])
def test_a_document_changes_with_the_clock_only_when_it_was_announced(
    tmp_path: Path, slo: FreshnessSlo
) -> None:
    walk = Walk(tmp_path, contract(freshness_slos=(slo,)))
    walk.published(1, START - timedelta(days=3))
    walk.published(2, START - timedelta(days=1, hours=4))
    walk.hub.log.add_promise(promise_of(walk.contract, (), START - timedelta(days=5)))

    assert walk.changes(days=14) > 14


def test_a_dataset_without_deliveries_grows_no_older_by_the_minute(tmp_path: Path) -> None:
    walk = Walk(tmp_path, contract(freshness_slos=(EVENING, replace(AGE, name="age"))))

    assert walk.changes(days=4) >= 4


@pytest.mark.parametrize(
    ("delivery", "slo", "keys"),
    [
        (by_day(start=date(2026, 10, 12)), EVENING, ("2026-10-15", "2026-10-16", "2026-10-19")),
        (by_month(), MONTHLY, ("2026-08", "2026-09")),
    ],
    ids=["day", "month"],
)
def test_partitions_that_do_not_come_are_told_at_their_deadlines(
    tmp_path: Path, delivery: DeliverySpec, slo: FreshnessSlo, keys: tuple[str, ...]
) -> None:
    walk = Walk(tmp_path, contract(freshness_slos=(slo,), delivery=delivery))
    walk.published(1, START - timedelta(days=4), keys[:-1])
    walk.published(2, START - timedelta(days=1), keys)
    walk.hub.log.add_promise(promise_of(walk.contract, (), START - timedelta(days=30)))

    assert walk.changes(days=20) > 5


@pytest.mark.parametrize("has_reports", [True, False])
def test_readers_are_affected_from_their_own_deadlines_on(tmp_path: Path, has_reports: bool) -> None:
    own = consumer("desk", slos={"payments.orders": OF_READER})
    walk = Walk(tmp_path, contract(freshness_slos=(EVENING,)), [own, consumer("everybody")])
    walk.published(1, START - timedelta(hours=3))
    if has_reports:  # and notes
        walk.hub.log.add_promise(promise_of(walk.contract, walk.readers, START - timedelta(days=5)))
    walk.has_reports = has_reports

    assert walk.changes(days=9) > 5


@pytest.mark.parametrize("has_reports", [True, False])
@pytest.mark.parametrize("is_own", [True, False])
def test_readers_of_what_was_never_published_are_promised_no_age_that_begins_anew_each_time(
    tmp_path: Path, is_own: bool, has_reports: bool
) -> None:
    age = replace(AGE, name="age")
    own = {"payments.orders": age} if is_own else {}
    walk = Walk(tmp_path, contract(freshness_slos=(EVENING, age)), [consumer("desk", slos=own)])
    walk.hub.log.add_promise(promise_of(contract(), (), START - timedelta(days=5)))
    walk.has_reports = has_reports

    assert walk.changes(days=7) > 3  # over a weekend, which is longer than the age


def test_readers_of_an_age_that_nobody_ever_noted_are_affected_since_the_day_began(tmp_path: Path) -> None:
    walk = Walk(tmp_path, contract(), [consumer("desk", slos={"payments.orders": AGE})])
    walk.has_reports = False

    assert walk.changes(days=3) >= 3


def test_a_promise_that_nobody_noted_yet_changes_nothing_unannounced(tmp_path: Path) -> None:
    earlier = contract(freshness_slos=(EVENING,))
    later = contract(freshness_slos=(replace(EVENING, due=time(21)), replace(AGE, name="age")))
    walk = Walk(tmp_path, later)
    walk.published(1, START - timedelta(days=3))
    walk.hub.log.add_promise(promise_of(earlier, (), START - timedelta(days=5)))

    assert walk.changes(days=6) > 6


def test_a_clock_that_was_ahead_changes_nothing_unannounced(tmp_path: Path) -> None:
    walk = Walk(tmp_path, contract(freshness_slos=(T_PLUS_ONE,)))
    walk.published(1, START - timedelta(days=3))
    walk.published(2, START + timedelta(days=2, minutes=11))
    walk.hub.log.add_promise(promise_of(walk.contract, (), START - timedelta(days=5)))

    assert walk.changes(days=5) > 5


def test_a_roll_back_ages_at_midnight_only(tmp_path: Path) -> None:
    walk = Walk(tmp_path, contract(freshness_slos=(AGE,)))
    walk.published(1, START - timedelta(days=4))
    walk.published(2, START - timedelta(days=2))
    taken_up = generation(
        walk.contract,
        3,
        kind=GenerationKind.ROLLBACK,
        restores=1,
        partitions={WHOLE: release_id(1)},
        release_id=release_id(1),
        published_at=START - timedelta(hours=1),
    )
    walk.hub.log.add_generation(taken_up)

    assert walk.changes(days=4) >= 4


def test_deliveries_leave_the_window_of_quality_when_it_was_announced(tmp_path: Path) -> None:
    walk = Walk(tmp_path, contract(quality_slo=QualitySlo(window=timedelta(days=4))))
    for number, state in ((1, ReleaseState.REJECTED), (2, ReleaseState.PUBLISHED)):
        at = START - timedelta(days=3, hours=-7 * number)
        walk.hub.log.add_receipt(receipt(walk.contract, number, received_at=at))
        ended = record(walk.contract, number, state=state, received_at=at, finished_at=at)
        walk.hub.log.add_record(replace(ended, fingerprint=f"{number:016x}"))

    assert walk.changes(days=5) >= 5


@pytest.mark.parametrize(
    "ahead", [timedelta(0), timedelta(seconds=2), timedelta(minutes=9), timedelta(days=2, minutes=11)]
)
def test_what_a_clock_ahead_received_is_counted_when_it_was_announced(
    tmp_path: Path, ahead: timedelta
) -> None:
    walk = Walk(tmp_path, contract(quality_slo=QualitySlo(window=timedelta(days=4)), freshness_slos=(AGE,)))
    at = START + ahead
    walk.hub.log.add_receipt(receipt(walk.contract, 1, received_at=at))
    ended = record(walk.contract, 1, state=ReleaseState.REJECTED, received_at=at, finished_at=at)
    walk.hub.log.add_record(ended)
    walk.hub.log.add_promise(promise_of(walk.contract, (), START - timedelta(days=5)))

    assert walk.changes(days=4) >= 4


def test_incidents_and_checks_are_told_for_ninety_days(tmp_path: Path) -> None:
    walk = Walk(tmp_path, contract())
    at = START - timedelta(days=89)
    alert = Alert(
        kind=AlertKind.SLO_MISSED,
        key="k",
        stage=Stage.OVER,
        team="payments",
        at=at,
        dataset="payments.orders",
    )
    walk.incidents = [
        Incident(id="1a", key="k", opened_at=at, alert=alert, closed_at=at + timedelta(minutes=5))
    ]
    passed = tuple(map(result, walk.contract.tests))
    report = AuditReport(dataset=walk.contract.name, base_generation=1, results=passed)
    for checked_at in (at, at + timedelta(hours=9)):
        walk.hub.log.add_check(report, checked_at)

    assert walk.changes(days=3) == 2  # the newest check is told however old it is
    gone = at + timedelta(minutes=5) + INCIDENTS_SHOWN
    assert overviews_valid_until(walk.incidents, START) == gone
    assert overviews_valid_until(walk.incidents, gone + MOMENT) is None


def test_what_has_no_clock_holds_for_ever(tmp_path: Path) -> None:
    walk = Walk(tmp_path, contract())
    walk.published(1, START - timedelta(days=3))

    assert valid_until(walk.facts(START)) is None
    assert walk.changes(days=2) == 0
