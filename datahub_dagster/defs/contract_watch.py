"""Which checks a changed contract owes, and whose files broke or were mended: what the sensor `contracts_changed` decides."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datahub_dagster.defs.names import check_names
from datahub_dagster.domain.contract import Contract, ContractFault, digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A dataset as it was at the last look.

    Args:
        fingerprint: Of its contract.
        owed: Checks that have not run since the contract changed: the code location doesn't know them until it is reloaded.
        faults: A digest of what was wrong with the team's files; empty = nothing.
    """

    fingerprint: str
    owed: tuple[str, ...] = ()
    faults: str = ""


def owed_checks(now: Contract, known: Known | None) -> tuple[str, ...]:
    """The checks that are to run on what is published. At the first look none are."""
    if known is None:
        return ()
    names = check_names(now)
    changed = known.fingerprint != now.fingerprint
    return tuple(name for name in names if changed or name in known.owed)


def faults_digest(faults: Sequence[ContractFault]) -> str:
    """Whether faults are the same as before.

    >>> faults_digest([])
    ''
    """
    return digest(*map(str, faults)) if faults else ""


def write_cursor(known: Mapping[str, Known]) -> str:
    """What was seen, as the sensor keeps it until its next tick."""
    rows = {name: [each.fingerprint, list(each.owed), each.faults] for name, each in sorted(known.items())}
    return json.dumps(rows, separators=(",", ":"))


def read_cursor(text: str | None) -> dict[str, Known]:
    """The other way round; empty before the first tick."""
    return {
        name: Known(fingerprint=fingerprint, owed=tuple(owed), faults=faults)
        for name, (fingerprint, owed, faults) in json.loads(text or "{}").items()
    }
