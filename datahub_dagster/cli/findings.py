"""How an error that ends a look becomes one finding more."""

import os
from collections.abc import Callable

from datahub_dagster.domain.finding import Finding, Findings, fault
from datahub_dagster.errors import HubError


def guarded(subject: str, look: Callable[[], Findings]) -> Findings:
    """What is found, and the error that ended the search as one finding more."""
    try:
        yield from look()
    except HubError as error:
        yield fault_of(subject, error)
    except OSError as error:
        yield fault(subject, f"{type(error).__name__}: {error}", f"ls -l {os.curdir}")


def fault_of(subject: str, error: HubError) -> Finding:
    """An error as a finding."""
    found = f"{error.headline}: {error.found}" if error.found else error.headline
    if error.promised:
        found += f"; promised: {error.promised}"
    return fault(subject, found, error.next_step or "")
