"""What a reader copies from a dataset's page runs as it stands, on a hub in a folder and on one on AWS.

Python, pandas, DuckDB and Athena's SQL are executed on published data. Spark and R are on no machine of ours: Spark's code is parsed as
Python and its SQL as Spark's; R's SQL is executed, and the code around it compared.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot

from datahub_dagster import pipeline
from datahub_dagster.adapters.site import snippet_sql
from datahub_dagster.adapters.site.documents.schema import Snippet
from datahub_dagster.adapters.site.snippets import Place as ReadAt
from datahub_dagster.adapters.site.snippets import snippets
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.view import ReleasedFile, files_read
from datahub_dagster.ports import Hub
from tests.aws import AwsAccount, ask_athena
from tests.builders import by_day, by_month, column, contract, generation
from tests.hubs import hub_at, orders, put_delivery
from tests.places import OnAws
from tests.test_athena_sql import objections

IN_FOLDER = ReadAt()
ID = column("id", "bigint")
TEXT, DAY = pa.string(), pa.date32()


def days(kind: pa.DataType, *values: object) -> pa.Array:
    return pa.array(list(values), kind)


@dataclass(frozen=True)
class Case:
    """A dataset, its deliveries, and the ids that the examples show: of the newest partition where that can be said."""

    of: Contract
    deliveries: Sequence[dict[str, pa.Table]]
    newest: list[int]
    all: list[int]


WHOLE = Case(
    contract("payments.orders", columns=(ID, column("amount", "double")), tests=()),
    [{"a.parquet": orders([1]), "b.parquet": orders([2])}, {"it's [x] 100% é.parquet": orders([3, 4])}],
    [3, 4],
    [3, 4],
)
IN_PATH = Case(
    contract("payments.daily", columns=(ID, column("amount", "double"), column("day", "date")), delivery=by_day(), tests=()),
    [
        {"day=2026-11-18/x.parquet": orders([1]), "day=2026-11-19/x.parquet": orders([2])},
        {"day=2026-11-19/x.parquet": orders([3]), "day=2026-11-20/x.parquet": orders([4, 5])},
    ],
    [4, 5],
    [1, 3, 4, 5],
)  # fmt: skip
IN_FILE = Case(
    contract("payments.in_file", columns=(ID, column("amount", "double"), column("day", "date")), delivery=by_day(), tests=()),
    [
        {"a.parquet": orders([1], day=days(DAY, date(2026, 11, 19)))},
        {"b.parquet": orders([2], day=days(DAY, date(2026, 11, 20)))},
    ],
    [2],
    [1, 2],
)  # fmt: skip
UNTYPED = Case(
    contract("payments.untyped", columns=(column("id", None),), delivery=by_day("Order"), tests=()),
    [
        {"a.parquet": orders([1], Order=days(TEXT, "2026-11-19"))},
        {"b.parquet": orders([2], Order=days(TEXT, "2026-11-20"))},
    ],
    [2],
    [1, 2],
)
MONTHS = Case(
    contract("Payments.by-month", columns=(ID, column("amount", "double"), column("month", "varchar")), delivery=by_month(), tests=()),
    [{"month=2026-09/x.parquet": orders([1]), "month=2026-10/x.parquet": orders([2])}],
    [2],
    [1, 2],
)  # fmt: skip
INSTANTS = Case(
    contract("payments.instants", columns=(ID, column("amount", "double"), column("at", "timestamp")), delivery=by_day("at"), tests=()),
    [
        {f"{day}.parquet": orders([day], at=days(pa.timestamp("us"), datetime(2026, 11, day, 9, tzinfo=UTC).replace(tzinfo=None)))}
        for day in (19, 20)
    ],
    [20],
    [19, 20],
)  # fmt: skip
DATED_MONTHS = Case(
    contract("payments.dated", columns=(ID, column("amount", "double"), column("month", "date")), delivery=by_month(), tests=()),
    MONTHS.deliveries,
    [2],
    [1, 2],
)  # fmt: skip
CASES = [WHOLE, IN_PATH, IN_FILE, UNTYPED, MONTHS, DATED_MONTHS, INSTANTS]
ALL_CASES = pytest.mark.parametrize("case", CASES, ids=lambda case: case.of.name.table)


def narrowed(case: Case) -> list[int]:
    """What a condition of DuckDB's leaves: in its words there is no telling of the key from a column that holds more."""
    return case.all if case is INSTANTS else case.newest


def publish(hub: Hub, case: Case) -> None:
    for number, files in enumerate(case.deliveries, start=1):
        put_delivery(hub, case.of, f"d{number}", files)
        outcome = pipeline.release(hub, case.of, f"d{number}", actor="test")
        assert outcome.record is not None
        assert outcome.record.generation == number, outcome.record.why


