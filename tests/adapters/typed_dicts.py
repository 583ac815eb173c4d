"""Says whether a value of JSON is what a TypedDict says, to the last key: pydantic can not on Python 3.11."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


def differences(value: object, kind: Any, where: str = "document") -> Iterator[str]:
    """Every place where a value is not of its kind, and what is there instead."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if is_typeddict(kind):
        yield from _of_dict(value, kind, where)
    elif origin is Literal:
        if value not in args:
            yield f"{where}: {value!r} is none of {args}"
    elif origin in (Union, UnionType):
        if all(any(True for _ in differences(value, each)) for each in args):
            yield f"{where}: {value!r} is none of {args}"
    elif origin is list and isinstance(value, list):
        for index, each in enumerate(value):
            yield from differences(each, args[0], f"{where}[{index}]")
    elif origin is dict and isinstance(value, dict):
        for key, each in value.items():
            yield from differences(each, args[1], f"{where}.{key}")
    elif not _is_plain(value, kind):
        yield f"{where}: {value!r} is no {kind}"


def _of_dict(value: object, kind: Any, where: str) -> Iterator[str]:
    hints = get_type_hints(kind)
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no {kind.__name__}"
        return
    yield from (f"{where}.{key} is missing" for key in kind.__required_keys__ - value.keys())
    yield from (f"{where}.{key} is not in the schema" for key in value.keys() - hints.keys())
    for key in value.keys() & hints.keys():
        yield from differences(value[key], hints[key], f"{where}.{key}")


def _is_plain(value: object, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind) if kind in (str, bool, NoneType) else False
