"""The oracle: on real data the hub's checks say exactly what plain `dbt test` says."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.demo.story import Audience, tell
from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.hubs import NoSite
from tests.projects.running import HUB_PROJECT

pytestmark = pytest.mark.slow

Answer = tuple[str, int | None]


@dataclass(frozen=True)
class Told:
    """A hub after the demonstration."""

    hub: Hub
    root: Path


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    root = tmp_path_factory.mktemp("oracle") / "hub"
    root.mkdir()
    hub = replace(open_hub(Settings(root=root, dbt_project_dir=HUB_PROJECT)), site=NoSite())
    assert tell(hub, root, actor="test", audience=Audience()).went_as_told
    return Told(hub, root)


@pytest.fixture(scope="module")
def plain(told: Told, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What `dbt test` says in a process of its own, with the project's own profile."""
    return dbt_test(told.root, tmp_path_factory.mktemp("plain"))


def dbt_test(root: Path, target: Path) -> dict[str, Answer]:
    places = {
        "project-dir": HUB_PROJECT,
        "profiles-dir": HUB_PROJECT,
        "target-path": target,
        "log-path": target,
    }
    options = [part for name, path in places.items() for part in (f"--{name}", str(path))]
    run = subprocess.run(
        [str(Path(sys.executable).parent / "dbt"), "test", *options],
        env={**os.environ, "DATAHUB_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in {0, 1}, run.stdout + run.stderr  # 1: some tests failed
    results: list[dict[str, Any]] = json.loads((target / "run_results.json").read_bytes())["results"]
    return {result["unique_id"]: (result["status"], result["failures"]) for result in results}


def answers(*reports: AuditReport) -> dict[str, Answer]:
    return {r.unique_id: (r.status.value, r.failures) for report in reports for r in report.results}


def test_checks_on_what_is_published_answer_as_plain_dbt_does(told: Told, plain: dict[str, Answer]) -> None:
    found = answers(*pipeline.check(told.hub, list(told.hub.contracts_by_name())))

    assert found == plain
    assert len(found) > 50
    assert {status for status, _ in found.values()} >= {"pass", "warn"}


def test_every_published_release_was_audited_by_each_of_its_tests(told: Told) -> None:
    for contract in told.hub.contracts_by_name():
        for record in told.hub.log.records(contract.name):
            if record.audit is not None:
                assert {result.unique_id for result in record.audit.results} == {
                    test.unique_id for test in contract.tests
                }


def test_the_newest_releases_audit_is_what_plain_dbt_says_of_it_now(
    told: Told, plain: dict[str, Answer]
) -> None:
    newest: list[AuditReport] = []
    for contract in told.hub.contracts_by_name():
        current = told.hub.log.current(contract.name)
        record = told.hub.log.record(contract.name, current.release_id) if current else None
        # A test that reads another dataset may answer otherwise by now; so may all of a dataset that was rolled back.
        if current and record and record.audit and current.restores is None:
            own = [
                r
                for r in record.audit.results
                for t in contract.tests
                if t.unique_id == r.unique_id and len(t.depends_on) == 1
            ]
            newest.append(AuditReport(dataset=contract.name, base_generation=0, results=tuple(own)))

    found = answers(*newest)

    assert found
    assert found == {unique_id: plain[unique_id] for unique_id in found}
