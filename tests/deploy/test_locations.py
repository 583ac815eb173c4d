"""The workspace files, loaded by Dagster: one code location, and the same package as several of them."""

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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

pytestmark = pytest.mark.slow

OWN = {
    "jobs": {"checks", "rollback"},
    "schedules": {"nightly_checks"},
    "sensors": {"inbox", "contracts_changed", "released_elsewhere"},
}
SHARED = {
    "jobs": {"docs", "reconcile", "gc"},
    "schedules": {"reconcile_catalog"},
    "sensors": {"hub_docs_automation"},
}


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


@dataclass(frozen=True)
class Example:
    """`deploy/workspace.teams.yaml` with free ports, and what each location's server is told by the remark beside it."""

    text: str
    ports: Mapping[str, int]
    variables: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls) -> "Example":
        text = (DEPLOY / "workspace.teams.yaml").read_text(encoding="utf-8")
        remarks = re.findall(r"grpc_server:  # (.*)", text)
        servers = [each["grpc_server"] for each in yaml.safe_load(text)["load_from"]]
        ports = {each["location_name"]: free_port(0) for each in servers}
        for each in servers:
            text = text.replace(f"port: {each['port']}", f"port: {ports[each['location_name']]}")
        told = [dict(word.split("=") for word in remark.split()) for remark in remarks]
        return cls(text, ports, dict(zip(ports, told, strict=True)))

    def teams(self, location: str) -> list[str]:
        """Whose datasets it shows."""
        return self.variables[location]["DATAHUB_TEAMS"].split(",")


@pytest.fixture
def two_locations(home: Path) -> Iterator[tuple[Example, WorkspaceRequestContext]]:
    """The example, with a code server for each location."""
    example = Example.read()
    (home / "workspace.yaml").write_text(example.text, encoding="utf-8")
    with ExitStack() as stack:
        for name, port in example.ports.items():
            environment = {**os.environ, **example.variables[name]}
            stack.enter_context(code_server(home, environment, port, name))
        yield example, stack.enter_context(workspace(home, home / "workspace.yaml"))


def test_two_locations_of_one_package_share_no_work_and_no_dataset(
    two_locations: tuple[Example, WorkspaceRequestContext],
) -> None:
    example, seen = two_locations
    shared = {"markets": {}, "others": SHARED}
    docs = {"markets": set[str](), "others": {"hub_docs"}}

    assert assets_by_location(seen) == {
        name: datasets(*example.teams(name)) | docs[name] for name in ("markets", "others")
    }
    for name, more in shared.items():
        (repository,) = seen.get_code_location(name).get_repositories().values()
        found = {
            "jobs": {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")},
            "schedules": {each.name for each in repository.get_schedules()},
            "sensors": {each.name for each in repository.get_sensors()},
        }
        releases = {f"release_{team}" for team in example.teams(name)}
        fetches = {each for each in found["schedules"] if each.startswith("fetch_")}
        expected = {kind: each | more.get(kind, set()) for kind, each in OWN.items()}
        expected["jobs"] |= releases
        expected["schedules"] |= fetches
        assert found == expected


def test_the_docs_and_the_consumers_of_two_locations_hang_below_the_datasets_of_both(
    two_locations: tuple[Example, WorkspaceRequestContext],
) -> None:
    _, seen = two_locations
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = seen.asset_graph  # Dagster warns here of an asset that two make

    docs, research = dg.AssetKey("hub_docs"), dg.AssetKey(["exposure", "cross_asset_research"])
    assert {key.to_user_string() for key in graph.get(docs).parent_keys} == datasets()
    assert graph.get_repository_handle(docs).location_name == "others"
    assert {key.to_user_string() for key in graph.get(research).parent_keys} == {
        "markets/monthly_prices",
        "employment/us_monthly",
    }
    assert not graph.get(research).is_executable
    for name in datasets():
        parent = graph.get(dg.AssetKey(name.split("/")))
        assert parent.is_materializable
        assert docs in parent.child_keys


def test_what_is_released_in_one_location_is_rendered_by_the_other(
    home: Path, two_locations: tuple[Example, WorkspaceRequestContext]
) -> None:
    pass
