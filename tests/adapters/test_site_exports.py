"""What programs download of a contract: an Open Data Contract Standard document, and a JSON Schema of a row."""

import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from open_data_contract_standard.model import OpenDataContractStandard

from datahub_dagster.adapters.dbt.contracts import DbtContracts
from datahub_dagster.adapters.dbt.duckdb_engine import DuckDbEngine
from datahub_dagster.adapters.site.exports.json_schema import json_schema
from datahub_dagster.adapters.site.exports.odcs import odcs
from datahub_dagster.adapters.site.exports.yaml_text import yaml_text
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import (
    Classification,
    ConsumerKind,
    Contract,
    DbtFreshness,
    FreshnessSlo,
    Language,
    License,
    Lifecycle,
    Override,
    QualitySlo,
    QuietHours,
    Schedule,
    Severity,
    Support,
)
from tests.adapters import site_example
from tests.builders import by_day, column, consumer, contract, data_test
from tests.projects.running import HUB_PROJECT

ODCS = jsonschema.Draft201909Validator(
    json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
)


def document(of: Contract, *consumers: Any) -> dict[str, Any]:
    """The document, which keeps the standard's own schema and can be read by its own library."""
    content = odcs(of, consumers)
    found = yaml.safe_load(content)
    assert [error.message for error in ODCS.iter_errors(found)] == []
    assert OpenDataContractStandard.from_string(content.decode()).id == str(of.name)
    return found


def custom(values: dict[str, Any]) -> dict[str, Any]:
    return {each["property"]: each["value"] for each in values.get("customProperties", [])}


