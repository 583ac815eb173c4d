"""Pages about many datasets, from what a build remembers of each: no log is read, no matter how many datasets there are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.documents.dataset import short_of
from datahub_dagster.adapters.site.documents.incidents import incident_documents
from datahub_dagster.adapters.site.documents.parts import fault_document, slo_document
from datahub_dagster.adapters.site.documents.schema import (
    SCHEMA_VERSION,
    ChangesDocument,
    ConsumerDocument,
    DatasetDocument,
    DatasetShort,
    Event,
    Person,
    ReaderDocument,
    Reading,
    SiteDocument,
    Sunset,
    TeamDocument,
    TeamShort,
)
from datahub_dagster.domain import words
from datahub_dagster.domain.alert import Incident
from datahub_dagster.domain.contract import Consumer, ContractBook
from datahub_dagster.domain.names import DatasetName

_MOST_REMEMBERED = 50
_MOST_OF_TEAM = 100
_MOST_OF_HUB = 300


class Gist(TypedDict):
    """What a build remembers of a dataset between two builds."""

    short: DatasetShort
    support: list[Person]
    license_terms: str | None
    readers: list[ReaderDocument]
    events: list[Event]  # the newest first


def gist_of(document: DatasetDocument) -> Gist:
    """What is to be remembered of a dataset."""
    return Gist(
        short=short_of(document),
        support=document["support"],
        license_terms=document["license_terms"],
        readers=document["lineage"]["consumers"],
        events=document["events"][:_MOST_REMEMBERED],
    )


def consumer_documents(book: ContractBook, gists: Mapping[str, Gist]) -> list[ConsumerDocument]:
    """All consumers, by label."""
    ordered = sorted(book.consumers, key=lambda each: (each.label or each.name, each.unique_id))
    return [_consumer(consumer, book, gists) for consumer in ordered]


def team_documents(
    book: ContractBook, gists: Mapping[str, Gist], incidents: Sequence[Incident]
) -> list[TeamDocument]:
    """All teams that have a dataset, or files that are broken, by name.

    Args:
        book: All contracts and consumers.
        gists: Of each dataset.
        incidents: Those that were open at some time of the last `INCIDENTS_SHOWN`.
    """
    teams = {gist["short"]["team"] for gist in gists.values()} | {fault.team for fault in book.faults}
    return [_team(team, book, gists, incidents) for team in sorted(teams)]


def site_document(
    book: ContractBook,
    gists: Mapping[str, Gist],
    consumers: Sequence[ConsumerDocument],
    incidents: Sequence[Incident],
) -> SiteDocument:
    """`status.json`: all datasets in short, by name."""
    shorts = [gists[name]["short"] for name in sorted(gists)]
    return SiteDocument(
        schema_version=SCHEMA_VERSION,
        datasets=shorts,
        teams=[
            TeamShort(
                team=team,
                page=paths.team_page(team),
                datasets=sum(short["team"] == team for short in shorts),
                needs_attention=sum(short["team"] == team and short["needs_attention"] for short in shorts),
            )
            for team in sorted({short["team"] for short in shorts} | {fault.team for fault in book.faults})
        ],
        consumers=list(consumers),
        contract_faults=[fault_document(fault) for fault in book.faults],
        incidents=incident_documents(each for each in incidents if each.is_open),
    )


def changes_document(
    book: ContractBook, gists: Mapping[str, Gist], incidents: Sequence[Incident]
) -> ChangesDocument:
    """What changed lately in the whole hub, and what will end."""
    labels = {consumer.name: consumer.label or consumer.name for consumer in book.consumers}
    return ChangesDocument(
        schema_version=SCHEMA_VERSION,
        events=_newest((gist["events"] for gist in gists.values()), _MOST_OF_HUB),
        sunsets=_sunsets(gists, labels),
        incidents=incident_documents(incidents),
    )


def _newest(several: Iterable[list[Event]], most: int) -> list[Event]:
    found = [event for events in several for event in events]
    return sorted(found, key=lambda event: (event["at"], event["id"]), reverse=True)[:most]


def _sunsets(gists: Mapping[str, Gist], labels: Mapping[str, str]) -> list[Sunset]:
    found = [
        Sunset(
            dataset=short["dataset"],
            team=short["team"],
            page=short["page"],
            sunset_date=short["sunset_date"],
            successor=short["successor"],
            successor_page=_page_of(short["successor"], gists),
            consumers=[labels.get(name, name) for name in short["consumers"]],
        )
        for short in (gist["short"] for gist in gists.values())
        if short["lifecycle"] == "deprecated"
    ]
    return sorted(
        found, key=lambda each: (each["sunset_date"] is None, each["sunset_date"] or "", each["dataset"])
    )


def _page_of(dataset: str | None, gists: Mapping[str, Gist]) -> str | None:
    return paths.dataset_page(dataset) if dataset and dataset in gists else None


def _team(
    team: str, book: ContractBook, gists: Mapping[str, Gist], incidents: Sequence[Incident]
) -> TeamDocument:
    own = [gists[name] for name in sorted(gists) if gists[name]["short"]["team"] == team]
    people = {(each["tool"], each["channel"], each["url"]): each for gist in own for each in gist["support"]}
    return TeamDocument(
        schema_version=SCHEMA_VERSION,
        team=team,
        page=paths.team_page(team),
        owners=list(dict.fromkeys(owner for gist in own for owner in gist["short"]["owners"])),
        support=list(people.values()),
        datasets=[gist["short"] for gist in own],
        faults=[fault_document(fault) for fault in book.faults if fault.team == team],
        incidents=incident_documents(each for each in incidents if each.alert.team == team),
        events=_newest((gist["events"] for gist in own), _MOST_OF_TEAM),
    )


def _consumer(consumer: Consumer, book: ContractBook, gists: Mapping[str, Gist]) -> ConsumerDocument:
    return ConsumerDocument(
        schema_version=SCHEMA_VERSION,
        name=consumer.name,
        label=consumer.label or consumer.name,
        kind=consumer.kind.value if consumer.kind else None,
        type=consumer.exposure_type,
        owner=consumer.owner_name,
        email=consumer.owner_email,
        url=words.safe_url(consumer.url),
        description=consumer.description,
        notice_days=consumer.notice.total_seconds() / 86_400 if consumer.notice else None,
        page=paths.consumer_page(consumer.name),
        reads=[_reading(consumer, name, book, gists.get(str(name))) for name in consumer.depends_on],
    )


def _reading(consumer: Consumer, name: DatasetName, book: ContractBook, gist: Gist | None) -> Reading:
    dataset, contract = str(name), book.datasets.get(name)
    own = consumer.slos.get(dataset)
    if gist is None:  # its team's files are broken, or it could never be looked at
        readers, slos = [], []
    else:
        readers, slos = gist["readers"], gist["short"]["slos"]
    reader = next((each for each in readers if each["name"] == consumer.name), None)
    return Reading(
        dataset=dataset,
        page=paths.dataset_page(dataset) if gist else None,
        columns=list(consumer.columns.get(dataset, ())),
        slo=slo_document(own, contract.partitions if contract else None) if own else None,
        slo_state=gist["short"]["slo_state"] if gist else None,
        history=next((each for each in slos if each["consumer"] == consumer.name), None),
        affected_at=reader["affected_at"] if reader else None,
        is_affected=bool(reader and reader["is_affected"]),
        classification=gist["short"]["classification"] if gist else None,
        license_terms=gist["license_terms"] if gist else None,
    )
