"""Athena and DuckDB show the same rows of the same state, however the files are cut into partitions."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from datahub_dagster.domain.contract import Column, Contract, DeliverySpec
from tests.adapters.glue_hub import GlueHub, Rows
from tests.aws import AwsAccount
from tests.builders import by_day, by_month, contract

pytestmark = pytest.mark.aws

Files = dict[str, pa.Table]


@dataclass
class Step:
    """A delivery, with the contract as it is then."""

    of: Contract
    files: Files
    full: bool = False


@dataclass
class Shape:
    """Deliveries one after the other, and the types of the columns that Glue shows at the end."""

    steps: list[Step]
    columns: dict[str, str] = field(default_factory=dict[str, str])


def table(**columns: Any) -> pa.Table:
    rows = max(len(value) for value in columns.values() if isinstance(value, list | pa.Array))
    return pa.table(
        {
            name: value if isinstance(value, list | pa.Array) else pa.array([value] * rows)
            for name, value in columns.items()
        }
    )


def instants(*texts: str) -> pa.Array:
    return pa.array(texts).cast(pa.timestamp("us"))


def of(delivery: DeliverySpec | None = None, *columns: Column) -> Contract:
    """An open contract, unless columns are given."""
    return contract(
        columns=columns or (Column(name="id"),),
        delivery=delivery or DeliverySpec(),
        tests=(),
        description="Orders of the day",
    )


ID, AMOUNT = Column(name="id", data_type="bigint"), Column(name="amount", data_type="double")


def promised(name: str, kind: str) -> Column:
    return Column(name=name, data_type=kind)


D17, D18, D19 = (date(2026, 11, day) for day in (17, 18, 19))

IN_PATH = {
    "day=2026-11-17/x.parquet": table(id=[1, 2]),
    "deep/day=2026-11-18/y.parquet": table(id=[3]),
    "day=2026-11-18/y.parquet": table(id=[4]),
}
IN_FILE = {"a.parquet": table(id=[5], day=D18), "sub/b.parquet": table(id=[6, 7], day=D19)}
AS_TEXT = {"a.parquet": table(id=[5], day="2026-11-18")}
INSTANTS = {
    "a.parquet": table(id=[8, 9], at=instants("2026-11-17 09:00:00", "2026-11-17 15:30:00")),
    "at=2026-11-18/b.parquet": table(id=[10], at=instants("2026-11-18 23:59:59")),
}
BY_AT = by_day("at")
MONTHS_IN_PATH = {"month=2026-10/x.parquet": table(id=[1]), "month=2026-11/x.parquet": table(id=[2])}
DATES_BY_MONTH = {
    "a.parquet": table(id=[1, 2], day=[date(2026, 10, 1), date(2026, 10, 31)]),
    "day=2026-11/b.parquet": table(id=[3], day=[D17]),
}

SHAPES = {
    "in one piece": Shape(
        [Step(of(), {"a.parquet": table(id=[1], note="x"), "sub/b.parquet": table(id=[2], note="y")})],
        {"id": "bigint", "note": "string"},
    ),
    "in one piece, replaced with other columns": Shape(
        [
            Step(of(), {"a.parquet": table(id=[1], note="x")}),
            Step(of(), {"a.parquet": table(id=[2], price=1.5, Unit="kg")}),
        ],
        {"id": "bigint", "price": "double", "unit": "string"},
    ),
    "the day in the path": Shape([Step(of(by_day()), IN_PATH)], {"id": "bigint", "day": "date"}),
    "the day in the file": Shape([Step(of(by_day()), IN_FILE)], {"id": "bigint", "day": "date"}),
    "the day in the path, then in the file": Shape(
        [Step(of(by_day()), IN_PATH), Step(of(by_day()), IN_FILE)], {"id": "bigint", "day": "date"}
    ),
    "the day as text in the file": Shape([Step(of(by_day()), AS_TEXT)], {"id": "bigint", "day": "string"}),
    "the day in the path, promised as text": Shape(
        [Step(of(by_day(), ID, promised("day", "varchar")), IN_PATH)], {"id": "bigint", "day": "string"}
    ),
    "the day promised in the middle": Shape(
        [
            Step(
                of(by_day(), ID, promised("day", "date"), AMOUNT),
                {"a.parquet": table(id=[1], day=D17, amount=1.0)},
            ),
            Step(
                of(by_day(), ID, promised("day", "date"), AMOUNT),
                {"day=2026-11-18/a.parquet": table(id=[2], amount=2.0)},
            ),
        ],
        {"id": "bigint", "amount": "double", "day": "date"},
    ),
    "a partition column that nobody promised": Shape(
        [Step(of(by_day(), ID), IN_PATH)], {"id": "bigint", "day": "date"}
    ),
    "instants in the file, by day": Shape(
        [Step(of(BY_AT), INSTANTS)], {"id": "bigint", "at": "timestamp", "at_day": "string"}
    ),
    "instants beside a column of the key's name": Shape(
        [Step(of(BY_AT), {"a.parquet": table(id=[1], at=instants("2026-11-17 09:00:00"), At_Day="mine")})],
        {"id": "bigint", "at": "timestamp", "at_day": "string", "at_day_key": "string"},
    ),
    "the month in the path": Shape(
        [Step(of(by_month()), MONTHS_IN_PATH)], {"id": "bigint", "month": "string"}
    ),
    "dates in the file, by month": Shape(
        [Step(of(by_month("day")), DATES_BY_MONTH)], {"id": "bigint", "day": "date", "day_month": "string"}
    ),
    "the key spelled otherwise in path and file": Shape(
        [
            Step(of(by_day("Day")), {"DAY=2026-11-17/x.parquet": table(id=[1])}),
            Step(of(by_day("Day")), {"x.parquet": table(ID=[2], dAY=D18)}),
        ],
        {"id": "bigint", "day": "date"},
    ),
    "text that is sometimes finer than the day": Shape(
        [
            Step(of(by_day()), AS_TEXT),
            Step(of(by_day()), {"a.parquet": table(id=[6], day="2026-11-19 05:00:00")}),
        ],
        {"id": "bigint", "day": "string", "day_day": "string"},
    ),
    "a new column in a later release": Shape(
        [
            Step(of(by_day()), {"day=2026-11-17/x.parquet": table(id=[1])}),
            Step(of(by_day()), {"day=2026-11-18/x.parquet": table(note="n", id=[2])}),
        ],
        {"note": "string", "id": "bigint", "day": "date"},
    ),
    "a partition replaced, and others kept": Shape(
        [Step(of(by_day()), IN_PATH), Step(of(by_day()), {"day=2026-11-17/x.parquet": table(id=[100])})],
        {"id": "bigint", "day": "date"},
    ),
    "a full delivery that drops partitions": Shape(
        [
            Step(of(by_day()), IN_PATH),
            Step(of(by_day()), {"day=2026-11-19/x.parquet": table(id=[1])}, full=True),
        ],
        {"id": "bigint", "day": "date"},
    ),
    "in one piece, then in partitions, then in one piece again": Shape(
        [
            Step(of(), {"a.parquet": table(id=[1], day=D17)}),
            Step(of(by_day()), IN_FILE, full=True),
            Step(of(), {"a.parquet": table(id=[2], day=D18)}),
        ],
        {"id": "bigint", "day": "date"},
    ),
    "in partitions, while the contract is not any more": Shape(
        [Step(of(by_day()), IN_PATH), Step(of(), {})], {"id": "bigint", "day": "date"}
    ),
    "instants, then the day in the path in a full delivery": Shape(
        [
            Step(of(BY_AT), INSTANTS),
            Step(of(BY_AT), {"at=2026-11-19/x.parquet": table(id=[1])}, full=True),
        ],
        {"id": "bigint", "at": "date"},
    ),
    "another partition column, in a full delivery": Shape(
        [
            Step(of(by_day()), IN_FILE),
            Step(of(by_day("sent_on")), {"x.parquet": table(id=[1], day=D17, sent_on=D18)}, full=True),
        ],
        {"id": "bigint", "day": "date", "sent_on": "date"},
    ),
    "another granularity, in a full delivery": Shape(
        [Step(of(by_day()), IN_FILE), Step(of(by_month("day")), DATES_BY_MONTH, full=True)],
        {"id": "bigint", "day": "date", "day_month": "string"},
    ),
    "narrower types than promised": Shape(
        [
            Step(
                of(None, ID, AMOUNT, promised("price", "decimal(12,3)")),
                {
                    "a.parquet": table(
                        id=pa.array([1], pa.int32()),
                        amount=pa.array([1.5], pa.float32()),
                        price=pa.array([1], pa.decimal128(10, 2)),
                    )
                },
            )
        ],
        {"id": "bigint", "amount": "double", "price": "decimal(12,3)"},
    ),
    "nested and other types": Shape(
        [
            Step(
                of(None, ID, promised("tags", "array<varchar>"), promised("sum", "decimal")),
                {
                    "a.parquet": table(
                        id=[1],
                        tags=pa.array([["a", "b"]]),
                        sum=pa.array([2], pa.decimal128(9, 1)),
                    )
                },
            )
        ],
        {"id": "bigint", "tags": "array<string>", "sum": "decimal(9,1)"},
    ),
    "unsigned numbers that fit": Shape(
        [Step(of(), {"a.parquet": table(id=pa.array([255], pa.uint8()), n=pa.array([65535], pa.uint16()))})],
        {"id": "smallint", "n": "int"},
    ),
}


@pytest.fixture
def glue_hub(aws_account: AwsAccount) -> Iterator[GlueHub]:
    hub = GlueHub(aws_account, of())
    yield hub
    hub.close()


def same_rows(hub: GlueHub) -> None:
    columns, expected = hub.in_duckdb()
    shown = hub.columns()
    assert set(columns) <= set(shown)
    assert plain(hub.in_athena(columns)) == plain(expected)


def plain(rows: Rows) -> list[list[str | float | None]]:
    """Without what the type of a value adds to its text: zeros of a decimal."""
    return [[_plain(value) for value in row] for row in rows]


def _plain(value: str | None) -> str | float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return value


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_athena_shows_what_duckdb_shows(glue_hub: GlueHub, shape: Shape) -> None:
    for step in shape.steps:
        glue_hub.of = step.of
        if step.files:
            record = glue_hub.release(step.files, full=step.full).record
            assert record is not None
            assert not [warning for warning in record.warnings if "glue" in warning]
        else:
            glue_hub.follow()
        same_rows(glue_hub)
        assert glue_hub.follow().changed is False

    assert glue_hub.columns() == shape.columns


def test_a_column_only_in_the_path_of_some_files_and_finer_in_others_is_refused(glue_hub: GlueHub) -> None:
    glue_hub.of = of(BY_AT)
    both = INSTANTS | {"at=2026-11-19/c.parquet": table(id=[11])}

    refused = glue_hub.release(both, published=False).record

    assert refused is not None
    assert [fault.code for fault in refused.faults] == ["mixed-partition-column"]


def test_so_is_one_beside_what_is_published(glue_hub: GlueHub) -> None:
    glue_hub.of = of(BY_AT)
    glue_hub.release(INSTANTS)

    refused = glue_hub.release({"at=2026-11-19/c.parquet": table(id=[11])}, published=False).record

    assert refused is not None
    assert [fault.code for fault in refused.faults] == ["mixed-partition-column"]
    assert glue_hub.release({"at=2026-11-19/c.parquet": table(id=[11])}, full=True).record
    same_rows(glue_hub)


def test_a_type_that_athena_does_not_have_is_refused_before_anything_is_staged(glue_hub: GlueHub) -> None:
    times = {"a.parquet": table(id=[1], opens=pa.array([0], pa.time64("us")), big=pa.array([1], pa.uint64()))}

    refused = glue_hub.release(times, published=False).record

    assert refused is not None
    assert [(fault.code, fault.column, fault.found) for fault in refused.faults] == [
        ("type-not-in-catalog", "opens", "time"),
        ("type-not-in-catalog", "big", "ubigint"),
    ]
    assert [path for path in glue_hub.place.files() if path.endswith(".parquet")] == [
        "inbox/payments/orders/delivery-001/a.parquet"
    ]


def test_a_type_that_changes_for_some_partitions_only_is_refused_where_athena_could_not_read_the_others(
    glue_hub: GlueHub,
) -> None:
    monday, tuesday = "day=2026-11-03/a.parquet", "day=2026-11-04/a.parquet"
    glue_hub.of = of(by_day(), ID, AMOUNT)
    glue_hub.release({monday: table(id=[1], amount=1.0), tuesday: table(id=[2], amount=2.0)})
    glue_hub.of = of(by_day(), ID, replace(AMOUNT, data_type="varchar"))

    refused = glue_hub.release({tuesday: table(id=[2], amount="2.0")}, published=False).record

    assert refused is not None
    assert [(fault.code, fault.column) for fault in refused.faults] == [("type-not-in-catalog", "amount")]
    assert "--full" in refused.why
    glue_hub.release({monday: table(id=[1], amount="1.0"), tuesday: table(id=[2], amount="2.0")}, full=True)
    same_rows(glue_hub)


def test_description_and_comments_come_from_the_contract(glue_hub: GlueHub) -> None:
    glue_hub.of = replace(
        of(
            None, replace(ID, description="Number of\n  the order"), replace(AMOUNT, description="Yen " * 100)
        ),
        description="Orders.\n\nAll of them.",
    )
    glue_hub.release({"a.parquet": table(id=[1], amount=1.0)})

    table_in_glue = glue_hub.table()
    comments = [column["Comment"] for column in table_in_glue["StorageDescriptor"]["Columns"]]
    assert table_in_glue["Description"] == "Orders.\n\nAll of them."
    assert comments[0] == "Number of the order"
    assert len(comments[1]) == 255
    assert comments[1].endswith("…")
