"""The code location as a whole: what Dagster is given, before anything runs."""

import json
import warnings
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

from datahub_dagster.definitions import build, defs
from datahub_dagster.defs.names import asset_key, op_name
from datahub_dagster.defs.resources import HubResource
from datahub_dagster.defs.shown import Shown
from datahub_dagster.domain.contract import (
    Classification,
    ConsumerKind,
    ContractFault,
    DbtFreshness,
    DeliverySpec,
    FreshnessSlo,
    Language,
    License,
    Lifecycle,
    Origin,
    Schedule,
    Severity,
    Support,
)
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import SettingsError
from datahub_dagster.settings import Settings
from tests.builders import book, by_day, by_month, column, consumer, contract, data_test
from tests.defs.dagster_hub import shown
from tests.hubs import hub_at

PRICES = contract(
    "equities.daily_prices",
    team="markets",
    description="One row for each share and trading day.",
    owners=("markets-data@example.com", "not an address"),
    support=(Support(tool="slack", channel="#markets-data"),),
    tags=("listed", "end of day"),
    version="1.2.0",
    lifecycle=Lifecycle.STABLE,
    delivery=by_day("trade_date", date(2026, 1, 5), calendar="XTKS"),
    freshness_slos=(FreshnessSlo(due=time(18, 30), timezone="Asia/Tokyo", calendar="XTKS"),),
    license=License(terms="internal use"),
    columns=(
        column("ticker", nullable=False, description="Securities code.", examples=("7203", "6758")),
        column("trade_date", "date", nullable=False),
        column(
            "close",
            "double",
            classification=Classification.CONFIDENTIAL,
            constraints=("≥ 0",),
            tags=("price",),
        ),
    ),
    tests=(
        data_test(
            "not_null", "ticker", "equities.daily_prices", origin=Origin("models/markets/prices.yml", 41)
        ),
        data_test("hub_between", "close", "equities.daily_prices", severity=Severity.WARN, error_if="> 10"),
        data_test("singular", None, "equities.daily_prices", name="sums_agree", description="Sums agree."),
    ),
    constraints=("one row per ticker, trade_date",),
)
FETCHED = contract(
    "reference.airports",
    delivery=DeliverySpec(
        source="data/airports", schedule=Schedule(cron="0 5 * * 1", timezone="Europe/Berlin")
    ),
    dbt_freshness=DbtFreshness(warn_after=timedelta(days=4), error_after=timedelta(days=6)),
)
MONTHLY = contract("reference.monthly", delivery=by_month())
BOARD = consumer(
    "morning_signal",
    reads=("equities.daily_prices", "reference.airports"),
    kind=ConsumerKind.TEAM,
    exposure_type="application",
    url="https://example.com/signal",
    columns={"equities.daily_prices": ("ticker", "close")},
    notice=timedelta(days=30),
)


def spec_of(definitions: dg.Definitions, dataset: str) -> dg.AssetSpec:
    key = asset_key(DatasetName.parse(dataset))
    return next(spec for spec in definitions.resolve_all_asset_specs() if spec.key == key)


def test_the_definitions_are_these(snapshot: SnapshotAssertion) -> None:
    definitions = build(shown(PRICES, FETCHED, MONTHLY, consumers=(BOARD,)))
    dg.Definitions.validate_loadable(definitions)
    assert json.dumps(described(definitions), indent=1, ensure_ascii=False, sort_keys=True) == snapshot


def described(definitions: dg.Definitions) -> dict[str, Any]:
    """Everything that somebody would want to see in a review, as plain values."""
    repository = definitions.get_repository_def()
    return {
        "assets": {spec.key.to_user_string(): _asset(spec) for spec in definitions.resolve_all_asset_specs()},
        "checks": {
            f"{check.asset_key.to_user_string()}:{check.name}": {
                "blocking": check.blocking,
                "description": check.description,
                "metadata": {name: str(value) for name, value in check.metadata.items()},
            }
            for check in _check_specs(definitions)
        },
        "jobs": {job.name: job.description for job in definitions.resolve_all_job_defs()},
        "schedules": {
            each.name: [each.cron_schedule, each.execution_timezone, each.job_name, each.default_status.value]
            for each in repository.schedule_defs
        },
        "sensors": {
            each.name: [each.minimum_interval_seconds, each.default_status.value]
            for each in repository.sensor_defs
        },
    }


def _check_specs(definitions: dg.Definitions) -> list[dg.AssetCheckSpec]:
    graph = definitions.resolve_asset_graph()
    return [graph.get_check_spec(key) for key in sorted(graph.asset_check_keys, key=str)]


def _asset(spec: dg.AssetSpec) -> dict[str, Any]:
    schema = spec.metadata.get("dagster/column_schema")
    return {
        "description": (spec.description or "").splitlines(),
        "group": spec.group_name,
        "owners": list(spec.owners),
        "kinds": sorted(spec.kinds),
        "tags": {
            name: value for name, value in sorted(spec.tags.items()) if not name.startswith("dagster/kind")
        },
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "partitions": str(spec.partitions_def),
        "freshness": str(spec.freshness_policy),
        "columns": [_column(each) for each in schema.columns] if isinstance(schema, dg.TableSchema) else [],
        "metadata": {
            name: str(value) for name, value in spec.metadata.items() if name != "dagster/column_schema"
        },
    }


def _column(each: dg.TableColumn) -> str:
    constraints = [*each.constraints.other]
    constraints += [] if each.constraints.nullable else ["not null"]
    constraints += ["unique"] if each.constraints.unique else []
    return f"{each.name} {each.type} {constraints} {each.description or ''} {dict(each.tags)}"


