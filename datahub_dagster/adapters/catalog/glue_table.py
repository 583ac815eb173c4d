"""What a dataset's table looks like in Glue: values, computed from a generation and its view. Nothing is called here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datahub_dagster.adapters.catalog.glue_names import checked, database_name, table_name
from datahub_dagster.adapters.catalog.glue_types import NoTypeError, glue_type
from datahub_dagster.domain.contract import digest
from datahub_dagster.domain.layout import (
    RELEASES,
    is_mixed,
    key_stands_for_column,
    partition_folder,
    releases_folder,
)
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.release import WHOLE, Generation
from datahub_dagster.domain.view import DatasetView, ViewColumn
from datahub_dagster.errors import CatalogError

# The hub's own parameters of a table; those of a partition are the last three.
DATASET, ROOT = "hub.dataset", "hub.root"
GENERATION, APPLYING = "hub.generation", "hub.applying"
CONTRACT, WROTE = "hub.contract_version", "hub.wrote"
RELEASE, LOCATION, DIGEST = "hub.release", "hub.location", "hub.digest"

PROJECTION = "projection.enabled"  # makes Athena guess partitions, and forget those that are registered

_LONGEST_COMMENT, _LONGEST_DESCRIPTION = 255, 2048
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"
PARQUET: dict[str, Any] = {
    "InputFormat": f"{_HIVE}.MapredParquetInputFormat",
    "OutputFormat": f"{_HIVE}.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": f"{_HIVE}.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueTable:
    """A table as it should be, or as it is.

    Args:
        columns: Name, type and comment, in order; `keys` are those of the partition keys.
        storage: Formats and SerDe.
    """

    location: str
    columns: tuple[tuple[str, str, str], ...]
    keys: tuple[tuple[str, str], ...]
    description: str
    storage: Mapping[str, Any]
    table_type: str = "EXTERNAL_TABLE"

    @property
    def digest(self) -> str:
        """Of everything that decides what readers see."""
        return digest(
            *(self.location, self.description, self.table_type),
            json.dumps([self.columns, self.keys, self.storage], sort_keys=True),
        )

    @property
    def summary(self) -> str:
        """What is compared with what is there, to say who changed what, as JSON."""
        columns = {name: kind for name, kind, _ in self.columns}
        return json.dumps({"location": self.location, "columns": columns, "keys": dict(self.keys)})

    @property
    def storage_descriptor(self) -> dict[str, Any]:
        """As Glue takes it."""
        return {"Columns": _described(self.columns), "Location": self.location, **self.storage}

    @property
    def partition_keys(self) -> list[dict[str, str]]:
        """As Glue takes them."""
        return [{"Name": name, "Type": kind} for name, kind in self.keys]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What Glue should show of a generation.

    Args:
        root: Address of the folder of all the hub's releases, by which hubs are told apart.
        parameters: The hub's own, without `hub.generation`.
        partitions: Key → what Glue takes for the partition; empty in a dataset in one piece.
    """

    dataset: DatasetName
    root: str
    generation: int
    database: str
    name: str
    table: GlueTable
    parameters: Mapping[str, str]
    partitions: Mapping[str, Mapping[str, Any]]

    @property
    def names(self) -> tuple[str, str]:
        """The database and the table."""
        return self.database, self.name

    @property
    def subject(self) -> str:
        """What people call the table."""
        return f"glue table {self.database}.{self.name}"


def wanted(
    generation: Generation, view: DatasetView, address: Callable[[Location], str], prefix: str
) -> Wanted:
    """What Glue should show.

    Raises:
        CatalogError: Glue or Athena can't: a name, a type, or where the files lie.
    """
    dataset, root = generation.dataset, address(RELEASES)
    whole = generation.partitions.get(WHOLE)
    is_whole = whole is not None or view.partition_column is None
    releases = releases_folder(dataset)
    place = releases if not is_whole else releases / (str(whole) if whole else "_nothing")
    columns = _columns(view)
    keys: tuple[tuple[str, str], ...] = ()
    if not is_whole:
        key, columns = _key(generation, view, columns)
        keys = (key,)
    table = GlueTable(
        location=f"{address(place)}/",
        columns=columns,
        keys=keys,
        description=_cut(view.description.strip(), _LONGEST_DESCRIPTION),
        storage=PARQUET,
    )
    return Wanted(
        dataset=dataset,
        root=root,
        generation=generation.number,
        database=checked(dataset, database_name(prefix, view.schema), "database"),
        name=checked(dataset, table_name(view.table), "table"),
        table=table,
        parameters={
            "classification": "parquet",
            "EXTERNAL": "TRUE",
            DATASET: str(dataset),
            ROOT: root,
            RELEASE: str(generation.release_id),
            CONTRACT: generation.contract_version,
            DIGEST: table.digest,
            WROTE: table.summary,
            "recordCount": str(view.rows),
            "sizeKey": str(view.bytes),
        },
        partitions={} if is_whole else _partitions(generation, view, address, columns),
    )


