"""The workspace files, loaded by Dagster: one code location, and the same package as several of them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from datahub_dagster.cli.serve import HOST, free_port
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.conftest import REPO
from tests.deploy.services import DEPLOY, code_server

pytestmark = [
    pytest.mark.slow,
    # One of Dagster's own: both locations render the docs of the hub.
    pytest.mark.filterwarnings("ignore:Found MATERIALIZATION nodes for some asset keys"),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hub and Dagster are; the environment says so, for the servers that Dagster starts."""
    monkeypatch.setenv("DATAHUB_ROOT", str(tmp_path / "hub"))
    monkeypatch.setenv("DAGSTER_CODE_HOST", HOST)
    return tmp_path


@contextmanager
def workspace(home: Path, file: Path) -> Iterator[WorkspaceRequestContext]:
    """What a webserver sees of a workspace file."""
    with (
        dg.DagsterInstance.local_temp(str(home)) as instance,
        WorkspaceProcessContext(instance, WorkspaceFileTarget([str(file)])) as context,
    ):
        yield context.create_request_context()


def assets_by_location(seen: WorkspaceRequestContext) -> Mapping[str, set[str]]:
    """The assets that each location makes, by name; a location that can't be loaded fails the test."""
    found: dict[str, set[str]] = {}
    for name, entry in seen.get_code_location_entries().items():
        assert entry.load_error is None, entry.load_error
        assert entry.code_location is not None
        (repository,) = entry.code_location.get_repositories().values()
        found[name] = {
            each.asset_key.to_user_string()
            for each in repository.get_asset_node_snaps()
            if each.is_materializable
        }
    return found


def datasets(*teams: str) -> set[str]:
    """The datasets of these teams, or all, as assets are called."""
    book = open_hub(Settings.from_environment()).book()
    return {
        f"{each.name.source}/{each.name.table}"
        for each in book.datasets.values()
        if not teams or each.team in teams
    }


def test_the_workspace_of_the_repository_shows_every_dataset(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPO)

    with workspace(home, REPO / "workspace.yaml") as seen:
        assert assets_by_location(seen) == {"datahub": {*datasets(), "hub_docs"}}


def test_two_locations_of_one_package_show_their_own_teams(home: Path) -> None:
    example = (DEPLOY / "workspace.teams.yaml").read_text(encoding="utf-8")
    teams = {"markets": ("markets",), "others": ("energy", "labour", "transport", "weather")}
    with ExitStack() as stack:
        for server in (each["grpc_server"] for each in yaml.safe_load(example)["load_from"]):
            name, port = server["location_name"], free_port(0)
            example = example.replace(f"port: {server['port']}", f"port: {port}")
            environment = {**os.environ, "DATAHUB_TEAMS": ",".join(teams[name])}
            stack.enter_context(code_server(home, environment, port, name))
        (home / "workspace.yaml").write_text(example, encoding="utf-8")
        seen = stack.enter_context(workspace(home, home / "workspace.yaml"))

        shown = assets_by_location(seen)
        jobs = {
            name: {job.name for job in repository.get_all_jobs() if job.name.startswith("release_")}
            for name in shown
            for repository in seen.get_code_location(name).get_repositories().values()
        }

    assert {name: found - {"hub_docs"} for name, found in shown.items()} == {
        name: datasets(*chosen) for name, chosen in teams.items()
    }
    assert jobs == {name: {f"release_{team}" for team in chosen} for name, chosen in teams.items()}
