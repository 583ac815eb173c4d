"""How the facts of one dataset are gathered from its status and its log, and what its readers may not see is left out."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from datahub_dagster.adapters.parquet_sample import ParquetSampler
from datahub_dagster.adapters.site.facts import CHECKS_SHOWN, INCIDENTS_SHOWN, Answer, DatasetFacts
from datahub_dagster.adapters.site.links import Links
from datahub_dagster.adapters.site.snippets import Place, snippets
from datahub_dagster.domain.alert import Incident
from datahub_dagster.domain.audit import Sample
from datahub_dagster.domain.contract import Consumer, Contract, ContractBook
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.impact import Reader, impact_of
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.promise import Promise, promise_of
from datahub_dagster.domain.redact import report_without_secrets, without_secrets
from datahub_dagster.domain.redact_rules import check_shown, rules_without_values
from datahub_dagster.domain.release import (
    Generation,
    ReleaseState,
)
from datahub_dagster.domain.sampling import columns_to_sample
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.domain.view import ReleasedFile, files_read
from datahub_dagster.errors import CorruptError, HubError
from datahub_dagster.ports import Hub, ReleaseLog

_MOST_RELEASES_LISTED = 24  # of more releases than this only the newest partition's files are looked up


def gather_dataset(
    hub: Hub,
    status: DatasetStatus,
    *,
    book: ContractBook,
    links: Links,
    reports: Sequence[SloReport],
    incidents: Sequence[Incident],
    now: datetime,
    is_public: bool = False,
    sampler: ParquetSampler | None = None,
    sample_rows: int = 0,
    place: Place | None = None,
) -> DatasetFacts:
    """The facts of a dataset. What can't be read is told in `problem`, so that one dataset stops no other.

    Args:
        hub: The hub; only its log is read.
        status: How the dataset stands at `now`.
        book: All contracts and consumers.
        links: Which tests read which datasets; of the book.
        reports: How the dataset's SLOs were kept up to `now`.
        incidents: Those of the dataset that were open at some time of the last `INCIDENTS_SHOWN`.
        now: The instant (UTC) at which all of that was looked at.
        is_public: Whether anybody may read the pages: then rows are shown of what is classified as public alone.
        sampler: Takes samples of rows; None = there are none.
        sample_rows: How many rows at most.
        place: Where consumers find the data; None = in the hub's own folder.
    """
    contract = rules_without_values(status.contract)
    versions, problem = _versions_or_problem(hub, status)
    consumers = book.consumers_of(contract.name)
    facts = DatasetFacts(
        status=replace(
            status,
            contract=contract,
            outcomes=tuple(
                without_secrets(status.contract, each, is_public=is_public, versions=versions)
                for each in status.outcomes
            ),
            failing_checks=tuple(check_shown(status.contract, each) for each in status.failing_checks),
        ),
        now=now,
        is_public=is_public,
        slos=reports,
        versions=versions,
        consumers=consumers,
        readers=_readers(contract, consumers, (), now, ()),
        neighbours=links.of_dataset(contract.name),
        incidents=[each for each in incidents if _is_told(each, now)],
        samples_reason="unpublished",
        fault=next((fault for fault in book.faults if fault.team == contract.team and fault.is_broken), None),
        problem=_placeless(hub, problem),
    )
    if problem:
        return facts
    try:
        facts = _with_log(facts, status.contract, hub.log, sampler, sample_rows)
    except HubError as error:
        return replace(facts, problem=_placeless(hub, error.headline))
    return replace(facts, snippets=snippets(contract, status.current, facts.files, place or Place()))


def _placeless(hub: Hub, text: str) -> str:
    """A text that names places in the hub without saying where this machine has the hub."""
    root = hub.storage.uri(Location("x")).removesuffix("x")
    return text.replace(root, "")


def _versions_or_problem(hub: Hub, status: DatasetStatus) -> tuple[Sequence[ContractVersion], str]:
    if status.problem:
        return (), status.problem
    try:
        return _versions(hub.log, status.contract.name), ""
    except HubError as error:
        return (), error.headline


def _versions(log: ReleaseLog, name: DatasetName) -> Sequence[ContractVersion]:
    """The contract's versions that can be read: one that is corrupt is missing from the changelog, and takes nothing else with it."""
    found: list[ContractVersion] = []
    for at in log.contract_instants(name):
        with suppress(CorruptError):
            if version := log.contract_version(name, at):
                found.append(version)
    return found


