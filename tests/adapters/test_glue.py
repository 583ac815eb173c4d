"""The Glue catalog converges from any state, leaves what is not the hub's alone, and asks for little."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from threading import Lock
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from datahub_dagster import pipeline
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.catalog.duckdb import DuckDbCatalog
from datahub_dagster.adapters.catalog.glue import GlueCatalog
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import WHOLE, Generation
from datahub_dagster.domain.view import DatasetView, ReleasedFile, ViewColumn
from datahub_dagster.errors import CatalogError
from datahub_dagster.ports import Applied
from datahub_dagster.steps.publish import update_catalog
from tests.adapters.glue_hub import PREFIX, GlueHub
from tests.aws import AwsAccount, SentRequests, recorded_requests
from tests.builders import by_day, column, contract, generation, release_id
from tests.hubs import orders, put_delivery

pytestmark = pytest.mark.aws

ORDERS = contract(tests=())
DAILY = contract(
    tests=(),
    delivery=by_day(start=date(2020, 1, 1)),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
)
HELD = (ViewColumn(name="id", type="bigint"), ViewColumn(name="amount", type="double"))


@pytest.fixture
def orders_hub(aws_account: AwsAccount) -> Iterator[GlueHub]:
    hub = GlueHub(aws_account, ORDERS)
    yield hub
    hub.close()


@pytest.fixture
def daily(aws_account: AwsAccount) -> Iterator[GlueHub]:
    hub = GlueHub(aws_account, DAILY)
    yield hub
    hub.close()


def state(number: int, partitions: Mapping[str, int], **more: Any) -> tuple[Generation, DatasetView]:
    """A generation, partition → number of its release, and its view; the files need not exist for Glue."""
    releases = {key: release_id(of) for key, of in partitions.items()}
    files = [
        ReleasedFile(
            path=f"releases/payments/orders/{release}/{f'day={key}/' if key else ''}x.parquet",
            size=100,
            sha256="",
            rows=10,
            partition=key,
            holds_partition_column=not key,
        )
        for key, release in releases.items()
    ]
    key: dict[str, Any] = {} if WHOLE in partitions else {"partition_column": "day", "partition_type": "date"}
    values: dict[str, Any] = {"schema": "payments", "table": "orders", "held": HELD, "description": "Orders"}
    view = DatasetView(dataset=ORDERS.name, files=tuple(files), **(values | key | more))
    return generation(ORDERS, number, partitions=releases), view


def days(count: int, release: int = 1, start: date = date(2026, 1, 1)) -> dict[str, int]:
    return {(start + timedelta(days=number)).isoformat(): release for number in range(count)}


def shown(hub: GlueHub) -> dict[str, str]:
    """Partition → the release that it is read from."""
    return {
        key: each["StorageDescriptor"]["Location"].split("/")[-3] for key, each in hub.partitions().items()
    }


def counted(sent: SentRequests) -> Counter[str]:
    return Counter(request.operation for request in sent if request.service == "glue")


# --- Requests ---------------------------------------------------------------------------------------------------------


def test_a_release_in_one_piece_is_one_write_of_the_table(orders_hub: GlueHub) -> None:
    catalog = orders_hub.catalog()
    with recorded_requests() as first:
        catalog.apply(*state(1, {WHOLE: 1}))
    with recorded_requests() as second:
        assert catalog.apply(*state(2, {WHOLE: 2})).changed
    with recorded_requests() as again:
        assert not catalog.apply(*state(2, {WHOLE: 2})).changed

    # The database is missing at first.
    assert counted(first) == {"GetTable": 1, "CreateTable": 2, "CreateDatabase": 1}
    assert counted(second) == {"GetTable": 1, "UpdateTable": 1}
    assert counted(again) == {"GetTable": 1}


def test_a_release_of_partitions_is_two_calls_and_one_for_each_hundred_partitions(daily: GlueHub) -> None:
    catalog = daily.catalog()
    with recorded_requests() as first:
        catalog.apply(*state(1, days(1100)))
    with recorded_requests() as second:
        catalog.apply(*state(2, days(1100) | days(150, release=2)))
    more = (*HELD, ViewColumn(name="note", type="varchar"))
    with recorded_requests() as columns:
        catalog.apply(*state(3, days(1100) | days(150, release=2), held=more))
    with recorded_requests() as again:
        assert not catalog.apply(*state(3, days(1100) | days(150, release=2), held=more)).changed

    assert counted(first) == {
        "GetTable": 2,
        "CreateTable": 2,
        "CreateDatabase": 1,
        "GetPartitions": 1,
        "BatchCreatePartition": 11,
        "UpdateTable": 1,
    }
    assert counted(second) == {"GetTable": 1, "GetPartitions": 2, "BatchUpdatePartition": 2, "UpdateTable": 1}
    assert counted(columns) == {
        "GetTable": 2,
        "GetPartitions": 2,
        "BatchUpdatePartition": 11,
        "UpdateTable": 2,
    }
    assert counted(again) == {"GetTable": 1, "GetPartitions": 2}
    assert len(shown(daily)) == 1100


def test_partitions_that_are_dropped_go_in_batches_of_25(daily: GlueHub) -> None:
    catalog = daily.catalog()
    catalog.apply(*state(1, days(60)))
    with recorded_requests() as sent:
        catalog.apply(*state(2, days(3, release=2)))

    assert counted(sent)["BatchDeletePartition"] == 3
    assert shown(daily) == dict.fromkeys(days(3), str(release_id(2)))


# --- Killed on the way ------------------------------------------------------------------------------------------------


class KilledError(BaseException):
    """What a test raises in the place of a kill."""


def killed_at(number: int, operations: list[str]) -> Callable[[Any], None]:
    """Ends the process, as it were, right before its Glue request of that number."""
    count = 0

    def on_request(request: Any) -> None:
        nonlocal count
        target = request.headers.get("X-Amz-Target", b"").decode()
        if target.startswith("AWSGlue."):
            count += 1
            operations.append(target.removeprefix("AWSGlue."))
            if count == number:
                raise KilledError

    return on_request


CHANGES = {
    "a first generation in one piece": (None, state(1, {WHOLE: 1})),
    "in one piece": (state(1, {WHOLE: 1}), state(2, {WHOLE: 2})),
    "a first generation of partitions": (None, state(1, days(120))),
    "partitions": (state(1, days(120)), state(2, days(60, release=2) | days(3, 2, date(2026, 12, 1)))),
    "other columns": (state(1, days(3)), state(2, days(2), held=(*HELD, ViewColumn(name="x", type="date")))),
    "to partitions": (state(1, {WHOLE: 1}), state(2, days(3, release=2))),
    "from partitions": (state(1, days(60)), state(2, {WHOLE: 2})),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_call_it_is_killed_at_the_next_one_does_the_rest(
    aws_account: AwsAccount,
    change: tuple[tuple[Generation, DatasetView] | None, tuple[Generation, DatasetView]],
) -> None:
    before, after = change
    hub = GlueHub(aws_account, DAILY)
    hub.catalog().apply(*after)
    expected = hub.place.tables()
    number = 0
    while True:
        number += 1
        hub.place.lose_catalog()
        if before:
            hub.catalog().apply(*before)
        operations: list[str] = []
        try:
            hub.catalog(killed_at(number, operations)).apply(*after)
        except KilledError:
            assert hub.catalog().applied(ORDERS.name) in (before[0].number if before else 0, 0)
            applied = hub.catalog().apply(*after)
            assert applied.changed
            assert applied.foreign == ()
            assert hub.place.tables() == expected
        else:
            break

    assert number > 1
    hub.close()


# --- Several at once --------------------------------------------------------------------------------------------------


class Meanwhile:
    """Lets somebody else act right before one Glue request of this process; once."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self._left = number
        self._act = act
        self._lock = Lock()
        self.has_acted = False

    def __call__(self, request: Any) -> None:
        if request.headers.get("X-Amz-Target", b"").decode().startswith("AWSGlue."):
            with self._lock:
                self._left -= 1
                acts = self._left == 0
            if acts:
                self.has_acted = True
                self._act()


