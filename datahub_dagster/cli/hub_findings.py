"""What the doctor looks at in a hub: contracts, and each dataset's log, files and catalog."""

from datahub_dagster.cli.context import Session
from datahub_dagster.cli.findings import guarded
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.finding import Finding, Findings, Level
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import CorruptError
from datahub_dagster.ports import Hub


def datasets(hub: Hub, session: Session) -> Findings:
    """The contracts, and each dataset's log, files and catalog."""
    book = hub.book()
    for fault in book.faults:
        yield Finding(
            level=Level.FAULT,
            subject="contract",
            found=str(fault),
            next_step=fault.next_step or "mend the YAML",
        )
    found = f"{words.plural(len(book.datasets), 'dataset')} of {words.plural(len(book.teams), 'team')}"
    if not book.datasets:
        yield Finding(
            level=Level.NOTE,
            subject="contracts",
            found=found,
            next_step="declare a source in the dbt project",
        )
        return
    yield Finding(level=Level.FINE, subject="contracts", found=f"{found}: {words.names(book.teams, 6)}")
    healthy = 0
    for contract in session.contracts(None):
        faults = list(guarded(str(contract.name), lambda contract=contract: dataset(hub, contract)))
        healthy += not faults
        yield from faults
    yield Finding(
        level=Level.FINE, subject="datasets", found=f"{healthy} of {len(book.datasets)} without a finding"
    )


def alerts(session: Session) -> Findings:
    """Where alerts go, and whether they get there."""
    from datahub_dagster.wiring import examine_targets

    yield from examine_targets(session.settings, session.hub.book().datasets.values())


def dataset(hub: Hub, contract: Contract) -> Findings:
    """One dataset: unfinished releases, files that are missing, a catalog that lags."""
    name, log = contract.name, hub.log
    subject = str(name)
    current = log.current(name)
    records = {record.release_id for record in log.records(name)}
    log.generations(name)  # reads them all: a corrupt one shows here
    yield from _contracts_of_the_past(hub, contract)
    for receipt in log.receipts(name):
        if receipt.repeats is None and receipt.release_id not in records:
            yield Finding(
                level=Level.FAULT,
                subject=subject,
                found=f"release {receipt.release_id} (delivery {receipt.delivery.name}) is not finished",
                next_step=f"datahub release {name} --delivery {receipt.delivery.name}   (unless it runs now)",
            )
    debris = [
        release_id
        for release_id in log.releases_on_disk(name)
        if release_id in records
        and log.file_list(name, release_id) is None
        and _has_data(hub, log.release_folder(name, release_id))
    ]
    if debris:
        found = (
            f"{words.plural(len(debris), 'folder')} without a list of files: {words.names(map(str, debris))}"
        )
        yield Finding(level=Level.NOTE, subject=subject, found=found, next_step=f"datahub gc {name}")
    if current is None:
        return
    for release_id in sorted(current.releases):
        files = log.file_list(name, release_id)
        gone = (
            [file.path for file in files.files if not _is_there(hub, file.path)]
            if files
            else ["its list of files"]
        )
        if gone:
            found = f"published release {release_id} lacks {words.names(gone)}"
            yield Finding(
                level=Level.FAULT,
                subject=subject,
                found=found,
                next_step=f"bring them back from a backup, or: datahub releases {name}",
            )
    if (shown := hub.catalog.applied(name)) != current.number:
        found = f"the catalog shows generation {shown}, published is {current.number}"
        yield Finding(level=Level.FAULT, subject=subject, found=found, next_step=f"datahub reconcile {name}")


def _contracts_of_the_past(hub: Hub, contract: Contract) -> Findings:
    """Notes that can't be read, which everything else leaves out without a word."""
    for at in hub.log.contract_instants(contract.name):
        try:
            hub.log.contract_version(contract.name, at)
        except CorruptError as error:
            yield Finding(
                level=Level.FAULT,
                subject=str(contract.name),
                found=f"{error.subject} {error.reason} ({error.found})",
                next_step=error.next_step or "datahub doctor",
            )


def _has_data(hub: Hub, folder: Location) -> bool:
    """Whether there is more in a release's folder than its record and audits."""
    return any(not file.path.startswith("_") for file in hub.storage.list_files(folder))


def _is_there(hub: Hub, path: str) -> bool:
    return hub.storage.exists(Location(path))
