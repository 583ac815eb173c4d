"""How long a tick of the monitor takes over thousands of datasets, beside `dbt source freshness`.

`python -m benchmarks.monitor_time` repeats it. Each tick is a fresh process, as cron would start it, over a real log on a disk:

    first    nothing is remembered: every promise is noted, every dataset looked at
    quiet    a minute in which nothing is due
    warning  18:15, when each dataset is looked at for what will be due
    due      18:31: all are due at once, one in a hundred was not delivered
    after    18:32: the missing ones are watched, more evaluations are handed out
    dbt      `dbt source freshness` over fewer sources of one row each on DuckDB, everything parsed before
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import duckdb

from benchmarks.measure import Run, run
from datahub_dagster import pipeline
from datahub_dagster.adapters.json_values import json_of
from datahub_dagster.domain.contract import Contract, DeliverySpec, FreshnessSlo, Mode, PartitionSpec
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.release import Generation, GenerationKind
from datahub_dagster.ports import Clock
from tests.builders import book, contract
from tests.hubs import hub_at

BIN = Path(sys.executable).parent
TODAY = date(2026, 11, 20)  # a Friday
FIRST = date(2026, 8, 3)
SLO = FreshnessSlo(due=time(18, 30), calendar="XTKS", objective=0.99)
DELIVERY = DeliverySpec(mode=Mode.PARTITION, partitions=PartitionSpec(column="day", start=FIRST))
MISSING_EACH = 100  # one dataset in so many is not delivered today


@dataclass
class GivenClock(Clock):
    at: datetime

    def now(self) -> datetime:
        return self.at


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", type=int, default=10_000)
    parser.add_argument("--generations", type=int, default=30, help="of each dataset")
    parser.add_argument("--sources", type=int, default=100, help="of dbt's")
    parser.add_argument("--tick", nargs=3, metavar=("HUB", "FROM", "COUNT"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.tick:
        tick(Path(given.tick[0]), given.datasets, datetime.fromisoformat(given.tick[1]), int(given.tick[2]))
        return
    with TemporaryDirectory(prefix="datahub-bench-") as folder:
        measured: dict[str, object] = {}
        for name, found in _measure(Path(folder), given.datasets, given.generations, given.sources):
            print(f"{name:<8} {json.dumps(found)}", flush=True)
            measured[name] = found
    versions = {name: version(name) for name in ("dbt-core", "dbt-duckdb", "duckdb", "pydantic")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(json.dumps(vars(given) | measured | {"versions": versions, "machine": machine}))


def _measure(
    folder: Path, datasets: int, generations: int, sources: int
) -> Iterator[tuple[str, Mapping[str, object]]]:
    hub = folder / "hub"
    begun = perf_counter()
    days = [day for day in (TODAY - timedelta(days=n) for n in range(1, 400)) if day.weekday() < 5][
        :generations
    ]
    for number, day in enumerate(reversed(days), start=1):
        _publish(hub, range(datasets), number, day)
    print(
        f"{datasets:,} datasets with {generations} generations each, written in {perf_counter() - begun:.0f} s"
    )

    def ticked(at: datetime, count: int = 1) -> Mapping[str, object]:
        command = [sys.executable, "-m", "benchmarks.monitor_time", "--datasets", str(datasets)]
        made = run([*command, "--tick", str(hub), at.isoformat(), str(count)], os.environ, Path.cwd())
        return json.loads(made.output.splitlines()[-1]) | _costs(made)

    yield "first", ticked(_at(12))
    ticked(_at(12, 1), count=40)  # until every budget was reckoned once, and looks are spread over the hour
    yield "quiet", ticked(_at(12, 41))
    _publish(hub, [n for n in range(datasets) if n % MISSING_EACH], generations + 1, TODAY)
    yield "warning", ticked(_at(18, 15))
    yield "due", ticked(_at(18, 31))
    yield "after", ticked(_at(18, 32))
    yield "dbt", _dbt(folder / "dbt", sources)


def _at(hour: int, minute: int = 0) -> datetime:
    return datetime(TODAY.year, TODAY.month, TODAY.day, hour, minute, tzinfo=UTC)


def _contract(number: int) -> Contract:
    return contract(f"s{number // 100}.t{number % 100}", delivery=DELIVERY, freshness_slos=(SLO,))


def _publish(hub: Path, numbers: Sequence[int], number: int, day: date) -> None:
    """Write a generation of each dataset as the log would, but without waiting for the disk."""
    partitions = {}
    known = FIRST
    while known <= day:
        partitions[known.isoformat()] = ReleaseId(known, number)
        known += timedelta(days=1)
    sample = Generation(
        dataset=_contract(0).name,
        number=number,
        kind=GenerationKind.RELEASE,
        partitions=partitions,
        release_id=ReleaseId(day, number),
        published_at=datetime(day.year, day.month, day.day, 17, 0, tzinfo=UTC),
    )
    text = json_of(Generation).dump_json(sample, indent=1).decode()
    for each in numbers:
        source, table = f"s{each // 100}", f"t{each % 100}"
        folder = hub / "log" / source / table / "generations"
        folder.mkdir(parents=True, exist_ok=True)
        own = text.replace('"source": "s0"', f'"source": "{source}"').replace(
            '"table": "t0"', f'"table": "{table}"'
        )
        (folder / f"{number:08d}.json").write_text(own)


def tick(folder: Path, datasets: int, now: datetime, count: int) -> None:
    """Some ticks, a minute apart; what the last one took goes to stdout as JSON."""
    contracts = [_contract(number) for number in range(datasets)]
    clock = GivenClock(now)
    found = None
    for _ in range(count):
        hub = hub_at(folder, book=book(*contracts), clock=clock)
        found = pipeline.monitor(
            hub, contracts, scope="bench", confirmed=0 if found is None else found.number
        )
        clock.at += timedelta(minutes=1)
    assert found is not None
    alive = found.heartbeat
    told = {"tick_s": alive.seconds, "looked": alive.looked, "alerts": len(found.alerts)}
    print(json.dumps(told | {"handed": len(found.evaluations), "waiting": alive.waiting}))


def _costs(made: Run) -> Mapping[str, object]:
    return {"process_s": round(made.seconds, 2), "peak_mib": round(made.peak_mib)}


def _dbt(folder: Path, sources: int) -> Mapping[str, object]:
    (folder / "models").mkdir(parents=True)
    with duckdb.connect(str(folder / "bench.duckdb")) as connection:
        connection.execute("create schema s")
        for number in range(sources):
            connection.execute(f"create table s.t{number} as select now() as loaded_at")
    tables = "\n".join(f"      - name: t{number}" for number in range(sources))
    (folder / "models" / "s.yml").write_text(
        "sources:\n  - name: s\n    schema: s\n    config:\n      loaded_at_field: loaded_at\n"
        "      freshness: {error_after: {count: 1, period: day}}\n    tables:\n" + tables + "\n"
    )
    (folder / "dbt_project.yml").write_text("name: bench\nversion: '1.0.0'\nprofile: bench\n")
    (folder / "profiles.yml").write_text(
        "bench:\n  target: d\n  outputs:\n    d: {type: duckdb, path: bench.duckdb, threads: 4}\n"
    )
    environment = {**os.environ, "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    command = [str(BIN / "dbt"), "--quiet", "source", "freshness", "--profiles-dir", "."]
    run(command, environment, folder)
    costs = _costs(made := run(command, environment, folder))
    return dict(costs) | {"sources": sources, "ms_per_source": round(1000 * made.seconds / sources, 1)}


if __name__ == "__main__":
    main()
