"""What the doctor finds, as values."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from datahub_dagster.errors import HubError


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


def guarded(subject: str, look: Callable[[], Findings]) -> Findings:
    """What is found, and the error that ended the search as one finding more."""
    try:
        yield from look()
    except HubError as error:
        yield fault_of(subject, error)
    except OSError as error:
        yield Finding(
            level=Level.FAULT,
            subject=subject,
            found=f"{type(error).__name__}: {error}",
            next_step=f"ls -l {os.curdir}",
        )


def fault_of(subject: str, error: HubError) -> Finding:
    """An error as a finding."""
    found = f"{error.headline}: {error.found}" if error.found else error.headline
    if error.promised:
        found += f"; promised: {error.promised}"
    return Finding(level=Level.FAULT, subject=subject, found=found, next_step=error.next_step or "")