@pytest.mark.parametrize("of", [ORDERS, DAILY], ids=["in one piece", "in partitions"])
def test_whoever_publishes_between_two_calls_the_newest_generation_is_shown_in_the_end(
    aws_account: AwsAccount, of: Any
) -> None:
    def files(number: int) -> dict[str, Any]:
        if of is ORDERS:
            return {"x.parquet": orders([number])}
        return {
            f"day=2026-11-{day}/x.parquet": orders([number * 100 + day]) for day in (17, 18, 19 + number % 2)
        }

    number, hub = 0, GlueHub(aws_account, of)
    hub.release(files(1))
    while True:
        number += 1
        # Somebody publishes, and is interrupted before the catalog follows; somebody else publishes on top of it.
        hub.release(files(number * 2), catalog=DuckDbCatalog(hub.place.storage()))
        meanwhile = Meanwhile(number, lambda: hub.release(files(number * 2 + 1)))  # noqa: B023
        applied = hub.follow(meanwhile)

        columns, expected = hub.in_duckdb()
        assert hub.in_athena(columns) == expected
        assert hub.catalog().applied(of.name) == hub.hub().log.current(of.name).number  # type: ignore[union-attr]
        assert not [told for told in applied.foreign if "missing" not in told]
        if not meanwhile.has_acted:
            break

    assert number > 2
    hub.close()


