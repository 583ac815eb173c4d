"""Hubs for tests: real storage, log, catalog and footers on a disk; contracts as values; an auditor without dbt."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.adapters.catalog.duckdb import DuckDbCatalog
from datahub_dagster.adapters.duckdb_views import view_sql
from datahub_dagster.adapters.monitor_log import JsonMonitorLog
from datahub_dagster.adapters.notify.apprise_channels import AppriseChannels
from datahub_dagster.adapters.notify.outbox import OutboxNotifier
from datahub_dagster.adapters.notify.texts import TemplateTexts
from datahub_dagster.adapters.parquet import ParquetProfiler
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.audit import AuditReport, CheckResult, CheckStatus
from datahub_dagster.domain.contract import Contract, ContractBook, DataTest, Severity
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import Auditor, AuditRequest, Clock, Contracts, Hub, Rendered, Site, Storage
from tests.builders import NOW, book


@dataclass
class GivenContracts(Contracts):
    """Contracts that a test made."""

    given: ContractBook

    def load(self) -> ContractBook:
        return self.given


@dataclass
class SteppingClock(Clock):
    """Begins far in the future of any file that a test writes, and goes on by a second each time it is asked."""

    at: datetime = field(default_factory=lambda: NOW + timedelta(days=3650))

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class SetClock(Clock):
    """Stands where it is put."""

    at: datetime

    def now(self) -> datetime:
        return self.at


class PlainSqlAuditor(Auditor):
    """Answers `not_null` and `unique` by the SQL that dbt would write, without dbt: milliseconds where dbt needs seconds.

    Args:
        storage: Where the files are.
        connect: Gives a DuckDB connection that can read them.
    """

    def __init__(
        self, storage: Storage, connect: Callable[[], duckdb.DuckDBPyConnection] = duckdb.connect
    ) -> None:
        self._storage = storage
        self._connect = connect

    def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
        return [self._audit(request) for request in requests]

    def _audit(self, request: AuditRequest) -> AuditReport:
        with self._connect() as connection:
            for view in (request.view, *request.neighbours.values()):
                for statement in view_sql(view, self._storage.engine_path):
                    connection.execute(statement)
            results = tuple(self._answer(connection, request, test) for test in request.contract.tests)
        return AuditReport(
            dataset=request.contract.name,
            base_generation=request.base_generation,
            results=results,
            contract_fingerprint=request.contract.fingerprint,
            engine="duckdb",
        )

    def _answer(
        self, connection: duckdb.DuckDBPyConnection, request: AuditRequest, test: DataTest
    ) -> CheckResult:
        relation = f'"{request.view.schema}"."{request.view.table}"'
        queries = {
            "not_null": f"select count(*) from {relation} where {test.column} is null",
            "unique": f"select count(*) from (select {test.column} from {relation} where {test.column} is not null "
            f"group by 1 having count(*) > 1)",
        }
        failures = connection.execute(queries[test.kind]).fetchall()[0][0]
        bad = CheckStatus.FAIL if test.severity is Severity.ERROR else CheckStatus.WARN
        return CheckResult(
            unique_id=test.unique_id,
            check_name=test.check_name,
            status=bad if failures else CheckStatus.PASS,
            severity=test.severity,
            failures=failures,
            column=test.column,
            message=f"Got {failures} results" if failures else "",
            compiled_sql=queries[test.kind],
        )


class NoSite(Site):
    """Renders nothing: for tests that are not about pages."""

    def render(self, hub: Hub, *, with_dbt_docs: bool) -> Rendered:
        return Rendered(start=Location("docs/index.html"))

    def is_stale(self, hub: Hub) -> bool:
        return False

    def copy(self, target: Storage) -> int:
        return 0


def hub_at(root: Path, *contracts: Contract, **ports: Any) -> Hub:
    """A hub below a folder. Any port can be given; what wraps the storage is given as `storage`."""
    storage = ports.pop("storage", None) or LocalStorage(root)
    given = ports.pop("book", None) or book(*contracts)
    values: dict[str, Any] = {
        "storage": storage,
        "log": JsonReleaseLog(storage),
        "catalog": DuckDbCatalog(storage),
        "profiler": ParquetProfiler(storage),
        "auditor": PlainSqlAuditor(storage),
        "contracts": GivenContracts(given),
        "site": NoSite(),
        "notifier": OutboxNotifier(root),
        "alerts": JsonAlertLog(storage),
        "texts": TemplateTexts(),
        "channels": AppriseChannels(),
        "monitor_log": JsonMonitorLog(storage),
        "clock": SteppingClock(),
        "sources_root": root,
    }
    return Hub(**(values | ports))


ORDERS = {"id": pa.int64(), "amount": pa.float64()}


def orders(ids: Sequence[int | None], amount: float = 1.0, **columns: Any) -> pa.Table:
    """Rows of `payments.orders`; more columns by name, each a value for all rows or a list."""
    data: dict[str, Any] = {
        "id": pa.array(ids, pa.int64()),
        "amount": pa.array([amount] * len(ids), pa.float64()),
    }
    for column, value in columns.items():
        data[column] = value if isinstance(value, list | pa.Array) else pa.array([value] * len(ids))
    return pa.table(data)


def put_delivery(
    hub: Hub,
    contract: Contract,
    name: str,
    files: dict[str, pa.Table | bytes],
    *,
    complete: bool = True,
    full: bool = False,
) -> Path:
    """Write a delivery straight into the inbox, as a team's own tools would.

    Returns:
        Its folder, relative to the hub's where that is not on a disk.
    """
    place = Location("inbox") / contract.name.source / contract.name.table / name
    bytes_of = {
        path: content if isinstance(content, bytes) else as_parquet(content)
        for path, content in files.items()
    }
    markers = [marker for marker, is_there in (("_FULL", full), ("_SUCCESS", complete)) if is_there]
    if not isinstance(hub.storage, LocalStorage):
        for path, content in (bytes_of | dict.fromkeys(markers, b"")).items():
            hub.storage.replace(place / path, content)
        return Path(place.path)
    folder = Path(hub.storage.engine_path(place))
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in (bytes_of | dict.fromkeys(markers, b"")).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def as_parquet(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def ids_published(
    hub: Hub, contract: Contract, connect: Callable[[], duckdb.DuckDBPyConnection] = duckdb.connect
) -> list[int]:
    """The ids that a reader of the published dataset sees, sorted; `connect` gives a connection that can read the files."""
    from datahub_dagster.steps.views import view_of

    current = hub.log.current(contract.name)
    if current is None:
        return []
    view = view_of(hub.log, contract.name, current.partitions, contract)
    with connect() as connection:
        for statement in view_sql(view, hub.storage.engine_path):
            connection.execute(statement)
        rows = connection.execute(f'select id from "{view.schema}"."{view.table}" order by id').fetchall()
    return [row[0] for row in rows]
