"""Whether a promised type takes more or less than another one."""

import re
from enum import StrEnum

from datahub_dagster.domain.schema import canonical, keeps, says_all

_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_LENGTH = re.compile(r"\((\d+)\)")


class TypeChange(StrEnum):
    """How a type differs from an older one. `changed`: some values of the older one can't be held, or mean something else."""

    SAME = "same"
    WIDENED = "widened"
    NARROWED = "narrowed"
    CHANGED = "changed"


def type_change(was: str, now: str) -> TypeChange:
    """How a promised type differs from what was promised before, whatever spelling a team chose.

    An instant with a time zone and one without are two things, though the one is taken where the other is promised.

    >>> type_change("INT", "bigint"), type_change("varchar(20)", "varchar(10)"), type_change("text", "string")
    (<TypeChange.WIDENED: 'widened'>, <TypeChange.NARROWED: 'narrowed'>, <TypeChange.SAME: 'same'>)
    """
    if _spelled(was) == _spelled(now):
        return TypeChange.SAME
    older, newer = canonical(was), canonical(now)
    if older is None or newer is None or {older, newer} == {"timestamp", "timestamptz"}:
        return TypeChange.CHANGED
    if older == newer:
        return _by_length(was, now) if says_all(older) else TypeChange.CHANGED
    if keeps(newer, older):
        return TypeChange.WIDENED
    return TypeChange.NARROWED if keeps(older, newer) else TypeChange.CHANGED


def _by_length(was: str, now: str) -> TypeChange:
    """Of one word with two lengths, such as `varchar(20)`; without one it takes all."""
    lengths = [int(found[1]) if (found := _LENGTH.search(text)) else None for text in (was, now)]
    older, newer = lengths
    if older == newer:
        return TypeChange.SAME
    return (
        TypeChange.WIDENED if newer is None or (older is not None and newer > older) else TypeChange.NARROWED
    )


def _spelled(promised: str) -> str:
    """The type in one spelling, what it is nested in included."""
    text = re.sub(r"\s*([<>(),:\[\]])\s*", r"\1", " ".join(promised.lower().split()))
    return _WORD.sub(lambda word: canonical(word[0]) or word[0], text)
