"""What the doctor looks at before there is a hub: Python, packages, settings, folders, Dagster's home."""

import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from datahub_dagster.domain import words
from datahub_dagster.domain.finding import Finding, Findings, Level
from datahub_dagster.settings import Settings, known_variables

PYTHON = ((3, 11), (3, 14))  # from, up to but not including
LITTLE_SPACE = 1_000_000_000  # bytes


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
    """Which variables are set, once `Settings` has read them all."""
    shown = ", ".join(name for name in sorted(known_variables()) if environment.get(name, "").strip())
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
        found=f"{folder}: {state}, {words.size(free)} free",
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
