"""`datahub doctor`: what is missing or broken, each with the next command."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from datahub_dagster.cli.context import Session, hub_command, pass_session
from datahub_dagster.cli.output import Line, Styled
from datahub_dagster.cli.texts import bytes_text, count_text, list_text
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import ExitCode, HubError
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings

PYTHON = ((3, 11), (3, 14))  # from, up to but not including
LITTLE_SPACE = 1_000_000_000  # bytes


class Level(StrEnum):
    """`fault` must be mended; `note` is worth knowing."""

    FINE = "fine"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    found: str
    next_step: str = ""


Findings = Iterator[Finding]
STYLES = {Level.FINE: "green", Level.NOTE: "yellow", Level.FAULT: "bold red"}


@hub_command("doctor")
@pass_session
def command(session: Session) -> int:
    """Look at Python, packages, settings, the hub's folder, contracts, every dataset's log, and Dagster's home.

    Exit code 1 if something has to be mended; each finding names the next command. Changes nothing.
    """
    findings = list(examine(session))
    faults = [finding for finding in findings if finding.level is Level.FAULT]
    session.out.result({"healthy": not faults, "findings": findings}, _lines(findings))
    return ExitCode.REFUSED if faults else ExitCode.FINE


def _lines(findings: list[Finding]) -> Iterator[Line]:
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        yield Styled(
            f"{finding.level.value:<6} {finding.subject:<{width}} {finding.found}", STYLES[finding.level]
        )
        if finding.next_step:
            yield f"{'':<6} {'next':<{width}} {finding.next_step}"
    faults = sum(finding.level is Level.FAULT for finding in findings)
    yield f"{count_text(faults, 'thing')} to mend" if faults else "nothing to mend"


def examine(session: Session) -> Findings:
    """Everything, from the ground up; what can't be reached because of an earlier fault is left out."""
    yield from python()
    yield from packages()
    yield from variables(session.environment)
    try:
        settings = session.settings
    except HubError as error:
        yield _fault("settings", error)
        return
    yield from root(settings.root)
    yield from dagster_home(session.environment)
    yield from project(settings)
    yield from _guarded("hub", lambda: datasets(session.hub, session))


def python(version: tuple[int, int] = sys.version_info[:2]) -> Findings:
    """Whether this Python will do."""
    text = ".".join(map(str, version))
    fits = PYTHON[0] <= version < PYTHON[1]
    yield Finding(
        level=Level.FINE if fits else Level.FAULT,
        subject="python",
        found=f"{text} ({sys.executable})",
        next_step="" if fits else "install Python 3.11, 3.12 or 3.13, then: make setup PYTHON=python3.12",
    )


def packages() -> Findings:
    """Whether everything that the package declares is installed; the extras are optional."""
    try:
        declared = metadata.requires("datahub_dagster") or []
    except metadata.PackageNotFoundError:
        found = (
            "datahub_dagster runs from a checkout and is not installed: its dependencies can't be looked at"
        )
        yield Finding(level=Level.NOTE, subject="packages", found=found, next_step="make setup")
        return
    missing: dict[str, list[str]] = {}
    installed = 0
    for requirement in declared:
        name = re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]
        extra = re.search(r"extra\s*==\s*['\"](\w+)['\"]", requirement)
        try:
            metadata.version(name)
            installed += 1
        except metadata.PackageNotFoundError:
            missing.setdefault(extra[1] if extra else "", []).append(name)
    needed = missing.pop("", [])
    shown = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("dagster", "dbt-core", "duckdb") if name not in needed
    )
    yield Finding(
        level=Level.FAULT if needed else Level.FINE,
        subject="packages",
        found=f"missing: {', '.join(needed)}" if needed else f"{installed} installed, {shown}",
        next_step="make setup" if needed else "",
    )
    for extra, names in missing.items():
        if extra != "dev":
            found = f"without {', '.join(names)}: the extra '{extra}' is not installed"
            yield Finding(
                level=Level.NOTE,
                subject="packages",
                found=found,
                next_step=f"pip install 'datahub_dagster[{extra}]'",
            )


def variables(environment: Mapping[str, str]) -> Findings:
    """Whether somebody misspelt a variable: it would be ignored in silence."""
    known = {f"DATAHUB_{field.name.upper()}" for field in fields(Settings)}
    given = sorted(name for name in environment if name.startswith("DATAHUB_"))
    # What profiles.yml reads is named by the dbt project, so only near misses are worth a word.
    for name in given:
        near = get_close_matches(name, known, n=1, cutoff=0.8)
        if name not in known and near:
            yield Finding(
                level=Level.NOTE,
                subject="settings",
                found=f"{name} is not a setting",
                next_step=f"did you mean {near[0]}?",
            )
    shown = ", ".join(name for name in given if name in known)
    yield Finding(
        level=Level.FINE,
        subject="settings",
        found=shown or "no DATAHUB_* variable: the embedded hub's defaults",
    )


