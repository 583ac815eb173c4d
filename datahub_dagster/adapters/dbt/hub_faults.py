"""Checks a `hub` block, and says of each fault where it stands and which key was perhaps meant."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from datahub_dagster.adapters.dbt.block import Block
from datahub_dagster.adapters.dbt.hub_types import KnownCalendars

B = TypeVar("B", bound=Block)


@dataclass(frozen=True, slots=True)
class BlockFault:
    """What is wrong with one key: its path inside the block as it is written in the YAML, and a sentence."""

    path: tuple[str | int, ...]
    message: str
    next_step: str


def check(
    model: type[B], block: Any, calendars: KnownCalendars | None = None, root: str = "hub"
) -> tuple[B | None, Sequence[BlockFault]]:
    """The block as values, or all its faults. None is an empty block.

    Args:
        model: What may stand in it.
        block: What stands in it.
        calendars: The hub's calendar files.
        root: What people call the whole block.
    """
    if block is None:
        block = {}
    try:
        return model.model_validate(block, context=calendars), ()
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, [_fault(model, block, dict(detail), root) for detail in details]


def _fault(model: type[Block], block: Any, detail: dict[str, Any], root: str) -> BlockFault:
    location: tuple[str | int, ...] = detail["loc"]
    path = as_written(block, location)
    shown = ".".join([root, *map(str, path)])
    match detail["type"]:
        case "extra_forbidden":
            return _unknown_key(model, location, path, root)
        case "missing":
            return BlockFault(path, f"{shown} is missing", f"add {path[-1]}")
        case "model_type" | "dict_type":
            return BlockFault(
                path,
                f"{shown} must be a map of keys, not {detail['input']!r}",
                f"write {shown} as key: value lines",
            )
        case "tuple_type" | "list_type":
            return BlockFault(
                path,
                f"{shown} must be a list, not {detail['input']!r}",
                f"write [ ] around the value of {shown}",
            )
        case "value_error":
            return BlockFault(path, f"{shown}: {detail['ctx']['error']}", f"correct {shown}")
        case "enum" | "literal_error" | "string_pattern_mismatch":
            return BlockFault(
                path, f"{shown} can't be {detail['input']!r}: {_plain(detail['msg'])}", f"correct {shown}"
            )
        case _:
            return BlockFault(
                path, f"{shown}: {_plain(detail['msg'])}, not {detail['input']!r}", f"correct {shown}"
            )


def _plain(text: str) -> str:
    return text[:1].lower() + text[1:]


def _unknown_key(
    model: type[Block], location: Sequence[str | int], path: tuple[str | int, ...], root: str
) -> BlockFault:
    parent = _model_at(model, location[:-1])
    known = sorted(parent.keys()) if parent else []
    wrong = str(path[-1])
    place = ".".join([root, *map(str, path[:-1])])
    nearest = get_close_matches(wrong, known, n=1, cutoff=0.5)
    if nearest:
        return BlockFault(path, f"unknown key {wrong!r} under {place}; the nearest known key is {nearest[0]!r}",
                          f"rename {wrong} to {nearest[0]}, or remove it")  # fmt: skip
    return BlockFault(
        path, f"unknown key {wrong!r} under {place}; known are {', '.join(known)}", f"remove {wrong}"
    )


def as_written(block: Any, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Without the index that stands for a single map where a list is also allowed."""
    path: list[str | int] = []
    value: Any = block
    for part in location:
        if isinstance(part, int) and isinstance(value, dict):
            continue
        path.append(part)
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
    return tuple(path)


def _model_at(model: type[Block], location: Sequence[str | int]) -> type[Block] | None:
    current: type[Block] | None = model
    for part in location:
        if current is not None and isinstance(part, str) and part in current.keys():  # noqa: SIM118
            current = _model_in(current.keys()[part].annotation)
    return current


def _model_in(annotation: Any) -> type[Block] | None:
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
