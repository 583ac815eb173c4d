"""How long the hub's pages take to build, and what a reader downloads, beside `dbt docs` of the same project.

`python -m benchmarks.docs_build` repeats it. Each build is a fresh process over a real log on a disk:

    full      nothing was built before
    nothing   nothing has happened since
    release   one dataset was released to
    again     the state of the build was lost: everything is made again, and nothing written
    search    from a key to the painted answer in Chromium, the first time and then
    dbt       `dbt docs generate --static --no-compile` over sources of the same columns and tests, parsed before; how long it takes to open
"""

import argparse
import gzip
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.docs_search import opened, search
from benchmarks.measure import Run, run
from datahub_dagster import pipeline
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.adapters.site.build import StaticSite
from datahub_dagster.adapters.site.publish import STATE
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import Contract, ContractBook, FreshnessSlo, License, QualitySlo
from datahub_dagster.domain.names import Location, ReleaseId
from datahub_dagster.domain.view import FileList, ReleasedFile
from tests.builders import book, column, consumer, contract, data_test, generation, receipt, record, report
from tests.hubs import SetClock, hub_at

BIN = Path(sys.executable).parent
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
FIRST = 100  # days before it the first release was
A_TEAM = 10  # datasets of one
_WORDS = [
    "price",
    "of",
    "each",
    "trade",
    "with",
    "its",
    "venue",
    "and",
    "the",
    "time",
    "of",
    "its",
    "report",
    "to",
    "the",
    "exchange",
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description="How long the hub's pages take to build.")
    parser.add_argument("--datasets", type=int, default=2_000)
    parser.add_argument("--tests", type=int, default=10, help="of each dataset")
    parser.add_argument("--columns", type=int, default=12, help="of each dataset")
    parser.add_argument("--releases", type=int, default=5, help="of each dataset")
    parser.add_argument("--no-dbt", action="store_true", help="leave dbt out, which takes longest")
    parser.add_argument("--build", metavar="HUB", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.build:
        build(given.build, a_book(given.datasets, given.tests, given.columns))
        return
    with TemporaryDirectory(prefix="datahub-bench-") as folder:
        measured: dict[str, object] = {}
        for name, found in _measure(Path(folder), given):
            print(f"{name:<8} {json.dumps(found)}", flush=True)
            measured[name] = found
    sizes = {name: value for name, value in vars(given).items() if name != "build"}
    versions = {name: version(name) for name in ("jinja2", "babel", "dbt-core", "dbt-duckdb")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(json.dumps(sizes | measured | {"versions": versions, "machine": machine}))


def a_book(datasets: int, tests: int, columns: int) -> ContractBook:
    """Contracts of teams of ten datasets each, and a consumer for each team."""
    contracts = [_contract(number, tests, columns) for number in range(datasets)]
    readers = [
        consumer(f"report_{team}", [str(each.name) for each in contracts[team * A_TEAM :][: A_TEAM // 2]])
        for team in range(datasets // A_TEAM)
    ]
    return book(*contracts, consumers=tuple(readers))


def build(folder: Path, contracts: ContractBook) -> None:
    """One build; what it took goes to stdout as JSON."""
    storage = LocalStorage(folder)
    site = StaticSite(
        storage, pipeline.status, collect_slos=pipeline.slo, docs_url="https://hub.example.com/docs"
    )
    hub = hub_at(folder, book=contracts, storage=storage, clock=SetClock(NOW), site=site)
    begun = perf_counter()
    pipeline.document(hub, with_dbt_docs=False)
    print(json.dumps({"build_s": round(perf_counter() - begun, 2)}))


def _measure(folder: Path, given: argparse.Namespace) -> Iterator[tuple[str, Mapping[str, object]]]:
    hub, docs = folder / "hub", folder / "hub" / "docs"
    contracts = list(a_book(given.datasets, given.tests, given.columns).datasets.values())
    begun = perf_counter()
    for number in range(1, given.releases + 1):
        for each in contracts:
            _release(hub, each, number, given.releases)
    print(f"{given.datasets:,} datasets with {given.releases} releases each: {perf_counter() - begun:.0f} s")

    def built() -> Mapping[str, object]:
        before = _files(docs)
        sizes = [f"--{name}={getattr(given, name)}" for name in ("datasets", "tests", "columns")]
        command = [sys.executable, "-m", "benchmarks.docs_build", *sizes, "--build", str(hub)]
        made = run(command, os.environ, Path.cwd())
        after = _files(docs)
        written = [path for path, inode in after.items() if before.get(path) != inode]
        told = json.loads(made.output[made.output.index('{"build_s"') :].splitlines()[0])
        return told | _costs(made) | {"files": len(after), "written": len(written)}

    yield "full", built()
    yield "nothing", built()
    _release(hub, contracts[len(contracts) // 2], given.releases + 1, given.releases)
    yield "release", built()
    (docs / STATE).unlink()
    yield "again", built()
    yield "reader", _downloads(docs, contracts[0])
    queries = [(each, each) for each in ("s0.t1", "s1.t2", "s0.t3", "s1.t4", "s0.t5")]
    yield "search", search(docs / "index.html", field="#filter-text", result=".result", queries=queries)
    if not given.no_dbt:
        yield "dbt", _dbt(folder / "dbt", contracts)


def _contract(number: int, tests: int, columns: int) -> Contract:
    name = f"s{number // A_TEAM}.t{number % A_TEAM}"
    kinds = ("not_null", "unique")
    return contract(
        name,
        team=f"team_{number // A_TEAM}",
        description=" ".join([*_WORDS[number % 7 :], *_WORDS, name]),
        columns=tuple(
            column(f"column_{n}", "double", description=" ".join(_WORDS[n % 9 :]), nullable=n > 0)
            for n in range(columns)
        ),
        tests=tuple(
            data_test(kinds[n % 2], f"column_{n // 2}", name, description=" ".join(_WORDS[:9]))
            for n in range(tests)
        ),
        tags=("listed", "price"),
        license=License(terms="internal use"),
        freshness_slos=(FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS"),),
        quality_slo=QualitySlo(),
    )


class _Unflushed(LocalStorage):
    """Waits for no disk: the hub is thrown away."""

    def create(self, location: Location, content: bytes) -> None:
        target = self.root / location.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _release(hub: Path, of: Contract, number: int, releases: int) -> None:
    """What the log holds of a release: receipt, files, generation, record."""
    log = JsonReleaseLog(_Unflushed(hub))
    at = NOW - timedelta(days=FIRST - number * FIRST // (releases + 1), hours=4)
    release_id = ReleaseId(at.date(), number)
    received = receipt(of, number)
    log.add_receipt(
        replace(
            received,
            release_id=release_id,
            received_at=at,
            delivery=replace(received.delivery, name=at.date().isoformat()),
        )
    )
    path = f"{log.release_folder(of.name, release_id)}/part-0.parquet"
    file = ReleasedFile(
        path=path, size=2048, sha256="0" * 64, rows=100, partition="", holds_partition_column=True
    )
    log.add_file_list(FileList(dataset=of.name, release_id=release_id, files=(file,)))
    log.add_generation(
        generation(of, number, release_id=release_id, partitions={"": release_id}, published_at=at)
    )
    log.add_record(
        record(
            of,
            number,
            release_id=release_id,
            delivery=at.date().isoformat(),
            received_at=at,
            finished_at=at,
            published_at=at,
            rows=100 + number,
            audit=report(of, base_generation=number - 1),
        )
    )


def _files(docs: Path) -> Mapping[str, tuple[int, int]]:
    return {
        str(path.relative_to(docs)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in docs.rglob("*")
        if path.is_file() and path.name != STATE
    }


def _downloads(docs: Path, of: Contract) -> Mapping[str, object]:
    """Bytes that a browser asks for with nothing in its cache, as they are and compressed as CloudFront does it."""
    pages = {"start": "index.html", "dataset": f"datasets/{of.name}.html"}
    found: dict[str, object] = {}
    for name, page in pages.items():
        html = (docs / page).read_bytes()
        needed = set(re.findall(r'(?:href|src)="((?:\.\./)*assets/[^"]+)"', html.decode()))
        contents = [html, *(((docs / page).parent / link).resolve().read_bytes() for link in sorted(needed))]
        found[f"{name}_bytes"] = sum(map(len, contents))
        found[f"{name}_gzip"] = sum(len(gzip.compress(content, mtime=0)) for content in contents)
        found[f"{name}_requests"] = len(contents)
    return found


def _costs(made: Run) -> Mapping[str, object]:
    return {"process_s": round(made.seconds, 2), "peak_mib": round(made.peak_mib)}


def _dbt(folder: Path, contracts: Sequence[Contract]) -> Mapping[str, object]:
    (folder / "models").mkdir(parents=True)
    for each in contracts:
        by_column: dict[str, list[str]] = {}
        for test in each.tests:
            by_column.setdefault(test.column or "", []).append(test.kind)
        columns = [
            {
                "name": c.name,
                "data_type": c.data_type,
                "description": c.description,
                "data_tests": by_column.get(c.name, []),
            }
            for c in each.columns
        ]
        table = {"name": each.name.table, "description": each.description, "columns": columns}
        source = {"name": each.name.source, "tables": [table]}
        path = folder / "models" / f"{each.name.source}.yml"
        known = json.loads(path.read_text())["sources"] if path.exists() else [source | {"tables": []}]
        known[0]["tables"].append(table)
        path.write_text(json.dumps({"version": 2, "sources": known}))  # JSON is YAML, too
    (folder / "dbt_project.yml").write_text("name: bench\nversion: '1.0.0'\nprofile: bench\n")
    (folder / "profiles.yml").write_text(
        "bench:\n  target: d\n  outputs:\n    d: {type: duckdb, path: ':memory:', threads: 4}\n"
    )
    environment = {**os.environ, "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    dbt = [str(BIN / "dbt"), "--quiet"]
    run([*dbt, "parse", "--profiles-dir", "."], environment, folder)
    made = run(
        [*dbt, "docs", "generate", "--static", "--no-compile", "--profiles-dir", "."], environment, folder
    )
    page = (folder / "target" / "static_index.html").read_bytes()
    return dict(_costs(made)) | {
        "dataset_bytes": len(page),
        "dataset_gzip": len(gzip.compress(page, mtime=0)),
        "opened_s": opened(folder / "target" / "static_index.html", field="#search"),
    }


if __name__ == "__main__":
    main()
