"""What the doctor finds, as values."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`fault` must be mended; `note` is worth knowing."""

    FINE = "fine"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    found: str
    next_step: str = ""


Findings = Iterator[Finding]


def fine(subject: str, found: str) -> Finding:
    """Something is as it should be."""
    return Finding(level=Level.FINE, subject=subject, found=found)


def note(subject: str, found: str, next_step: str = "") -> Finding:
    """Something is worth knowing; the hub works without it."""
    return Finding(level=Level.NOTE, subject=subject, found=found, next_step=next_step)


def fault(subject: str, found: str, next_step: str) -> Finding:
    """Something must be mended."""
    return Finding(level=Level.FAULT, subject=subject, found=found, next_step=next_step)
