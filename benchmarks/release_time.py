"""How long a release of a small dataset takes, step by step, beside the same tests by plain dbt.

`python -m benchmarks.release_time` repeats it.

Three contestants over the demo's contracts, each a fresh process on a dataset of some hundred rows:

    datahub    `datahub release DATASET`          receive ... observe, contracts already parsed
    dagster    `dagster asset materialize`        the same release in a Dagster run, in process
    dbt        `dbt test --select source:DATASET` the same tests alone, partial parse warm, nothing released
"""

import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measure import Run, in_turn, ratio, run
from datahub_dagster.demo.data import write_deliveries

DATASET = "energy.iowa_generation"
ROUNDS = 5
REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    with TemporaryDirectory(prefix="datahub-bench-") as folder:
        scene = _Scene(Path(folder))
        series = in_turn(
            ROUNDS, {"datahub": scene.by_command, "dagster": scene.by_dagster, "dbt": scene.by_dbt}
        )
        steps = scene.step_seconds()
    result = {
        "dataset": DATASET,
        "series": [one.summary() for one in series.values()],
        "datahub / dbt": round(ratio(series["datahub"], series["dbt"]), 2),
        "dagster / datahub": round(ratio(series["dagster"], series["datahub"]), 2),
        "step_seconds": steps,
        "versions": {
            name: version(name) for name in ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "pyarrow")
        },
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    for one in series.values():
        s = one.summary()
        print(
            f"{s['command']:<8} {s['median_s']:>6} s ({s['min_s']} to {s['max_s']}), peak {s['peak_mib']} MiB, {s['runs']} runs"
        )
    for name, seconds in steps.items():
        print(f"  {name:<9} {' '.join(f'{step} {value:.3f}' for step, value in seconds.items())}")
    print(f"datahub / dbt {result['datahub / dbt']}, dagster / datahub {result['dagster / datahub']}")
    print(json.dumps(result))


class _Scene:
    """A hub with its contracts parsed; each run releases to a copy of its own, so that none finds a repeat."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hubs: dict[str, list[Path]] = {"datahub": [], "dagster": []}
        deliveries = write_deliveries(folder / "deliveries", datetime(2026, 11, 20, 12, tzinfo=UTC))
        self.delivery = next(delivery for delivery in deliveries if delivery.dataset == DATASET)
        self.template = folder / "template"
        run([str(BIN / "datahub"), "status"], self.environment(self.template), folder)
        self.deliver(self.template)

    def environment(self, root: Path) -> Mapping[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATAHUB_", "DAGSTER_", "DBT_"))
        }
        return kept | {
            "DATAHUB_ROOT": str(root),
            "DATAHUB_DBT_PROJECT_DIR": str(REPOSITORY / "dbt_project"),
            "DATAHUB_CACHE_DIR": str(self.folder / "cache"),
            "DAGSTER_HOME": str(root / ".dagster"),
            "DO_NOT_TRACK": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }

    def deliver(self, root: Path) -> None:
        command = [str(BIN / "datahub"), "deliver", DATASET, str(self.delivery.path), "--name", "first"]
        run(command, self.environment(root), self.folder)

    def fresh(self, contestant: str, number: int) -> Path:
        root = self.folder / f"{contestant}-{number}"
        shutil.copytree(self.template, root)
        (root / ".dagster").mkdir(exist_ok=True)
        (root / ".dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        self.hubs[contestant].append(root)
        return root

    def by_command(self, number: int) -> Run:
        root = self.fresh("datahub", number)
        return run(
            [str(BIN / "datahub"), "release", DATASET, "--no-docs"], self.environment(root), self.folder
        )

    def by_dagster(self, number: int) -> Run:
        root = self.fresh("dagster", number)
        command = [str(BIN / "dagster"), "asset", "materialize", "-m", "datahub_dagster.definitions"]
        selection = ["--select", f'key:"{DATASET.replace(".", "/")}"']
        return run([*command, *selection], self.environment(root), self.folder)

    def by_dbt(self, _number: int) -> Run:
        released = self.hubs["datahub"][0]
        command = [str(BIN / "dbt"), "test", "--quiet", "--select", f"source:{DATASET}"]
        project = [
            "--project-dir",
            str(REPOSITORY / "dbt_project"),
            "--profiles-dir",
            str(REPOSITORY / "dbt_project"),
        ]
        places = [
            "--target-path",
            str(self.folder / "dbt-target"),
            "--log-path",
            str(self.folder / "dbt-log"),
        ]
        return run([*command, *project, *places], self.environment(released), self.folder)

    def step_seconds(self) -> dict[str, dict[str, float]]:
        """Median seconds of each step, as the release records tell them."""
        found: dict[str, dict[str, float]] = {}
        for contestant, roots in self.hubs.items():
            records = [
                json.loads(path.read_text())
                for root in roots
                for path in root.glob("releases/*/*/*/_record.json")
            ]
            steps = records[0]["step_seconds"] if records else {}
            found[contestant] = {step: median(r["step_seconds"][step] for r in records) for step in steps}
        return found


if __name__ == "__main__":
    main()