def test_a_slow_process_that_wrote_older_partitions_puts_them_right_again(daily: GlueHub) -> None:
    daily.catalog().apply(*state(1, days(3)))
    newer = state(3, days(3, release=3) | days(1, 3, date(2026, 6, 1)))
    # Generation 3 is applied whole right before generation 2 writes its partitions: calls 1 and 2 have only looked.
    slow = daily.catalog(Meanwhile(3, lambda: daily.catalog().apply(*newer)))

    slow.apply(*state(2, days(3, release=2)))
    assert shown(daily) != dict.fromkeys(newer[0].partitions, str(release_id(3)))  # older rows, for a moment

    slow.apply(*newer)  # what `update_catalog` does next, since the log's newest is not what it applied
    assert shown(daily) == dict.fromkeys(newer[0].partitions, str(release_id(3)))
    assert slow.applied(ORDERS.name) == 3


def test_older_columns_are_not_written_over_those_of_a_generation_on_its_way(daily: GlueHub) -> None:
    catalog = daily.catalog()
    catalog.apply(*state(1, days(3)))
    more = (*HELD, ViewColumn(name="note", type="varchar"))
    with pytest.raises(KilledError):
        daily.catalog(killed_at(4, [])).apply(*state(3, days(3, release=3), held=more))

    assert catalog.apply(*state(2, days(3, release=2))) == Applied(changed=False, ahead=3)
    assert list(daily.columns()) == ["id", "amount", "note", "day"]


# --- Foreign changes --------------------------------------------------------------------------------------------------


def put_right(hub: GlueHub, of: tuple[Generation, DatasetView]) -> tuple[str, ...]:
    """What the catalog tells of foreign changes; afterwards nothing is to be done."""
    applied = hub.catalog().apply(*of)
    assert applied.changed
    assert hub.catalog().apply(*of) == Applied(changed=False)
    return tuple(told.removeprefix("glue table hub_payments.orders: ") for told in applied.foreign)


