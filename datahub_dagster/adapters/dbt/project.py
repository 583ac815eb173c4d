"""The files of a dbt project: which there are, whom they belong to, and whether any of them changed.

A *unit* is what one team can break: the entry directly below a model path, with the entry of the same name below the test paths.
Everything else (macros, packages, `dbt_project.yml`) is shared by all teams.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from datahub_dagster.domain.contract import digest

CALENDARS = "calendars"
"""The folder of the hub's calendar files. dbt does not read them."""

SHARED = ""
"""The name of the unit that belongs to everybody."""

_DEFAULT_PATHS = {
    "model-paths": ["models"], "test-paths": ["tests"], "macro-paths": ["macros"], "seed-paths": ["seeds"],
    "snapshot-paths": ["snapshots"], "analysis-paths": ["analyses"], "docs-paths": [], "asset-paths": [],
    "function-paths": ["functions"], "packages-install-path": ["dbt_packages"],
}  # fmt: skip
_SUFFIXES = {".yml", ".yaml", ".sql", ".md", ".csv", ".py"}  # what dbt reads
_ROOT_FILES = {
    "dbt_project.yml",
    "packages.yml",
    "dependencies.yml",
    "package-lock.yml",
    "selectors.yml",
    "vars.yml",
    ".dbtignore",
}
_ENV_VAR = re.compile(rb"""env_var\(\s*['"]([A-Za-z_][A-Za-z0-9_]*)['"]""")
_CODE = (
    "contract",
    "names",
    "promise",
    "due",
    "promise_faults",
    "consumer_faults",
)  # of the domain, beside its calendars
_YOUNG_NS = 2_000_000_000  # a file changed so shortly before it was read may have changed again within the clock's tick


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A file's content, by checksum, and the environment variables that it mentions."""

    sha256: str
    variables: tuple[str, ...]


@dataclass(frozen=True)
class ProjectPaths:
    """Where a project keeps what, as its `dbt_project.yml` says; dbt's defaults where that can't be read."""

    name: str
    folders: Mapping[str, tuple[str, ...]]

    @property
    def models(self) -> tuple[str, ...]:
        """The model paths."""
        return self.folders["model-paths"]

    @property
    def packages(self) -> str:
        """Where packages are installed."""
        return self.folders["packages-install-path"][0]

    def unit_of(self, path: str) -> str:
        """The unit to which a file belongs, by its path relative to the project."""
        for key in ("model-paths", "test-paths"):
            for folder in self.folders[key]:
                if path.startswith(f"{folder}/"):
                    entry = path.removeprefix(f"{folder}/").split("/")[0]
                    # Below tests/generic lie macros, which every team may use.
                    return SHARED if key == "test-paths" and entry == "generic" else entry
        return SHARED

    def team_of(self, path: str) -> str:
        """The team that owns a file: its unit, or the project for files directly below the model paths."""
        unit = self.unit_of(path)
        is_folder = f"/{unit}/" in path
        return unit if not unit or is_folder else self.name


@dataclass(frozen=True)
class ProjectState:
    """All files that decide the contracts, at one moment.

    Args:
        files: Those that dbt reads.
        adapter: dbt's word for the engine, `duckdb` or `athena`.
        calendars: The hub's calendar files.
    """

    project_dir: Path
    paths: ProjectPaths
    files: Mapping[str, ProjectFile]
    adapter: str
    calendars: Mapping[str, ProjectFile] = field(default_factory=dict[str, ProjectFile])

    @cached_property
    def units(self) -> Mapping[str, tuple[str, ...]]:
        """The files of each unit, sorted."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            found.setdefault(self.paths.unit_of(path), []).append(path)
        return {unit: tuple(paths) for unit, paths in found.items()}

    def unit_fingerprint(self, unit: str) -> str:
        """A digest of a unit's files."""
        return digest(*(f"{path}={self.files[path].sha256}" for path in self.units.get(unit, ())))

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything that decides the contracts: files, environment variables, the adapter, and the readers' versions."""
        return digest(
            str(self.project_dir),
            *(f"{path}={self.files[path].sha256}" for path in sorted(self.files)),
            *(f"{path}={self.calendars[path].sha256}" for path in sorted(self.calendars)),
            self.surroundings,
        )

    @cached_property
    def surroundings(self) -> str:
        """A digest of the environment variables that the files mention, of the adapter, and of the versions of the readers."""
        variables = sorted({name for file in self.files.values() for name in file.variables})
        return digest(*(f"{name}={os.environ.get(name)!r}" for name in variables), *_versions(self.adapter))


