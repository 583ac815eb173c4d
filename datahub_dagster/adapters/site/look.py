"""What changed since the last build: found by listings alone, so that what did not change costs no reading of records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from datahub_dagster.adapters.site.facts import INCIDENTS_SHOWN
from datahub_dagster.adapters.site.links import Links
from datahub_dagster.adapters.site.state import ALWAYS_ANEW, BuildState, Remembered, is_past, still_holds
from datahub_dagster.domain.alert import Incident
from datahub_dagster.domain.contract import Contract, ContractBook, ContractFault, digest
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.redact_rules import check_shown
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Hub, StoredFile
from datahub_dagster.side_by_side import side_by_side

_INBOX = Location("inbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a build has to do, and what it is to know once for all datasets.

    Args:
        incidents: Those that pages tell of.
        incidents_of: The same by dataset.
        stamps: How each dataset looks now.
        unchanged: What is known of datasets whose pages stay as they are, by name.
        changed: The others, by name.
        overviews: How looks now what pages about many datasets tell, beside those.
        now: The instant of the build (UTC).
    """

    book: ContractBook
    links: Links
    incidents: Sequence[Incident]
    incidents_of: Mapping[str, Sequence[Incident]]
    stamps: Mapping[DatasetName, str]
    unchanged: Mapping[str, Remembered]
    changed: Sequence[Contract]
    overviews: str
    now: datetime


def look_at(hub: Hub, former: BuildState, there: Mapping[str, StoredFile]) -> Look:
    """Compare the hub with what the last build knew, and with the files that are there."""
    book, now = hub.book(), hub.clock.now()
    links = Links.of(book)
    contracts = {str(name): contract for name, contract in book.datasets.items()}
    incidents = [_without_values(each, contracts) for each in hub.alerts.incidents(now - INCIDENTS_SHOWN)]
    incidents_of = _by_dataset(incidents)
    stamps = _stamps(hub, book, links, incidents_of)
    unchanged = {
        str(name): remembered
        for name, stamp in stamps.items()
        if (remembered := former.datasets.get(str(name)))
        and still_holds(remembered, stamp, now)
        and former.is_whole(remembered["gist"]["short"]["page"], there)
    }
    changed = [book.datasets[name] for name in sorted(stamps) if str(name) not in unchanged]
    return Look(
        book=book,
        links=links,
        incidents=incidents,
        incidents_of=incidents_of,
        stamps=stamps,
        unchanged=unchanged,
        changed=changed,
        overviews=digest(*map(str, sorted(book.datasets)), repr((book.consumers, book.faults, incidents))),
        now=now,
    )


def is_stale(hub: Hub, former: BuildState, there: Mapping[str, StoredFile]) -> bool:
    """Whether a build would make a page anew, but for dbt's own. No record is read; where the clock tells, nothing is listed either."""
    now = hub.clock.now()
    instants = [former.overviews_until, *(each["valid_until"] for each in former.datasets.values())]
    if not former.pages or any(is_past(until, now) for until in instants):
        return True
    if not all(former.is_whole(page, there) for page in former.pages):
        return True
    look = look_at(hub, former, there)
    return bool(look.changed) or look.overviews != former.overviews


def _stamps(
    hub: Hub, book: ContractBook, links: Links, incidents_of: Mapping[str, Sequence[Incident]]
) -> Mapping[DatasetName, str]:
    """A digest for each dataset of all that its document depends on, but for the clock."""
    faults: dict[str, list[ContractFault]] = {}
    for fault in book.faults:
        faults.setdefault(fault.team, []).append(fault)

    def stamp(name: DatasetName) -> str:
        contract = book.datasets[name]
        told = (contract, book.consumers_of(name), faults.get(contract.team), incidents_of.get(str(name)))
        # Release folders are left out: a release that has ended stays as it is, and one that has not is always looked at.
        folders = [each for each in hub.log.folders(name) if each != hub.log.releases_folder(name)]
        inbox = _INBOX / name.source / name.table
        try:
            listings = [_looks(hub.storage.list_files(folder)) for folder in (*folders, inbox)]
        except HubError:
            return ALWAYS_ANEW
        return digest(repr(told), links.key_of(name), *listings)

    names = list(book.datasets)
    return dict(zip(names, side_by_side(stamp, names, hub.storage.parallel), strict=True))


def _looks(files: Iterable[StoredFile]) -> str:
    return digest(*(f"{f.path}\x00{f.size}\x00{f.version}\x00{f.modified_at.timestamp()}" for f in files))


def _without_values(incident: Incident, contracts: Mapping[str, Contract]) -> Incident:
    """The incident with the names of its checks as the pages have them."""
    alert = incident.alert
    contract = contracts.get(alert.dataset)
    if contract is None or not alert.facts.get("checks"):
        return incident
    checks = [
        each | {"check": check_shown(contract, str(each.get("check")))} for each in alert.facts["checks"]
    ]
    return replace(incident, alert=replace(alert, facts={**alert.facts, "checks": checks}))


def _by_dataset(incidents: Iterable[Incident]) -> Mapping[str, Sequence[Incident]]:
    found: dict[str, list[Incident]] = {}
    for incident in incidents:
        found.setdefault(incident.alert.dataset, []).append(incident)
    return found