def test_a_location_that_somebody_swapped_is_told_and_put_right(orders_hub: GlueHub) -> None:
    first = state(1, {WHOLE: 1})
    orders_hub.catalog().apply(*first)
    root = f"s3://{orders_hub.place.account.bucket}/hub/releases/payments/orders"
    orders_hub.alter(lambda table: table["StorageDescriptor"].update(Location="s3://other/place"))

    assert put_right(orders_hub, first) == (
        f"its location was changed from {root}/2026-11-20.1/ to s3://other/place/; it was put right",
    )
    assert orders_hub.table()["StorageDescriptor"]["Location"] == f"{root}/2026-11-20.1/"


def test_columns_that_somebody_altered_are_told_even_when_the_next_generation_has_others(
    orders_hub: GlueHub,
) -> None:
    orders_hub.catalog().apply(*state(1, {WHOLE: 1}))
    columns = [{"Name": "id", "Type": "string"}, {"Name": "mine", "Type": "int"}]
    orders_hub.alter(lambda table: table["StorageDescriptor"].update(Columns=columns))

    more = (*HELD, ViewColumn(name="note", type="varchar"))
    assert put_right(orders_hub, state(2, {WHOLE: 2}, held=more)) == (
        "column id was changed from bigint to string; it was put right",
        "column amount (double) was dropped; it was put right",
        "column mine (int) was added; it was put right",
    )
    assert orders_hub.columns() == {"id": "bigint", "amount": "double", "note": "string"}


def test_a_description_or_format_that_somebody_altered_is_told(orders_hub: GlueHub) -> None:
    orders_hub.catalog().apply(*state(1, {WHOLE: 1}))
    orders_hub.alter(lambda table: table.update(Description="mine"))

    (told,) = put_right(orders_hub, state(1, {WHOLE: 1}))
    assert told.startswith("its description, comments or formats were altered")


def test_partitions_that_somebody_moved_added_removed_or_made_anew_are_told(daily: GlueHub) -> None:
    daily.catalog().apply(*state(1, days(4)))
    place = {"DatabaseName": "hub_payments", "TableName": "orders"}
    storage = {"Location": "s3://other/x", "Columns": []}
    daily.glue.create_partition(
        **place, PartitionInput={"Values": ["2030-01-01"], "StorageDescriptor": storage}
    )
    daily.glue.delete_partition(**place, PartitionValues=["2026-01-02"])
    daily.glue.delete_partition(**place, PartitionValues=["2026-01-03"])
    daily.glue.create_partition(
        **place, PartitionInput={"Values": ["2026-01-03"], "StorageDescriptor": storage}
    )
    moved = daily.partitions()["2026-01-01"]
    daily.glue.update_partition(
        **place,
        PartitionValueList=["2026-01-01"],
        PartitionInput={
            "Values": ["2026-01-01"],
            "StorageDescriptor": moved["StorageDescriptor"] | {"Location": "s3://other/y/"},
            "Parameters": moved["Parameters"],
        },
    )

    told = put_right(daily, state(1, days(4)))

    root = f"s3://{daily.place.account.bucket}/hub/releases/payments/orders/2026-11-20.1"
    assert sorted(told) == [
        f"partition 2026-01-01 was moved from {root}/day=2026-01-01/ to s3://other/y/; it was put right",
        "partition 2026-01-02 was missing; it was put right",
        "partition 2026-01-03 was made anew by somebody else, at s3://other/x/; it was put right",
        "partition 2030-01-01 was added by somebody else, at s3://other/x/; it was put right",
    ]
    assert shown(daily) == dict.fromkeys(days(4), str(release_id(1)))


def test_partition_projection_is_switched_off_and_other_parameters_stay(daily: GlueHub) -> None:
    daily.catalog().apply(*state(1, days(2)))
    daily.alter(
        lambda table: table["Parameters"].update(
            {"projection.enabled": "true", "owner.team": "desk", "hub.generation": "x"}
        ),
    )

    told = put_right(daily, state(2, days(3, release=2)))

    assert [each.split(",")[0].split(";")[0] for each in told] == [
        "projection.enabled was set",
        "the parameter hub.generation was removed or altered",
    ]
    parameters = daily.table()["Parameters"]
    assert "projection.enabled" not in parameters
    assert (parameters["owner.team"], parameters["hub.generation"]) == ("desk", "2")


