"""What a release changes over time: how late it is, what its columns hold, what the contract says anew."""

from collections.abc import Iterable

import dagster as dg

from datahub_dagster.defs.tables import text_table
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Classification, Contract
from datahub_dagster.domain.contract_change import ContractChange
from datahub_dagster.domain.contract_changes import contract_changes
from datahub_dagster.domain.release import DueVerdict, Generation, ReleaseRecord
from datahub_dagster.domain.statistics import ColumnStatistics
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Hub

MOST_COLUMNS, MOST_CHANGES, LONGEST_VALUE = 100, 20, 60
_COLUMNS = ("column", "nulls", "values")
_CHANGES = ("kind", "subject", "what", "was", "now")


def lateness(verdicts: Iterable[DueVerdict]) -> dict[str, float]:
    """How late, against each SLO, in minutes: negative = early. Of several business dates the newest."""
    return {
        f"{verdict.slo}: late (minutes)": round(verdict.late_seconds / 60, 2)
        for verdict in sorted(verdicts, key=lambda each: each.business_date)
    }


def column_table(contract: Contract, record: ReleaseRecord) -> dg.TableMetadataValue | None:
    """What the footers of a release say of its columns; None where they say nothing."""
    rows = [_column(contract, record, each) for each in record.statistics[:MOST_COLUMNS]]
    return text_table(rows, _COLUMNS) if rows else None


def _column(contract: Contract, record: ReleaseRecord, found: ColumnStatistics) -> dict[str, str]:
    """A column. What was told when it was open is not told any more once it is confidential."""
    is_secret = (
        contract.classification is Classification.CONFIDENTIAL
        or found.name.lower() in contract.confidential_columns
    )
    nulls = "–"
    if found.nulls is not None:
        share = (
            f" ({words.share(round(found.nulls / record.rows, 4))})" if found.nulls and record.rows else ""
        )
        nulls = f"{words.count(found.nulls)}{share}"
    return {
        "column": found.name,
        "nulls": nulls,
        "values": "" if is_secret or found.low is None else f"{found.low} to {found.high}",
    }


def contract_table(hub: Hub, contract: Contract, generation: Generation) -> dg.TableMetadataValue | None:
    """How the contract of a generation differs from that of the one before it; None if it doesn't, or nobody noted it."""
    before = hub.log.generation(contract.name, generation.number - 1) if generation.number > 1 else None
    if before is None or before.contract_fingerprint == generation.contract_fingerprint:
        return None
    try:
        noted = {
            each.contract.fingerprint: each.contract for each in hub.log.contract_versions(contract.name)
        }
    except HubError:  # no reason to call a good release a failure
        return None
    noted[contract.fingerprint] = contract
    old, new = noted.get(before.contract_fingerprint), noted.get(generation.contract_fingerprint)
    changes = contract_changes(old, new) if old and new else ()
    # Examples are values: the dataset's page tells those that anybody may see.
    rows = [_change(each) for each in changes if not each.text.startswith("examples")]
    return text_table(rows[:MOST_CHANGES], _CHANGES) if rows else None


def _change(change: ContractChange) -> dict[str, str]:
    return {
        "kind": change.kind.value,
        "subject": change.subject or "dataset",
        "what": change.text,
        "was": _short(change.was),
        "now": _short(change.now),
    }


def _short(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= LONGEST_VALUE else f"{line[: LONGEST_VALUE - 1]}…"
