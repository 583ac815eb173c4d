"""What every release log does, over every storage."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.domain.names import Location, ReleaseId
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.domain.view import FileList, ReleasedFile
from datahub_dagster.errors import AlreadyExistsError, CorruptError
from datahub_dagster.ports import Purpose, ReleaseLog, Storage
from tests.builders import (
    NOW,
    contract,
    data_test,
    generation,
    receipt,
    record,
    release_id,
    report,
    result,
    sample,
)

ORDERS = contract()
NAME = ORDERS.name
OTHER = contract("payments.refunds")

LOGS: dict[str, Callable[[Storage], ReleaseLog]] = {"json": JsonReleaseLog}


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest, storage: Storage) -> ReleaseLog:
    return LOGS[request.param](storage)


def again(storage: Storage) -> ReleaseLog:
    """The same log, without what the other one remembers."""
    return JsonReleaseLog(storage)


def files_of(number: int = 1) -> FileList:
    path = f"releases/payments/orders/{release_id(number)}/part-0.parquet"
    return FileList(
        dataset=NAME,
        release_id=release_id(number),
        files=(ReleasedFile(path=path, size=10, sha256="0" * 64, rows=3, partition="2026-11-20"),),
        columns=(("id", "bigint"),),
        promised=(("id", "bigint"),),
        partition_column="day",
        partition_type="date",
    )


def test_an_empty_log_has_nothing(log: ReleaseLog) -> None:
    assert log.current(NAME) is None
    assert log.generation(NAME, 1) is None
    assert log.record(NAME, release_id()) is None
    assert log.file_list(NAME, release_id()) is None
    assert log.last_check(NAME) is None
    assert log.audit(NAME, release_id(), 0, "x") is None
    assert not log.pins(NAME)
    for listed in (log.receipts(NAME), log.generations(NAME), log.records(NAME), log.releases_on_disk(NAME)):
        assert list(listed) == []


def test_everything_comes_back_as_it_was_written(log: ReleaseLog, storage: Storage) -> None:
    given = receipt(ORDERS, 1, repeats=release_id(7))
    made = generation(
        ORDERS, 1, partitions={"2026-11-19": release_id(1), "2026-11-20": release_id(1)}, restores=None
    )
    test = data_test()
    audit = replace(
        report(ORDERS, {ORDERS.tests[0].check_name: 2}),
        results=(
            result(test, 2, sample=sample(["id", "名前"], ["1", None], ["\x00", "💶"]), message="a\nb"),
        ),
        contract_fingerprint="f",
    )
    fault = Fault(code="missing-column", message="no column 'é'", file="ü/x.parquet", files=3)
    ended = record(ORDERS, 1, faults=(fault,), audit=audit, step_seconds={"stage": 0.25}, warnings=("w",))
    log.add_receipt(given)
    log.add_file_list(files_of())
    log.add_audit(release_id(1), audit)
    log.add_generation(made)
    assert log.add_record(ended) is ended
    for each in (log, again(storage)):
        assert list(each.receipts(NAME)) == [given]
        assert each.current(NAME) == made == each.generation(NAME, 1)
        assert each.file_list(NAME, release_id(1)) == files_of()
        assert each.audit(NAME, release_id(1), 0, "f") == audit
        assert each.record(NAME, release_id(1)) == ended
        assert list(each.records(NAME)) == [ended]
        assert list(each.releases_on_disk(NAME)) == [release_id(1)]


def test_a_number_is_claimed_once(log: ReleaseLog, storage: Storage) -> None:
    log.add_receipt(receipt(ORDERS, 1, actor="ann"))
    with pytest.raises(AlreadyExistsError):
        again(storage).add_receipt(receipt(ORDERS, 1, actor="ben"))
    assert log.receipts(NAME)[0].actor == "ann"


def test_of_many_who_publish_a_generation_one_wins(log: ReleaseLog) -> None:
    def publish(number: int) -> int:
        try:
            log.add_generation(generation(ORDERS, 1, actor=str(number)))
        except AlreadyExistsError:
            return 0
        return number

    with ThreadPoolExecutor(8) as threads:
        (winner,) = filter(None, threads.map(publish, range(1, 33)))
    current = log.current(NAME)
    assert current is not None
    assert current.actor == str(winner)


def test_the_highest_number_is_current(log: ReleaseLog) -> None:
    for number in (1, 2, 9, 10, 11):
        log.add_generation(generation(ORDERS, number))
    current = log.current(NAME)
    assert current is not None
    assert current.number == 11
    assert [each.number for each in log.generations(NAME)] == [1, 2, 9, 10, 11]


def test_datasets_know_nothing_of_each_other(log: ReleaseLog) -> None:
    log.add_generation(generation(ORDERS, 1))
    log.add_receipt(receipt(ORDERS, 1))
    assert log.current(OTHER.name) is None
    assert list(log.receipts(OTHER.name)) == []


def test_of_two_records_the_first_counts(log: ReleaseLog, storage: Storage) -> None:
    first = record(ORDERS, 1)
    log.add_record(first)
    assert again(storage).add_record(record(ORDERS, 1, state=ReleaseState.REJECTED)) == first


def test_what_is_the_same_may_be_added_again(log: ReleaseLog) -> None:
    for _ in range(2):
        log.add_file_list(files_of())
        log.add_audit(release_id(1), report(ORDERS))
        log.add_check(report(ORDERS), NOW)


def test_the_newest_check_counts(log: ReleaseLog) -> None:
    for minutes in (5, 0, 9, 7):
        log.add_check(report(ORDERS, base_generation=minutes), NOW + timedelta(minutes=minutes))
    last = log.last_check(NAME)
    assert last is not None
    assert last[0] == NOW + timedelta(minutes=9)
    assert last[1].base_generation == 9


def test_the_checks_since_an_instant_are_given_in_order(log: ReleaseLog) -> None:
    for minutes in (5, 0, 9, 7):
        log.add_check(report(ORDERS, base_generation=minutes), NOW + timedelta(minutes=minutes))
    found = log.checks(NAME, NOW + timedelta(minutes=5))
    assert [(at - NOW, each.base_generation) for at, each in found] == [
        (timedelta(minutes=minutes), minutes) for minutes in (5, 7, 9)
    ]
    assert log.checks(NAME, NOW + timedelta(minutes=10)) == []


def test_releases_are_in_the_order_of_their_numbers(log: ReleaseLog) -> None:
    numbers = [
        ReleaseId(date(2026, 11, 20), 2),
        ReleaseId(date(2026, 11, 19), 10),
        ReleaseId(date(2020, 1, 1), 11),
    ]
    for each in numbers:
        log.add_record(record(ORDERS, 1, release_id=each))
    assert list(log.releases_on_disk(NAME)) == numbers


def test_a_file_list_that_was_removed_is_gone_for_everybody(log: ReleaseLog, storage: Storage) -> None:
    log.add_file_list(files_of())
    assert log.file_list(NAME, release_id(1)) is not None
    for _ in range(2):
        again(storage).remove_file_list(NAME, release_id(1))
    assert log.file_list(NAME, release_id(1)) is None


def test_a_way_has_ended_once_there_is_a_record_where_it_is_said_to_be(
    log: ReleaseLog, storage: Storage
) -> None:
    place = log.record_location(NAME, release_id(1))
    assert not log.has_ended(NAME, release_id(1))
    assert not storage.exists(place)
    log.add_record(record(ORDERS, 1))
    assert log.has_ended(NAME, release_id(1))
    assert storage.exists(place)
    assert not log.has_ended(NAME, release_id(2))


def test_whether_a_way_has_ended_is_known_without_reading_the_record(
    log: ReleaseLog, storage: Storage
) -> None:
    storage.create(log.record_location(NAME, release_id(1)), b"{")
    assert log.has_ended(NAME, release_id(1))


def test_everything_of_a_dataset_lies_in_its_folders(log: ReleaseLog, storage: Storage) -> None:
    log.add_receipt(receipt(ORDERS, 1))
    log.add_generation(generation(ORDERS, 1))
    log.add_file_list(files_of())
    log.add_audit(release_id(1), report(ORDERS))
    log.add_record(record(ORDERS, 1))
    log.pin(NAME, release_id(1), "why")
    for folder in log.folders(NAME):
        storage.delete_folder(folder)
    fresh = again(storage)
    assert not fresh.receipts(NAME)
    assert not fresh.generations(NAME)
    assert not fresh.records(NAME)
    assert not fresh.pins(NAME)
    assert fresh.file_list(NAME, release_id(1)) is None
    assert (
        fresh.audit(NAME, release_id(1), report(ORDERS).base_generation, report(ORDERS).contract_fingerprint)
        is None
    )
    assert log.releases_folder(NAME) in log.folders(NAME)
    assert str(log.release_folder(NAME, release_id(1))).startswith(f"{log.releases_folder(NAME)}/")


def test_a_pin_is_kept_changed_and_let_go(log: ReleaseLog) -> None:
    log.pin(NAME, release_id(1), "one")
    log.pin(NAME, release_id(1), "the “other” reason")
    log.pin(NAME, release_id(2), "two")
    assert log.pins(NAME) == {release_id(1): "the “other” reason", release_id(2): "two"}
    for _ in range(2):
        log.unpin(NAME, release_id(1))
    assert log.pins(NAME) == {release_id(2): "two"}


def test_of_two_opposite_claims_at_least_one_sees_the_other(log: ReleaseLog, storage: Storage) -> None:
    one, two, three = release_id(1), release_id(2), release_id(3)
    with log.claim(NAME, {one, two}, Purpose.REMOVE, NOW) as used:
        assert used == frozenset()
        with again(storage).claim(NAME, {two, three}, Purpose.USE, NOW) as removed:
            assert removed == {two}
        with again(storage).claim(NAME, {two}, Purpose.REMOVE, NOW) as used:
            assert used == frozenset(), "two may remove the same"
    with log.claim(NAME, {one}, Purpose.USE, NOW) as removed:
        assert removed == frozenset(), "it ended with its block"


def test_a_claim_ends_with_an_error_too_and_counts_for_a_day_after_a_crash(log: ReleaseLog) -> None:
    with pytest.raises(KeyError), log.claim(NAME, {release_id(1)}, Purpose.USE, NOW):
        raise KeyError
    with log.claim(NAME, {release_id(1)}, Purpose.REMOVE, NOW) as used:
        assert used == frozenset()
    left = log.claim(NAME, {release_id(1)}, Purpose.USE, NOW)
    left.__enter__()  # and the process is killed
    with log.claim(NAME, {release_id(1)}, Purpose.REMOVE, NOW + timedelta(hours=23)) as used:
        assert used == {release_id(1)}
    with log.claim(NAME, {release_id(1)}, Purpose.REMOVE, NOW + timedelta(hours=25)) as used:
        assert used == frozenset()
    left.__exit__(None, None, None)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"number": "x"}'])
def test_what_cannot_be_read_is_corrupt_and_stays_as_it_is(
    storage: Storage, log: ReleaseLog, content: bytes
) -> None:
    folder = Location("log/payments/orders")
    storage.create(folder / "receipts" / "00000001.json", content)
    storage.create(folder / "generations" / "00000001.json", content)
    storage.create(log.record_location(NAME, release_id(1)), content)
    storage.create(log.release_folder(NAME, release_id(1)) / "_files.json", content)
    storage.create(folder / "pins" / f"{release_id(1)}.json", content)
    for ask in (
        lambda: log.receipts(NAME),
        lambda: log.current(NAME),
        lambda: log.generation(NAME, 1),
        lambda: log.generations(NAME),
        lambda: log.record(NAME, release_id(1)),
        lambda: log.records(NAME),
        lambda: log.file_list(NAME, release_id(1)),
        lambda: log.add_file_list(files_of()),
        lambda: log.add_record(record(ORDERS, 1)),
        lambda: log.pins(NAME),
    ):
        with pytest.raises(CorruptError, match="can't be read as a"):
            ask()
    assert storage.read(folder / "generations" / "00000001.json") == content


def test_the_look_of_a_delivery_is_noted_and_noted_anew(log: ReleaseLog) -> None:
    assert log.noted_listing(NAME, "2026-11-20") is None
    log.note_listing(NAME, "2026-11-20", "one")
    log.note_listing(NAME, "2026-11-20", "another")
    assert log.noted_listing(NAME, "2026-11-20") == "another"
    assert log.noted_listing(NAME, "2026-11-21") is None
