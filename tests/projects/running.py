"""Real dbt, in process, over DuckDB."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

REPO = Path(__file__).resolve().parents[2]
HUB_PROJECT = REPO / "dbt_project"
LEGACY_PROJECT = Path(__file__).parent / "legacy"

QUIET = ("--quiet", "--log-level-file", "none")  # dbt never closes the log file that it would open


@dataclass(frozen=True)
class DbtProject:
    """A dbt project, a DuckDB file that holds its sources, and a folder for what dbt writes."""

    folder: Path
    scratch: Path
    profile: str = "hub"

    @property
    def database(self) -> Path:
        return self.scratch / "memory.duckdb"  # its name is the catalog's: as with `:memory:`

    def sql(self, *statements: str) -> None:
        """Runs statements in the database that the tests will read."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(self.database)) as connection:
            for statement in statements:
                connection.execute(statement)

    def dbt(self, *args: str) -> Any:
        """What `dbtRunner` gives back; a bug in dbt or an unreadable project is raised."""
        from dbt import deprecations
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        deprecations.reset_deprecations()  # dbt remembers those of every project that this process has read
        self._write_profile()
        places = {
            "project-dir": self.folder,
            "profiles-dir": self.scratch,
            "target-path": self.scratch,
            "log-path": self.scratch,
        }
        options = [part for name, path in places.items() for part in (f"--{name}", str(path))]
        try:
            done = dbtRunner().invoke([*args, *options, *QUIET])
        finally:
            DuckDBConnectionManager.close_all_connections()  # otherwise the next run reads through this one's
        if done.exception:
            raise done.exception
        return done

    def run_tests(self, *selection: str) -> dict[str, tuple[str, int | None]]:
        """Status and failure count of each data test, by its name."""
        results = self.dbt("test", *(("--select", *selection) if selection else ())).result.results
        return {result.node.name: (str(result.status), result.failures) for result in results}

    def _write_profile(self) -> None:
        self.scratch.mkdir(parents=True, exist_ok=True)
        local = {"type": "duckdb", "path": str(self.database), "threads": 1}
        profile = {self.profile: {"target": "local", "outputs": {"local": local}}}
        (self.scratch / "profiles.yml").write_text(yaml.safe_dump(profile), "utf-8")