def examples(hub: Hub, of: Contract, at: ReadAt) -> dict[str, str]:
    current = hub.log.current(of.name)
    assert current is not None
    lists = hub.log.file_lists(of.name, current.releases).values()
    return by_language(snippets(of, current, files_read(lists, current.partitions), at))


def by_language(found: Sequence[Snippet]) -> dict[str, str]:
    return {each["language"]: each["code"] for each in found}


def run_python(code: str) -> tuple[dict[str, Any], str]:
    """Runs it; what it left in its names, and what it printed."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = StringIO()
    with redirect_stdout(printed):
        exec(code, names)  # what a reader does with it
    return names, printed.getvalue()


def ids(text: str) -> list[int]:
    """The ids in a table that DuckDB printed: the first column of its rows."""
    rows = (line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│"))
    return sorted(int(cell) for cell in rows if cell.isdigit())


def strings(python: str) -> list[str]:
    constants = (node.value for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Constant))
    return [value for value in constants if isinstance(value, str)]


def sql_in_r(code: str) -> str:
    found = re.search(r'dbGetQuery\(connection, (?:"\n(.*)\n"|r"---\(\n(.*)\n\)---")\)', code, re.DOTALL)
    assert found is not None, code
    return found[1] or found[2]


# ── A hub in a folder ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def in_folder(tmp_path: Path) -> Iterator[Callable[[Case], dict[str, str]]]:
    """Publishes a dataset, and goes where its examples are to be run: into the hub's folder."""

    def published(case: Case) -> dict[str, str]:
        hub = hub_at(tmp_path, case.of)
        publish(hub, case)
        return examples(hub, case.of, IN_FOLDER)

    with chdir(tmp_path):
        yield published


@ALL_CASES
def test_in_the_hubs_folder_every_example_shows_the_published_rows(
    case: Case, in_folder: Callable[[Case], dict[str, str]]
) -> None:
    found = in_folder(case)
    expected = narrowed(case)

    assert set(found) >= {"python", "pandas", "duckdb", "r"}
    assert ids(run_python(found["python"])[1]) == expected
    frame = run_python(found["pandas"])[0]["frame"]
    assert sorted(frame["id"].tolist()) == expected
    assert sorted(row[0] for row in duckdb.execute(found["duckdb"]).fetchall()) == case.newest
    assert "WHERE" not in found["duckdb"]
    assert f"{sql_in_r(found['r'])};" == found["duckdb"]
    assert found["r"].startswith("library(DBI)\n\nconnection <- dbConnect(duckdb::duckdb())\n")


def test_spark_reads_the_files_of_the_newest_partition_with_the_column_of_their_folder(
    in_folder: Callable[[Case], dict[str, str]],
) -> None:
    spark = in_folder(IN_PATH)["spark"]

    folder = "releases/payments/daily/2036-11-17.2"
    assert f'spark.read.option("basePath", "{folder}").parquet(' in spark
    (path,) = {text for text in strings(spark) if text.endswith(".parquet")}
    assert path == f"{folder}/day=2026-11-20/x.parquet"
    assert Path(path).is_file()


def test_spark_reads_a_dataset_in_one_piece_file_by_file(in_folder: Callable[[Case], dict[str, str]]) -> None:
    it = Case(WHOLE.of, [{"a.parquet": orders([1]), "it's é.parquet": orders([2])}], [1, 2], [1, 2])

    spark = strings(in_folder(it)["spark"])

    assert [Path(path).name for path in spark] == ["a.parquet", "it's é.parquet"]
    assert all(Path(path).is_file() for path in spark)


def test_names_that_are_patterns_to_spark_leave_it_out(in_folder: Callable[[Case], dict[str, str]]) -> None:
    assert "spark" not in in_folder(WHOLE)


def many(partitions: int, files: int = 1) -> tuple[Generation, list[ReleasedFile]]:
    """A generation of so many days, each with so many files."""
    of = IN_PATH.of
    keys = [f"2026-{1 + index // 28:02}-{1 + index % 28:02}" for index in range(partitions)]
    made = generation(of, 1)
    made = generation(of, 1, partitions=dict.fromkeys(keys, made.release_id))
    folder = f"releases/payments/daily/{made.release_id}"
    return made, [
        ReleasedFile(
            path=f"{folder}/day={key}/{index}.parquet", size=1, sha256="", rows=1, partition=key, holds_partition_column=False
        )
        for key in keys
        for index in range(files)
    ]  # fmt: skip