def root(folder: Path) -> Findings:
    """Whether the hub's folder can be written."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".datahub-doctor-"):
            pass
    except OSError as error:
        found = f"{folder} can't be written: {error.strerror}"
        yield Finding(
            level=Level.FAULT, subject="root", found=found, next_step="mend its rights, or set DATAHUB_ROOT"
        )
        return
    free = shutil.disk_usage(existing).free
    state = "writable" if existing == folder else "not there yet; the first delivery makes it"
    yield Finding(
        level=Level.NOTE if free < LITTLE_SPACE else Level.FINE,
        subject="root",
        found=f"{folder}: {state}, {bytes_text(free)} free",
        next_step="datahub gc --dry-run" if free < LITTLE_SPACE else "",
    )


def dagster_home(environment: Mapping[str, str]) -> Findings:
    """Whether Dagster remembers its runs."""
    home = environment.get("DAGSTER_HOME")
    if not home:
        found = "DAGSTER_HOME is not set: `dagster dev` forgets its runs when it stops (`datahub demo` has its own)"
        yield Finding(
            level=Level.NOTE, subject="dagster", found=found, next_step="export DAGSTER_HOME=$PWD/.dagster"
        )
    elif not Path(home).is_absolute() or not Path(home).is_dir():
        found = f"DAGSTER_HOME={home} is not a folder with an absolute path"
        yield Finding(
            level=Level.FAULT,
            subject="dagster",
            found=found,
            next_step=f"mkdir -p {home}, and give its absolute path",
        )
    else:
        has_yaml = (Path(home) / "dagster.yaml").is_file()
        yield Finding(
            level=Level.FINE, subject="dagster", found=home + ("" if has_yaml else ", without a dagster.yaml")
        )


def project(settings: Settings) -> Findings:
    """Whether there is a dbt project."""
    if (settings.dbt_project_dir / "dbt_project.yml").is_file():
        yield Finding(level=Level.FINE, subject="dbt project", found=str(settings.dbt_project_dir))
    else:
        found = f"{settings.dbt_project_dir} has no dbt_project.yml"
        yield Finding(
            level=Level.FAULT, subject="dbt project", found=found, next_step="set DATAHUB_DBT_PROJECT_DIR"
        )


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
    found = f"{count_text(len(book.datasets), 'dataset')} of {count_text(len(book.teams), 'team')}"
    if not book.datasets:
        yield Finding(
            level=Level.NOTE,
            subject="contracts",
            found=found,
            next_step="declare a source in the dbt project",
        )
        return
    yield Finding(level=Level.FINE, subject="contracts", found=f"{found}: {list_text(book.teams, 6)}")
    healthy = 0
    for contract in session.contracts(None):
        faults = list(_guarded(str(contract.name), lambda contract=contract: dataset(hub, contract)))
        healthy += not faults
        yield from faults
    yield Finding(
        level=Level.FINE, subject="datasets", found=f"{healthy} of {len(book.datasets)} without a finding"
    )


def dataset(hub: Hub, contract: Contract) -> Findings:
    """One dataset: unfinished releases, files that are missing, a catalog that lags."""
    name, log = contract.name, hub.log
    subject = str(name)
    current = log.current(name)
    records = {record.release_id for record in log.records(name)}
    log.generations(name)  # reads them all: a corrupt one shows here
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
        found = f"{count_text(len(debris), 'folder')} without a list of files: {list_text(map(str, debris))}"
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
            found = f"published release {release_id} lacks {list_text(gone)}"
            yield Finding(
                level=Level.FAULT,
                subject=subject,
                found=found,
                next_step=f"bring them back from a backup, or: datahub releases {name}",
            )
    if (shown := hub.catalog.applied(name)) != current.number:
        found = f"the catalog shows generation {shown}, published is {current.number}"
        yield Finding(level=Level.FAULT, subject=subject, found=found, next_step=f"datahub reconcile {name}")


def _has_data(hub: Hub, folder: Location) -> bool:
    """Whether there is more in a release's folder than its record and audits."""
    return any(not file.path.startswith("_") for file in hub.storage.list_files(folder))


def _is_there(hub: Hub, path: str) -> bool:
    return hub.storage.exists(Location(path))


def _guarded(subject: str, look: Callable[[], Findings]) -> Findings:
    """What is found, and the error that ended the search as one finding more."""
    try:
        yield from look()
    except HubError as error:
        yield _fault(subject, error)
    except OSError as error:
        yield Finding(
            level=Level.FAULT,
            subject=subject,
            found=f"{type(error).__name__}: {error}",
            next_step=f"ls -l {os.curdir}",
        )


def _fault(subject: str, error: HubError) -> Finding:
    found = f"{error.headline}: {error.found}" if error.found else error.headline
    return Finding(level=Level.FAULT, subject=subject, found=found, next_step=error.next_step or "")