def schema(of: Contract) -> dict[str, Any]:
    found = json.loads(json_schema(of))
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def faults(of: Contract, *rows: dict[str, Any]) -> list[str]:
    """What a validator says of rows."""
    validator = jsonschema.Draft202012Validator(
        schema(of), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return [error.message for row in rows for error in validator.iter_errors(row)]


# ── The Open Data Contract Standard ──────────────────────────────────────────────────────────────────────────────────


def test_every_contract_of_the_example_keeps_the_standard(tmp_path: Path) -> None:
    example = site_example.realistic(tmp_path)
    for status in example.statuses:
        document(status.contract, *example.consumers)


@pytest.fixture
def hub_project(tmp_path: Path) -> list[Contract]:
    book = DbtContracts(HUB_PROJECT, tmp_path / "cache", DuckDbEngine(LocalStorage(tmp_path))).load()
    return list(book.datasets.values())


@pytest.mark.slow
def test_every_contract_of_the_hubs_own_project_keeps_both_standards(hub_project: list[Contract]) -> None:
    assert len(hub_project) >= 7
    for each in hub_project:
        document(each)
        schema(each)
    (weather,) = [each for each in hub_project if each.name.table == "daily_observations"]
    values = schema(weather)["properties"]["weather"]
    assert "sun" in values["enum"]


RICH = contract(
    "equities.daily_prices",
    team="markets",
    description="終値。One row for each share: #1 & 'first'\nsecond line",
    support=(
        Support(
            tool="slack", channel="#markets", language=Language.JAPANESE, quiet=QuietHours(since=time(22), until=time(7))
        ),
    ),
    tags=("listed",),
    version="1.2.0",
    lifecycle=Lifecycle.DEPRECATED,
    sunset_date=date(2027, 3, 31),
    successor="equities.prices",
    classification=Classification.PUBLIC,
    delivery=by_day("trade_date", calendar="XTKS"),
    freshness_slos=(
        FreshnessSlo(
            due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS", covers=0, grace=timedelta(minutes=15),
            overrides=(Override(on=date(2026, 12, 30), kind="moved", reason="Half day.", due_on=date(2026, 12, 31)),),
        ),
        FreshnessSlo(name="age", max_age=timedelta(hours=36)),
    ),
    quality_slo=QualitySlo(objective=0.95),
    dbt_freshness=DbtFreshness(error_after=timedelta(days=3), loaded_at_field="loaded_at"),
    license=License(terms="internal use"),
    columns=(
        column("ticker", "varchar", nullable=False, unique=True, examples=("7203",)),
        column("trade_date", "date", nullable=False),
        column("close", "decimal(10,2)", deprecated=True),
        column("side", "varchar(1)"),
        column("holder", "varchar", classification=Classification.CONFIDENTIAL, examples=("Taro Yamada",)),
        column("shape", "geography"),
    ),
    tests=(
        data_test("not_null", "ticker"),
        data_test("unique", "ticker"),
        data_test("hub_between", "close", arguments=(("min_value", "0"), ("strictly", "true"))),
        data_test("accepted_values", "side", arguments=(("values", '["B", "S"]'),)),
        data_test(
            "hub_unique_combination", None, arguments=(("columns", '["ticker", "trade_date"]'),),
            where="close > 0", limit=500, fail_calc="sum(row_count)",
        ),
        data_test("singular", None, name="prices_move", severity=Severity.WARN, error_if="> 10"),
    ),
)  # fmt: skip


def test_a_contract_is_said_in_the_words_of_the_standard() -> None:
    found = document(RICH)

    assert (found["apiVersion"], found["id"], found["version"], found["status"]) == (
        "v3.2.0", "equities.daily_prices", "1.2.0", "deprecated",
    )  # fmt: skip
    assert found["description"]["purpose"] == RICH.description
    assert found["team"]["members"] == [{"username": "equities-data@example.com", "role": "owner"}]
    assert custom(found["support"][0])["language"] == "ja"
    own = custom(found)
    assert own["license"] == {"terms": "internal use", "redistribution": False}
    assert (own["classification"], own["successor"]) == ("public", "equities.prices")
    assert own["delivery"]["partitions"] == {
        "column": "trade_date", "granularity": "day", "start": "2026-11-02", "calendar": "XTKS",
    }  # fmt: skip


def test_columns_carry_their_type_key_values_and_tests() -> None:
    (table,) = document(RICH)["schema"]
    columns = {each["name"]: each for each in table["properties"]}

    assert table["physicalName"] == "equities.daily_prices"
    assert columns["ticker"] == {
        "name": "ticker", "logicalType": "string", "physicalType": "varchar", "required": True, "unique": True, "examples": ["7203"],
    }  # fmt: skip
    assert (columns["trade_date"]["partitioned"], columns["trade_date"]["partitionKeyPosition"]) == (True, 1)
    assert columns["close"]["logicalTypeOptions"] == {"exclusiveMinimum": 0}
    assert columns["close"]["deprecated"] is True
    assert columns["side"]["enum"] == [{"value": "B"}, {"value": "S"}]
    assert columns["side"]["quality"][0]["implementation"] == {
        "test": "accepted_values", "arguments": {"values": ["B", "S"]},
    }  # fmt: skip
    assert (columns["shape"]["logicalType"], custom(columns["shape"])) == (
        "string",
        {"logicalType": "unknown"},
    )
    assert [each.get("severity") for each in table["quality"]] == ["error", "warn"]
    assert table["quality"][0]["implementation"]["where"] == "close > 0"
    assert table["quality"][0]["implementation"]["limit"] == 500
    assert table["quality"][0]["implementation"]["fail_calc"] == "sum(row_count)"
    assert table["quality"][1]["implementation"] == {"test": "prices_move", "error_if": "> 10"}


def test_every_promise_of_time_is_there_those_of_consumers_last() -> None:
    slo = FreshnessSlo(due=time(8), timezone="Asia/Tokyo", calendar="XTKS", covers=1)
    desk = consumer(
        "desk", reads=("equities.daily_prices",), kind=ConsumerKind.TEAM, notice=timedelta(days=30),
        slos={"equities.daily_prices": slo}, columns={"equities.daily_prices": ("ticker",)},
    )  # fmt: skip
    found = document(RICH, desk)

    promises = found["slaProperties"]
    assert [(each["property"], each["value"], each.get("unit")) for each in promises] == [
        ("timeOfAvailability", "18:30", None),
        ("freshness", 36, "h"),
        ("latency", 3, "d"),
        ("quality", 0.95, None),
        ("retention", 365, "d"),
        ("endOfLife", "2027-03-31", None),
        ("timeOfAvailability", "08:00", None),
    ]
    evening, morning = custom(promises[0]), custom(promises[-1])
    assert (evening["timezone"], evening["calendar"], evening["covers"], evening["graceSeconds"]) == (
        "Asia/Tokyo", "XTKS", 0, 900,
    )  # fmt: skip
    assert evening["overrides"] == [
        {"on": "2026-12-30", "kind": "moved", "reason": "Half day.", "dueOn": "2026-12-31"}
    ]
    assert "consumer" not in evening
    assert (morning["consumer"], morning["covers"]) == ("desk", 1)
    assert custom(found)["consumers"] == [
        {"name": "desk", "label": "Desk", "kind": "team", "columns": ["ticker"], "noticeDays": 30}
    ]


def test_a_schedule_is_a_frequency_and_where_it_fetches_from_stays_inside() -> None:
    scheduled = replace(RICH.delivery, schedule=Schedule(cron="0 7 * * *"), source="file:///srv/secret-place")
    of = replace(RICH, delivery=scheduled)

    (frequency,) = [each for each in document(of)["slaProperties"] if each["property"] == "frequency"]
    assert frequency["schedule"] == "0 7 * * *"
    assert b"secret-place" not in odcs(of)


def test_neither_download_shows_values_of_a_confidential_column() -> None:
    assert b"Taro Yamada" not in odcs(RICH) + json_schema(RICH)
    assert b"7203" in odcs(RICH)
    assert b"7203" in json_schema(RICH)


def test_the_same_contract_gives_the_same_bytes_whatever_the_order_of_its_consumers() -> None:
    one, two = consumer("one"), consumer("two")

    assert odcs(RICH, [one, two]) == odcs(RICH, [two, one])
    assert json_schema(RICH) == json_schema(RICH)


_TEXTS = st.text() | st.sampled_from(
    ["no", "07:00", "2026-11-20", "1e3", "- a", "a: b", "a #b", "\x85", "😀", "a\nb", "~", ""]
)
_VALUES = st.recursive(
    _TEXTS
    | st.integers()
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.just(6e-08),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_TEXTS, _VALUES, max_size=4))
def test_whatever_a_team_writes_is_read_back_as_it_is(values: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_text(values)) == values