def test_keys_that_somebody_changed_are_put_right(daily: GlueHub) -> None:
    daily.catalog().apply(*state(1, days(2)))
    daily.alter(lambda table: table.update(PartitionKeys=[{"Name": "d", "Type": "string"}]))

    assert put_right(daily, state(1, days(2))) == (
        "partition key day (date) was dropped; it was put right",
        "partition key d (string) was added; it was put right",
    )
    assert shown(daily) == dict.fromkeys(days(2), str(release_id(1)))


def test_a_table_that_was_dropped_is_made_anew(orders_hub: GlueHub) -> None:
    orders_hub.release({"x.parquet": orders([1])})
    orders_hub.place.lose_catalog()

    assert orders_hub.catalog().applied(ORDERS.name) == 0
    told = "glue table hub_payments.orders: it was missing; it was made anew"
    assert orders_hub.follow() == Applied(changed=True, foreign=(told,))
    assert orders_hub.in_athena(["id"]) == [("1",)]

    orders_hub.place.lose_catalog()
    outcome = orders_hub.release({"x.parquet": orders([2])})
    assert outcome.record is not None
    assert told in outcome.record.warnings


def test_a_table_that_an_interrupted_release_did_not_make_was_not_missing(orders_hub: GlueHub) -> None:
    hub = orders_hub.hub(killed_at(1, []))
    put_delivery(hub, ORDERS, "first", {"x.parquet": orders([1])})
    with pytest.raises(KilledError):
        pipeline.release(hub, ORDERS, "first", actor="test")

    assert pipeline.reconcile(orders_hub.hub(), ORDERS)[0] == "the catalog shows generation 1 again"


@pytest.mark.parametrize("of", [ORDERS, DAILY], ids=["in one piece", "in partitions"])
@pytest.mark.parametrize("parameter", ["hub.generation", "hub.applying"])
def test_a_generation_that_the_table_claims_and_nobody_published_is_told_and_put_right(
    aws_account: AwsAccount, of: Contract, parameter: str
) -> None:
    hub = GlueHub(aws_account, of)
    path = "x.parquet" if of is ORDERS else "day=2026-11-17/x.parquet"
    hub.release({path: orders([1])})
    hub.alter(lambda table: table["Parameters"].update({parameter: "99"}))

    told = "glue table hub_payments.orders: it claimed generation 99, and the newest is {}; it was put right"
    assert hub.follow() == Applied(changed=True, foreign=(told.format(1),))
    assert hub.follow() == Applied(changed=False)

    hub.alter(lambda table: table["Parameters"].update({parameter: "99"}))
    outcome = hub.release({path: orders([2])})
    assert outcome.record is not None
    assert told.format(2) in outcome.record.warnings
    assert hub.in_athena(["id"]) == [("2",)]
    hub.close()


@pytest.mark.parametrize("of", [ORDERS, DAILY], ids=["in one piece", "in partitions"])
def test_a_hub_that_was_begun_anew_shows_its_own_data(aws_account: AwsAccount, of: Contract) -> None:
    hub = GlueHub(aws_account, of)
    path = "x.parquet" if of is ORDERS else "day=2026-11-{}/x.parquet"
    for number in (17, 18, 19):
        hub.release({path.format(number): orders([number])})
    for file in hub.place.files():
        hub.place.remove(file)

    hub.release({path.format(20): orders([77])})

    assert hub.in_athena(["id"]) == [("77",)]
    assert hub.catalog().applied(of.name) == 1
    hub.close()


