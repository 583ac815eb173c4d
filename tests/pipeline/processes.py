"""Processes that are killed, and processes that run at once: forked, so that what is imported once is there for all."""

import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.view import ReleasedFile
from datahub_dagster.ports import Auditor, AuditRequest, Hub, Storage
from datahub_dagster.steps.views import view_of
from tests.builders import result

CHANGES = {
    "os.link",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
}  # of `sys.audit`; `open` for writing besides


class PassingAuditor(Auditor):
    """Every test passes, but those of a delivery in which an id is negative: no query engine, so that a fork is cheap."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
        return [
            AuditReport(
                dataset=request.contract.name,
                base_generation=request.base_generation,
                results=tuple(
                    result(test, sum(number < 0 for number in ids_in(self._storage, request.view.files)))
                    for test in request.contract.tests
                ),
                contract_fingerprint=request.contract.fingerprint,
            )
            for request in requests
        ]


class Killer:
    """Kills its own process with SIGKILL right before the n-th change that it would make to the disk (n = 1, 2, …)."""

    def __init__(self, after: int) -> None:
        self._left = after

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in CHANGES or (event == "open" and self._writes(arguments)):
            self.point()

    def request(self, request: Any) -> None:
        """For requests to AWS: only those that change something count."""
        action = request.headers.get("X-Amz-Target", b"")
        action = action.decode() if isinstance(action, bytes) else action
        asks = (
            re.search(r"\.(Batch)?(Get|List|Search|Receive)", action)
            if action
            else request.method in ("GET", "HEAD")
        )
        if not asks:
            self.point()

    def point(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _writes(self, arguments: tuple[object, ...]) -> bool:
        mode, flags = arguments[1], arguments[2]
        if isinstance(mode, str):
            return any(char in mode for char in "wxa+")
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


class HalfCopies(LocalStorage):
    """Can be killed in the middle of a copy, with half of the bytes written."""

    killer: Killer | None = None

    def _copy_bytes(self, source: Path, target: Path) -> str:
        if self.killer is not None:
            content = source.read_bytes()
            with target.open("xb") as file:
                file.write(content[: len(content) // 2])
                file.flush()
                self.killer.point()
            target.unlink()
        return super()._copy_bytes(source, target)


def fork(act: Callable[[], object]) -> int:
    """Start a process that does one thing; its id. Exits with 0, or with 3 after printing what was raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # DuckDB's threads do nothing that a child needs
        pid = os.fork()
    if pid:
        return pid
    try:
        act()
    except BaseException:  # noqa: BLE001  the child must never return into pytest
        traceback.print_exc(file=sys.__stderr__)
        os._exit(3)
    os._exit(0)


def survives(after: int, act: Callable[[Killer], object]) -> bool:
    """Whether a process came to its end before the killer's moment; fails if it ended in any third way."""
    killer = Killer(after)

    def run() -> None:
        sys.addaudithook(killer.hook)
        act(killer)

    _, status = os.waitpid(fork(run), 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def all_at_once(*acts: Callable[[], object]) -> None:
    """Run each in a process of its own; all begin at the same moment. Fails if one of them does."""
    read_end, write_end = os.pipe()

    def waiting(act: Callable[[], object]) -> Callable[[], object]:
        def run() -> None:
            os.close(write_end)
            os.read(read_end, 1)  # ends for all when the parent closes the other end
            act()

        return run

    children = [fork(waiting(act)) for act in acts]
    os.close(read_end)
    os.close(write_end)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert statuses == [0] * len(acts)


def ids_in(storage: Storage, files: Sequence[ReleasedFile]) -> list[int]:
    ids: list[int] = []
    for file in files:
        with storage.open(Location(file.path)) as stream:
            table = pq.ParquetFile(stream).read(columns=["id"], use_threads=False)
        ids += table.column("id").to_pylist()
    return sorted(ids)


def ids_read(hub: Hub, contract: Contract) -> list[int]:
    """The ids that a reader sees, without a query engine."""
    current = hub.log.current(contract.name)
    if current is None:
        return []
    return ids_in(hub.storage, view_of(hub.log, contract.name, current.partitions, contract).files)