# ── JSON Schema ──────────────────────────────────────────────────────────────────────────────────────────────────────

TYPES = {
    "text": ("varchar", pa.string(), "東京"),
    "big": ("bigint", pa.int64(), 2**62),
    "tiny": ("tinyint", pa.int8(), -7),
    "price": ("decimal(10,2)", pa.decimal128(10, 2), Decimal("1200.50")),
    "ratio": ("double", pa.float64(), 0.5),
    "is_open": ("boolean", pa.bool_(), True),
    "day": ("date", pa.date32(), date(2026, 11, 20)),
    "at": ("timestamp", pa.timestamp("us"), datetime(2026, 11, 20, 9, 30, tzinfo=UTC)),
    "raw": ("varbinary", pa.binary(), b"\x00\xff"),
    "many": ("array<bigint>", pa.list_(pa.int64()), [1, 2]),
    "nested": ("struct<a: bigint>", pa.struct({"a": pa.int64()}), {"a": 1}),
    "other": ("geography", pa.string(), "POINT (1 2)"),
}


def as_json(value: Any) -> Any:
    match value:
        case Decimal():
            return float(value)
        case datetime():
            return f"{value.isoformat()}Z"
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return value


def test_rows_of_a_real_table_keep_the_schema_with_and_without_values() -> None:
    of = contract(columns=tuple(column(name, kind) for name, (kind, _, _) in TYPES.items()))
    held = {
        name: pa.array([value.replace(tzinfo=None) if isinstance(value, datetime) else value, None], kind)
        for name, (_, kind, value) in TYPES.items()
    }
    rows = [{name: as_json(value) for name, value in row.items()} for row in pa.table(held).to_pylist()]

    assert faults(of, *rows, {}) == []
    assert faults(of, rows[0] | {"big": "7"}) == ["'7' is not of type 'integer', 'null'"]
    assert faults(of, rows[0] | {"day": "20.11.2026"}) == ["'20.11.2026' is not a 'date'"]


