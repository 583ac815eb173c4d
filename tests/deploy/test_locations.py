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
from dagster._core.definitions.assets.graph.remote_asset_graph import RemoteWorkspaceAssetGraph
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from datahub_dagster.cli.serve import HOST, free_port
from datahub_dagster.defs.docs import KEY as DOCS
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.conftest import REPO
from tests.deploy.services import DEPLOY, code_server

pytestmark = pytest.mark.slow

OWN = {
    "jobs": {"checks", "rollback"},
    "schedules": {"nightly_checks"},
    "sensors": {"inbox", "contracts_changed", "released_elsewhere", "slo_monitor", "hub_alerts"},
}
SHARED = {
    "jobs": {"docs", "reconcile", "gc"},
    "schedules": {"reconcile_catalog"},
    "sensors": {"hub_docs_automation"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the hub and Dagster are."""
    return tmp_path_factory.mktemp("locations")


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


def datasets(home: Path, *teams: str) -> set[str]:
    """The datasets of these teams, or all, as assets are called."""
    book = open_hub(Settings(root=home / "hub")).book()
    return {
        f"{each.name.source}/{each.name.table}"
        for each in book.datasets.values()
        if not teams or each.team in teams
    }


def test_the_workspace_of_the_repository_shows_every_dataset(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPO)
    monkeypatch.setenv("DATAHUB_ROOT", str(home / "hub"))

    with workspace(home, REPO / "workspace.yaml") as seen:
        assert assets_by_location(seen) == {"datahub": {*datasets(home), "hub_docs"}}


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


@dataclass(frozen=True)
class TwoLocations:
    """The example's code servers, as a webserver and the daemon see them."""

    example: Example
    seen: WorkspaceRequestContext
    all_datasets: set[str]


@pytest.fixture(scope="module")
def two(home: Path) -> Iterator[TwoLocations]:
    example = Example.read()
    (home / "workspace.yaml").write_text(example.text, encoding="utf-8")
    with ExitStack() as stack:
        for name, port in example.ports.items():
            environment = {**os.environ, "DATAHUB_ROOT": str(home / "hub"), **example.variables[name]}
            stack.enter_context(code_server(home, environment, port, name))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("DAGSTER_CODE_HOST", HOST)
        seen = stack.enter_context(workspace(home, home / "workspace.yaml"))
        yield TwoLocations(example, seen, datasets(home))


def test_two_locations_of_one_package_share_no_dataset_and_no_work(home: Path, two: TwoLocations) -> None:
    assert assets_by_location(two.seen) == {
        "markets": datasets(home, *two.example.teams("markets")),
        "others": datasets(home, *two.example.teams("others")) | {"hub_docs"},
    }
    shared: dict[str, Mapping[str, set[str]]] = {"markets": {}, "others": SHARED}
    for name, more in shared.items():
        (repository,) = two.seen.get_code_location(name).get_repositories().values()
        found = {
            "jobs": {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")},
            "schedules": {each.name for each in repository.get_schedules()},
            "sensors": {each.name for each in repository.get_sensors()},
        }
        expected = {kind: own | more.get(kind, set()) for kind, own in OWN.items()}
        expected["jobs"] |= {f"release_{team}" for team in two.example.teams(name)}
        expected["schedules"] |= {"fetch_transport__airports"} if name == "others" else set()
        assert found == expected


def test_the_docs_and_a_consumer_hang_below_the_datasets_of_both(two: TwoLocations) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = RemoteWorkspaceAssetGraph.build(two.seen.get_current_workspace())  # warns of what two make

    research = graph.get(dg.AssetKey(["exposure", "cross_asset_research"]))
    assert {key.to_user_string() for key in graph.get(DOCS).parent_keys} == two.all_datasets
    assert graph.get_repository_handle(DOCS).location_name == "others"
    assert {key.to_user_string() for key in research.parent_keys} == {
        "markets/monthly_prices",
        "employment/us_monthly",
    }
    assert not research.is_executable
    for name in two.all_datasets:
        parent = graph.get(dg.AssetKey(name.split("/")))
        assert parent.is_materializable
        assert DOCS in parent.child_keys