def _columns(view: DatasetView) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (column.name.lower(), _type(view, column), _comment(column.description))
        for column in view.columns or view.held
    )


def _type(view: DatasetView, column: ViewColumn) -> str:
    try:
        return glue_type(column.type)
    except NoTypeError as error:
        if not column.found:
            return "string"  # all null
        raise CatalogError(
            f"column {column.name} can't be shown in Athena: {error}",
            subject=str(view.dataset),
            found=f"{column.name} {column.type}",
            consumers="still read what Glue showed before",
            next_step=f"deliver {view.dataset} with another type of that column",
        ) from None


def _key(
    generation: Generation, view: DatasetView, columns: tuple[tuple[str, str, str], ...]
) -> tuple[tuple[str, str], tuple[tuple[str, str, str], ...]]:
    """The partition key, and the columns beside it: in Hive a key can't be a column, too."""
    assert view.partition_column is not None
    column = view.partition_column.lower()
    by_month = any(len(key) == len("2026-11") for key in generation.partitions)
    if is_mixed(view.files):
        in_path = next(file for file in view.files if not file.holds_partition_column)
        raise CatalogError(
            f"{column} is in the path of some files only, and more than a partition's key inside others: "
            "Athena can't show both",
            subject=str(view.dataset),
            found=f"no column {column} in {in_path.path}",
            consumers="still read what Glue showed before",
            next_step=f"deliver {view.dataset} whole, with --full, with the column in all files or in none",
        )
    if key_stands_for_column(view):
        types = {each.name.lower(): each.type for each in (*view.held, *view.columns)}
        is_text = types.get(column, view.partition_type) == "varchar"
        kind = "string" if by_month or is_text else "date"
        return (column, kind), tuple(each for each in columns if each[0] != column)
    name = f"{column}_{'month' if by_month else 'day'}"
    while name in {each[0] for each in columns}:
        name += "_key"
    return (name, "string"), columns


def _partitions(
    generation: Generation,
    view: DatasetView,
    address: Callable[[Location], str],
    columns: tuple[tuple[str, str, str], ...],
) -> dict[str, dict[str, Any]]:
    folders: dict[str, Location] = {}
    for file in view.files:
        release_id = generation.partitions[file.partition]
        folder = partition_folder(generation.dataset, release_id, file.partition, file.path)
        if folder is None or folders.setdefault(file.partition, folder) != folder:
            raise CatalogError(
                f"the files of partition {file.partition} don't lie in one folder, as Athena needs it",
                subject=str(generation.dataset),
                found=f"{file.path}, staged by an earlier version of the hub",
                consumers="still read what Glue showed before",
                next_step=f"deliver partition {file.partition} again",
            )
    described = _described(columns)
    written = digest(json.dumps([columns, PARQUET], sort_keys=True))
    partitions: dict[str, dict[str, Any]] = {}
    for key, release_id in generation.partitions.items():
        location = f"{address(folders[key])}/"
        partitions[key] = {
            "Values": [key],
            "StorageDescriptor": {"Columns": described, "Location": location, **PARQUET},
            "Parameters": {RELEASE: str(release_id), LOCATION: location, DIGEST: written},
        }
    return partitions


def _described(columns: tuple[tuple[str, str, str], ...]) -> list[dict[str, str]]:
    return [
        {"Name": name, "Type": kind} | ({"Comment": comment} if comment else {})
        for name, kind, comment in columns
    ]


def _comment(text: str) -> str:
    """One line, as Glue wants it."""
    return _cut(" ".join(text.split()), _LONGEST_COMMENT)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
