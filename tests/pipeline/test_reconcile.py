"""Making the catalog and the records agree with the log again."""

import json
import shutil
from pathlib import Path

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.release import OutcomeKind
from datahub_dagster.ports import Hub
from tests.builders import by_day, column, contract
from tests.hubs import orders, put_delivery
from tests.pipeline.processes import PassingAuditor, ids_read
from tests.places import OnDisk, Place

ORDERS = contract()
ODD = contract(columns=(column("id", "bigint"), column("amount", "money")), tests=ORDERS.tests)


def hub_of(place: Place, of: Contract = ORDERS) -> Hub:
    return place.hub(of, auditor=PassingAuditor(place.storage()))


def released(place: Place, *names: str, of: Contract = ORDERS) -> Hub:
    for number, name in enumerate(names, start=1):
        put_delivery(hub_of(place, of), of, name, {"x.parquet": orders([number])})
        pipeline.release(hub_of(place, of), of, name, actor="test")
    return hub_of(place, of)


def record_of(place: Place, number: int) -> tuple[str, bytes]:
    return next(each for each in place.files().items() if each[0].endswith(f".{number}/_record.json"))


def without_record(place: Place, number: int) -> bytes:
    path, content = record_of(place, number)
    place.remove(path)
    return content


def test_where_all_agrees_nothing_is_done(place: Place) -> None:
    hub = released(place, "first", "second")
    before = (place.files(), place.tables())
    assert pipeline.reconcile(hub, ORDERS) == []
    assert (place.files(), place.tables()) == before


def test_a_dataset_that_was_never_released_has_nothing_to_mend(place: Place) -> None:
    assert pipeline.reconcile(hub_of(place), ORDERS) == []
    assert place.files() == {}


def test_a_broken_catalog_is_written_anew(tmp_path: Path) -> None:
    hub = released(OnDisk(tmp_path), "first", "second")
    catalog = next((tmp_path / "catalog").rglob("*.json"))
    for content in (b"", b"{", b"\xff", b"{}", b"[]"):
        catalog.write_bytes(content)
        assert pipeline.reconcile(hub, ORDERS) == ["the catalog shows generation 2 again"]
        assert hub.catalog.applied(ORDERS.name) == 2


def test_catalog_files_of_generations_that_nobody_published_are_removed(tmp_path: Path) -> None:
    hub = released(OnDisk(tmp_path), "first", "second")
    (catalog,) = (tmp_path / "catalog").rglob("*.json")
    for number in (99, 120):
        shutil.copy(catalog, catalog.with_name(f"{number:08d}.json"))
    assert pipeline.reconcile(hub, ORDERS) == [
        "catalog/payments/orders: it claimed generation 120, and the newest is 2; it was put right",
        "catalog/payments/orders: it claimed generation 99, and the newest is 2; it was put right",
        "the catalog shows generation 2 again",
    ]
    assert list(catalog.parent.iterdir()) == [catalog]


def test_a_hub_that_moved_addresses_its_files_anew(tmp_path: Path) -> None:
    released(OnDisk(tmp_path / "old"), "first")
    shutil.move(tmp_path / "old", tmp_path / "new")
    hub = hub_of(OnDisk(tmp_path / "new"))
    assert pipeline.reconcile(hub, ORDERS) == ["the catalog shows generation 1 again"]
    assert str(tmp_path / "old") not in next((tmp_path / "new/catalog").rglob("*.json")).read_text()
    assert ids_read(hub, ORDERS) == [1]


def test_lost_records_of_all_that_was_published_come_back_as_they_were(place: Place) -> None:
    released(place, "first", "second", of=ODD)
    lost = {number: json.loads(without_record(place, number)) for number in (1, 2)}
    hub = hub_of(place, ODD)
    assert [sentence.split(" has ")[1] for sentence in pipeline.reconcile(hub, ODD)] == ["its record"] * 2
    for number, record in lost.items():
        found = json.loads(record_of(place, number)[1])
        for each in (record, found):
            del each["finished_at"], each["step_seconds"]
        assert found == record
        assert found["warnings"], "the type 'money' is not known"
    assert pipeline.reconcile(hub_of(place, ODD), ODD) == []


def test_a_record_that_is_written_late_names_the_contract_that_was_in_force(place: Place) -> None:
    released(place, "first")
    without_record(place, 1)
    newer = contract(version="9.0.0", fingerprint="another")
    hub = hub_of(place, newer)
    pipeline.reconcile(hub, newer)
    (record,) = hub.log.records(newer.name)
    assert (record.contract_version, record.contract_fingerprint) == (ORDERS.version, ORDERS.fingerprint)
    assert record.audit is not None


def test_a_delivery_that_is_still_under_way_is_left_alone(place: Place) -> None:
    hub = released(place, "first")
    put_delivery(hub, ORDERS, "second", {"x.parquet": orders([2])})
    mended: list[str] = []
    pipeline.release(
        hub,
        ORDERS,
        "second",
        actor="test",
        on_step=lambda event: mended.extend(
            pipeline.reconcile(hub_of(place), ORDERS) if event.step in ("stage", "audit", "publish") else []
        ),
    )
    assert mended == []


def test_the_same_rollback_twice_makes_one_generation(place: Place) -> None:
    hub = released(place, "first", "second")
    once = pipeline.rollback(hub, ORDERS, 1, reason="wrong prices", actor="ann")
    place.lose_catalog()  # as if it had crashed right after
    assert pipeline.rollback(hub_of(place), ORDERS, 1, reason="wrong prices", actor="ann") == once
    assert hub.catalog.applied(ORDERS.name) == 3


def test_content_that_comes_back_under_its_name_is_published_again(place: Place) -> None:
    for ids in ([1], [2], [1]):
        put_delivery(hub_of(place), ORDERS, "latest", {"x.parquet": orders(ids)})
        outcome = pipeline.release(hub_of(place), ORDERS, "latest", actor="test")
        assert outcome.kind is OutcomeKind.PUBLISHED
        assert outcome.is_news
        assert ids_read(hub_of(place), ORDERS) == ids


def test_two_files_with_the_same_content_are_no_repeat_of_two_different_ones(place: Place) -> None:
    hub = hub_of(place)
    put_delivery(hub, ORDERS, "ab", {"a.parquet": orders([1]), "b.parquet": orders([2])})
    put_delivery(hub, ORDERS, "aa", {"a.parquet": orders([1]), "b.parquet": orders([1])})
    pipeline.release(hub, ORDERS, "ab", actor="test")
    assert pipeline.release(hub, ORDERS, "aa", actor="test").kind is OutcomeKind.PUBLISHED
    assert ids_read(hub, ORDERS) == [1, 1]


def test_a_release_that_was_staged_whole_replaces_all_even_if_partitions_were_promised_meanwhile(
    place: Place,
) -> None:
    class KilledError(Exception):
        pass

    def stop(event: object) -> None:
        if getattr(event, "step", "") == "audit":
            raise KilledError

    hub = hub_of(place)
    put_delivery(hub, ORDERS, "whole", {"x.parquet": orders([1])})
    try:
        pipeline.release(hub, ORDERS, "whole", actor="test", on_step=stop)
    except KilledError:
        daily = contract(delivery=by_day(), columns=())
        other = hub_of(place, daily)
        put_delivery(other, daily, "days", {"day=2026-11-18/x.parquet": orders([2])})
        pipeline.release(other, daily, "days", actor="test")
        pipeline.release(other, daily, "whole", actor="test")
        current = other.log.current(daily.name)
        assert current is not None
        assert list(current.partitions) in ([""], ["2026-11-18"])
