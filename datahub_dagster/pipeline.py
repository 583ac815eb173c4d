"""A delivery's way, top to bottom: receive, validate, stage, audit, publish, observe, document.

Every caller, command line or Dagster, goes through these functions. What a step does stands in `steps/`, what it decides in
`domain/`, and how bytes, queries and messages travel in `adapters/`, behind the ports of `Hub`.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from datahub_dagster.domain import words
from datahub_dagster.domain.alert import Baseline, Incident, Message
from datahub_dagster.domain.audit import AuditReport, blocks
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import Receipt, next_number
from datahub_dagster.domain.gc import Removal
from datahub_dagster.domain.inbox import InboxEntry
from datahub_dagster.domain.monitor import MAX_AGE, Health, MonitorTick
from datahub_dagster.domain.names import Location, ReleaseId
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import Generation, ReleaseRecord
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.errors import AlreadyExistsError, ConflictError, UnknownReleaseError
from datahub_dagster.ports import Hub, OnStep, Purpose, Rendered, StepEvent, Storage, silent
from datahub_dagster.steps import alerts, hand_in, noticed, observe, publish, receive, retain
from datahub_dagster.steps.acknowledge import accept_failure, acknowledge_incidents, take_back
from datahub_dagster.steps.audit import audit_candidate, audit_published
from datahub_dagster.steps.inbox import delivery_folder, look_into_inbox
from datahub_dagster.steps.monitor import look_at_monitors, tick
from datahub_dagster.steps.preview import Preview
from datahub_dagster.steps.slo import slo_reports
from datahub_dagster.steps.stage import stage
from datahub_dagster.steps.stand import dataset_status
from datahub_dagster.steps.validate import validate

_ATTEMPTS = 50  # a release that loses the race to publish so often has met something else than luck


def release(
    hub: Hub,
    contract: Contract,
    delivery: str,
    *,
    actor: str,
    run_id: str | None = None,
    again: bool = False,
    on_step: OnStep = silent,
) -> Outcome:
    """Take one delivery of the inbox all the way, and say how it ended.

    Doing it again, after a crash too, ends where an undisturbed call would. Bad data are an outcome, not an error. What was
    rejected stays so while neither the files nor the contract change, unless it is asked for `again`: what a test read of
    another dataset may have changed.

    Raises:
        DeliveryError: There is no such delivery, or it is not complete.
        StorageError, CorruptError, EngineError: Something outside failed; the same call can be made again.
        ConflictError: Others kept publishing first, time and again.
    """
    way = _Way(contract, on_step)

    with way.step("receive", delivery):
        receipt = receive.receive(hub, contract, delivery, actor, again=again)
    way.receipt = receipt
    if receipt.repeats:
        return Outcome(receipt=receipt, record=None)
    if known := hub.log.record(contract.name, receipt.release_id):
        publish.update_catalog(hub, contract)
        return Outcome(receipt=receipt, record=known, is_news=False)
    record = observe.base_record(hub, contract, receipt, run_id, actor)

    with way.step("validate", words.plural(len(receipt.delivery.files), "file")):
        validated = validate(hub, contract, receipt.delivery, hub.log.current(contract.name))
    if validated.faults and not hub.log.file_list(contract.name, receipt.release_id):
        return _end(hub, contract, way, observe.invalid(record, validated))

    with way.step("stage", words.plural(len(validated.files), "file")):
        staged = stage(hub, contract, receipt, validated, on_step)
    if isinstance(staged, Fault):
        return _end(hub, contract, way, observe.invalid(record, validated, staged))
    record = observe.with_files(record, staged, validated)

    for _ in range(_ATTEMPTS):
        # Looked up before the next question, or another process with this very release slips in between.
        current = hub.log.current(contract.name)
        if generation := publish.published_as(hub, contract, receipt.release_id):
            break  # an interrupted call got so far

        plan = publish.plan(hub, contract, receipt, record.partitions, current)
        if plan.changes_nothing:
            return _end(hub, contract, way, observe.overtaken(record))

        with way.step("audit", words.plural(len(contract.tests), "test")):
            report = audit_candidate(hub, contract, plan)
        if against := blocks(contract, report.results):
            return _end(hub, contract, way, observe.blocked(record, plan, report, against))

        with way.step("publish", f"generation {plan.next_generation}"):
            try:
                generation = publish.publish(hub, contract, plan, actor)
            except AlreadyExistsError:
                continue  # somebody was faster: what was audited is no longer what would be published
        break
    else:
        raise ConflictError(
            f"release {receipt.release_id} found another publication in its way {_ATTEMPTS} times",
            subject=str(contract.name),
            consumers="read what the others published; this delivery is still in the inbox",
            next_step=f"datahub release {contract.name} --delivery {delivery}",
        )

    with way.step("observe", f"generation {generation.number}"):
        applied = publish.update_catalog(hub, contract)
        warnings = (*validated.warnings, *applied.foreign)
        record = observe.published(hub, contract, record, generation, warnings)
    return _end(hub, contract, way, record)


def document(hub: Hub, *, with_dbt_docs: bool) -> Rendered:
    """The last step, for all datasets at once: render the pages from contracts and records."""
    return hub.site.render(hub, with_dbt_docs=with_dbt_docs)


def docs_are_stale(hub: Hub) -> bool:
    """Whether the pages are to be rendered: something happened since the last time, or the clock alone changed what they tell."""
    return hub.site.is_stale(hub)


def copy_docs(hub: Hub, target: Storage) -> int:
    """Put the pages as they are now into another storage, below `docs/`; how many files were written there."""
    return hub.site.copy(target)


def preview(hub: Hub, contract: Contract, delivery: str) -> Preview:
    """What `release` would do with a delivery, without doing any of it: the plan, and the faults."""
    listed = hub.storage.list_files(delivery_folder(contract, delivery))
    delivered = receive.read_delivery(hub, contract, delivery, listed)
    number = next_number(hub.log.receipts(contract.name))
    known = receive.find_receipt(hub, contract, delivered)
    receipt = known or receive.draft_receipt(hub, contract, delivered, number, listed)
    current = hub.log.current(contract.name)
    validated = validate(hub, contract, delivered, current)
    repeats = receipt.repeats
    plan = None
    if not validated.faults and not repeats:
        plan = publish.plan(hub, contract, receipt, validated.partitions, current)
    return Preview(
        delivery=delivered, plan=plan, faults=validated.faults, repeats=repeats, rows=validated.rows
    )


def inbox(hub: Hub, contract: Contract) -> Sequence[InboxEntry]:
    """What lies in a dataset's inbox, in the order in which it was completed; reads no data."""
    return look_into_inbox(hub, contract)


