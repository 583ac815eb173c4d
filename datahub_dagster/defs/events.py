"""Releases and rollbacks as Dagster's materializations; what was not published as observations.

A materialization says what is published. A rejected release therefore never makes one: it is an observation, with its
release id and the reason, beside the check evaluations that refused it (see `answers`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from datahub_dagster.defs.history import column_table, contract_table, lateness
from datahub_dagster.defs.metadata import docs_page
from datahub_dagster.defs.names import asset_key
from datahub_dagster.defs.preview import first_rows
from datahub_dagster.defs.published import lists_of
from datahub_dagster.defs.tables import sample_table, text_table
from datahub_dagster.domain import words
from datahub_dagster.domain.audit import CheckStatus
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.cost import cost_of
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import DueVerdict, Generation, ReleaseRecord, ReleaseState
from datahub_dagster.domain.view import ReleasedFile, files_read
from datahub_dagster.ports import Hub

MOST_PARTITION_EVENTS = 100
DATA_VERSION_TAG = "dagster/data_version"
RELEASE_TAG, GENERATION_TAG = "hub/release", "hub/generation"

Reported = dg.AssetMaterialization | dg.AssetObservation


def events_of_outcome(
    hub: Hub, contract: Contract, outcome: Outcome, docs_url: str = ""
) -> Sequence[Reported]:
    """What Dagster is told of a delivery that has ended: the newest event last, which is the one that the UI shows first."""
    record = outcome.record
    if record is None:
        facts = {"delivery": outcome.receipt.delivery.name, "release": str(outcome.release_id)}
        return [dg.AssetObservation(asset_key(contract.name), description=outcome.why, metadata=facts)]
    return events_of_record(hub, contract, record, docs_url)


def events_of_record(
    hub: Hub, contract: Contract, record: ReleaseRecord, docs_url: str = ""
) -> Sequence[Reported]:
    """The same for a delivery that has a record."""
    metadata = _facts(hub, contract, record, docs_url)
    generation = hub.log.generation(contract.name, record.generation) if record.generation else None
    if generation is None:
        said = f"release {record.release_id} was {record.state.value}: {record.why}"
        return [
            dg.AssetObservation(
                asset_key(contract.name),
                description=said,
                metadata=metadata,
                tags=_tags(record.release_id, None),
            )
        ]
    files = _files(hub, record)
    if changes := contract_table(hub, contract, generation):
        metadata["contract changed"] = changes
    if columns := column_table(contract, record):
        metadata["columns"] = columns
    if preview := first_rows(hub, contract, files):
        metadata["preview"] = sample_table(preview)
    held = [key for key in record.partitions if generation.partitions.get(key) == record.release_id]
    return _materializations(
        contract,
        held,
        description=f"release {record.release_id} {record.why}",
        metadata=metadata,
        rows=_rows_by_partition(files),
        due=record.due,
        tags=_tags(record.release_id, generation.number),
    )


def events_of_rollback(
    hub: Hub, contract: Contract, generation: Generation, docs_url: str = ""
) -> Sequence[dg.AssetMaterialization]:
    """What Dagster is told of a rollback: for each partition that is read from another release than before.

    The facts are those of a release: rows, files and bytes of what it brought back, and the rows of the whole dataset.
    """
    before = hub.log.generation(contract.name, generation.number - 1)
    held = before.partitions if before else {}
    changed = [key for key, release_id in generation.partitions.items() if held.get(key) != release_id]
    removed = sorted(key for key in held if key not in generation.partitions)
    keys = changed or sorted(generation.partitions)[-1:]
    published = files_read(lists_of(hub, generation), generation.partitions)
    brought = [file for file in published if file.partition in keys]
    record = hub.log.record_location(contract.name, generation.release_id)
    metadata: dict[str, Any] = _docs(contract, docs_url) | {
        "release": str(generation.release_id),
        "generation": generation.number,
        "rolled back to generation": generation.restores,
        "reason": generation.reason,
        "rows": sum(file.rows for file in brought),
        "files": len(brought),
        "bytes": sum(file.size for file in brought),
        "dagster/row_count": sum(file.rows for file in published),
        "published at": dg.MetadataValue.timestamp(generation.published_at),
        "by": generation.actor,
        "record": dg.MetadataValue.path(hub.storage.uri(record)),
    }
    if preview := first_rows(hub, contract, brought):
        metadata["preview"] = sample_table(preview)
    if removed:
        metadata["partitions no longer published"] = ", ".join(removed)
    said = f"rolled back to generation {generation.restores} (release {generation.release_id}): {generation.reason}"
    return _materializations(
        contract,
        keys,
        description=said,
        metadata=metadata,
        rows=_rows_by_partition(brought),
        tags=_tags(generation.release_id, generation.number),
    )


def _materializations(
    contract: Contract,
    keys: Sequence[str],
    *,
    description: str,
    metadata: dict[str, Any],
    rows: Mapping[str, int],
    tags: Mapping[str, str],
    due: Sequence[DueVerdict] = (),
) -> Sequence[dg.AssetMaterialization]:
    """One event, or one for each partition of which the newest tells everything.

    The others tell the figures, which Dagster plots over partitions: what it knows of one is its newest event.
    """
    asset = asset_key(contract.name)
    if contract.partitions is None:
        return [dg.AssetMaterialization(asset, description=description, metadata=metadata, tags=tags)]
    newest = sorted(keys)[-MOST_PARTITION_EVENTS:]
    metadata["partitions"] = _keys_text(sorted(keys))
    late = lateness(due)
    brief = {
        name: value
        for name, value in metadata.items()
        if name in ("release", "delivery") or (isinstance(value, (int, float)) and name not in late)
    }
    return [
        dg.AssetMaterialization(
            asset,
            partition=key,
            description=description,
            metadata=(metadata if key == newest[-1] else brief)
            | lateness(each for each in due if each.business_date == key)
            | ({"dagster/partition_row_count": rows[key]} if key in rows else {}),
            tags=tags,
        )
        for key in newest
    ]


def _keys_text(keys: Sequence[str]) -> str:
    note = f"; the newest {MOST_PARTITION_EVENTS} have an event" if len(keys) > MOST_PARTITION_EVENTS else ""
    return words.keys(keys, limit=12) + note


def _facts(hub: Hub, contract: Contract, record: ReleaseRecord, docs_url: str) -> dict[str, Any]:
    """What is told of a release, the most asked for first."""
    place = hub.storage.uri(hub.log.record_location(contract.name, record.release_id))
    metadata: dict[str, Any] = {} if record.state is ReleaseState.PUBLISHED else {"why": record.why}
    metadata |= _docs(contract, docs_url)
    metadata |= {"release": str(record.release_id), "delivery": record.delivery, "state": record.state.value}
    if record.generation is not None:
        metadata["generation"] = record.generation
    metadata |= {"rows": record.rows, "files": record.files, "bytes": record.bytes}
    if record.dataset_rows is not None:
        metadata["dagster/row_count"] = record.dataset_rows
    if record.published_at:
        metadata["published at"] = dg.MetadataValue.timestamp(record.published_at)
    if record.due:
        metadata["due"] = text_table([_verdict(each) for each in record.due], _VERDICT_COLUMNS)
        metadata |= lateness(record.due)
    if record.warnings:
        metadata["warnings"] = "\n".join(record.warnings)
    if record.audit:
        failed = [result for result in record.audit.results if result.status is not CheckStatus.PASS]
        metadata["checks that failed"] = len(failed)
    if record.step_seconds:
        metadata["seconds"] = round(sum(record.step_seconds.values()), 3)
        metadata["seconds by step"] = ", ".join(
            f"{step} {took:.3f}" for step, took in record.step_seconds.items()
        )
    if cost := cost_of([record.audit]):
        metadata["bytes scanned"] = cost.bytes_scanned
        metadata["engine seconds"] = round(cost.engine_seconds, 3)
        metadata["queries"] = cost.queries
    return metadata | {"by": record.actor, "record": dg.MetadataValue.path(place)}


def _docs(contract: Contract, docs_url: str) -> dict[str, Any]:
    return {"docs": dg.MetadataValue.url(docs_page(docs_url, contract))} if docs_url else {}


_VERDICT_COLUMNS = ("business date", "kept", "promise", "deadline")


def _verdict(verdict: DueVerdict) -> dict[str, str]:
    late = f"late by {words.duration(timedelta(seconds=verdict.late_seconds))}"
    return {
        "promise": verdict.slo,
        "business date": verdict.business_date,
        "deadline": words.instant(verdict.due_at),
        "kept": "yes" if verdict.met else late,
    }


def _files(hub: Hub, record: ReleaseRecord) -> Sequence[ReleasedFile]:
    files = hub.log.file_list(record.dataset, record.release_id)
    return files.files if files else ()


def _rows_by_partition(files: Iterable[ReleasedFile]) -> Mapping[str, int]:
    rows: dict[str, int] = {}
    for file in files:
        rows[file.partition] = rows.get(file.partition, 0) + file.rows
    return rows


def _tags(release_id: ReleaseId, generation: int | None) -> dict[str, str]:
    tags = {RELEASE_TAG: str(release_id), DATA_VERSION_TAG: str(release_id)}
    return tags | ({GENERATION_TAG: str(generation)} if generation else {})
