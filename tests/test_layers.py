"""The architecture as tests: who may import whom, and what a quick start costs.

The contracts are in pyproject.toml, where `make lint` reads them too. Here they run with the tests, together
with the rules that import-linter can't say: an allow-list, and what is in memory after a start.
"""

import json
import subprocess
import sys

import grimp
import pytest

from tests.conftest import REPO

# What takes from a tenth of a second to several to import, and what `datahub status` has no use for.
HEAVY = {"boto3", "dagster", "dagster_dbt", "dbt", "duckdb", "numpy", "pandas", "polars", "pyarrow"}

LINT = "from importlinter.cli import lint_imports_command as lint; lint()"
START = "from datahub_dagster.cli import main; main()"


def test_imports_point_down_only() -> None:
    lint = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", "--no-logo"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )

    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_the_domain_needs_python_and_a_calendar_only() -> None:
    graph = grimp.build_graph("datahub_dagster", include_external_packages=True, cache_dir=None)
    allowed = sys.stdlib_module_names | {"datahub_dagster", "holidays"}

    inner = graph.find_descendants("datahub_dagster.domain")
    foreign = {
        (importer, imported)
        for importer in {"datahub_dagster.errors", "datahub_dagster.domain", *inner}
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported.split(".")[0] not in allowed
    }

    assert not foreign


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        pytest.param("import datahub_dagster", [], id="import datahub_dagster"),
        pytest.param(START, ["--help"], id="datahub --help"),
        pytest.param(START, ["status", "--help"], id="datahub status --help"),
    ],
)
def test_a_start_imports_nothing_heavy(code: str, arguments: list[str]) -> None:
    assert modules_after(code, arguments) & HEAVY == set()


def modules_after(code: str, arguments: list[str]) -> set[str]:
    """The top-level modules that a fresh interpreter holds after `code`, which may end in `sys.exit`."""
    probe = f"""
import atexit, json, sys
def report(): print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})), file=sys.stderr)
atexit.register(report)
{code}
"""
    run = subprocess.run(
        [sys.executable, "-c", probe, *arguments], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stderr.splitlines()[-1]))