def _with_log(
    facts: DatasetFacts,
    whole_contract: Contract,
    log: ReleaseLog,
    sampler: ParquetSampler | None,
    sample_rows: int,
) -> DatasetFacts:
    contract, now = facts.contract, facts.now
    generations = log.generations(contract.name)
    promises = _promises(log, contract, facts.consumers, now)
    files = _files(log, facts.status.current)
    samples, reason = _samples(facts, files, sampler, sample_rows)
    return replace(
        facts,
        generations=generations,
        promises=promises,
        readers=_readers(contract, facts.consumers, generations, now, promises),
        answers=_answers(log, facts, whole_contract),
        pins=log.pins(contract.name),
        files=files,
        samples=samples,
        samples_reason=reason,
    )


def _answers(
    log: ReleaseLog, facts: DatasetFacts, whole_contract: Contract
) -> Mapping[str, Sequence[Answer]]:
    contract, now = facts.contract, facts.now
    found: list[Answer] = []
    for outcome in facts.status.outcomes:
        record = outcome.record
        if record and record.audit:
            is_published = record.state is ReleaseState.PUBLISHED
            found += [
                Answer(
                    result=result,
                    at=record.finished_at,
                    release=record.release_id,
                    is_of_published=is_published,
                )
                for result in record.audit.results
            ]
    # The newest check counts however old it is.
    checks = dict([check for check in [log.last_check(contract.name)] if check])
    checks |= dict(log.checks(contract.name, now - CHECKS_SHOWN))
    for at, report in checks.items():
        shown = report_without_secrets(
            whole_contract, report, is_public=facts.is_public, versions=facts.versions, at=at
        )
        found += [Answer(result=each, at=at) for each in shown.results]
    answers: dict[str, list[Answer]] = {}
    for answer in sorted(found, key=lambda each: each.at):
        answers.setdefault(answer.result.unique_id, []).append(answer)
    return answers


def _files(log: ReleaseLog, current: Generation | None) -> Sequence[ReleasedFile]:
    if current is None:
        return ()
    partitions = current.partitions
    if len(current.releases) > _MOST_RELEASES_LISTED:
        newest = max(partitions)
        partitions = {newest: partitions[newest]}
    lists = log.file_lists(current.dataset, frozenset(partitions.values()))
    # By release, then by path.
    return [
        file
        for each in lists.values()
        for file in sorted(files_read([each], partitions), key=lambda file: file.path)
    ]


def _samples(
    facts: DatasetFacts, files: Sequence[ReleasedFile], sampler: ParquetSampler | None, rows: int
) -> tuple[Sample | None, str | None]:
    """Some rows, or why there are none."""
    columns = columns_to_sample(facts.contract, is_public=facts.is_public)
    if not columns:
        if not facts.contract.columns:
            return None, "no-columns"
        may_be_shown = facts.is_public and columns_to_sample(facts.contract, is_public=False)
        return None, "not-public" if may_be_shown else "confidential"
    if sampler is None or rows < 1:
        return None, "off"
    if not files:
        return None, "unpublished"
    try:
        return sampler.sample(files, columns, rows), None
    except HubError:
        return None, "unreadable"


def _promises(
    log: ReleaseLog, contract: Contract, consumers: Sequence[Consumer], now: datetime
) -> Sequence[Promise]:
    noted = [each for each in log.promises(contract.name) if each.valid_from <= now]
    current = promise_of(contract, consumers, now)
    return [*noted, current] if noted and not current.is_as(noted[-1]) else noted


def _readers(
    contract: Contract,
    consumers: Sequence[Consumer],
    generations: Sequence[Generation],
    now: datetime,
    promises: Sequence[Promise],
) -> Sequence[Reader]:
    # Without the other datasets, whose tests are among the neighbours already.
    alone = ContractBook(datasets={contract.name: contract}, consumers=tuple(consumers))
    readers = impact_of(contract, alone, generations, now, promises).readers
    return [_steady(contract, reader, generations, now, promises) for reader in readers]


def _steady(
    contract: Contract,
    reader: Reader,
    generations: Sequence[Generation],
    now: datetime,
    promises: Sequence[Promise],
) -> Reader:
    """The reader, affected by no age that counts from now on: nobody noted yet that it is promised, and nothing ever came."""
    hurt = reader.affected
    noted = tuple(
        slo for slo in reader.slos if not (slo.max_age and hurt and hurt.at == now + slo.max_age + slo.grace)
    )
    if noted == reader.slos:
        return reader
    promised, without_own = replace(contract, freshness_slos=noted), replace(reader.consumer, slos={})
    (other,) = _readers(promised, (without_own,), generations, now, promises)
    return replace(reader, affected=other.affected)


def _is_told(incident: Incident, now: datetime) -> bool:
    return incident.closed_at is None or incident.closed_at >= now - INCIDENTS_SHOWN
