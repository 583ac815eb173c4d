"""A hub of `tests.hubs` behind the real code location, run in this process on a Dagster instance of its own."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg

from datahub_dagster.definitions import build
from datahub_dagster.defs.names import asset_key, op_name
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.domain.contract import Contract, ContractBook
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings
from tests.builders import TODAY, book
from tests.hubs import GivenContracts, hub_at

warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

_HUBS: dict[str, Hub] = {}


class GivenHubResource(HubResource):
    """Opens the hub that a test made."""

    def open(self) -> Hub:
        return _HUBS[self.variables["DATAHUB_ROOT"]]


def resource_of(hub: Hub, root: str) -> GivenHubResource:
    """Gives a hub that a test made to a job that is run without a code location."""
    _HUBS[root] = hub
    return GivenHubResource(variables={"DATAHUB_ROOT": root})


def shown(
    *contracts: Contract,
    root: Path = Path("/hub"),
    teams: tuple[str, ...] = (),
    shared_work: bool | None = None,
    **more: Any,
) -> Shown:
    """What a code location over these contracts shows, in November 2026. `more` goes to the book: consumers, faults."""
    given = more.pop("book", None) or book(*contracts, **more)
    project = Path("/repository/dbt_project")
    settings = Settings(
        root=root,
        dbt_project_dir=project,
        teams=teams,
        shared_work=shared_work,
        docs_url="http://docs.example",
    )

    def releases_at(name: DatasetName) -> str:
        return f"{root}/releases/{name.source}/{name.table}"

    return Shown(book=given, settings=settings, today=TODAY, releases_at=releases_at)


@dataclass
class DagsterHub:
    """A hub on disk, its code location, and an instance. The location shows some teams, or all."""

    root: Path
    book: ContractBook
    teams: tuple[str, ...] = ()
    hub: Hub = field(init=False)
    instance: dg.DagsterInstance = field(init=False)

    def __post_init__(self) -> None:
        self.hub = hub_at(self.root, book=self.book)
        home = self.root / ".dagster"
        home.mkdir(parents=True)
        self.instance = dg.DagsterInstance.ephemeral(tempdir=str(home))
        _HUBS[str(self.root)] = self.hub
        self.reload()

    @property
    def resource(self) -> GivenHubResource:
        return GivenHubResource(
            variables={
                "DATAHUB_ROOT": str(self.root),
                "DATAHUB_DOCS_URL": "http://docs.example",
                "DATAHUB_TEAMS": ",".join(self.teams),
            }
        )

    def change(self, *contracts: Contract, **more: Any) -> None:
        """The teams' files change; the code location is not reloaded."""
        contracts_port = self.hub.contracts
        assert isinstance(contracts_port, GivenContracts)
        contracts_port.given = book(*contracts, **more)

    def reload(self) -> None:
        """The code location is loaded again."""
        self.shown = shown(root=self.root, book=self.hub.book(), teams=self.teams)
        self.defs = build(self.shown, {"hub": self.resource})

    def use(self, **ports: Any) -> None:
        """The hub has another clock, or another auditor."""
        _HUBS[str(self.root)] = self.hub = replace(self.hub, **ports)

    def forget(self) -> None:
        """As after a restart: nothing of the log is remembered."""
        _HUBS[str(self.root)] = self.hub = hub_at(self.root, book=self.book)

    def materialize(
        self,
        *contracts: Contract,
        deliveries: Sequence[str] = (),
        checks: Sequence[dg.AssetCheckKey] | None = None,
        job: str | None = None,
        **more: Any,
    ) -> dg.ExecuteInProcessResult:
        """A run of datasets, as the UI launches it. `checks=[]` unticks all of them."""
        definition = (
            self.defs.resolve_job_def(job) if job else self.defs.resolve_implicit_global_asset_job_def()
        )
        config = {op_name(each.name): {"config": {"deliveries": list(deliveries)}} for each in contracts}
        if checks is not None:
            selection = {asset_key(each.name) for each in contracts}
            definition = definition.get_subset(asset_selection=selection, asset_check_selection=set(checks))
            return definition.execute_in_process(
                instance=self.instance, raise_on_error=False, run_config={"ops": config}, **more
            )
        return definition.execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config={"ops": config},
            asset_selection=[asset_key(each.name) for each in contracts],
            **more,
        )

    def run(self, job: str, op: str | None = None, **config: Any) -> dg.ExecuteInProcessResult:
        """A job by name, with the config of its op."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config={"ops": {op: {"config": config}}} if op else {},
        )

    def sensor(self, name: str, cursor: str | None = None) -> dg.SensorResult:
        """One tick; its events are stored, as the daemon does."""
        definition = self.defs.resolve_sensor_def(name)
        with dg.build_sensor_context(
            self.instance, cursor=cursor, definitions=self.defs, resources={"hub": self.resource}
        ) as context:
            result = definition(context)
        assert isinstance(result, dg.SensorResult)
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        return result

    def launch(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """What the daemon makes of a sensor's request."""
        definition = (
            self.defs.resolve_job_def(request.job_name)
            if request.job_name
            else self.defs.resolve_implicit_global_asset_job_def()
        )
        definition = definition.get_subset(
            asset_selection=set(request.asset_selection or ()),
            asset_check_selection=None if request.asset_check_keys is None else set(request.asset_check_keys),
        )
        return definition.execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            run_config=request.run_config,
            tags={**request.tags, "dagster/run_key": request.run_key or ""},
        )

    def published(self, contract: Contract) -> dg.AssetMaterialization | None:
        """What the asset says is published."""
        event = self.instance.get_latest_materialization_event(asset_key(contract.name))
        return event.asset_materialization if event else None


def materializations(result: dg.ExecuteInProcessResult) -> list[dg.AssetMaterialization]:
    """Those of a run, in order."""
    return [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
    ]


def observations(result: dg.ExecuteInProcessResult) -> list[dg.AssetObservation]:
    """Those of a run, in order."""
    return [
        event.asset_observation_data.asset_observation
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
    ]


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Check → whether it passed, as last told by a run."""
    return {evaluation.check_name: evaluation.passed for evaluation in evaluations(result)}


def evaluations(result: dg.ExecuteInProcessResult) -> list[dg.AssetCheckEvaluation]:
    """All check evaluations of a run, in order."""
    return [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """Why the first step failed, as the run page shows it."""
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data
            failure = error.user_failure_data
            return (failure.description or "") if failure else str(error.error)
    return ""


def text(metadata: Any, name: str) -> Any:
    """A metadata value as Python has it."""
    return metadata[name].value


def rows(metadata: Any, name: str) -> list[dict[str, Any]]:
    """A table in metadata, row by row."""
    return [record.data for record in metadata[name].records]


def requests(tick: dg.SensorResult) -> list[dg.RunRequest]:
    """The runs that a sensor asks for."""
    return list(tick.run_requests or ())