def scan(project_dir: Path, index_path: Path, *, adapter: str, good_dir: Path | None = None) -> ProjectState:
    """Look at all files of a project. Unchanged files, by time and size, are not read again: `index_path` remembers them.

    Where `dbt_project.yml` can't be read, the one in `good_dir` says which folders there are.

    Raises:
        OSError: A file or a folder can't be read.
    """
    paths = read_paths(project_dir, good_dir)
    known = _load_index(index_path)
    files: dict[str, ProjectFile] = {}
    calendars: dict[str, ProjectFile] = {}
    index: dict[str, list[object]] = {}
    for path in [*_walk(project_dir, paths), *_calendar_paths(project_dir)]:
        full = project_dir / path
        try:
            status = full.stat()
        except FileNotFoundError:  # an editor's temporary file, or a link to nowhere
            continue
        stamp = [status.st_mtime_ns, status.st_ctime_ns, status.st_size]
        entry = known.get(path)
        if entry is None or entry[0] != stamp:
            content = full.read_bytes()
            variables = sorted({name.decode() for name in _ENV_VAR.findall(content)})
            entry = [stamp, hashlib.sha256(content).hexdigest(), variables]
        found = calendars if path.startswith(f"{CALENDARS}/") else files
        found[path] = ProjectFile(entry[1], tuple(entry[2]))
        index[path] = entry
    _save_index(index_path, known, index)
    return ProjectState(project_dir, paths, files, adapter, calendars)


def read_paths(*project_dirs: Path | None) -> ProjectPaths:
    """The folders that the first readable `dbt_project.yml` names. Never raises: dbt itself will say what is wrong with a file."""
    project: dict[str, Any] = {}
    for project_dir in filter(None, project_dirs):
        try:
            content = yaml.safe_load((project_dir / "dbt_project.yml").read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(content, dict):
            project = content
            break
    folders: dict[str, tuple[str, ...]] = {}
    for key, default in _DEFAULT_PATHS.items():
        given = project.get(key, default)
        given = [given] if isinstance(given, str) else given
        texts = [str(folder) for folder in given] if isinstance(given, list) else default
        folders[key] = tuple(str(Path(folder)) for folder in texts if "{" not in folder) or tuple(default)
    return ProjectPaths(str(project.get("name") or "project"), folders)


def _walk(project_dir: Path, paths: ProjectPaths) -> Iterator[str]:
    yield from sorted(name for name in _ROOT_FILES if (project_dir / name).is_file())
    seen: set[str] = set()
    for folder in sorted({folder for folders in paths.folders.values() for folder in folders}):
        for root, folders, names in os.walk(project_dir / folder, followlinks=True):
            real = os.path.realpath(root)
            if real in seen:  # a link in a circle, or one path inside another
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            below = Path(os.path.relpath(root, project_dir))
            for name in sorted(names):
                if Path(name).suffix in _SUFFIXES and not name.startswith("."):
                    yield (below / name).as_posix()


def _calendar_paths(project_dir: Path) -> Iterator[str]:
    for path in sorted((project_dir / CALENDARS).glob("*.y*ml")):
        if path.suffix in (".yml", ".yaml") and path.is_file():
            yield f"{CALENDARS}/{path.name}"


def _load_index(path: Path) -> dict[str, list]:
    try:
        index = json.loads(path.read_bytes())
        return {name: entry for name, entry in index.items() if len(entry) == 3 and isinstance(entry[1], str)}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _save_index(path: Path, known: Mapping[str, list], index: dict[str, list]) -> None:
    if known == index:
        return
    now = time.time_ns()
    settled = {
        name: entry for name, entry in index.items() if now - max(entry[0][0], entry[0][1]) > _YOUNG_NS
    }
    if settled == known:
        return
    try:
        write_atomically(path, json.dumps(settled).encode())
    except OSError:
        return  # the index only saves time


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that others see it whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@cache
def _versions(adapter: str) -> Sequence[str]:
    """Versions of dbt, of one of its adapters, and of the code that reads its manifest."""
    package = Path(__file__).resolve().parents[2]
    domain = package / "domain"
    code = [domain / f"{name}.py" for name in _CODE] + sorted(domain.glob("calendar*.py"))
    code += sorted(Path(__file__).parent.glob("*.py"))
    found = [hashlib.sha256(file.read_bytes()).hexdigest() for file in code]
    for distribution in (
        "datahub_dagster",
        "dbt-core",
        "dbt-adapters",
        f"dbt-{adapter}",
        "holidays",
        "tzdata",
    ):
        try:
            found.append(f"{distribution}={version(distribution)}")
        except PackageNotFoundError:
            found.append(f"{distribution}=none")
    return found
