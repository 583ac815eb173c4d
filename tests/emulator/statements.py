"""What a statement does: a query answers rows; CREATE and DROP of schemas, tables and views change Glue and S3."""

# pyright: reportMissingImports=false
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from ministack.services import athena, glue
from sqlglot import exp

from tests.emulator import dialect, pruning, results, tables
from tests.emulator.failures import CutoffExceededError, QueryFailedError
from tests.emulator.objects import Copies

HIVE_TYPES = {"VARCHAR": "string", "INTEGER": "int", "HUGEINT": "bigint", "BLOB": "binary", "FLOAT": "float"}


@dataclass
class Outcome:
    """What a statement answered, and the objects that it leaves on S3."""

    columns: list[results.Column] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    scanned_bytes: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)  # s3://… → content


@dataclass
class Statement:
    """One statement of a caller, to be run once.

    Attributes:
        database: What a table without one belongs to.
        results_location: Where CREATE TABLE AS puts its files if it isn't told: `s3://…/`.
        cutoff_bytes: The workgroup's BytesScannedCutoffPerQuery.
    """

    engine: duckdb.DuckDBPyConnection
    database: str
    results_location: str
    cutoff_bytes: int | None
    _copies: Copies = field(default_factory=Copies)
    _scanned_bytes: int = 0
    _views: int = 0

    def run(self, query: str) -> Outcome:
        """Run it.

        Raises:
            QueryFailedError: As Athena would say it.
            CutoffExceededError: See `cutoff_bytes`.
        """
        try:
            tree = dialect.parse(query)
            match tree:
                case exp.Query():
                    columns, rows = results.fetch(self.engine, self._prepare(tree))
                    return Outcome(columns, rows, self._scanned_bytes)
                case exp.Create(kind="SCHEMA" | "DATABASE"):
                    return self._create_schema(tree)
                case exp.Create(kind="TABLE") if tree.expression:
                    return self._create_table(tree)
                case exp.Create(kind="VIEW"):
                    return self._create_view(tree)
                case exp.Drop(kind="VIEW" | "SCHEMA" | "DATABASE"):
                    return self._drop(tree)
            raise QueryFailedError(f"NOT_SUPPORTED by the emulator: {query.strip()[:200]}")
        finally:
            self._copies.remove()

    def _prepare(self, tree: exp.Expr) -> str:
        """The query in DuckDB's words, over views that stand for the tables that it names."""
        within = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
        for reference in list(tree.find_all(exp.Table)):
            if isinstance(reference.this, exp.Func) or (
                not reference.db and reference.name.lower() in within
            ):
                continue
            alias = exp.to_identifier(reference.alias or reference.name, quoted=True)
            columns = (reference.args.get("alias") or exp.TableAlias()).args.get("columns")
            standing_in = exp.to_table(self._view_over(reference))
            standing_in.set("alias", exp.TableAlias(this=alias, columns=columns))
            for part in ("joins", "laterals", "pivots", "sample"):
                standing_in.set(part, reference.args.get(part))
            reference.replace(standing_in)
        return dialect.translate(tree)

    def _view_over(self, reference: exp.Table) -> str:
        database, name = reference.db or self.database, reference.name
        table = tables.find(database, name)
        if table is None:
            raise QueryFailedError(
                f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist"
            )
        inner = tables.view_text(table)
        if inner:
            select = self._prepare(dialect.parse(inner))
        else:
            keys = [key["Name"].lower() for key in table.get("PartitionKeys") or []]
            rows = tables.select_rows(
                self.engine, table, pruning.partition_condition(reference, keys), self._copies
            )
            select = rows.sql
            self._scanned_bytes += rows.scanned_bytes
            if self.cutoff_bytes and self._scanned_bytes > self.cutoff_bytes:
                raise CutoffExceededError(self._scanned_bytes)
        self._views += 1
        view = f"table_{self._views}"
        self.engine.execute(f"create or replace temp view {view} as {select}")
        return view

    def _create_schema(self, tree: exp.Create) -> Outcome:
        name = (tree.this.this or tree.this.args["db"]).name
        if name in glue._databases:
            if not tree.args["exists"]:
                raise QueryFailedError(f"SCHEMA_ALREADY_EXISTS: Schema {name} already exists")
        else:
            _done(glue._create_database({"DatabaseInput": {"Name": name}}))
        return Outcome()

    def _create_table(self, tree: exp.Create) -> Outcome:
        database, name = tree.this.db or self.database, tree.this.name
        if tables.find(database, name):
            if tree.args["exists"]:
                return Outcome()
            raise QueryFailedError(
                f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{database}.{name}' already exists"
            )
        properties = tree.args.get("properties") or exp.Properties(expressions=[])
        if properties.find(exp.PartitionedByProperty):
            raise QueryFailedError("NOT_SUPPORTED by the emulator: partitioned_by")
        given = {p.name: p.args["value"].name for p in properties.expressions if type(p) is exp.Property}
        location = given.get("external_location") or f"{self.results_location}tables/{name}/"

        select = self._prepare(tree.expression)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "0.parquet"
            self.engine.execute(f"copy ({select}) to {tables.literal(str(file))} (format parquet)")
            content = file.read_bytes()
        self._create_in_glue(database, name, select, location=location)
        return Outcome([], [], self._scanned_bytes, {f"{location.rstrip('/')}/0.parquet": content})

    def _create_view(self, tree: exp.Create) -> Outcome:
        database, name = tree.this.db or self.database, tree.this.name
        text = tables.pack_view(tree.expression.sql(dialect="athena"), self.database)
        if tables.find(database, name):
            if not tree.args["replace"]:
                raise QueryFailedError(
                    f"TABLE_ALREADY_EXISTS: View 'awsdatacatalog.{database}.{name}' already exists"
                )
            _done(glue._delete_table({"DatabaseName": database, "Name": name}))
        self._create_in_glue(database, name, self._prepare(tree.expression), view=text)
        return Outcome()

    def _create_in_glue(
        self, database: str, name: str, select: str, *, location: str = "", view: str = ""
    ) -> None:
        described = self.engine.execute(f"describe {select}").fetchall()
        columns = [{"Name": row[0], "Type": HIVE_TYPES.get(row[1], row[1].lower())} for row in described]
        storage: dict[str, Any] = {"Columns": columns, "Location": location}
        table: dict[str, Any] = {"Name": name, "StorageDescriptor": storage}
        if view:
            table |= {"TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true"}}
            table |= {"ViewOriginalText": view, "ViewExpandedText": "/* Presto View */"}
        else:
            table |= {
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
            }
            reads, writes, serde = athena._STORED_AS["parquet"]
            storage |= {"InputFormat": reads, "OutputFormat": writes}
            storage["SerdeInfo"] = {"SerializationLibrary": serde}
        _done(glue._create_table({"DatabaseName": database, "TableInput": table}))

    def _drop(self, tree: exp.Drop) -> Outcome:
        target = tree.find(exp.Table)
        assert target is not None
        if tree.args["kind"] == "VIEW":
            status, _, body = glue._delete_table(
                {"DatabaseName": target.db or self.database, "Name": target.name}
            )
        else:
            name = (target.this or target.args["db"]).name
            status, _, body = glue._delete_database({"Name": name})
        if status != 200 and not tree.args["exists"]:
            raise QueryFailedError(json.loads(body)["message"])
        return Outcome()


def _done(answer: tuple[int, dict[str, str], bytes]) -> None:
    status, _, body = answer
    if status != 200:
        raise QueryFailedError(json.loads(body)["message"])
