"""A view shows exactly the files that it is told, whatever they and their folders are called."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datahub_dagster.adapters.duckdb_views import duckdb_type, literal, quoted, view_sql
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.view import DatasetView, ReleasedFile, ViewColumn


@dataclass
class Files:
    """Parquet files below a hub's root."""

    root: Path
    made: list[ReleasedFile] = field(default_factory=list[ReleasedFile])

    def add(self, path: str, rows: str, **more: Any) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute(f"copy ({rows}) to {literal(str(file))} (format parquet)")
        self.made.append(ReleasedFile(path=path, size=file.stat().st_size, sha256="", rows=1, **more))

    def view(self, *columns: ViewColumn, **more: Any) -> DatasetView:
        values: dict[str, Any] = {"dataset": DatasetName("a", "b"), "schema": "a", "table": "b"}
        return DatasetView(**(values | {"files": tuple(self.made), "columns": columns} | more))

    def read(self, view: DatasetView) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """Columns and rows, in order, of the view as a reader finds it."""
        with duckdb.connect() as connection:
            for statement in view_sql(view, LocalStorage(self.root).engine_path):
                connection.execute(statement)
            found = connection.sql(
                f"select * from memory.{quoted(view.schema)}.{quoted(view.table)} order by all"
            )
            return found.columns, found.fetchall()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def column(name: str, data_type: str | None = "bigint", **more: Any) -> ViewColumn:
    return ViewColumn(name=name, type=data_type, **more)


DAY = {"partition_column": "day", "partition_type": "date"}


def test_a_view_is_the_list_of_its_files_and_nothing_beside(files: Files) -> None:
    files.add("r/1/part-0.parquet", "select 1 as id")
    files.add("r/1/part-1.parquet", "select 2 as id")
    view = files.view()
    files.add("r/1/part-2.parquet", "select 3 as id")

    assert files.read(view) == (["id"], [(1,), (2,)])


@pytest.mark.parametrize(
    "name",
    [
        "a*b",
        "q?",
        "[x]",
        "[!a]",
        "back[",
        "br]",
        "it's",
        'do"uble',
        "{1,2}",
        "**",
        "%20",
        "k=v",
        "ünï",
        "a b",
        "$x",
        ";--",
    ],
)
def test_a_path_is_never_a_pattern(files: Files, name: str) -> None:
    for decoy in ("aXb", "qq", "x", "b", "back", "1", "deep/er"):
        files.add(f"{decoy}.parquet", "select 'decoy' as name")
    files.made.clear()
    files.add(f"{name}/{name}.parquet", f"select {literal(name)} as name")

    assert files.read(files.view())[1] == [(name,)]


def test_any_name_may_be_a_schema_a_table_or_a_column(files: Files) -> None:
    files.add("f.parquet", 'select 1 as "odd ""name""", 2 as "select", 3 as "x-y.z"')
    columns = [column('odd "name"'), column("SELECT"), column("x-y.z")]

    for schema in ("main", "temp", "system", "memory", "my-schema", 'a"b.c', "SELECT"):
        view = files.view(*columns, schema=schema, table='t "1"', description='It\'s "odd"; drop table x')
        assert files.read(view) == (['odd "name"', "SELECT", "x-y.z"], [(1, 2, 3)])


def test_the_promised_columns_are_shown_in_their_order_whatever_case_the_files_use(files: Files) -> None:
    files.add("f.parquet", "select 1 as ID, 2 as Extra, 3 as amount")

    assert files.read(files.view(column("amount"), column("id"))) == (["amount", "id"], [(3, 1)])


def test_a_column_that_no_file_holds_is_null_in_its_promised_type(files: Files) -> None:
    files.add("f.parquet", "select 1 as id")
    view = files.view(
        column("id"), column("at", "timestamptz", found=False), column("any", None, found=False)
    )

    assert files.read(view) == (["id", "at", "any"], [(1, None, None)])
    with duckdb.connect() as connection:
        for statement in view_sql(view, LocalStorage(files.root).engine_path):
            connection.execute(statement)
        kinds = connection.sql("select * from a.b").types
    assert [str(kind) for kind in kinds] == ["INTEGER", "TIMESTAMP WITH TIME ZONE", "VARCHAR"]