def test_a_column_that_is_not_null_has_to_be_there_and_hold_something() -> None:
    of = contract(
        columns=(column("id", "bigint", nullable=False), column("any", None, nullable=False)), tests=()
    )

    assert faults(of, {"id": 1, "any": "x"}) == []
    assert len(faults(of, {"id": None, "any": None})) == 2
    assert len(faults(of, {})) == 2


def test_other_columns_are_refused_only_where_all_are_promised() -> None:
    closed = contract(columns=(column("id", "bigint"),), tests=())
    open_ = contract(columns=(column("id", None),), tests=())

    assert len(faults(closed, {"id": 1, "more": 2})) == 1
    assert faults(open_, {"id": 1, "more": 2}) == []
    assert faults(contract(columns=(), tests=()), {"anything": [1]}) == []


def between(**arguments: Any) -> dict[str, Any]:
    return {"arguments": tuple((name, json.dumps(value)) for name, value in sorted(arguments.items()))}


@pytest.mark.parametrize(
    ("kind", "test", "found"),
    [
        ("bigint", data_test("hub_between", "x", **between(min_value=0, max_value=9)), {"minimum": 0, "maximum": 9}),
        ("double", data_test("hub_between", "x", **between(min_value=0, strictly=True)), {"exclusiveMinimum": 0}),
        ("double", data_test("dbt_utils.accepted_range", "x", **between(max_value=1.5, inclusive=False)), {"exclusiveMaximum": 1.5}),
        ("bigint", data_test("accepted_values", "X", **between(values=[1, 2], quote=False)), {"enum": [1, 2, None]}),
        ("varchar", data_test("accepted_values", "x", **between(values=[1, True, "b"])), {"enum": ["1", "true", "b", None]}),
        ("boolean", data_test("accepted_values", "x", **between(values=[True], quote=False)), {"enum": [True, None]}),
        # What does not hold for each row, or is in words that only an engine knows, is left to the engine.
        ("bigint", data_test("hub_between", "x", severity=Severity.WARN, **between(min_value=0)), {}),
        ("bigint", data_test("hub_between", "x", where="y > 1", **between(min_value=0)), {}),
        ("bigint", data_test("hub_between", "x", error_if="> 10", **between(min_value=0)), {}),
        ("bigint", data_test("hub_between", "x", limit=0, **between(min_value=0)), {}),
        ("bigint", data_test("hub_between", "x", fail_calc="0", **between(min_value=0)), {}),
        ("bigint", data_test("hub_between", "x", **between(min_value="(select 1)")), {}),
        ("bigint", data_test("expect_column_values_to_be_between", "x", **between(min_value=0, row_condition="y")), {}),
        ("date", data_test("hub_between", "x", **between(min_value=0)), {}),
        ("bigint", data_test("accepted_values", "x", **between(values=["a"])), {}),
        ("bigint", data_test("hub_between", "other", **between(min_value=0)), {}),
    ],
)  # fmt: skip
def test_values_are_bounded_by_what_blocks_each_row(kind: str, test: Any, found: dict[str, Any]) -> None:
    of = contract(columns=(column("x", kind),), tests=(test,))

    keywords = schema(of)["properties"]["x"]

    assert {
        key: value for key, value in keywords.items() if key not in ("type", "format", "$comment")
    } == found
