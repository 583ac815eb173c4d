"""What a contract said is noted when something is published, and by the monitor; and what a release's footers say is in its record."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.json_values import json_of
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.domain.contract import (
    CalendarFile,
    Classification,
    Contract,
    DataTest,
    DbtFreshness,
    FreshnessSlo,
    Language,
    License,
    Lifecycle,
    Origin,
    Override,
    QualitySlo,
    QuietHours,
    Schedule,
    Severity,
    Support,
)
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.release import ReleaseRecord, ReleaseState
from datahub_dagster.domain.statistics import ColumnStatistics
from datahub_dagster.errors import CorruptError
from datahub_dagster.ports import Hub
from datahub_dagster.steps.contract_history import contract_history, note_contract
from tests.builders import book, by_day, column, contract, data_test, record
from tests.hubs import SteppingClock, orders, put_delivery
from tests.pipeline.processes import PassingAuditor
from tests.places import OnDisk, Place

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2036, 11, 17, tzinfo=UTC)  # later than any file that a test writes
ORDERS = contract()
NOTES = "log/payments/orders/contracts"
DESK = CalendarFile(
    name="desk",
    base="XTKS",
    first=date(2020, 1, 1),
    overrides=(Override(on=date(2036, 12, 31), kind="removed", reason="year end"),),
)
WHOLE = contract(
    description="注文 with \x00 and 💶",
    support=(
        Support(tool="slack", channel="#x", language=Language.JAPANESE, quiet=QuietHours(since=time(22), until=time(7))),
    ),
    tags=("listed",),
    version="1.2.0",
    lifecycle=Lifecycle.DEPRECATED,
    sunset_date=date(2037, 1, 31),
    successor="payments.sales",
    classification=Classification.CONFIDENTIAL,
    delivery=replace(
        by_day(calendar="desk", calendar_files=(DESK,)), source="incoming", schedule=Schedule(cron="0 6 * * *")
    ),
    freshness_slos=(
        FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="desk", calendar_files=(DESK,), grace=15 * MINUTE),
        FreshnessSlo(name="age", max_age=26 * HOUR, overrides=DESK.overrides, objective=0.999),
    ),
    quality_slo=QualitySlo(window=30 * DAY),
    dbt_freshness=DbtFreshness(error_after=3 * DAY, loaded_at_field="loaded_at"),
    license=License(terms="internal use", url="https://example.com"),
    columns=(column("id", "decimal(10,2)", examples=("1",), classification=Classification.PUBLIC, origin=Origin("a.yml", 3)),),
    tests=(
        data_test("hub_between", "id", severity=Severity.WARN, where="id > 0", arguments=(("min_value", "0"),)),
        data_test("singular", None, name="sums", sql="0123456789abcdef", depends_on=(DatasetName("a", "b"),)),
    ),
)  # fmt: skip


def hub_of(place: Place, of: Contract = ORDERS, at: datetime = MONDAY, **more: Any) -> Hub:
    """A process of its own, which knows nothing of what others read, at an instant."""
    return place.hub(
        of, book=book(of), clock=SteppingClock(at), auditor=PassingAuditor(place.storage()), **more
    )


def released(
    place: Place, name: str, at: datetime = MONDAY, of: Contract = ORDERS, **columns: Any
) -> ReleaseRecord:
    hub = hub_of(place, of, at)
    put_delivery(hub, of, name, {"x.parquet": orders([1], amount=at.timestamp(), **columns)})
    outcome = pipeline.release(hub, of, name, actor="test")
    assert outcome.record
    return outcome.record


def noted(place: Place, at: datetime = MONDAY + 999 * DAY) -> list[Contract]:
    return [each.contract for each in contract_history(hub_of(place, at=at), ORDERS.name)]


def test_a_contract_comes_back_as_it_was_noted(place: Place) -> None:
    note_contract(hub_of(place, WHOLE), WHOLE)
    hub = hub_of(place, at=MONDAY + DAY)
    [version] = hub.log.contract_versions(ORDERS.name)
    assert version == ContractVersion(dataset=ORDERS.name, valid_from=version.valid_from, contract=WHOLE)
    assert list(hub.log.contract_instants(ORDERS.name)) == [version.valid_from]
    assert MONDAY < version.valid_from < MONDAY + MINUTE


def test_a_release_notes_the_contract_and_the_next_one_only_what_changed(place: Place) -> None:
    released(place, "first")
    released(place, "second", MONDAY + DAY)
    assert noted(place) == [ORDERS]

    described = replace(ORDERS, description="All orders.")
    released(place, "third", MONDAY + 2 * DAY, described)
    assert noted(place) == [ORDERS, described]


@pytest.mark.parametrize(
    ("change", "is_noted"),
    [
        ({"version": "2.0.0"}, True),
        ({"fingerprint": "of another macro"}, True),
        ({"owners": ("x@example.com",)}, True),
        ({"origin": Origin("elsewhere.yml", 99)}, False),
    ],
)
def test_what_says_nothing_new_is_not_noted(
    tmp_path: Path, change: dict[str, Any], *, is_noted: bool
) -> None:
    place = OnDisk(tmp_path)
    note_contract(hub_of(place), ORDERS)
    changed = replace(ORDERS, **change)
    note_contract(hub_of(place, changed, MONDAY + DAY), changed)
    assert len(noted(place)) == 1 + is_noted


def test_the_monitor_notes_a_changed_contract_once_and_asks_no_more(tmp_path: Path) -> None:
    hub = hub_of(OnDisk(tmp_path))

    def tick(of: Contract, at: datetime) -> None:
        process = hub_of(OnDisk(tmp_path), of, at, log=CountingLog(hub.storage, asked))
        pipeline.monitor(process, [of], scope="test", confirmed=None)

    asked: list[str] = []
    described = replace(ORDERS, description="All orders.")
    tick(ORDERS, MONDAY)
    assert noted(OnDisk(tmp_path)) == [ORDERS]
    assert len(asked) == 1

    for hour in (2, 4, 6):
        tick(ORDERS, MONDAY + hour * HOUR)
    assert len(asked) == 1, "what is as it was is not looked up"

    for hour in (8, 10):
        tick(described, MONDAY + hour * HOUR)
    assert noted(OnDisk(tmp_path)) == [ORDERS, described]
    assert len(asked) == 2


class CountingLog(JsonReleaseLog):
    """Counts how often somebody asks which contracts are noted."""

    def __init__(self, storage: Any, asked: list[str]) -> None:
        super().__init__(storage)
        self._asked = asked

    def contract_instants(self, dataset: DatasetName) -> Any:
        self._asked.append(str(dataset))
        return super().contract_instants(dataset)


def test_a_clock_that_is_behind_notes_a_contract_after_the_older_one(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    note_contract(hub_of(place), ORDERS)
    changed = replace(ORDERS, version="2.0.0")
    for _ in range(3):
        note_contract(hub_of(place, changed, MONDAY - MINUTE), changed)
    assert noted(place) == [ORDERS, changed]


def test_what_a_wrong_clock_noted_for_the_future_keeps_nothing_from_being_noted(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    note_contract(hub_of(place, at=MONDAY + 900 * DAY), ORDERS)
    for hour in (1, 2):
        note_contract(hub_of(place, at=MONDAY + hour * HOUR), ORDERS)
    assert noted(place, at=MONDAY + DAY) == [ORDERS]
    assert len(noted(place)) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"schema_version": "99"}', b'{"schema_version": 1, "dataset": 3}']
)
def test_a_contract_of_the_past_that_cannot_be_read_stops_nothing(tmp_path: Path, content: bytes) -> None:
    place = OnDisk(tmp_path)
    released(place, "first")
    place.write(f"{NOTES}/2036-11-18T00-00-00.000000Z.json", content)

    assert released(place, "second", MONDAY + 2 * DAY).state is ReleaseState.PUBLISHED
    assert noted(place) == [ORDERS, ORDERS], "the newest that can be read is what the contract says"
    with pytest.raises(CorruptError, match="can't be read as a contract of the past"):
        hub_of(place).log.contract_versions(ORDERS.name)


def test_a_newer_schema_is_told_as_such(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    place.write(f"{NOTES}/2036-11-18T00-00-00.000000Z.json", b'{"schema_version": 2, "all": "else"}')
    with pytest.raises(CorruptError) as told:
        hub_of(place).log.contract_versions(ORDERS.name)
    assert told.value.found == "schema version 2; this version of the hub knows 1"
    assert "later version" in str(told.value)


def test_what_a_later_version_of_the_hub_notes_is_left_to_it(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    place.write(f"{NOTES}/2036-11-15T00-00-00.000000Z.json", b'{"schema_version": 2, "all": "else"}')

    assert note_contract(hub_of(place), ORDERS)
    assert released(place, "first").state is ReleaseState.PUBLISHED

    assert len([path for path in place.files() if path.startswith(NOTES)]) == 1
    assert contract_history(hub_of(place), ORDERS.name) == []


def test_a_note_in_the_place_of_another_is_refused(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    note_contract(hub_of(place), ORDERS)
    [note] = [path for path in place.files() if path.startswith(NOTES)]
    place.write(f"{NOTES}/2036-11-18T00-00-00.000000Z.json", place.files()[note])
    with pytest.raises(CorruptError):
        hub_of(place).log.contract_versions(ORDERS.name)
    assert noted(place) == [ORDERS]


OF_ID = ColumnStatistics(name="id", nulls=0, low="1", high="1")


def test_the_record_of_a_release_says_what_its_footers_say(place: Place) -> None:
    kept = released(place, "first")
    assert kept.statistics[0] == OF_ID
    assert [each.name for each in kept.statistics] == ["id", "amount"]
    assert hub_of(place).log.record(ORDERS.name, kept.release_id) == kept


def test_the_record_of_a_rejected_delivery_says_it_too(tmp_path: Path) -> None:
    refused = released(OnDisk(tmp_path), "first", extra="x")
    assert refused.state is ReleaseState.REJECTED
    assert [(each.name, each.low) for each in refused.statistics][::2] == [("id", "1"), ("extra", "x")]


def test_no_value_of_a_confidential_column_is_in_a_record(tmp_path: Path) -> None:
    secret = contract(columns=(*ORDERS.columns, column("card", classification=Classification.CONFIDENTIAL)))
    kept = released(OnDisk(tmp_path), "first", of=secret, card=pa.array(["4111-1111"]))
    assert kept.state is ReleaseState.PUBLISHED
    assert kept.statistics[2] == ColumnStatistics(name="card", nulls=0)
    written = [content for path, content in OnDisk(tmp_path).files().items() if path.endswith(".json")]
    assert not any(b"4111" in content for content in written)


def test_a_record_mended_after_a_crash_says_the_same(tmp_path: Path) -> None:
    place = OnDisk(tmp_path)
    kept = released(place, "first")
    location = hub_of(place).log.record_location(ORDERS.name, kept.release_id)
    place.remove(location.path)
    pipeline.reconcile(hub_of(place, at=MONDAY + DAY), ORDERS)
    mended = hub_of(place).log.record(ORDERS.name, kept.release_id)
    assert mended is not None
    assert mended.statistics == kept.statistics


def test_a_record_of_old_has_no_statistics() -> None:
    old = json.loads(json_of(ReleaseRecord).dump_json(record(ORDERS, 1)))
    del old["statistics"]
    assert json_of(ReleaseRecord).validate_python(old) == record(ORDERS, 1)


def test_a_test_of_old_has_no_arguments() -> None:
    old = json.loads(json_of(DataTest).dump_json(ORDERS.tests[0]))
    del old["arguments"], old["sql"]
    assert json_of(DataTest).validate_python(old) == ORDERS.tests[0]