def deliver(hub: Hub, contract: Contract, source: Path, name: str, *, full: bool = False) -> Location:
    """Bring a file or a folder of this machine into the inbox, `_SUCCESS` last.

    Raises:
        DeliveryError: There is nothing to deliver, or a name can't be taken.
        AlreadyExistsError: The name is taken by other content.
    """
    return hand_in.hand_in(hub, contract, source, name, full=full)


def fetch(hub: Hub, contract: Contract) -> str | None:
    """Bring what the contract's `delivery.source` holds into the inbox; None if that content was the last received."""
    return hand_in.fetch_source(hub, contract)


def check(hub: Hub, contracts: Sequence[Contract], *, on_step: OnStep = silent) -> Sequence[AuditReport]:
    """Run the tests of datasets on what is published, in one go. Datasets that were never published are left out."""
    for contract in contracts:
        tests = words.plural(len(contract.tests), "test")
        on_step(StepEvent(dataset=contract.name, step="audit", message=tests))
    return audit_published(hub, contracts)


def rollback(
    hub: Hub, contract: Contract, to_generation: int, *, reason: str, actor: str, on_step: OnStep = silent
) -> Generation:
    """Publish the content of an older generation as a new one.

    Raises:
        UnknownReleaseError: There is no such generation, or it is the published one.
        RetentionError: Some of its files are no longer kept.
    """
    way = _Way(contract, on_step)
    with way.step("publish", f"the content of generation {to_generation}"):
        generation = publish.take_up_again(hub, contract, to_generation, reason=reason, actor=actor)
        publish.update_catalog(hub, contract)
    with way.step("observe", f"generation {generation.number}"):
        noticed.raise_for_rollback(hub, contract, generation)
    return generation


def reconcile(hub: Hub, contract: Contract) -> Sequence[str]:
    """Make the catalog and the records agree with the log after any crash; what was mended, a sentence each."""
    mended: list[str] = []
    applied = publish.update_catalog(hub, contract)
    mended += applied.foreign
    if applied.changed:
        current = hub.log.current(contract.name)
        mended.append(f"the catalog shows generation {current.number if current else 0} again")
    for receipt in hub.log.receipts(contract.name):
        if receipt.repeats or hub.log.record(contract.name, receipt.release_id):
            continue
        generation = publish.published_as(hub, contract, receipt.release_id)
        staged = hub.log.file_list(contract.name, receipt.release_id)
        if generation is None or staged is None:
            continue  # still under way, or it waits in the inbox to be taken up again
        validated = validate(hub, contract, receipt.delivery, None)
        record = observe.base_record(hub, contract, receipt, None, receipt.actor)
        record = observe.with_files(record, staged, validated)
        record = observe.published(hub, contract, record, generation, validated.warnings)
        observe.keep(hub, contract, record, {})
        mended.append(f"release {receipt.release_id} has its record")
    return mended


def collect(hub: Hub, contract: Contract, *, dry_run: bool) -> Sequence[Removal]:
    """Remove what retention lets go (`datahub gc`): a plan, which is carried out unless it is a dry run."""
    removals = retain.plan_removals(hub, contract)
    return removals if dry_run else retain.carry_out(hub, contract, removals)


