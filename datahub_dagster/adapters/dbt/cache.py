"""Keeps what was parsed, so that a load without a change needs no dbt: a folder for each state of the project's files.

A folder appears whole or not at all, and never changes afterwards; who reads one keeps it for an hour at least.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datahub_dagster.domain.calendar_files import consumer_with_files, contract_with_files, files_in
from datahub_dagster.domain.contract import CalendarFile, Consumer, Contract, ContractBook, ContractFault

_KEPT = 3
_KEPT_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedProject:
    """A parsed dbt project.

    Args:
        project_dir: The project that was parsed: the teams' own, or a copy while files of a team are broken.
        manifest_path: dbt's manifest, as JSON.
        target_dir: Where the manifest is, with dbt's `partial_parse.msgpack` beside it. Write nothing there.
        fingerprint: Changes whenever a file, a version or an environment variable changes that the manifest depends on.
    """

    project_dir: Path
    manifest_path: Path
    target_dir: Path
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of one state of the project."""

    book: ContractBook
    parsed: ParsedProject


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    project_dir: str
    datasets: tuple[Contract, ...]
    consumers: tuple[Consumer, ...]
    faults: tuple[ContractFault, ...]
    calendars: tuple[CalendarFile, ...]  # once: thousands of promises may use the same one


class ParseCache:
    """Parsed states of a project, below one folder, shared by all processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One parse at a time; the others wait. A process that dies gives the lock back."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "parse.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def find(self, fingerprint: str) -> Stored | None:
        """What was kept for that state; None if nothing was, or it can't be read."""
        place = self._place(fingerprint)
        try:
            document = _adapter().validate_json((place / "book.json").read_bytes())
            os.utime(place)
        except (OSError, ValueError):  # pydantic's errors are ValueErrors
            return None
        parsed = _parsed(place, Path(document.project_dir), fingerprint)
        if not parsed.manifest_path.is_file() or not parsed.project_dir.is_dir():
            return None
        files = {file.name: file for file in document.calendars}
        datasets, consumers = document.datasets, document.consumers
        if files:
            datasets = tuple(contract_with_files(contract, files) for contract in datasets)
            consumers = tuple(consumer_with_files(consumer, files) for consumer in consumers)
        book = ContractBook(
            datasets={contract.name: contract for contract in datasets},
            consumers=consumers,
            faults=document.faults,
        )
        return Stored(book, parsed)

    def keep(
        self,
        fingerprint: str,
        book: ContractBook,
        manifest: Any,
        project_dir: Path,
        *,
        is_shadow: bool,
        target_dir: Path,
    ) -> Stored:
        """Keep a state. A shadow project is moved into it."""
        place = self._place(fingerprint)
        unfinished = place.with_name(f".new-{fingerprint}")
        shutil.rmtree(unfinished, ignore_errors=True)
        (unfinished / "target").mkdir(parents=True)
        (unfinished / "target" / "manifest.json").write_text(
            json.dumps(manifest, default=str), encoding="utf-8"
        )
        partial = target_dir / "partial_parse.msgpack"
        if partial.is_file():
            shutil.copyfile(partial, unfinished / "target" / partial.name)
        if is_shadow:
            project_dir.rename(unfinished / "project")
            project_dir = place / "project"
        document = _Document(
            project_dir=str(project_dir),
            datasets=tuple(contract_with_files(contract, {}) for contract in book.datasets.values()),
            consumers=tuple(consumer_with_files(consumer, {}) for consumer in book.consumers),
            faults=book.faults,
            calendars=tuple(files_in(book.datasets.values(), book.consumers).values()),
        )
        (unfinished / "book.json").write_bytes(_adapter().dump_json(document))
        if place.exists():  # it could not be read
            shutil.rmtree(place)
        unfinished.rename(place)
        self._prune()
        return Stored(book, _parsed(place, project_dir, fingerprint))

    def _place(self, fingerprint: str) -> Path:
        return self.folder / "parsed" / fingerprint

    def _prune(self) -> None:
        places = sorted(
            (self.folder / "parsed").iterdir(), key=lambda place: place.stat().st_mtime, reverse=True
        )
        for place in places[_KEPT:]:
            if time.time() - place.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(place, ignore_errors=True)


def _parsed(place: Path, project_dir: Path, fingerprint: str) -> ParsedProject:
    target = place / "target"
    return ParsedProject(
        project_dir=project_dir,
        manifest_path=target / "manifest.json",
        target_dir=target,
        fingerprint=fingerprint,
    )


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(_Document)
