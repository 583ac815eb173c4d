"""Which part of a query's WHERE speaks of partition keys only, so that other partitions needn't be read."""

# pyright: reportMissingImports=false
from sqlglot import exp

from tests.emulator import dialect


def partition_condition(reference: exp.Table, keys: list[str]) -> str:
    """DuckDB's SQL over the partition keys that every row of this table in the query must meet; "" if none is known.

    Looks at the WHERE of the SELECT that names the table. Trino sees more: conditions outside of a subquery, and
    values from a join. So this may read more than Athena would, never less.
    """
    select = reference.find_ancestor(exp.Select)
    if not keys or select is None or not isinstance(reference.parent, exp.From | exp.Join):
        return ""
    where = select.args.get("where")
    if where is None:
        return ""
    if any(join.side or join.kind == "SEMI" for join in select.args.get("joins") or []):
        return ""  # rows of an outer join may come from the other side
    alone = not select.args.get("joins")
    parts = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
    return " and ".join(
        f"({dialect.translate(_unqualified(part))})"
        for part in parts
        if _speaks_of(part, keys, reference.alias_or_name, alone=alone)
    )


def _speaks_of(part: exp.Expr, keys: list[str], table: str, *, alone: bool) -> bool:
    columns = list(part.find_all(exp.Column))
    if not columns or part.find(exp.Query):
        return False
    return all(
        column.name.lower() in keys and (column.table == table if column.table else alone)
        for column in columns
    )


def _unqualified(part: exp.Expr) -> exp.Expr:
    return part.transform(lambda node: exp.column(node.this) if isinstance(node, exp.Column) else node)
