"""Code to copy, which reads the dataset from where its readers are: that it runs is tested.

What stands here of the hub is what wiring knows. Nothing of the machine that builds the pages gets into it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datahub_dagster.adapters.duckdb_views import literal
from datahub_dagster.adapters.site import snippet_sql
from datahub_dagster.adapters.site.documents.schema import Snippet
from datahub_dagster.adapters.site.snippet_sql import LIMIT, MOST_FILES, NewestKey, newest_key
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.view import ReleasedFile

# Each is a message of its own in translations/: constant.
IN_FOLDER_PYTHON = "Run it in the hub's folder; elsewhere, give open() the path of that folder."
IN_FOLDER_FILES = "Run it in the hub's folder. It reads exactly the files that are published now."
IN_FOLDER_NEWEST = "Run it in the hub's folder. It reads exactly the published files of the newest partition."
ATHENA = "In the Athena console, choose the workgroup that the other examples name."
ON_S3_PYTHON = "It needs the package datahub_dagster, and AWS credentials that may read the hub's bucket."
ON_S3_FILES = "It needs AWS credentials that may read the hub's bucket. It reads exactly the files that are published now."
ON_S3_NEWEST = "It needs AWS credentials that may read the hub's bucket. It reads exactly the published files of the newest partition."
PYATHENA = "It needs pandas and PyAthena (pip install pandas PyAthena), and AWS credentials for Athena."
SPARK_ON_GLUE = "For a Spark whose metastore is the Glue Data Catalog: EMR, or a Glue job."
NOCTUA = "It needs the R packages DBI and noctua, and AWS credentials for Athena."
FOR_ALL_BY_FILTER = "It shows the newest partition: leave out filter() to read all."
FOR_ALL_BY_WHERE = "It shows the newest partition: leave out WHERE to read all."
FOR_ALL_BY_PYTHON = "The Python example, without filter(), reads all partitions."
R_DUCKDB = "It needs the R packages DBI and duckdb. Run it in the hub's folder."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where readers find the data.

    Args:
        root: `s3://bucket/prefix`; empty = the hub is a folder, to which all paths are relative.
        glue_prefix: Stands before the name of each Glue database.
        workgroup: Athena workgroup of readers.
        region: AWS region; empty = not known.
    """

    root: str = ""
    glue_prefix: str = ""
    workgroup: str = ""
    region: str = ""


IN_FOLDER = Place()

_PATTERN = re.compile(r"[*?\[\]{}\\:]")  # in a path, something else than itself to Spark


def snippets(
    contract: Contract, current: Generation | None, files: Sequence[ReleasedFile], place: Place
) -> list[Snippet]:
    """Examples for what reads a hub at this place; none as long as nothing is published.

    Args:
        contract: The dataset's promise, by which it is called.
        current: What is published.
        files: Its files, where they are few enough to be listed; else those of its newest partition, or none.
        place: Where readers find the data.
    """
    if current is None or not current.partitions:
        return []
    example = _Example(contract, current, files, place, newest_key(contract, current, files))
    return list(example.on_aws() if place.root else example.in_folder())