def test_a_column_that_came_later_is_null_in_the_older_files(files: Files) -> None:
    files.add("1.parquet", "select 1 as id")
    files.add("2.parquet", "select 'b' as name, 2 as id")

    assert files.read(files.view(column("id"), column("name", "varchar"))) == (
        ["id", "name"],
        [(1, None), (2, "b")],
    )


def test_the_partition_column_comes_from_the_path_where_files_do_not_hold_it(files: Files) -> None:
    files.add("r/1/day=2026-01-01/p.parquet", "select 1 as id", holds_partition_column=False)
    files.add("r/2/p.parquet", "select 2 as id, date '2026-01-02' as day")
    files.add("r/3/Day=2026-01-03/p.parquet", "select 3 as id", holds_partition_column=False)

    expected = [(1, date(2026, 1, 1)), (2, date(2026, 1, 2)), (3, date(2026, 1, 3))]
    assert sorted(files.read(files.view(**DAY))[1], key=str) == sorted(expected, key=str)
    assert files.read(files.view(column("id"), column("day", "date"), **DAY)) == (["id", "day"], expected)


def test_a_month_in_the_path_stays_text(files: Files) -> None:
    files.add("month=2026-01/p.parquet", "select 1 as id", holds_partition_column=False)

    assert files.read(files.view(partition_column="month"))[1] == [(1, "2026-01")]


def test_a_partition_column_inside_the_file_counts_even_if_the_path_says_otherwise(files: Files) -> None:
    files.add("day=1999-01-01/p.parquet", "select 1 as id, date '2026-01-02' as day")

    assert files.read(files.view(**DAY))[1] == [(1, date(2026, 1, 2))]


def test_other_folders_that_look_like_partitions_do_not_touch_the_data(tmp_path: Path) -> None:
    files = Files(tmp_path / "env=prod" / "id=7")
    files.add("r/1/day=2026-01-01/p.parquet", "select 1 as id, 'test' as env", holds_partition_column=False)
    files.add("r/1/day=2026-01-02/p.parquet", "select 2 as id, 'test' as env", holds_partition_column=False)

    view = files.view(**DAY)

    assert files.read(view) == (
        ["id", "env", "day"],
        [(1, "test", date(2026, 1, 1)), (2, "test", date(2026, 1, 2))],
    )


def test_a_dataset_of_no_files_is_an_empty_view_with_the_promised_columns(files: Files) -> None:
    assert files.read(files.view(column("id"), column("name", "varchar"))) == (["id", "name"], [])
    assert files.read(files.view(**DAY)) == (["day"], [])
    assert files.read(files.view())[1] == []


def test_the_view_carries_the_description(files: Files) -> None:
    files.add("f.parquet", "select 1 as id")
    with duckdb.connect() as connection:
        for statement in view_sql(
            files.view(description="It's one row"), LocalStorage(files.root).engine_path
        ):
            connection.execute(statement)
        comments = connection.execute("select comment from duckdb_views() where schema_name = 'a'").fetchall()

    assert comments == [("It's one row",)]


WORDS = "varchar bigint integer smallint tinyint double real decimal boolean date timestamp timestamptz time varbinary array struct map"
SPELLINGS = [
    "decimal(12,3)",
    "array<varchar>",
    "map<varchar,array<int>>",
    "struct<a:bigint,b:struct<c:string,d:decimal(10,2)>>",
]
SPELLINGS += ["row(a bigint, b varchar)", "bigint[]", "VARCHAR(20)", "geography", ""]


@pytest.mark.parametrize("promised", [*WORDS.split(), *SPELLINGS])
def test_every_type_that_a_team_may_promise_is_one_of_the_engines(promised: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"select cast(null as {duckdb_type(promised)})")


def test_a_thousand_partitions_are_one_view(files: Files) -> None:
    files.add("p0/day=2026-01-01/f.parquet", "select 1 as id", holds_partition_column=False)
    content = (files.root / files.made[0].path).read_bytes()
    for number in range(1, 1000):
        path = f"p{number}/day=2026-01-01/f.parquet"
        (files.root / path).parent.mkdir(parents=True)
        (files.root / path).write_bytes(content)
        files.made.append(ReleasedFile(path=path, size=1, sha256="", rows=1, holds_partition_column=False))

    assert len(files.read(files.view(column("id"), column("day", "date"), **DAY))[1]) == 1000
