"""Types in Glue's words (Hive's), as Athena reads them out of Parquet, and what it can't read.

What Athena takes: https://docs.aws.amazon.com/athena/latest/ug/data-types.html. Its reader of Parquet is Trino's `ColumnReaderFactory`,
which takes the bits of an unsigned number for those of a signed one: what fits into the next larger signed type is safe, if the
file stores it in more bits than it needs, as Parquet does with 8 and 16 bits.
"""

import re
from collections.abc import Iterator

from datahub_dagster.domain.schema import canonical

LONGEST_NAME = 255

_TYPES = {
    "varchar": "string",
    "bigint": "bigint",
    "integer": "int",
    "smallint": "smallint",
    "tinyint": "tinyint",
    "usmallint": "int",
    "utinyint": "smallint",
    "double": "double",
    "real": "float",
    "decimal": "decimal(38,9)",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
    "varbinary": "binary",
    # Promised without what is inside, and held by no file yet: all null.
    "array": "array<string>",
    "struct": "struct<unknown:string>",
    "map": "map<string,string>",
}
_WHY_NOT = {
    "time": "Athena has no time of day in its tables (write text, or a timestamp)",
    "uinteger": "Athena reads unsigned 32 bits as signed, so that large values go wrong (write bigint)",
    "ubigint": "Athena reads unsigned 64 bits as signed, so that large values go wrong (write decimal(20,0), or bigint)",
    "null": "it has no type, since all its values are null (write the type that it will have)",
}
_DECIMAL = re.compile(r"decimal\((\d+),(-?\d+)\)")
_NESTED = re.compile(r"(array|struct|map)<(.*)>", re.DOTALL)
_FIELD = re.compile(r"\w+")


class NoTypeError(Exception):
    """Athena has no type for it; says why."""


def glue_type(word: str | None) -> str:
    """A type in the words of `domain.schema` as Glue has it.

    Raises:
        NoTypeError: Athena can't read it.

    >>> glue_type("varchar"), glue_type("timestamptz"), glue_type("decimal(10,2)"), glue_type("usmallint")
    ('string', 'timestamp', 'decimal(10,2)', 'int')
    >>> glue_type("array<struct<At:timestamptz,note:map<varchar,integer>>>")
    'array<struct<at:timestamp,note:map<string,int>>>'
    """
    text = (word or "varchar").strip()
    if nested := _NESTED.fullmatch(text):
        return _nested_type(nested[1], nested[2])
    if decimal := _DECIMAL.fullmatch(text):
        precision, scale = int(decimal[1]), int(decimal[2])
        if precision > 38 or not 0 <= scale <= precision:
            raise NoTypeError(f"Athena has decimals of up to 38 digits, none of them {text}")
        return text
    known = _TYPES.get(text) or _TYPES.get(canonical(text) or "")
    if known is None or text in _WHY_NOT:
        raise NoTypeError(_WHY_NOT.get(text, f"Athena has no type {text}"))
    return known


_WHOLE_NUMBERS = ("tinyint", "smallint", "int", "bigint")  # each fits in those after it


def reads(held: str, shown: str) -> bool:
    """Whether Athena shows a column as one type where a file holds another, instead of failing with HIVE_BAD_DATA.

    Whole numbers may grow, and so may fractions; decimals may change their digits. Nothing becomes text by itself.

    >>> (
    ...     reads("integer", "bigint"),
    ...     reads("bigint", "integer"),
    ...     reads("real", "double"),
    ...     reads("double", "varchar"),
    ... )
    (True, False, True, False)
    """
    try:
        old, new = glue_type(held), glue_type(shown)
    except NoTypeError:
        return True  # an objection of its own
    if old in _WHOLE_NUMBERS and new in _WHOLE_NUMBERS:
        return _WHOLE_NUMBERS.index(old) <= _WHOLE_NUMBERS.index(new)
    are_decimals = bool(_DECIMAL.fullmatch(old) and _DECIMAL.fullmatch(new))
    return old == new or are_decimals or (old, new) == ("float", "double")


def objection(name: str, word: str) -> str | None:
    """Why Athena can't show a column of that name and type; None if it can.

    >>> objection("opens_at", "time")
    'Athena has no time of day in its tables (write text, or a timestamp)'
    >>> objection("id", "bigint") is None
    True
    """
    if len(name) > LONGEST_NAME:
        return f"Glue takes names of up to {LONGEST_NAME} characters, and this one has {len(name)}"
    if not name.isprintable() or name != name.strip() or "," in name or not name:
        return "Athena takes no name with a comma, a control character, or a space at either end"
    try:
        glue_type(word)
    except NoTypeError as error:
        return str(error)
    return None


def _nested_type(kind: str, inside: str) -> str:
    parts = list(_split(inside))
    if kind == "array":
        return f"array<{glue_type(inside)}>"
    if kind == "map":
        return f"map<{','.join(glue_type(part) for part in parts)}>"
    fields = [part.rpartition(":") if "<" not in part else part.partition(":") for part in parts]
    for name, _, _ in fields:
        if not _FIELD.fullmatch(name):
            raise NoTypeError(f"Athena takes letters, digits and '_' in a struct's names, not {name!r}")
    return f"struct<{','.join(f'{name.lower()}:{glue_type(of)}' for name, _, of in fields)}>"


def _split(text: str) -> Iterator[str]:
    """The parts between commas that stand in no brackets."""
    depth, start = 0, 0
    for place, char in enumerate(text):
        depth += (char in "<(") - (char in ">)")
        if char == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]