@dataclass(frozen=True, slots=True)
class _Example:
    contract: Contract
    current: Generation
    files: Sequence[ReleasedFile]
    place: Place
    newest: NewestKey | None

    def in_folder(self) -> Iterator[Snippet]:
        by_filter, by_where, by_python = self._hints()
        yield _snippet("python", "Python", self._python(), IN_FOLDER_PYTHON, by_filter)
        yield _snippet("pandas", "pandas", self._pandas_of_reader(), IN_FOLDER_PYTHON, by_filter)
        sql, note = self._file_query(), IN_FOLDER_NEWEST if self.newest else IN_FOLDER_FILES
        if sql is None:
            yield _snippet(
                "duckdb", "DuckDB", self._duckdb_of_reader(), IN_FOLDER_PYTHON, by_where if by_filter else ""
            )
        else:
            yield _snippet("duckdb", "DuckDB", f"{sql};", note, by_python)
        if spark := self._spark_on_files():
            yield _snippet("spark", "Spark", spark, note, by_python)
        if sql is not None:
            yield _snippet("r", "R", _r("duckdb::duckdb()", sql), R_DUCKDB, by_python)

    def on_aws(self) -> Iterator[Snippet]:
        prefix, newest = self.place.glue_prefix, self.newest
        by_filter, by_where, by_python = self._hints()
        athena = snippet_sql.glue_query(self.contract, prefix, newest)
        yield _snippet("athena", "Athena SQL", f"{athena};", ATHENA, by_where)
        yield _snippet("python", "Python", self._python(), ON_S3_PYTHON, by_filter)
        yield _snippet("pandas", "pandas", self._pandas_of_athena(athena), PYATHENA, by_where)
        sql = self._file_query()
        if sql is None:
            yield _snippet(
                "duckdb", "DuckDB", self._duckdb_of_reader(), ON_S3_PYTHON, by_where if by_filter else ""
            )
        else:
            note = ON_S3_NEWEST if newest else ON_S3_FILES
            yield _snippet("duckdb", "DuckDB", f"{self._duckdb_secret()}\n\n{sql};", note, by_python)
        in_spark = snippet_sql.glue_query(self.contract, prefix, newest, quote="`")
        yield _snippet(
            "spark", "Spark", _spark(f"sql({_block(in_spark)})", hive=True), SPARK_ON_GLUE, by_where
        )
        driver = ", ".join(["noctua::athena()", *self._athena(" = ")])
        yield _snippet("r", "R", _r(driver, athena), NOCTUA, by_where)

    def _hints(self) -> tuple[str, str, str]:
        """How to read all partitions: where filter() narrows the example, where WHERE does, and where files are listed."""
        if self.newest is None:
            return "", "", ""
        by_filter = FOR_ALL_BY_FILTER if self.newest.in_duckdb() else ""
        return by_filter, FOR_ALL_BY_WHERE, FOR_ALL_BY_PYTHON

    def _file_query(self) -> str | None:
        return snippet_sql.file_query(self.files, self.newest, self.place.root)

    def _open(self) -> str:
        return f"datahub_dagster.open({_string(self.place.root or '.')})"

    def _python(self) -> str:
        condition = self.newest.in_duckdb() if self.newest else None
        narrowed = f".filter({_string(condition)})" if condition else ""
        return (
            "import datahub_dagster\n\n"
            f"dataset = {self._open()}[{_string(str(self.contract.name))}]\n"
            f"print(dataset)  # the same rows another day: dataset.at(generation={self.current.number})\n"
            f"dataset.duckdb(){narrowed}.limit({LIMIT}).show()"
        )

    def _pandas_of_reader(self) -> str:
        condition = self.newest.in_duckdb() if self.newest else None
        rows = f"duckdb().filter({_string(condition)}).df()" if condition else "pandas()"
        return (
            "import datahub_dagster\n\n"
            f"dataset = {self._open()}[{_string(str(self.contract.name))}]\n"
            f"frame = dataset.{rows}\n"
            "print(frame.head())"
        )

    def _pandas_of_athena(self, sql: str) -> str:
        arguments = ", ".join([*self._athena("="), "cursor_class=PandasCursor"])
        return (
            "from pyathena import connect\n"
            "from pyathena.pandas.cursor import PandasCursor\n\n"
            f"with connect({arguments}) as connection:\n"
            f"    frame = connection.cursor().execute({_block(sql)}).as_pandas()\n"
            "print(frame.head())"
        )

    def _duckdb_of_reader(self) -> str:
        sql = snippet_sql.view_query(self.contract, self.newest)
        return (
            "import datahub_dagster\n\n"
            f"connection = {self._open()}.connect({_string(str(self.contract.name))})\n"
            f"connection.sql({_block(sql)}).show()"
        )

    def _duckdb_secret(self) -> str:
        region = f", REGION {literal(self.place.region)}" if self.place.region else ""
        return (
            "INSTALL httpfs; LOAD httpfs;\n"
            "INSTALL aws; LOAD aws;\n"
            f"CREATE OR REPLACE SECRET hub (TYPE s3, PROVIDER credential_chain{region});"
        )

    def _spark_on_files(self) -> str | None:
        """Of a dataset in partitions the newest one: Spark takes partitions of one release's folder only."""
        files = [file for file in self.files if not self.newest or file.partition == self.newest.key]
        if not files or len(files) > MOST_FILES or any(_PATTERN.search(file.path) for file in files):
            return None
        base = ""
        if self.newest and not all(file.holds_partition_column for file in files):
            folders = {file.path.rpartition(f"/{self.newest.column}={self.newest.key}/")[0] for file in files}
            if len(folders) > 1 or not all(folders):
                return None
            base = f'.option("basePath", {_string(folders.pop())})'
        paths = "".join(f"    {_string(file.path)},\n" for file in files)
        return _spark(f"read{base}.parquet(\n{paths})")

    def _athena(self, equals: str) -> list[str]:
        named = {"work_group": self.place.workgroup, "region_name": self.place.region}
        return [f"{key}{equals}{_string(value)}" for key, value in named.items() if value]


def _snippet(language: str, title: str, code: str, note: str, for_all: str = "") -> Snippet:
    return {"language": language, "title": title, "code": code, "note": note, "for_all": for_all}  # pyright: ignore[reportReturnType]


def _spark(frame: str, *, hive: bool = False) -> str:
    builder = f"SparkSession.builder{'.enableHiveSupport()' if hive else ''}.getOrCreate()"
    return f"from pyspark.sql import SparkSession\n\nspark = {builder}\nspark.{frame}.show()"


def _r(driver: str, sql: str) -> str:
    is_plain = '"' not in sql and "\\" not in sql
    text = f'"\n{sql}\n"' if is_plain else f'r"---(\n{sql}\n)---"'
    return (
        "library(DBI)\n\n"
        f"connection <- dbConnect({driver})\n"
        f"rows <- dbGetQuery(connection, {text})\n"
        "head(rows)\n"
        "dbDisconnect(connection)"
    )


def _string(text: str) -> str:
    """A string of Python, and of R."""
    return json.dumps(text, ensure_ascii=False)


def _block(sql: str) -> str:
    """A string of Python over several lines."""
    return _string(sql) if '"""' in sql or "\\" in sql else f'"""\n{sql}\n"""'