def test_whatever_call_a_claim_is_put_right_at_the_next_one_does_the_rest(daily: GlueHub) -> None:
    daily.catalog().apply(*state(1, days(120)))
    after = state(2, days(3, release=2), held=(*HELD, ViewColumn(name="x", type="date")))
    number = 0
    while True:
        number += 1
        daily.place.lose_catalog()
        daily.catalog().apply(*state(1, days(120)))
        daily.alter(lambda table: table["Parameters"].update({"hub.generation": "99"}))
        try:
            daily.catalog(killed_at(number, [])).apply(*after, unpublished=99)
        except KilledError:
            assert daily.catalog().apply(*after, unpublished=99).ahead is None
            assert shown(daily) == dict.fromkeys(days(3), str(release_id(2)))
            assert daily.catalog().applied(ORDERS.name) == 2
        else:
            break

    assert number > 3


@pytest.mark.parametrize(
    "of", [state(1, {WHOLE: 1}), state(1, days(2))], ids=["in one piece", "in partitions"]
)
def test_a_table_that_lost_its_parameters_is_taken_back(
    daily: GlueHub, of: tuple[Generation, DatasetView]
) -> None:
    daily.catalog().apply(*of)
    before = daily.place.tables()
    daily.alter(lambda table: table.pop("Parameters"))
    assert daily.catalog().applied(ORDERS.name) == 0

    assert put_right(daily, of) == ("the hub's parameters were removed; it was put right",)
    assert daily.place.tables() == before
    daily.alter(lambda table: table["Parameters"].pop("hub.dataset"))
    assert put_right(daily, of) == ("the parameter hub.dataset was removed; it was put right",)


def test_a_table_of_an_older_version_gets_its_root_without_a_word(orders_hub: GlueHub) -> None:
    orders_hub.catalog().apply(*state(1, {WHOLE: 1}))
    before = orders_hub.place.tables()
    orders_hub.alter(lambda table: table["Parameters"].pop("hub.root"))
    assert orders_hub.catalog().applied(ORDERS.name) == 1

    assert put_right(orders_hub, state(1, {WHOLE: 1})) == ()
    assert orders_hub.place.tables() == before


# --- Not the hub's ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "whose"),
    [({}, "no table of the hub's"), ({"hub.dataset": "payments.other"}, "the table of payments.other")],
    ids=["nobody's", "another dataset's"],
)
def test_a_table_of_somebody_else_is_never_touched(
    orders_hub: GlueHub, parameters: dict[str, str], whose: str
) -> None:
    orders_hub.glue.create_database(DatabaseInput={"Name": "hub_payments"})
    storage = {"Location": "s3://theirs/", "Columns": [{"Name": "x", "Type": "int"}]}
    orders_hub.glue.create_table(
        DatabaseName="hub_payments",
        TableInput={"Name": "orders", "StorageDescriptor": storage, "Parameters": parameters},
    )
    before = orders_hub.place.tables()

    with pytest.raises(CatalogError) as raised:
        orders_hub.catalog().apply(*state(1, {WHOLE: 1}))

    assert orders_hub.place.tables() == before
    assert orders_hub.catalog().applied(ORDERS.name) == 0
    told = str(raised.value)
    assert "payments.orders: glue table hub_payments.orders: a table of that name is there already" in told
    assert whose in told
    assert "s3://theirs/" in told
    assert "next" in told


@pytest.mark.parametrize("has_root", [True, False], ids=["", "written by an older version"])
def test_a_table_of_another_hub_is_never_touched(orders_hub: GlueHub, has_root: bool) -> None:
    orders_hub.catalog().apply(*state(1, {WHOLE: 1}))
    if not has_root:
        orders_hub.alter(lambda table: table["Parameters"].pop("hub.root"))
    before = orders_hub.place.tables()
    clients = orders_hub.place.clients()
    other = GlueCatalog(clients, orders_hub.place.beside("other").storage(clients), prefix=PREFIX)

    with pytest.raises(CatalogError) as raised:
        other.apply(*state(2, {WHOLE: 2}))

    assert orders_hub.place.tables() == before
    assert other.applied(ORDERS.name) == 0
    told = str(raised.value)
    root = f"s3://{orders_hub.place.account.bucket}/hub/releases"
    whose = (
        f"the table of payments.orders in another hub{f', {root}' if has_root else ''}, at {root}/payments/"
    )
    assert whose in told
    assert "set another DATAHUB_GLUE_PREFIX for one of the two hubs" in told

    # Nor when the other hub's dataset is called otherwise from then on.
    assert other.apply(*state(2, {WHOLE: 2}, table="sales")).changed
    assert other.applied(ORDERS.name) == 2
    assert orders_hub.place.tables()["orders"] == before["orders"]


