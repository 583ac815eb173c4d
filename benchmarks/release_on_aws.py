"""What a release on AWS takes, step by step and request by request, beside the copies alone.

`python -m benchmarks.release_on_aws` repeats it on the emulator; `--help` tells of sizes. Contestants, each a fresh process:

    hub             `pipeline.release`: checks, copies, four dbt tests in Athena, Glue, the log and the record
    boto3           server-side copies one after another, then the Glue table and its partitions
    boto3 x16       the same, 16 copies at once
    awswrangler     `s3.copy_objects` with 16 threads and `catalog.add_parquet_partitions`

The emulator is one Python process on the same machine. So requests are exact, ratios tell of the client's work, and seconds tell
nothing about AWS. `--latency 20` lets each request of all contestants wait 20 ms first, as it would for a network.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measure import Run, Series, in_turn, ratio, run
from benchmarks.on_aws.job import Job
from benchmarks.on_aws.scene import LARGE, SMALL, Scene
from tests.aws import new_account
from tests.emulator.launch import start_emulator

REPOSITORY = Path(__file__).resolve().parent.parent
ON_AWS = Path(__file__).resolve().parent / "on_aws"
AWSWRANGLER = REPOSITORY / "build" / "awswrangler"  # the environment that it is installed in; ignored by git
THREADS = 16
_COPIES = 3.0  # of the delivery, which the emulator keeps in memory at once, with what it needs beside them


@dataclass(frozen=True)
class Case:
    """One delivery, and the contestants' runs."""

    name: str
    series: Mapping[str, Series]

    def told(self, contestant: str) -> Sequence[dict[str, object]]:
        """What each run of a contestant printed."""
        return [json.loads(one.output.splitlines()[-1]) for one in self.series[contestant].runs]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print tables and a line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.release_on_aws")
    parser.add_argument("--bytes", type=float, default=1e9, help="size of the large delivery (default: 1e9)")
    parser.add_argument("--files", type=int, default=16, help="its files (default: 16)")
    parser.add_argument("--small", type=int, default=10_000, help="small files (default: 10,000)")
    parser.add_argument("--days", type=int, default=100, help="partitions of the small files (default: 100)")
    parser.add_argument("--rounds", type=int, default=3, help="counted runs of each contestant (default: 3)")
    parser.add_argument(
        "--latency", type=float, default=0.0, help="milliseconds that each request waits (default: 0)"
    )
    chosen = parser.parse_args(arguments)
    _must_fit(chosen.bytes * _COPIES)
    wrangler = _awswrangler()
    with TemporaryDirectory(prefix="datahub-bench-") as folder, start_emulator() as emulator:
        account = new_account(emulator.endpoint)
        scene = Scene(account, Path(folder) / "dbt_project")
        bench = _Bench(scene, Path(folder), wrangler, chosen.rounds, chosen.latency / 1000)
        size, count = int(chosen.bytes), chosen.files
        cases = [
            bench.case(
                f"{size / 1e9:g} GB in {count} files, with the deliverer's checksums",
                LARGE,
                lambda: scene.deliver_large(size, count, with_checksums=True),
            ),
            bench.case(
                f"{size / 1e9:g} GB in {count} files, without checksums",
                LARGE,
                lambda: scene.deliver_large(size, count, with_checksums=False),
            ),
            bench.case(
                f"{chosen.small:,} small files in {chosen.days} partitions",
                SMALL,
                lambda: scene.deliver_small(chosen.small, chosen.days),
            ),
        ]
    print(json.dumps({"cases": [_summary(case) for case in cases], "latency_ms": chosen.latency, **_about()}))


