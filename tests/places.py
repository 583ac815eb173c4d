"""Where a test's hub is: on a disk, or on AWS. What holds for the one must hold for the other.

A test that takes the fixture `place` runs once on each (see `tests/pipeline/conftest.py`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import rmtree
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import duckdb
from botocore.config import Config

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.catalog.glue import GlueCatalog
from datahub_dagster.adapters.notify.object_outbox import ObjectOutbox
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.adapters.storage.s3_for_duckdb import register_s3
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import Hub, Storage
from datahub_dagster.side_by_side import side_by_side
from tests.aws import AwsAccount, ask_athena
from tests.hubs import PlainSqlAuditor, hub_at, ids_published

OnRequest = Callable[[Any], Any]
"""Is told of each request to AWS right before it is sent; may kill, raise, or give the answer itself."""

# The models of AWS's services take a fifth of a second to read; a test opens dozens of clients.
_LOADER = botocore.loaders.create_loader()


class Place(ABC):
    """A place where a hub is."""

    tick: float
    """Seconds after which a file's time is another one."""

    @abstractmethod
    def hub(self, *contracts: Contract, **ports: Any) -> Hub:
        """A hub of these contracts at this place: its own adapters, an auditor without dbt. Any port can be given."""

    @abstractmethod
    def storage(self) -> Storage:
        """The place's storage, for a look at it behind the hub's back."""

    @abstractmethod
    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection that can read the hub's files."""

    @abstractmethod
    def lose_catalog(self) -> None:
        """Remove what the catalog holds, behind the hub's back."""

    def ids_read(self, hub: Hub, contract: Contract) -> list[int]:
        """The ids that a reader of the published dataset sees, sorted: whoever reads through the log."""
        return ids_published(hub, contract, self.connect)

    def tables(self) -> Mapping[str, Any]:
        """What a catalog beside the hub's files shows, by table."""
        return {}

    def files(self) -> Mapping[str, bytes]:
        """Everything that the hub holds."""
        storage = self.storage()
        paths = [
            f"{folder}/{file.path}"
            for folder in ("inbox", "releases", "log", "catalog", "outbox", "alerts", "docs")
            for file in storage.list_files(Location(folder))
        ]
        contents = side_by_side(lambda path: storage.read(Location(path)), paths, storage.parallel)
        return dict(zip(paths, contents, strict=True))

    def write(self, path: str, content: bytes) -> None:
        """Write a file behind the hub's back."""
        self.storage().replace(Location(path), content)

    def remove(self, path: str) -> None:
        """Remove a file behind the hub's back."""
        self.storage().delete(Location(path))


class OnDisk(Place):
    """A folder of this machine."""

    tick = 0.01

    def __init__(self, root: Path) -> None:
        self.root = root

    def hub(self, *contracts: Contract, **ports: Any) -> Hub:
        return hub_at(self.root, *contracts, **ports)

    def storage(self) -> LocalStorage:
        return LocalStorage(self.root)

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect()

    def lose_catalog(self) -> None:
        rmtree(self.root / "catalog")


class OnAws(Place):
    """A bucket and a Glue database of an account of its own, on the emulator."""

    tick = 1.1

    def __init__(self, account: AwsAccount, prefix: str = "hub") -> None:
        self.account = account
        self.prefix = prefix
        self._glue_prefix = f"{prefix}_".replace("-", "_")
        self._opened: list[AwsClients] = []

    def beside(self, prefix: str) -> "OnAws":
        """Another hub in the same account."""
        other = OnAws(self.account, prefix)
        other._opened = self._opened
        return other

    def clients(self, on_request: OnRequest | None = None) -> AwsClients:
        """Clients of their own, which tell of each request."""
        core = botocore.session.get_session()
        core.register_component("data_loader", _LOADER)
        session = boto3.Session(botocore_session=core)
        if on_request is not None:

            def ask(request: Any, **_: Any) -> Any:
                return on_request(request)

            session.events.register("before-send", ask)  # its answer counts
        # Without further attempts each call is one request, and a fault shows at once.
        clients = AwsClients(session, Config(retries={"total_max_attempts": 1}))
        self._opened.append(clients)
        return clients

    def storage(self, clients: AwsClients | None = None) -> S3Storage:
        return S3Storage(clients or self.clients(), self.account.bucket, self.prefix)

    def hub(self, *contracts: Contract, **ports: Any) -> Hub:
        clients = ports.pop("clients", None) or self.clients()
        storage = ports.pop("storage", None) or self.storage(clients)
        values: dict[str, Any] = {
            "catalog": GlueCatalog(clients, storage, prefix=self._glue_prefix),
            "notifier": ObjectOutbox(storage),
            "auditor": PlainSqlAuditor(storage, self.connect),
            "sources_root": Path(),
        }
        return hub_at(Path(), *contracts, storage=storage, **(values | ports))

    def connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        register_s3(connection, self.clients())
        return connection

    def lose_catalog(self) -> None:
        glue = self.account.client("glue")
        for table in self._tables():
            glue.delete_table(DatabaseName=table["DatabaseName"], Name=table["Name"])

    def tables(self) -> Mapping[str, Any]:
        glue = self.account.client("glue")
        found: dict[str, Any] = {}
        for table in self._tables():
            name = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
            partitions = glue.get_partitions(**name)["Partitions"] if table.get("PartitionKeys") else []
            found[table["Name"]] = {
                "table": [table["StorageDescriptor"], table.get("PartitionKeys"), _parameters(table)],
                "partitions": sorted(
                    [each["Values"], each["StorageDescriptor"], _parameters(each)] for each in partitions
                ),
            }
        return found

    def ids_read(self, hub: Hub, contract: Contract) -> list[int]:
        """As for any reader; and whoever reads through Athena sees the same."""
        ids = super().ids_read(hub, contract)
        database = f"{self._glue_prefix}{contract.schema}"
        answer = ask_athena(self.account, f'select id from "{database}"."{contract.identifier}" order by id')
        assert answer.state == "SUCCEEDED", answer.reason
        assert [int(id_ or 0) for (id_,) in answer.rows] == ids, "Athena and a direct reader disagree"
        return ids

    def _tables(self) -> Iterator[dict[str, Any]]:
        glue = self.account.client("glue")
        for database in glue.get_databases()["DatabaseList"]:
            if database["Name"].startswith(self._glue_prefix):
                yield from glue.get_tables(DatabaseName=database["Name"])["TableList"]

    def close(self) -> None:
        for clients in self._opened:
            clients.close()


def _parameters(entry: Mapping[str, Any]) -> dict[str, str]:
    """Without digests of the rest, which differ between two hubs of the same content."""
    digests = ("hub.digest", "hub.wrote")
    return {key: value for key, value in entry.get("Parameters", {}).items() if key not in digests}
