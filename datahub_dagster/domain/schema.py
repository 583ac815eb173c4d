"""Types: what a team promises, what a Parquet file holds, and whether one keeps the other.

Both are put into the same words: `varchar bigint integer smallint tinyint double real decimal(p,s) boolean date timestamp
timestamptz time varbinary array struct map`. A promise in other words than these, or their usual spellings in dbt, Athena and
DuckDB, can't be checked.
"""

import re

_SPELLINGS = {
    "varchar": (
        "string",
        "text",
        "char",
        "character varying",
        "character",
        "str",
        "bpchar",
        "nvarchar",
        "json",
        "uuid",
        "enum",
    ),
    "bigint": ("int8", "int64", "long", "signed"),
    "integer": ("int", "int4", "int32"),
    "smallint": ("int2", "int16", "short"),
    "tinyint": ("int1", "byteint"),
    "double": ("float8", "float64", "double precision"),
    "real": ("float4", "float", "float32"),
    "decimal": ("numeric", "dec", "number"),
    "boolean": ("bool", "logical"),
    "date": (),
    "timestamp": ("datetime", "timestamp without time zone", "timestamp_ntz"),
    "timestamptz": ("timestamp with time zone", "timestamp_tz", "timestamp_ltz"),
    "time": ("time without time zone",),
    "varbinary": ("binary", "bytea", "blob", "bytes"),
    "array": ("list",),
    "struct": ("row", "record"),
    "map": (),
}
_WORD_OF = {spelling: word for word, spellings in _SPELLINGS.items() for spelling in (word, *spellings)}

# What a promise takes besides itself: everything that widens without loss. Spark and pandas write instants as "adjusted to
# UTC", and Athena has no other word than timestamp for them, so that `timestamp` takes both.
_WIDENS = {
    "smallint": {"tinyint"},
    "integer": {"smallint", "tinyint", "usmallint", "utinyint"},
    "bigint": {"integer", "smallint", "tinyint", "uinteger", "usmallint", "utinyint"},
    "double": {"real"},
    "timestamp": {"timestamptz"},
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_NESTED = {"array", "struct", "map"}


def canonical(promised: str) -> str | None:
    """A promised type in the words of this module; None if it is in no known words.

    >>> canonical("VARCHAR(20)"), canonical("Int64"), canonical("numeric(10, 2)"), canonical("array<string>")
    ('varchar', 'bigint', 'decimal(10,2)', 'array')
    >>> canonical("timestamp(3) with time zone"), canonical("geography")
    ('timestamptz', None)
    """
    text = " ".join(promised.strip().lower().split())
    if text.endswith("[]"):
        return "array"
    head = re.split(r"[<(\[]", text, maxsplit=1)[0].strip()
    parameters = re.search(r"\((.*?)\)", text)
    tail = re.sub(r"[<(\[].*?[>)\]]", "", text, count=1).strip() if parameters else text
    word = _WORD_OF.get(tail) or _WORD_OF.get(head)
    if word == "decimal" and parameters:
        precision, _, scale = parameters[1].replace(" ", "").partition(",")
        return f"decimal({precision},{scale or 0})"
    return word


def says_all(word: str) -> bool:
    """Whether a promised word says all that an engine has to know: `array` and `decimal` alone don't.

    >>> says_all("decimal(10,2)"), says_all("decimal"), says_all("struct")
    (True, False, False)
    """
    return word not in _NESTED and word != "decimal"


def keeps(promised: str, found: str) -> bool:
    """Whether a column found as `found` keeps the promise (both in the words of this module).

    Decimals widen in digits before and after the point; of nested types only the kind is compared.

    >>> keeps("bigint", "integer"), keeps("integer", "bigint"), keeps("decimal(12,2)", "decimal(10,2)")
    (True, False, True)
    """
    if promised == found or found in _WIDENS.get(promised, set()):
        return True
    if promised in _NESTED:
        return found.split("<")[0] == promised
    if promised == "decimal":
        return found.startswith("decimal(")
    wanted, held = _DECIMAL.fullmatch(promised), _DECIMAL.fullmatch(found)
    if wanted and held:
        digits, scale = int(wanted[1]), int(wanted[2])
        return int(held[2]) <= scale and int(held[1]) - int(held[2]) <= digits - scale
    return False
