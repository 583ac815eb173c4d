"""One difference between two contracts, and how it is told."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")


class ChangeKind(StrEnum):
    """What a change means for those who read: `breaking` takes something away, `additive` gives more, `editorial` does neither."""

    BREAKING = "breaking"
    ADDITIVE = "additive"
    EDITORIAL = "editorial"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractChange:
    """One difference between two contracts.

    Args:
        subject: What changed (`column close`, `test unique of ticker`, `slo freshness`, `licence`); empty = the dataset itself.
        text: What became of it, in English; one of a fixed set of texts, so that it can be translated.
        was: What the older contract says, None = nothing.
        now: What the newer one says, likewise.
    """

    kind: ChangeKind
    subject: str
    text: str
    was: str | None = None
    now: str | None = None


def breaking(subject: str, text: str, was: object = None, now: object = None) -> ContractChange:
    """Something that was promised is no longer."""
    return _change(ChangeKind.BREAKING, subject, text, was, now)


def additive(subject: str, text: str, was: object = None, now: object = None) -> ContractChange:
    """More is promised than before."""
    return _change(ChangeKind.ADDITIVE, subject, text, was, now)


def editorial(subject: str, text: str, was: object = None, now: object = None) -> ContractChange:
    """As much is promised as before."""
    return _change(ChangeKind.EDITORIAL, subject, text, was, now)


def moved(
    subject: str,
    was: T,
    now: T,
    *,
    worse: tuple[str, bool],
    better: str,
    say: Callable[[T], Any] = str,
) -> tuple[ContractChange, ...]:
    """The change of a value that has a better and a worse direction; none if it is the same.

    Args:
        subject: What it belongs to.
        was: The older value.
        now: The newer one.
        worse: What is said if less is promised now, and whether it is.
        better: What is said if more is promised.
        say: The value as people read it.
    """
    if was == now:
        return ()
    text, is_worse = worse
    if is_worse:
        return (breaking(subject, text, say(was), say(now)),)
    return (additive(subject, better, say(was), say(now)),)


def _change(kind: ChangeKind, subject: str, text: str, was: object, now: object) -> ContractChange:
    return ContractChange(kind=kind, subject=subject, text=text, was=_said(was), now=_said(now))


def _said(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
