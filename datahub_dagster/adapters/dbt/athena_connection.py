"""How dbt-athena reaches Athena within the hub: by the hub's own client, and with a note of what every query did and cost."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from dbt.adapters.athena.connections import AthenaConnection, AthenaConnectionManager, AthenaCursor
from dbt.adapters.athena.impl import AthenaAdapter
from dbt.adapters.contracts.connection import Connection, ConnectionState
from dbt_common.events.contextvars import get_node_info

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.dbt.athena_queries import patience

Execution = Mapping[str, Any]
"""What GetQueryExecution says of a query."""

_EVENTS = ("StartQueryExecution", "GetQueryExecution", "GetQueryResults")


@dataclass(slots=True)
class Notes:
    """What was heard from Athena: of each test's queries, and of calls that failed (the call's name, and the error)."""

    _executions: dict[str, dict[str, Execution]] = field(default_factory=dict[str, dict[str, Execution]])
    refusals: list[tuple[str, ClientError | BotoCoreError]] = field(
        default_factory=list[tuple[str, "ClientError | BotoCoreError"]]
    )
    _lock: Lock = field(default_factory=Lock)

    def add(self, test_id: str, execution: Execution) -> None:
        """Note how a query of a test is now."""
        with self._lock:
            self._executions.setdefault(test_id, {})[execution["QueryExecutionId"]] = execution

    def of(self, test_id: str) -> Sequence[Execution]:
        """The queries of a test, in the order in which they began."""
        return list(self._executions.get(test_id, {}).values())

    def all(self) -> Sequence[Execution]:
        """The queries of all tests."""
        return [execution for test_id in list(self._executions) for execution in self.of(test_id)]

    def heard(self, event_name: str, **values: Any) -> None:
        """Take what a call answered; a handler of botocore's events `after-call` and `after-call-error`."""
        test_id = get_node_info().get("unique_id")
        if not test_id:  # a call of somebody else's, by the same client
            return
        action = event_name.rpartition(".")[2]
        answer = values.get("parsed", {})
        if "Error" in answer:
            self.refusals.append((action, ClientError(answer, action)))
        elif isinstance(error := values.get("exception"), BotoCoreError):
            self.refusals.append((action, error))
        elif execution := answer.get("QueryExecution"):
            self.add(str(test_id), execution)


@contextmanager
def connecting_by(aws: AwsClients, notes: Notes) -> Iterator[None]:
    """Within this block dbt-athena asks Athena by the hub's client. Not for several threads at once."""

    class Manager(AthenaConnectionManager):
        @classmethod
        def open(cls, connection: Connection) -> Connection:
            if connection.state != ConnectionState.OPEN:
                connection.handle = _HubConnection(connection.credentials, aws)
                connection.state = ConnectionState.OPEN
            return connection

    events = aws.athena.meta.events
    names = [f"{kind}.athena.{event}" for kind in ("after-call", "after-call-error") for event in _EVENTS]
    for name in names:
        events.register(name, notes.heard, unique_id=name)
    own, AthenaAdapter.ConnectionManager = AthenaAdapter.ConnectionManager, Manager
    try:
        yield
    finally:
        AthenaAdapter.ConnectionManager = own
        for name in names:
            events.unregister(name, unique_id=name)


class _HubConnection(AthenaConnection):
    """One connection of dbt's. The client tries again by itself, and is shared by all threads."""

    def __init__(self, credentials: Any, aws: AwsClients) -> None:
        super().__init__(credentials, lambda _: aws.session)
        self._client = aws.athena

    def cursor(self) -> AthenaCursor:
        assert self._client is not None
        cursor = AthenaCursor(self._client, self._athena_credentials, poll_delay=patience())
        self._cursors.add(cursor)
        return cursor
