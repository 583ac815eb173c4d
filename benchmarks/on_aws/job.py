"""What a contestant is told to do, and what it tells of it: JSON, since awswrangler runs in an environment of its own."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import botocore.hooks


@dataclass(frozen=True)
class Job:
    """Files of a delivery that are to become a table.

    Args:
        bucket: Where they are.
        source: The folder that holds them, with a slash at its end.
        target: Where copies go, with a slash at its end; the hub has a place of its own.
        files: Their paths below `source`, markers not included.
        table: The dataset's name; in Glue the table's.
        partitioned: Whether the files lie in folders `day=2026-01-01/`.
        latency: Seconds that each request waits before it is sent.
        threads: Copies at once; the hub knows by itself.
    """

    bucket: str
    source: str
    target: str
    files: tuple[str, ...]
    table: str
    partitioned: bool
    latency: float = 0.0
    threads: int = 1

    @property
    def days(self) -> list[str]:
        """The partitions."""
        found = {path.partition("/")[0].removeprefix("day=") for path in self.files}
        return sorted(found) if self.partitioned else []

    def text(self) -> str:
        """As `run` reads it from a file."""
        return json.dumps(asdict(self))


@dataclass
class Told:
    """What a contestant did: requests by operation, and seconds by step where it has steps."""

    requests: dict[str, int]
    seconds: float
    peak_mib: float
    steps: dict[str, float] = field(default_factory=dict[str, float])


COLUMNS = {"id": "bigint", "amount": "double", "payload": "binary"}
DATABASE = "copies"


def run(work: Callable[[Job], dict[str, float] | None]) -> None:
    """Do the job in the file that the command line names, and print what it took.

    That is the work with its first connections, without the start of Python.
    """
    told = json.loads(Path(sys.argv[1]).read_text())
    job = Job(**{**told, "files": tuple(told["files"])})
    with _counted(job.latency) as requests:
        begun = time.perf_counter()
        steps = work(job)
        seconds = time.perf_counter() - begun
    print(json.dumps(asdict(Told(dict(requests), seconds, _peak_mib(), steps or {}))))


def _peak_mib() -> float:
    """The most memory that this process had; what the kernel tells its parent may be the parent's own."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@contextmanager
def _counted(latency: float) -> Iterator[Counter[str]]:
    """Every request that botocore sends in this process, by operation; each waits first, as it would for a network."""
    requests: Counter[str] = Counter()
    emit = botocore.hooks.HierarchicalEmitter.emit

    def emit_and_count(self: Any, event_name: str, **values: Any) -> Any:
        kind, _, operation = event_name.partition(".")
        if kind == "before-send":
            requests[operation] += 1
            time.sleep(latency)
        return emit(self, event_name, **values)

    botocore.hooks.HierarchicalEmitter.emit = emit_and_count
    try:
        yield requests
    finally:
        botocore.hooks.HierarchicalEmitter.emit = emit