def test_examples_of_the_newest_partition_say_so_and_how_to_read_all() -> None:
    current, files = many(3)
    in_folder = snippets(IN_PATH.of, current, files, IN_FOLDER)
    on_aws = snippets(IN_PATH.of, current, files, ReadAt(root="s3://hub"))

    assert all("filter(" in each["code"] for each in in_folder if "leave out filter()" in each["for_all"])
    assert all("WHERE" in each["code"] for each in on_aws if "leave out WHERE" in each["for_all"])
    assert all(each["for_all"] for each in [*in_folder, *on_aws])
    (whole,) = {each["for_all"] for each in snippets(WHOLE.of, generation(WHOLE.of, 1), [], IN_FOLDER)}
    assert whole == ""


def test_only_the_files_of_the_newest_partition_are_listed() -> None:
    current, files = many(60)

    all_given = by_language(snippets(IN_PATH.of, current, files, IN_FOLDER))["duckdb"]
    newest_given = by_language(snippets(IN_PATH.of, current, files[-1:], IN_FOLDER))["duckdb"]

    assert all_given == newest_given
    assert all_given.count(".parquet'") == 1
    assert "WHERE" not in all_given
    assert f"/day={max(current.partitions)}/0.parquet'" in all_given


@ALL_CASES
def test_where_even_those_are_too_many_duckdb_is_asked_through_the_reader(
    case: Case, in_folder: Callable[[Case], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snippet_sql, "MOST_FILES", 0)

    found = in_folder(case)

    assert "r" not in found
    assert ids(run_python(found["duckdb"])[1]) == narrowed(case)


def test_nothing_published_has_no_examples() -> None:
    assert snippets(WHOLE.of, None, [], IN_FOLDER) == []
    assert snippets(WHOLE.of, generation(WHOLE.of, 1, partitions={}), [], IN_FOLDER) == []


def test_no_place_of_the_machine_that_builds_the_pages_is_in_them(
    tmp_path: Path, in_folder: Callable[[Case], dict[str, str]]
) -> None:
    assert str(tmp_path) not in "".join(in_folder(IN_PATH).values())


def test_names_that_engines_reserve_are_quoted() -> None:
    reserved = duckdb.execute(
        "select keyword_name from duckdb_keywords() where keyword_category in ('reserved', 'type_function')"
    ).fetchall()
    for (word,) in reserved:
        assert snippet_sql.name(word) == f'"{word}"'
    assert snippet_sql.name("trade_date") == "trade_date"


# ── A hub on AWS ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def on_aws(aws_account: AwsAccount) -> Iterator[tuple[OnAws, ReadAt]]:
    place = OnAws(aws_account)
    workgroup = f"readers-{aws_account.account_id}"
    aws_account.client("athena").create_work_group(
        Name=workgroup,
        Configuration={
            "ResultConfiguration": {"OutputLocation": f"s3://{aws_account.bucket}/athena/"},
            "EnforceWorkGroupConfiguration": True,
        },
    )
    yield (
        place,
        ReadAt(root=aws_account.root, glue_prefix="hub_", workgroup=workgroup, region=aws_account.region),
    )
    place.close()


@pytest.mark.aws
@pytest.mark.parametrize("case", [WHOLE, IN_PATH, UNTYPED, INSTANTS], ids=lambda case: case.of.name.table)
def test_on_aws_every_example_shows_the_published_rows(
    case: Case, on_aws: tuple[OnAws, ReadAt], aws_account: AwsAccount
) -> None:
    place, at = on_aws
    hub = place.hub(case.of)
    publish(hub, case)
    found = examples(hub, case.of, at)

    assert set(found) == {"athena", "python", "pandas", "duckdb", "spark", "r"}
    answer = ask_athena(aws_account, found["athena"].removesuffix(";"), at.workgroup)
    assert answer.state == "SUCCEEDED", answer.reason
    assert sorted(int(row[0] or 0) for row in answer.rows) == case.newest
    frame = run_python(found["pandas"])[0]["frame"]
    assert sorted(frame["id"].tolist()) == case.newest
    assert ids(run_python(found["python"])[1]) == narrowed(case)
    _, secret, query = found["duckdb"].partition("CREATE OR REPLACE SECRET")
    assert "PROVIDER credential_chain, REGION 'eu-west-1');\n\nSELECT" in secret + query
    with place.connect() as connection:  # reads S3 without the extension that the example installs
        rows = connection.execute(query[query.index("SELECT") :]).fetchall()
    assert sorted(row[0] for row in rows) == case.newest
    assert objections(found["athena"]) == []
    assert f"{sql_in_r(found['r'])};" == found["athena"]
    driver = f'dbConnect(noctua::athena(), work_group = "{at.workgroup}", region_name = "eu-west-1")'
    assert driver in found["r"]
    (sql,) = strings(found["spark"])
    (tree,) = sqlglot.parse(sql, read="spark")
    assert tree is not None
    in_athena = tree.sql("athena").replace("TRY_CAST", "CAST")
    assert in_athena == sqlglot.parse_one(found["athena"], read="athena").sql("athena")
