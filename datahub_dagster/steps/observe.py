"""Observe: the record beside the data, lateness against each due time, and what people should hear of it."""

from collections.abc import Mapping
from dataclasses import replace

from datahub_dagster.domain import words
from datahub_dagster.domain.audit import AuditReport, Block, CheckStatus
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.plan import ReleasePlan
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import Generation, GenerationKind, ReleaseRecord, ReleaseState
from datahub_dagster.domain.slo import publications_of, verdicts_for_release
from datahub_dagster.domain.validation import Validated
from datahub_dagster.domain.view import FileList
from datahub_dagster.errors import RetentionError
from datahub_dagster.ports import Hub
from datahub_dagster.steps import noticed
from datahub_dagster.steps.contract_history import note_at_publication
from datahub_dagster.steps.views import view_of


def base_record(
    hub: Hub, contract: Contract, receipt: Receipt, run_id: str | None, actor: str
) -> ReleaseRecord:
    """What every record holds, whatever the outcome; it says rejected until something better is known."""
    return ReleaseRecord(
        dataset=contract.name,
        release_id=receipt.release_id,
        state=ReleaseState.REJECTED,
        team=contract.team,
        delivery=receipt.delivery.name,
        fingerprint=receipt.delivery.fingerprint,
        contract_version=contract.version,
        contract_fingerprint=contract.fingerprint,
        mode=contract.delivery.mode,
        received_at=receipt.received_at,
        finished_at=hub.clock.now(),
        files=len(receipt.delivery.files),
        bytes=receipt.delivery.bytes,
        actor=actor,
        run_id=run_id,
    )


def invalid(record: ReleaseRecord, validated: Validated, fault: Fault | None = None) -> ReleaseRecord:
    """The record of a delivery that validation, or staging, refused."""
    return replace(
        record,
        rows=validated.rows,
        partitions=validated.partitions,
        columns=validated.columns,
        statistics=validated.statistics,
        faults=(*validated.faults, *([fault] if fault else [])),
        warnings=validated.warnings,
    )


def with_files(record: ReleaseRecord, staged: FileList, validated: Validated) -> ReleaseRecord:
    """The record of a delivery that was staged."""
    rows = sum(file.rows for file in staged.files)
    return replace(
        record,
        rows=rows,
        bytes=sum(file.size for file in staged.files),
        files=len(staged.files),
        partitions=tuple(sorted({file.partition for file in staged.files})),
        columns=staged.columns,
        # An interrupted call staged it; by now some of the delivery may be gone from the inbox.
        statistics=validated.statistics if validated.rows == rows else (),
    )


def blocked(
    record: ReleaseRecord, plan: ReleasePlan, report: AuditReport, blocks: tuple[Block, ...]
) -> ReleaseRecord:
    """The record of a candidate that its audit refused."""
    return replace(
        record, base_generation=plan.base_generation, replaced=plan.replaced, audit=report, blocks=blocks
    )


def overtaken(record: ReleaseRecord) -> ReleaseRecord:
    """The record of a release whose partitions later deliveries had taken before it could be published."""
    return replace(record, state=ReleaseState.SUPERSEDED)


def published(
    hub: Hub, contract: Contract, record: ReleaseRecord, generation: Generation, warnings: tuple[str, ...]
) -> ReleaseRecord:
    """The record of a published release; all from the log, so that an interrupted call is completed the same."""
    earlier = [older for older in hub.log.generations(contract.name) if older.number < generation.number]
    held = frozenset(earlier[-1].partitions) if earlier else frozenset[str]()
    ever_held = {key for older in earlier for key in older.partitions}
    released_at = [older.published_at for older in earlier if older.kind is GenerationKind.RELEASE]
    try:
        view = view_of(hub.log, contract.name, generation.partitions, contract)
    except RetentionError:  # it took so long to be told of that later releases, and retention, came first
        view = None
    report = hub.log.audit(
        contract.name, record.release_id, generation.number - 1, generation.contract_fingerprint
    )
    return replace(
        record,
        state=ReleaseState.PUBLISHED,
        generation=generation.number,
        base_generation=generation.number - 1,
        published_at=generation.published_at,
        contract_version=generation.contract_version,
        contract_fingerprint=generation.contract_fingerprint,
        replaced=tuple(key for key in record.partitions if key in held),
        dataset_rows=view.rows if view else None,
        dataset_bytes=view.bytes if view else None,
        audit=report,
        warnings=(*warnings, *_warnings(contract, report)),
        due=verdicts_for_release(
            contract.freshness_slos,
            [key for key in record.partitions if key not in ever_held],
            contract.delivery.mode,
            generation.published_at,
            spec=contract.partitions,
            first_published_at=released_at[0] if released_at else None,
            last_published_at=released_at[-1] if released_at else None,
            brought=record.partitions,
            before=publications_of(earlier),
        ),
    )


def keep(
    hub: Hub, contract: Contract, record: ReleaseRecord, step_seconds: Mapping[str, float]
) -> tuple[ReleaseRecord, bool]:
    """Raise the alerts that follow, and write the record. A call that was interrupted in between raises them twice, never not.

    Returns:
        The record that counts, and whether it is this one: somebody else may have ended the same release first.
    """
    begun_at = record.published_at or record.received_at
    # A clock that went backwards must not end a delivery before it came.
    finished = replace(record, finished_at=max(hub.clock.now(), begun_at), step_seconds=dict(step_seconds))
    if finished.state is ReleaseState.PUBLISHED:
        note_at_publication(hub, contract)
    noticed.raise_for_record(hub, contract, finished)
    kept = hub.log.add_record(finished)
    return kept, kept is finished


def _warnings(contract: Contract, report: AuditReport | None) -> tuple[str, ...]:
    if not contract.tests:
        return (f"{contract.origin}: the contract has no test, so that nothing was audited",)
    labels = {test.unique_id: test.label for test in contract.tests}
    return tuple(
        f"{labels.get(result.unique_id, result.check_name)}: {words.plural(result.failures or 0, 'failure')}"
        for result in (report.results if report else ())
        if result.status is CheckStatus.WARN
    )