def pin(hub: Hub, contract: Contract, release_id: ReleaseId, reason: str | None) -> None:
    """Keep a release whatever retention says; a reason of None lets it go again.

    Raises:
        UnknownReleaseError: The dataset has no such release, or its data are no longer kept.
    """
    if reason is None:
        hub.log.unpin(contract.name, release_id)
        return
    with hub.log.claim(contract.name, {release_id}, Purpose.USE, hub.clock.now()) as going:
        if going or hub.log.file_list(contract.name, release_id) is None:
            raise UnknownReleaseError(
                f"there are no data of a release {release_id} to keep",
                subject=str(contract.name),
                found="retention is removing them at this moment" if going else None,
                next_step=f"datahub releases {contract.name}",
            )
        hub.log.pin(contract.name, release_id, reason)


def tell(hub: Hub) -> Sequence[Message]:
    """Deal with what was noticed, and send what people are to be told by now; the messages that were made or tried.

    Never fails: what goes wrong is logged, and waits for the next call.
    """
    return alerts.tell(hub)


def acknowledge(hub: Hub, incidents: Sequence[str], *, reason: str, actor: str) -> Sequence[Incident]:
    """Note who takes care of open incidents, so that nobody is reminded of them; the beginning of an id is enough.

    Raises:
        UsageError: No open incident has that id, or several begin with it; none was acknowledged.
        ConflictError: Alerts are being dealt with all the time.
    """
    return acknowledge_incidents(hub, incidents, reason=reason, actor=actor)


def accept(hub: Hub, contract: Contract, check: str, *, until: datetime, reason: str, actor: str) -> Baseline:
    """Accept a failing check, or an SLO that is missed, until an instant (UTC): people are told only if it gets worse.

    Raises:
        UsageError: The dataset has no such check, or the instant has passed.
        RefusedError: Nothing is wrong with it.
    """
    return accept_failure(hub, contract, check, until=until, reason=reason, actor=actor)


def accept_no_longer(hub: Hub, contract: Contract, check: str) -> None:
    """Tell people of a failure again that was accepted.

    Raises:
        UsageError: It was not accepted.
    """
    take_back(hub, contract, check)


def status(hub: Hub, contracts: Sequence[Contract] | None = None) -> Sequence[DatasetStatus]:
    """How datasets stand, in the order of their contracts; None = every dataset, by name."""
    wanted = hub.contracts_by_name() if contracts is None else contracts
    return [dataset_status(hub, contract) for contract in wanted]


def slo(
    hub: Hub,
    contracts: Sequence[Contract],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[SloReport]:
    """How the SLOs of datasets were kept, those of consumers too, by dataset.

    Args:
        hub: The hub.
        contracts: Whose.
        since: From when on it is counted (UTC); None = over each SLO's rolling window.
        until: Until when (UTC, exclusive); None = until now.
    """
    book, now = hub.book(), hub.clock.now()
    return [
        report
        for contract in contracts
        for report in slo_reports(
            hub, contract, book.consumers_of(contract.name), now, since=since, until=until
        )
    ]


def monitor(
    hub: Hub, contracts: Sequence[Contract], *, scope: str, confirmed: int | None, most: int = 300
) -> MonitorTick:
    """One tick of the monitor: evaluate every SLO of which something may be new, and raise the alerts. Sends none: that is `tell`.

    What was due since the last tick is caught up with, however long ago that was. Killed at any moment, or run twice at once, it
    does no harm: the next tick goes on.

    Args:
        hub: The hub.
        contracts: All that this scope answers for; one that is left out is forgotten.
        scope: Who asks: each has a memory and a heartbeat of its own (`monitor/<scope>/`).
        confirmed: The number of the tick whose evaluations the caller has stored, 0 before the first; they are handed out again
            until they are confirmed. None = it stores none, and nothing is kept for it.
        most: How many evaluations are handed out, and budgets reckoned, in one tick; the others wait for the next.
    """
    return tick(hub, contracts, scope=scope, confirmed=confirmed, most=most)


def monitor_health(hub: Hub, max_age: timedelta = MAX_AGE) -> Health:
    """Whether every SLO of the hub was evaluated lately by some monitor; reads signs of life and contracts alone.

    Args:
        hub: The hub.
        max_age: How old a sign of life may be.
    """
    return look_at_monitors(hub, max_age)


def _end(hub: Hub, contract: Contract, way: "_Way", record: ReleaseRecord) -> Outcome:
    assert way.receipt is not None
    kept, is_news = observe.keep(hub, contract, record, way.seconds)
    way.tell(kept.state.value, kept.why)
    return Outcome(receipt=way.receipt, record=kept, is_news=is_news)


@dataclass
class _Way:
    """Where a delivery is on its way, and how long each step took."""

    contract: Contract
    on_step: OnStep
    receipt: Receipt | None = None
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def step(self, name: str, message: str) -> Iterator[None]:
        self.tell(name, message)
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - begun, 6)

    def tell(self, step: str, message: str) -> None:
        release_id = self.receipt.release_id if self.receipt else None
        self.on_step(StepEvent(dataset=self.contract.name, step=step, message=message, release_id=release_id))
