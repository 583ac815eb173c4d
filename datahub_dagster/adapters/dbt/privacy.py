"""What of a failed test's rows and of an engine's messages may be shown: nothing that is confidential."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from datahub_dagster.domain.contract import Classification, Contract

MASK = "•••"
LONGEST = 200  # characters of one value that are shown

_COUNT = re.compile(r"n_records|(\w+_)?count|count\(.*\)|count_star\(\)")
_INTEGERS = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}
# What these say comes from the SQL's text. Any other error may quote a value.
_SAYS_NO_VALUES = re.compile(
    r"(Binder|Catalog|Parser|IO) Error\b|needs \S+, which was never released|\S+ can't be read"
    r"|(COLUMN|TABLE|SCHEMA|FUNCTION|TYPE)_NOT_FOUND\b|(SYNTAX_ERROR|TYPE_MISMATCH|AMBIGUOUS_NAME)\b"
)
_VALUES = re.compile(r"""'[^']*'|"[^"]*"|\d+(\.\d+)?""")
_A_COUNT = re.compile(r"\bcount(_if)?\s*\([^()]*(\([^()]*\))?[^()]*\)$")
# After any other word, or a bracket, a name is one that the query gives without `as`.
_BEFORE_A_COLUMN = re.compile(
    r"select|distinct|by|and|or|not|on|where|when|then|else|case|in|is|like|ilike|between|having|using|all|any|exists|over|partition"
    r"|order|group|limit|qualify|filter|asc|desc|union|except|intersect|values|from|join|as"
)
_COLUMN_LIST = re.compile(
    r"""(?:\bwith|\bas|,|\))\s*["`]?\w+["`]?\s*\(([\w\s,"`]*)\)\s*(?=as\b|where\b|join\b|[,)]|$)"""
)


@dataclass(frozen=True, slots=True)
class Privacy:
    """What of a test's rows may be shown.

    A test's SQL may call a confidential column by another name. So where anything is confidential, only what is known not to be
    is shown: the contract's other columns under their own names or plainly renamed, and counts.

    Args:
        strict: Whether anything that the test reads is confidential.
        hidden: Names of confidential columns, lower case. `shown`: names of the others that the contract promises.
    """

    strict: bool
    hidden: frozenset[str]
    shown: frozenset[str]

    @classmethod
    def of(cls, contract: Contract, others: Iterable[Mapping[str, Any]]) -> Self:
        """For a test of a dataset that reads `others` as well (nodes of dbt's manifest)."""
        hidden = set(contract.confidential_columns)
        # A dataset may be confidential as a whole and promise no column.
        strict = bool(hidden) or contract.classification is Classification.CONFIDENTIAL
        for node in others:
            names, whole = confidential(node)
            hidden |= names
            strict = strict or whole or bool(names)
        known = {column.name.lower() for column in contract.columns}
        if contract.partitions:
            known.add(contract.partitions.column.lower())
        return cls(strict, frozenset(hidden), frozenset(known - hidden))

    def shows(self, column: str, kind: str, sql: str) -> bool:
        """Whether the values of a column of the test's result may be shown; `kind` is its type, `sql` the test's query."""
        name = column.lower()
        if not self.strict:
            return True
        if kind.upper() in _INTEGERS and _COUNT.fullmatch(name) and name not in self.hidden:
            return _is_counted(name, sql.lower())
        return self._is_open(name, sql.lower(), frozenset())

    def message(self, text: str) -> str:
        """An engine's message without values; for a test that reads nothing confidential, as it is."""
        if not self.strict or _SAYS_NO_VALUES.match(text):
            return text
        return _VALUES.sub(MASK, text.partition("\n")[0])

    def _is_open(self, name: str, sql: str, seen: frozenset[str]) -> bool:
        if name in self.hidden or name in seen:
            return False
        renamed = [origin for origin in _origins(name, sql) if origin != name]
        if not renamed:
            return name in self.shown
        return all(origin is not None and self._is_open(origin, sql, seen | {name}) for origin in renamed)


def _is_counted(name: str, sql: str) -> bool:
    """Whether a column that is called like a count is one, wherever the query gives that name."""
    if "(" in name:  # the engine's own name for an expression
        return True
    given = re.finditer(rf"""\bas\s+["`]?{re.escape(name)}(?!\w)""", sql)
    counted = [bool(_A_COUNT.search(sql[: match.start()].rstrip())) for match in given]
    return bool(counted) and all(counted) and not _may_be_renamed(name, sql)


def _may_be_renamed(name: str, sql: str) -> bool:
    """Whether the query gives a name without `as`: `select email id`, `with r (id) as (…)`, `(…) as r (id)`."""
    word = rf"""["`]?{re.escape(name)}["`]?"""
    is_listed = re.compile(rf"(?<!\w){word}(?!\w)")
    if any(is_listed.search(match[1]) for match in _COLUMN_LIST.finditer(sql)):
        return True
    before = re.finditer(rf"""(\w+|["`)\]])\s+{word}(?![\w(.])""", sql)
    return not all(_BEFORE_A_COLUMN.fullmatch(match[1]) for match in before)


def _origins(name: str, sql: str) -> Iterator[str | None]:
    """What the query calls `name`: a column's name, or None for any other expression, or where it can't be told."""
    plain = re.compile(r"""(?:\bselect|\bdistinct|,)\s*(?:\w+\.)?["`]?(\w+)["`]?\s*$""")
    for match in re.finditer(rf"""\bas\s+["`]?{re.escape(name)}(?!\w)""", sql):
        before = plain.search(sql, 0, match.start())
        yield before[1] if before else None
    if _may_be_renamed(name, sql):
        yield None


def confidential(node: Mapping[str, Any]) -> tuple[set[str], bool]:
    """Names of a source's confidential columns (lower case), and whether the source is confidential as a whole."""
    own = _classification(node)
    columns = node.get("columns", {}).values()
    names = {
        column["name"].lower()
        for column in columns
        if (_classification(column) or own) == Classification.CONFIDENTIAL
    }
    return names, own == Classification.CONFIDENTIAL


def _classification(node: Mapping[str, Any]) -> str | None:
    for holder in (node.get("config") or {}, node):
        for key in ("meta", "source_meta"):
            hub = (holder.get(key) or {}).get("hub")
            if isinstance(hub, dict) and hub.get("classification"):
                return str(hub["classification"])
    return None