def test_two_datasets_of_one_name_in_glue_are_told_apart(orders_hub: GlueHub) -> None:
    orders_hub.catalog().apply(*state(1, {WHOLE: 1}))
    other = contract("payments.Orders")
    of, view = state(1, {WHOLE: 1}, table="Orders")

    with pytest.raises(CatalogError, match=re.escape("payments.Orders: glue table")):
        orders_hub.catalog().apply(replace(of, dataset=other.name), replace(view, files=()))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"schema": "Ünï"}, "Glue can't have a database of that name"),
        ({"table": "o" * 256}, "Glue can't have a table of that name"),
        ({"held": (ViewColumn(name="t", type="time"),)}, "column t can't be shown in Athena"),
    ],
    ids=["schema", "identifier", "type"],
)
def test_what_glue_can_not_hold_is_a_clear_error(
    orders_hub: GlueHub, more: dict[str, Any], told: str
) -> None:
    with pytest.raises(CatalogError, match=told):
        orders_hub.catalog().apply(*state(1, {WHOLE: 1}, **more))

    assert not orders_hub.place.tables()


def test_names_become_lower_case_and_plain(orders_hub: GlueHub) -> None:
    orders_hub.catalog().apply(*state(1, {WHOLE: 1}, schema="Pay-Ments.EU", table="Or.ders-2"))

    (database,) = orders_hub.glue.get_databases()["DatabaseList"]
    (table,) = orders_hub.glue.get_tables(DatabaseName="hub_pay_ments_eu")["TableList"]
    assert (database["Name"], table["Name"]) == ("hub_pay_ments_eu", "or_ders_2")
    assert orders_hub.catalog().applied(ORDERS.name) == 1


def test_a_dataset_that_is_called_otherwise_leaves_no_table_behind(orders_hub: GlueHub) -> None:
    catalog = orders_hub.catalog()
    catalog.apply(*state(1, {WHOLE: 1}))
    assert catalog.apply(*state(2, {WHOLE: 2}, table="sales")).changed
    assert catalog.applied(ORDERS.name) == 2
    assert list(orders_hub.place.tables()) == ["sales"]

    assert catalog.apply(*state(3, {WHOLE: 3})).changed
    assert catalog.applied(ORDERS.name) == 3
    assert list(orders_hub.place.tables()) == ["orders"]


def test_files_of_a_partition_in_several_folders_are_a_clear_error(daily: GlueHub) -> None:
    of, view = state(1, days(1))
    lost = tuple(replace(file, path=file.path.replace("/day=", "/sub/day=")) for file in view.files)

    with pytest.raises(CatalogError, match="don't lie in one folder"):
        daily.catalog().apply(of, replace(view, files=lost))


# --- Glue refuses -----------------------------------------------------------------------------------------------------


def answering(hub: GlueHub, operation: str, *answers: Callable[[dict[str, Any]], Any]) -> GlueCatalog:
    """A catalog whose first answers to an operation are changed: each function is given the answer, and may raise."""
    session = boto3.Session()
    left = list(answers)

    def on_answer(parsed: dict[str, Any], **_: Any) -> None:
        if left:
            left.pop(0)(parsed)

    session.events.register(f"after-call.glue.{operation}", on_answer)
    clients = AwsClients(session)
    hub.place._opened.append(clients)
    return GlueCatalog(clients, hub.place.storage(clients), prefix=PREFIX)


