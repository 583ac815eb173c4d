"""A hub that is only read: where it is, and how DuckDB gets at its files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import SettingsError
from datahub_dagster.ports import Storage
from datahub_dagster.settings import S3Root

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class OpenedHub:
    """What a reader needs.

    Args:
        name: The hub's place, for people.
        storage: The log and the data.
        connect: Gives a DuckDB connection that can read the data.
        file: A data file for the reader's own tools.
    """

    name: str
    storage: Storage
    connect: Callable[[], "duckdb.DuckDBPyConnection"]
    file: Callable[[Location], Path | str]


def place_named(root: str | Path) -> Path | S3Root:
    """A folder of this machine, or an address on S3. Raises `SettingsError`."""
    if isinstance(root, Path) or "://" not in root:
        return Path(root).expanduser().absolute()
    try:
        return S3Root.parse(root)
    except ValueError as error:
        raise SettingsError(
            "is no place where a hub can be",
            subject=root,
            promised="a folder, or an address such as s3://acme-datahub/prod",
            next_step='datahub_dagster.open("s3://BUCKET/PREFIX")',
        ) from error


def opened(place: Path | S3Root) -> OpenedHub:
    """The hub that is there.

    Raises:
        SettingsError: There is none.
        StorageError: S3 doesn't let us look.
    """
    return _on_s3(place) if isinstance(place, S3Root) else _on_disk(place)


def _on_disk(folder: Path) -> OpenedHub:
    if not folder.is_dir():
        raise _no_hub(str(folder), "the hub's folder")
    return OpenedHub(str(folder), LocalStorage(folder), _connection, lambda location: folder / location.path)


def _on_s3(root: S3Root) -> OpenedHub:
    # These bring boto3 with them, which takes a moment.
    from datahub_dagster.adapters.aws.clients import AwsClients
    from datahub_dagster.adapters.storage.s3 import S3Storage
    from datahub_dagster.adapters.storage.s3_for_duckdb import register_s3

    aws = AwsClients()
    storage = S3Storage(aws, root.bucket, root.prefix)
    if not storage.list_names(Location("log")):
        raise _no_hub(str(root), "s3://BUCKET/PREFIX")

    def connect() -> "duckdb.DuckDBPyConnection":
        connection = _connection()
        register_s3(connection, aws)
        return connection

    return OpenedHub(str(root), storage, connect, storage.engine_path)


def _no_hub(place: str, example: str) -> SettingsError:
    return SettingsError(
        "there is no hub here",
        subject=place,
        next_step=f'datahub_dagster.open("<{example}>"), or set DATAHUB_ROOT',
    )


def _connection() -> "duckdb.DuckDBPyConnection":
    import duckdb  # takes a moment, and not everybody who opens a hub reads data

    return duckdb.connect(":memory:")
