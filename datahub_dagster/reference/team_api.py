"""docs/reference/team-api.md, from the models that check a team's YAML."""

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from datahub_dagster.adapters.dbt.block import Block
from datahub_dagster.adapters.dbt.calendar_files import CalendarFileBlock
from datahub_dagster.adapters.dbt.hub_block import ColumnBlock, ConsumerBlock, DataTestBlock, HubBlock
from datahub_dagster.reference.markdown import first_paragraph, head, table

_PLACES: tuple[tuple[str, type[Block], str], ...] = (
    (
        "A source or a table",
        HubBlock,
        (
            "Under `config.meta.hub` of a source or of one of its tables. A table inherits its source's block key by key; of "
            "`delivery`, `slo` and `retention` also the keys inside. A table with `mode: replace` doesn't inherit partitions."
        ),
    ),
    ("A column", ColumnBlock, "Under `config.meta.hub` of a column."),
    (
        "A data test",
        DataTestBlock,
        "Under `config.meta.hub` of a singular test. See [who owns a test](../explanation/tests-over-several-datasets.md).",
    ),
    (
        "A calendar file",
        CalendarFileBlock,
        (
            "The whole of `calendars/<name>.yml` in the dbt project: a calendar that every team may name. "
            "See [write a calendar](../how-to/write-a-calendar.md)."
        ),
    ),
    (
        "A consumer",
        ConsumerBlock,
        (
            "Under `config.meta.hub` of a dbt exposure. Its `depends_on` says which datasets it reads; write it as a list below the key, "
            "one `- source('equities', 'daily_prices')` a line: inside `[ ]` YAML splits it at the comma."
        ),
    ),
)

_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "m"))


def team_api_page() -> Iterator[str]:
    """Every key under `meta.hub`."""
    yield from head(
        "The team API",
        "A team publishes a dataset by writing a dbt source in `models/<team>/<any name>.yml`. The usual keys of dbt keep their meaning. "
        "What dbt has no key for stands under `config.meta.hub`, and is listed here.",
        "A source without a `hub` block is a dataset all the same, with the defaults. An unknown key is an error with file, line and the "
        "nearest known key: a promise that is misspelt would be a promise that nobody keeps.",
        "A **duration** is a number and one of `s m h d w`: `90m`, `30d`. A **time** is `HH:MM` in quotes: without them YAML "
        "reads `18:30` as "
        "1,110. A **calendar** is `daily`, `weekdays`, an ISO country code for its banking days (`JP`), an exchange's MIC (`XTKS`), a "
        "calendar file of the hub, or made of those: `XTKS and JP`, `XTKS or XNYS`, `5th of JP`, `2nd last of (XTKS and JP)`.",
    )
    for title, model, text in _PLACES:
        yield f"## {title}"
        yield ""
        yield text
        yield ""
        yield from table(("key", "type", "default", "meaning"), rows_of(model))


def rows_of(model: type[Block], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """A row for each key of a block, the keys inside a key after it."""
    schema = model.model_json_schema()
    for name, field in model.keys().items():
        node = schema["properties"][name]
        inner = _inner(field.annotation)
        is_list = _resolved(node, schema).get("type") == "array"
        is_map = isinstance(_resolved(node, schema).get("additionalProperties"), dict)
        key = f"{prefix}{name}{'[]' if inner and is_list else '.<dataset>' if inner and is_map else ''}"
        # The same words as in `slo.freshness` above: once is enough.
        is_known_elsewhere = is_map and inner is not None
        shown = "map, as `slo.freshness`" if is_known_elsewhere else _type(node, schema)
        yield (
            f"`{key}`",
            shown,
            _default(field),
            field.description or first_paragraph(inner.__doc__ if inner else ""),
        )
        if inner and not is_known_elsewhere:
            yield from rows_of(inner, f"{key}.")


def _inner(annotation: Any) -> type[Block] | None:
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation
    arguments = getattr(annotation, "__args__", ()) or ()
    return next((found for part in arguments if (found := _inner(part))), None)


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without `or null`, and with what a reference refers to."""
    options = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
    node = options[0] if options else node
    reference = node.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else node


def _type(node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    node = _resolved(node, schema)
    if values := node.get("enum"):
        return ", ".join(f"`{value}`" for value in values)
    match node.get("type"):
        case "array":
            return _list_of(_type(node["items"], schema))
        case "object" if isinstance(node.get("additionalProperties"), dict):
            return f"map: dataset → {_type(node['additionalProperties'], schema)}"
        case "object":
            return "map"
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return f"number, {node['minimum']} or more" if "minimum" in node else "number"
        case "number":
            return "share, above 0 to 1"
        case _:
            return _text_type(node)


def _list_of(kind: str) -> str:
    """A list in words.

    >>> _list_of("e-mail address"), _list_of("text"), _list_of("`a`, `b`")
    ('list of e-mail addresses', 'list of texts', 'list of `a`, `b`')
    """
    plural = "" if kind.endswith("`") else "es" if kind.endswith("s") else "s"
    return f"list of {kind}{plural}"


def _text_type(node: Mapping[str, Any]) -> str:
    pattern = str(node.get("pattern", ""))
    if (
        pattern.startswith("^(")
        and pattern.endswith(")$")
        and "|" in pattern
        and "\\" not in pattern
        and "[" not in pattern
    ):
        return ", ".join(f"`{value}`" for value in pattern[2:-2].split("|"))
    if known := {"date": "date", "email": "e-mail address"}.get(str(node.get("format"))):
        return known
    examples = node.get("examples")
    kinds = {
        "90m": "duration",
        "18:30": "time",
        "1.2.0": "version (SemVer)",
        "Asia/Tokyo": "time zone (IANA)",
        "0 6 * * *": "cron, five fields",
    }
    return kinds.get(str(examples[0]), "text") if examples else "text"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or isinstance(value, BaseModel) or value in ((), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        return f"`{_duration(value)}`"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    return f"`{value.isoformat() if isinstance(value, date | time) else value}`"


def _duration(value: timedelta) -> str:
    """A duration as a team would write it.

    >>> _duration(timedelta(days=90)), _duration(timedelta(0))
    ('90d', '0m')
    """
    for unit, letter in _UNITS:
        if value >= unit and not value % unit:
            return f"{value // unit}{letter}"
    return "0m" if not value else f"{int(value.total_seconds())}s"
