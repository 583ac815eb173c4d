"""Athena's SQL (Trino's) as SQL that DuckDB runs with the same meaning; what can't be said is refused.

sqlglot translates names and syntax. Here is what it leaves different; functions that DuckDB lacks are in trino.sql.
"""

# pyright: reportMissingImports=false
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tests.emulator.failures import QueryFailedError

FUNCTIONS = Path(__file__).with_name("trino.sql")


def open_engine() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that knows Trino's functions; each query runs on a `cursor()` of it."""
    engine = duckdb.connect(":memory:")
    engine.execute("set global timezone = 'UTC'")
    engine.execute(FUNCTIONS.read_text(encoding="utf-8"))
    return engine


def parse(query: str) -> exp.Expr:
    """The one statement of `query`.

    Raises:
        QueryFailedError: It isn't one, or reads an older version of a table: there is none of a Hive table.
    """
    try:
        trees = [tree for tree in sqlglot.parse(query, read="athena") if tree is not None]
    except SqlglotError as problem:
        raise QueryFailedError(f"SYNTAX_ERROR: {problem}") from problem
    if len(trees) != 1:
        raise QueryFailedError("Only one sql statement is allowed")
    if next(trees[0].find_all(exp.Version), None):
        raise QueryFailedError("NOT_SUPPORTED: This connector does not support versioned tables")
    return trees[0]


def translate(tree: exp.Expr) -> str:
    """The statement in DuckDB's words."""
    return _name_columns(tree.transform(_translate_node)).sql(dialect="duckdb")


def _translate_node(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.Column() if node.args.get("db"):  # a table is replaced by a view, which no schema holds
            return exp.column(node.this, table=node.args["table"])
        case exp.Div():
            return exp.func("trino_divide", node.this, node.expression)
        case exp.Add() | exp.Sub() if _has_interval(node):
            name = "trino_plus" if isinstance(node, exp.Add) else "trino_minus"
            return exp.func(name, node.this, node.expression)
        case exp.DateAdd():
            amount = exp.func("trino_interval", _unit(node), node.expression)
            return exp.func("trino_plus", node.this, amount)
        case exp.TimestampTrunc() | exp.DateTrunc():
            return exp.func("trino_date_trunc", _unit(node), node.this)
    return node


def _has_interval(node: exp.Expr) -> bool:
    return any(isinstance(side, exp.Interval) for side in (node.this, node.expression))


def _unit(node: exp.Expr) -> exp.Expr:
    return exp.Literal.string(node.args["unit"].name.lower())


def _name_columns(tree: exp.Expr) -> exp.Expr:
    """Athena calls a column without a name _col0, by its place; DuckDB by its text."""
    for query in tree.find_all(exp.Select):
        if query.parent is None or isinstance(query.parent, exp.SetOperation):
            columns = [
                column if _has_name(column) else exp.alias_(column, f"_col{place}")
                for place, column in enumerate(query.expressions)
            ]
            query.set("expressions", columns)
    return tree


def _has_name(column: exp.Expr) -> bool:
    return isinstance(column, exp.Alias | exp.Column | exp.Dot | exp.Star)
