"""The catalog of the embedded hub: for each dataset the SQL that makes its view, for whoever reads with DuckDB and not through the log.

    catalog/<source>/<table>/00000003.json      what generation 3 looks like; the highest number counts

A file for each generation, and not one that is written over: of two processes that follow the log at once the slower one could else
put an older generation in the place of a newer one. Older files are removed on the way.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datahub_dagster.adapters.duckdb_views import view_sql
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.release import Generation
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.ports import Applied, Catalog, Storage

_CATALOG = "catalog"


class DuckDbCatalog(Catalog):
    """Views as files of a storage.

    The statements address data files as the engine sees them: a hub that moved to another folder is mended by `apply`.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def applied(self, dataset: DatasetName) -> int:
        folder = _folder(dataset)
        for number in sorted(self._numbers(folder), reverse=True):
            if _statements(self._read(folder / _name(number))) is not None:
                return number
        return 0

    def folder(self, dataset: DatasetName) -> Location | None:
        return _folder(dataset)

    def apply(self, generation: Generation, view: DatasetView, *, unpublished: int | None = None) -> Applied:
        folder = _folder(generation.dataset)
        numbers = set(self._numbers(folder))
        is_claimed = unpublished in numbers
        claim = f"it claimed generation {unpublished}, and the newest is {generation.number}"
        newest = max(numbers - {unpublished}, default=0)
        content = self._content(generation, view)
        place = folder / _name(generation.number)
        is_news = newest <= generation.number and self._read(place) != content
        if is_news:
            self._storage.replace(place, content)
        for number in numbers:
            if number < generation.number or number == unpublished:
                self._storage.delete(folder / _name(number))
        return Applied(
            changed=is_news or is_claimed,
            foreign=(f"{folder}: {claim}; it was put right",) if is_claimed else (),
            made=None if numbers else str(folder),
            ahead=newest if newest > generation.number else None,
        )

    def _content(self, generation: Generation, view: DatasetView) -> bytes:
        entry = {
            "dataset": str(generation.dataset),
            "generation": generation.number,
            "release": str(generation.release_id),
            "schema": view.schema,
            "table": view.table,
            "files": len(view.files),
            "rows": view.rows,
            "bytes": view.bytes,
            "statements": view_sql(view, self._storage.engine_path),
        }
        return json.dumps(entry, indent=1, ensure_ascii=False).encode()

    def _numbers(self, folder: Location) -> list[int]:
        return [number for name in self._storage.list_names(folder) if (number := _number(name)) is not None]

    def _read(self, location: Location) -> bytes | None:
        try:
            return self._storage.read(location)
        except FileNotFoundError:
            return None


def published_views(root: Path, wanted: Iterable[str] | None = None) -> dict[str, list[str]]:
    """The statements that make the view of each published dataset of a hub on this machine, by the dataset's name.

    Args:
        root: The hub's folder; nothing is published in one that does not exist.
        wanted: Names of the datasets that are needed; None = all.
    """
    only = None if wanted is None else set(wanted)
    found: dict[str, list[str]] = {}
    for folder in sorted((root / _CATALOG).glob("*/*/")):
        dataset = f"{folder.parent.name}.{folder.name}"
        if only is not None and dataset not in only:
            continue
        if statements := _newest(folder):
            found[dataset] = statements
    return found


def _newest(folder: Path) -> list[str] | None:
    for path in sorted(folder.iterdir(), key=lambda path: _number(path.name) or 0, reverse=True):
        if _number(path.name) is None:
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # a newer generation was published meanwhile, and this one removed
            return _newest(folder)
        if (statements := _statements(content)) is not None:
            return statements
    return None


def _statements(content: bytes | None) -> list[str] | None:
    """The statements in a catalog file; None if it can't be read (`apply` mends it)."""
    try:
        entry: Any = json.loads(content or b"")
        statements = entry["statements"]
    except (ValueError, TypeError, KeyError):
        return None
    return (
        statements
        if isinstance(statements, list) and all(isinstance(text, str) for text in statements)
        else None
    )


def _folder(dataset: DatasetName) -> Location:
    return Location(_CATALOG) / dataset.source / dataset.table


def _name(number: int) -> str:
    return f"{number:08d}.json"


def _number(name: str) -> int | None:
    stem, dot, ending = name.partition(".")
    return int(stem) if stem.isdigit() and (dot, ending) == (".", "json") else None