class _Bench:
    """Runs the contestants in turn."""

    def __init__(
        self, scene: Scene, folder: Path, wrangler: Path | None, rounds: int, latency: float
    ) -> None:
        self._scene = scene
        self._folder = folder
        self._wrangler = wrangler
        self._rounds = rounds
        self._latency = latency

    def case(self, name: str, dataset: str, deliver: Callable[[], tuple[str, ...]]) -> Case:
        """Deliver, let all contestants run, and remove the delivery."""
        print(f"\n{name}", flush=True)
        job = Job(
            bucket=self._scene.account.bucket,
            source=self._scene.inbox(dataset),
            target=f"copies/{dataset.replace('.', '/')}/",
            files=deliver(),
            table=dataset,
            partitioned=dataset == SMALL,
            latency=self._latency,
        )
        in_threads = replace(job, threads=THREADS)
        here = Path(sys.executable)
        contestants: dict[str, Callable[[int], Run]] = {
            "hub": lambda _: self._run(here, "by_hub", job),
            "boto3": lambda _: self._run(here, "by_boto3", job),
            f"boto3 x{THREADS}": lambda _: self._run(here, "by_boto3", in_threads),
        }
        if (wrangler := self._wrangler) is not None:
            contestants["awswrangler"] = lambda _: self._run(wrangler, "by_awswrangler", in_threads)
        case = Case(name, in_turn(self._rounds, contestants, warm_ups=0))
        self._scene.remove(dataset)
        _show(case)
        return case

    def _run(self, python: Path, contestant: str, job: Job) -> Run:
        """Run a process that has its work to do; its seconds and its memory are what it says itself."""
        told = self._folder / "job.json"
        told.write_text(job.text())
        self._scene.tidy()
        command = [str(python), "-m", f"benchmarks.on_aws.{contestant}", str(told)]
        finished = run(command, self._environment(), REPOSITORY)
        told = json.loads(finished.output.splitlines()[-1])
        return replace(finished, seconds=told["seconds"], peak_mib=told["peak_mib"])

    def _environment(self) -> Mapping[str, str]:
        hidden = ("AWS_", "DATAHUB_", "DAGSTER_", "DBT_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return kept | {
            **self._scene.account.environment(),
            "PYTHONPATH": str(REPOSITORY),
            "DATAHUB_ROOT": self._scene.account.root,
            "DATAHUB_DBT_PROJECT_DIR": str(self._scene.project),
            "DATAHUB_CACHE_DIR": str(self._folder / "cache"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        }


def _show(case: Case) -> None:
    for name, series in case.series.items():
        s, told = series.summary(), case.told(name)
        counts = " ".join(
            f"{op} {n:,}" for op, n in sorted(_requests(told).items(), key=lambda each: -each[1])
        )
        print(f"{name:<12} {s['median_s']:>7} s ({s['min_s']} to {s['max_s']}), peak {s['peak_mib']} MiB")
        print(f"             {sum(_requests(told).values()):,} requests: {counts}")
    steps = _steps(case)
    print(f"  hub by step: {' '.join(f'{step} {seconds:.2f}' for step, seconds in steps.items())}")
    print("  " + ", ".join(f"{name} {value}" for name, value in _ratios(case).items()), flush=True)


def _requests(told: Sequence[Mapping[str, object]]) -> Mapping[str, int]:
    counts = told[-1]["requests"]
    assert isinstance(counts, dict)
    return counts


def _steps(case: Case) -> Mapping[str, float]:
    told = [one["steps"] for one in case.told("hub")]
    return {step: median(each[step] for each in told) for step in told[0]}  # type: ignore[index]


def _without_audit(case: Case) -> Series:
    """The hub's runs without the tests, which the others don't do."""
    audits = [one["steps"]["audit"] for one in case.told("hub")]  # type: ignore[index]
    runs = case.series["hub"].runs
    return Series(
        "hub without audit",
        [replace(each, seconds=each.seconds - audit) for each, audit in zip(runs, audits, strict=True)],
    )


def _ratios(case: Case) -> Mapping[str, float]:
    """The hub's seconds over each other's, run by run, with the tests and without."""
    hub, without = case.series["hub"], _without_audit(case)
    found: dict[str, float] = {}
    for name, series in case.series.items():
        if name != "hub":
            found[f"hub / {name}"] = round(ratio(hub, series), 2)
            found[f"hub without audit / {name}"] = round(ratio(without, series), 2)
    return found


def _summary(case: Case) -> Mapping[str, object]:
    return {
        "case": case.name,
        "series": [
            {**series.summary(), "requests": _requests(case.told(name))}
            for name, series in case.series.items()
        ],
        "step_seconds": _steps(case),
        "ratios": _ratios(case),
    }


def _about() -> Mapping[str, object]:
    packages = ("boto3", "dbt-core", "dbt-athena", "pyarrow")
    return {
        "versions": {name: version(name) for name in packages},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _must_fit(size: float) -> None:
    """Refuse to start what this machine has no memory for: the emulator keeps objects in it."""
    available = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemAvailable")
    )
    if size > available:
        sys.exit(
            f"{size / 1e9:.1f} GB of memory are needed, and {available / 1e9:.1f} GB are free: take a smaller --bytes"
        )


def _awswrangler() -> Path | None:
    """The interpreter that has awswrangler; None, said aloud, where it can't be installed."""
    python = AWSWRANGLER / "bin" / "python"
    uv = Path(sys.executable).parent / "uv"
    pins = ON_AWS / "awswrangler.txt"
    try:
        if not python.exists():
            subprocess.run(
                [str(uv), "venv", "--quiet", "--python", sys.executable, str(AWSWRANGLER)], check=True
            )
        install = [str(uv), "pip", "install", "--quiet", "--python", str(python), "--requirement", str(pins)]
        subprocess.run(install, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"awswrangler is LEFT OUT: it could not be installed from {pins.name} ({error})", flush=True)
        return None
    return python


if __name__ == "__main__":
    main()