def refused(code: str, *keys: str) -> Callable[[dict[str, Any]], None]:
    def change(parsed: dict[str, Any]) -> None:
        detail = {"ErrorCode": code, "ErrorMessage": "as a test wants it"}
        parsed["Errors"] = [
            {"PartitionValues": [key], "PartitionValueList": [key], "ErrorDetail": detail} for key in keys
        ]

    return change


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServiceException"])
@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("BatchCreatePartition", "2026-06-01"),
        ("BatchUpdatePartition", "2026-01-01"),
        ("BatchDeletePartition", "2026-01-03"),
    ],
)
def test_entries_that_glue_had_no_time_for_are_sent_again(
    daily: GlueHub, operation: str, key: str, code: str
) -> None:
    daily.catalog().apply(*state(1, days(3)))
    after = state(2, days(2, release=2) | days(1, 2, date(2026, 6, 1)))

    with recorded_requests() as sent:
        answering(daily, operation, refused(code, key)).apply(*after)

    assert counted(sent)[operation] == 2
    assert shown(daily) == dict.fromkeys(after[0].partitions, str(release_id(2)))


def test_a_partition_that_somebody_registers_or_removes_meanwhile_is_no_fault(daily: GlueHub) -> None:
    place = {"DatabaseName": "hub_payments", "TableName": "orders"}
    daily.catalog().apply(*state(1, days(3)))
    after = state(2, days(3, release=2) | days(1, 2, date(2026, 6, 1)))

    def act() -> None:
        storage = {"Location": "s3://other/x", "Columns": []}
        daily.glue.create_partition(
            **place, PartitionInput={"Values": ["2026-06-01"], "StorageDescriptor": storage}
        )
        daily.glue.delete_partition(**place, PartitionValues=["2026-01-01"])

    daily.catalog(Meanwhile(3, act)).apply(*after)

    assert shown(daily) == dict.fromkeys(after[0].partitions, str(release_id(2)))


def test_an_entry_that_glue_refuses_is_a_clear_error_and_the_next_call_does_the_rest(daily: GlueHub) -> None:
    catalog = answering(daily, "BatchCreatePartition", refused("InvalidInputException", "2026-01-02"))

    with pytest.raises(CatalogError) as raised:
        catalog.apply(*state(1, days(3)))

    told = str(raised.value)
    assert (
        "glue table hub_payments.orders: AWS refused partition 2026-01-02 (glue:BatchCreatePartition)" in told
    )
    assert "InvalidInputException: as a test wants it" in told
    assert catalog.applied(ORDERS.name) == 0
    assert catalog.apply(*state(1, days(3))) == Applied(changed=True)


@pytest.mark.parametrize(
    ("operation", "of"),
    [
        ("GetTable", state(1, {WHOLE: 1})),
        ("CreateTable", state(1, {WHOLE: 1})),
        ("CreateDatabase", state(1, {WHOLE: 1})),
        ("UpdateTable", state(1, days(1))),
        ("GetPartitions", state(1, days(1))),
        ("BatchCreatePartition", state(1, days(1))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_missing_permission_is_named(
    aws_account: AwsAccount, operation: str, of: tuple[Generation, DatasetView]
) -> None:
    hub = GlueHub(aws_account, DAILY)

    def deny(parsed: dict[str, Any]) -> None:
        error = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
        raise ClientError(error, operation)  # pyright: ignore[reportArgumentType]

    with pytest.raises(CatalogError, match=f"the permission glue:{operation} is missing"):
        answering(hub, operation, deny).apply(*of)
    hub.close()


def test_update_catalog_follows_the_log(daily: GlueHub) -> None:
    daily.release({"day=2026-11-17/x.parquet": orders([1])})
    hub = daily.hub()
    daily.place.lose_catalog()

    assert update_catalog(hub, DAILY).changed
    assert isinstance(hub.log.current(DAILY.name), Generation)
    assert ReleaseId.parse(shown(daily)["2026-11-17"]).number == 1
