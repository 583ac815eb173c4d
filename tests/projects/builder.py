"""dbt projects of any size, for tests and benchmarks of scale."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.projects.running import HUB_PROJECT

COLUMN_COUNT = 10


def make_project(
    tmp_path: Path, n_teams: int, n_sources: int, tests_per_source: int, *, with_hub: bool = True
) -> Path:
    """A project `generated` below `tmp_path`, with the hub's macros, profiles and generic tests.

    Args:
        tmp_path: Where it is put; the project is the folder `generated` in it.
        n_teams: Folders `models/team_000`, `team_001`, ...; the sources are dealt out to them in turn.
        n_sources: Datasets in all: `s0000.events`, `s0001.events`, ...
        tests_per_source: Data tests on each: `not_null` on as many columns as there are, then ranges.
        with_hub: Whether the sources have a `hub` block. Without one they are an ordinary dbt project's.
    """
    project = tmp_path / "generated"
    shutil.copytree(HUB_PROJECT / "macros", project / "macros")
    shutil.copy(HUB_PROJECT / "profiles.yml", project / "profiles.yml")
    shutil.copy(HUB_PROJECT / "dbt_project.yml", project / "dbt_project.yml")
    for team_number in range(n_teams):
        team = f"team_{team_number:03}"
        folder = project / "models" / team
        folder.mkdir(parents=True)
        for number in range(team_number, n_sources, n_teams):
            source = _source(f"s{number:04}", team if with_hub else None, tests_per_source)
            _write(folder / f"s{number:04}.yml", {"version": 2, "sources": [source]})
    return project


def dataset_sql(n_sources: int, row_count: int = 1) -> list[str]:
    """Statements that make every generated dataset readable, with data that pass all tests."""
    columns = ", ".join(f"i as c{number}" for number in range(COLUMN_COUNT))
    return [
        statement
        for number in range(n_sources)
        for statement in (
            f"create schema s{number:04}",
            f"create table s{number:04}.events as select {columns} from range(1, {row_count} + 1) as r(i)",
        )
    ]


def _source(name: str, team: str | None, test_count: int) -> dict[str, Any]:
    tests: list[list[Any]] = [[] for _ in range(COLUMN_COUNT)]
    for number in range(test_count):
        in_range = {"name": f"{name}_range_{number}", "arguments": {"min_value": -number}}
        tests[number % COLUMN_COUNT].append(
            "not_null" if number < COLUMN_COUNT else {"hub_between": in_range}
        )
    columns = [
        {
            "name": f"c{number}",
            "data_type": "bigint",
            "description": f"Column {number}.",
            "data_tests": tests[number],
        }
        for number in range(COLUMN_COUNT)
    ]
    table: dict[str, Any] = {"name": "events", "description": f"Events of {name}.", "columns": columns}
    if team is not None:
        hub = {
            "team": team,
            "owners": [f"{team}@example.com"],
            "slo": {"freshness": {"due": "06:00", "timezone": "Asia/Tokyo", "calendar": "weekdays"}},
        }
        table["config"] = {"meta": {"hub": hub}}
    return {"name": name, "description": f"Source {name}.", "tables": [table]}


def _write(path: Path, content: dict[str, Any]) -> None:
    # CSafeDumper is ten times as fast, which counts for thousands of files.
    path.write_text(
        yaml.dump(content, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False), "utf-8"
    )