def test_nothing_is_warned_about() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(shown(PRICES, FETCHED, MONTHLY, consumers=(BOARD,)))


@pytest.mark.parametrize(
    "odd", ["a-b.c", "a.b-c", "a.b.c", "a__b.c", "a.b__c", "a_b.c", "a.b_c", "1a.2b"], ids=lambda name: name
)
def test_every_name_that_dbt_allows_has_an_op(odd: str) -> None:
    definitions = build(shown(contract(odd), contract("a.b"), contract("a_b.c_")))
    dg.Definitions.validate_loadable(definitions)


def test_names_that_differ_in_forbidden_characters_only_load_side_by_side() -> None:
    many = ["a-b.c", "a_b.c", "a.b_c", "a.b-c", "a.b.c"]
    dg.Definitions.validate_loadable(build(shown(*(contract(each) for each in many))))
    assert len({op_name(DatasetName.parse(each)) for each in many}) == len(many)


def test_only_the_chosen_teams_are_shown() -> None:
    definitions = build(shown(PRICES, FETCHED, consumers=(BOARD,), teams=("markets",)))
    executable = {key.to_user_string() for key in definitions.resolve_asset_graph().executable_asset_keys}
    assert executable == {"equities/daily_prices"}
    assert "release_reference" not in {job.name for job in definitions.resolve_all_job_defs()}


def test_a_misspelt_team_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    hub = hub_at(tmp_path, PRICES, FETCHED)
    with pytest.raises(SettingsError) as error:
        Shown.of(hub, Settings(root=tmp_path, teams=("market",)))
    assert "DATAHUB_TEAMS: there is no team market" in str(error.value)
    assert "one of markets, reference" in str(error.value)
    assert "the nearest: markets" in str(error.value)
    assert len(Shown.of(hub, Settings(root=tmp_path, teams=("markets",))).contracts) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATAHUB_NIGHTLY_CHECKS_CRON", "at night"),
        ("DATAHUB_RECONCILE_CRON", "61 * * * *"),
        ("DATAHUB_TIMEZONE", "Europe/Berln"),
        ("DATAHUB_DOCS_INTERVAL_MINUTES", "0"),
        ("DATAHUB_MONITOR_INTERVAL_SECONDS", "0"),
        ("DATAHUB_DAGSTER_URL", "our dagster"),
    ],
)
def test_a_setting_that_dagster_could_not_use_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str
) -> None:
    monkeypatch.setenv("DATAHUB_ROOT", str(tmp_path))
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        defs()


def test_every_setting_reaches_the_jobs_and_sensors_as_it_is(tmp_path: Path) -> None:
    channels = (
        Support(tool="slack", channel="#data-platform"),
        Support(tool="email", channel="hub@example.com"),
    )
    settings = Settings(
        root=tmp_path,
        dbt_project_dir=tmp_path,
        teams=("markets", "weather"),
        alert_targets=tmp_path / "targets.yml",
        alert_language=Language.JAPANESE,
        platform_support=channels,
    )

    assert HubResource.of(settings).settings == settings


def test_a_team_whose_files_were_never_right_stops_no_code_location(tmp_path: Path) -> None:
    fault = ContractFault(
        team="weather", path="models/weather/w.yml", line=1, message="no", has_last_good=False
    )
    hub = hub_at(tmp_path, book=book(PRICES, faults=(fault,)))
    assert Shown.of(hub, Settings(root=tmp_path, teams=("weather",))).contracts == ()


def test_a_hub_without_datasets_loads() -> None:
    dg.Definitions.validate_loadable(build(shown()))


def test_only_the_broken_team_shows_the_fault() -> None:
    fault = ContractFault(
        team="markets", path="models/markets/prices.yml", line=41, message="unknown key `retension`"
    )
    definitions = build(shown(PRICES, FETCHED, faults=(fault,)))
    broken, whole = spec_of(definitions, "equities.daily_prices"), spec_of(definitions, "reference.airports")
    assert broken.metadata["contract_error"] == "models/markets/prices.yml:41: unknown key `retension`"
    assert "contract_error" not in whole.metadata
    assert "contract_error" not in whole.tags


def test_a_data_test_called_contract_does_not_take_the_place_of_the_contract_check() -> None:
    named = replace(FETCHED, tests=(data_test("singular", None, "reference.airports", name="contract"),))
    definitions = build(shown(named))
    names = {check.name for check in _check_specs(definitions)}
    assert names == {"contract", "hub_contract"}


def test_days_without_a_session_are_no_partitions() -> None:
    partitions = spec_of(build(shown(PRICES)), "equities.daily_prices").partitions_def
    assert partitions is not None
    keys = set(partitions.get_partition_keys())
    assert "2026-04-30" in keys
    assert not keys & {
        "2026-05-03",
        "2026-05-04",
        "2026-05-05",
        "2026-05-06",
        "2026-05-09",
    }  # Golden Week, a Saturday


def test_an_unknown_calendar_shows_all_days_and_stops_nobody() -> None:
    odd = replace(PRICES, delivery=by_day(calendar="XXXX"), freshness_slos=())
    partitions = spec_of(build(shown(odd)), "equities.daily_prices").partitions_def
    assert partitions is not None
    assert "2026-11-08" in partitions.get_partition_keys()


def test_the_code_reference_leads_to_the_line_in_the_yaml() -> None:
    value = spec_of(build(shown(PRICES)), "equities.daily_prices").metadata["dagster/code_references"]
    assert isinstance(value, dg.CodeReferencesMetadataValue)
    (reference,) = value.code_references
    assert isinstance(reference, dg.LocalFileCodeReference)
    assert Path(reference.file_path) == Path("/repository/dbt_project/models/equities/daily_prices.yml")
    assert reference.line_number == 12
