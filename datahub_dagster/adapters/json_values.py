"""Domain values as JSON: releases and places as plain text, everything else field by field.

The domain knows no framework, so that what pydantic must know of its values is told from here.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from datahub_dagster.domain.names import Location, ReleaseId

T = TypeVar("T")


def _as_text(kind: type[Any], parse: Callable[[str], Any]) -> None:
    def schema(_source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from_text = core_schema.no_info_after_validator_function(parse, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(kind), from_text]),
            serialization=core_schema.to_string_ser_schema(),
        )

    kind.__get_pydantic_core_schema__ = schema


# A generation of a hundred partitions names a few releases a hundred times: reading it is thirty times as fast so.
_as_text(ReleaseId, lru_cache(65_536)(ReleaseId.parse))
_as_text(Location, Location)


@cache
def json_of(kind: type[T]) -> TypeAdapter[T]:
    """Reads and writes one kind of value. Raises pydantic's `ValidationError` on what can't be read."""
    return TypeAdapter(kind)
