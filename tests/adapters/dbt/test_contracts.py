"""Contracts out of real dbt projects: the hub's own, one that has never heard of the hub, and small ones for a single rule."""

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.dbt.athena_engine import AthenaEngine
from datahub_dagster.adapters.dbt.contracts import DbtContracts
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import (
    Classification,
    Contract,
    ContractBook,
    DbtFreshness,
    DeliverySpec,
    Mode,
    Retention,
    Severity,
)
from datahub_dagster.errors import SettingsError, StorageError
from tests.adapters.dbt.project_files import Project, contracts_in, names, source
from tests.conftest import REPO
from tests.projects.builder import make_project
from tests.projects.running import HUB_PROJECT, LEGACY_PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> ContractBook:
    return contracts_in(HUB_PROJECT, tmp_path_factory.mktemp("cache")).load()


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> ContractBook:
    return contracts_in(LEGACY_PROJECT, tmp_path_factory.mktemp("cache")).load()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


# The hub's own project


def test_the_hubs_own_project_has_no_fault(hub: ContractBook) -> None:
    assert hub.faults == ()
    assert len(hub.datasets) >= 5
    assert len(hub.teams) >= 3
    assert all(contract.declared and contract.owners and contract.tests for contract in hub.datasets.values())


def test_each_thing_knows_its_line(hub: ContractBook) -> None:
    for contract in hub.datasets.values():
        text = (HUB_PROJECT / contract.origin.path).read_text("utf-8").splitlines()
        assert f"name: {contract.name.table}" in text[contract.origin.line - 1]
        for column in contract.columns:
            assert column.origin
            assert f"name: {column.name}" in text[column.origin.line - 1]
        for test in contract.tests:
            assert test.origin
            if test.kind != "singular":
                assert test.kind in text[test.origin.line - 1]


def test_a_test_over_several_datasets_belongs_to_the_one_on_which_it_stands(hub: ContractBook) -> None:
    contract = hub.find("weather.daily_observations")
    (test,) = [test for test in contract.tests if test.kind == "relationships"]

    assert test.column == "station"
    assert {str(name) for name in test.depends_on} == {"transport.airports", "weather.daily_observations"}


def test_columns_show_what_the_tests_promise(hub: ContractBook) -> None:
    contract = hub.find("volatility.index_sessions")
    day, first_price, signal = (contract.column(name) for name in ("trade_date", "open", "signal"))

    assert day
    assert first_price
    assert signal
    assert (day.nullable, day.unique, day.constraints) == (False, True, ())
    assert first_price.constraints == ("> 0 and < 150",)
    assert (signal.classification, signal.examples) == (
        Classification.CONFIDENTIAL,
        ("short", "long", "neutral"),
    )
    assert signal.constraints == ("one of short, long, neutral",)


def test_consumers_say_what_they_read(hub: ContractBook) -> None:
    (desk,) = [consumer for consumer in hub.consumers if consumer.name == "hedging_desk"]

    assert [str(name) for name in desk.depends_on] == ["volatility.index_sessions"]
    assert desk.columns == {"volatility.index_sessions": ("trade_date", "close", "signal")}
    assert desk.notice == timedelta(days=30)
    assert desk.slos["volatility.index_sessions"].calendar == "XNYS"


def test_every_check_name_fits_dagster_and_is_unique_within_its_dataset(
    hub: ContractBook, legacy: ContractBook
) -> None:
    for book in (hub, legacy):
        for contract in book.datasets.values():
            check_names = [test.check_name for test in contract.tests]
            assert len(set(check_names)) == len(check_names)
            assert all(
                name.isascii() and name.replace("_", "a").isalnum() and len(name) <= 120
                for name in check_names
            )


# A project that has never heard of the hub


def test_a_project_without_any_hub_block_loads_with_the_defaults(legacy: ContractBook) -> None:
    assert legacy.faults == ()
    assert names(legacy) == {
        "crm.customers", "crm.customers_history", "legacy-pos.daily-sales", "legacy-pos.loyalty_cards",
        "legacy-pos.stores", "legacy-pos.tills",
    }  # fmt: skip
    assert legacy.teams == ("crm", "pos")
    for contract in legacy.datasets.values():
        assert not contract.declared
        assert (contract.version, contract.delivery, contract.retention) == (
            "0.1.0",
            DeliverySpec(),
            Retention(),
        )


def test_old_spellings_are_read(legacy: ContractBook) -> None:
    sales = legacy.find("legacy-pos.daily-sales")

    assert (sales.schema, sales.identifier) == ("shop_raw", "DAILY_SALES_V2")
    assert "One row for each sale." in sales.description  # a doc() block
    assert sales.tags == ("pos",)
    assert sales.dbt_freshness == DbtFreshness(
        warn_after=timedelta(hours=12),
        error_after=timedelta(days=2),
        loaded_at_field="cast(_loaded_at as timestamp)",
    )
    assert {test.name: (test.kind, test.severity, test.where) for test in sales.tests} == {
        "source_not_null_legacy-pos_daily-sales_sale_id": ("not_null", Severity.ERROR, None),
        "source_unique_legacy-pos_daily-sales_sale_id": ("unique", Severity.ERROR, None),
        "source_not_null_legacy-pos_daily-sales__store_id_": ("not_null", Severity.WARN, None),
        "sales_have_a_store": ("relationships", Severity.ERROR, None),
        "amount_is_plausible": ("amount_in_range", Severity.ERROR, "status <> 'void'"),
        "amount_is_not_zero": ("amount_in_range", Severity.WARN, "status = 'paid'"),
        "sales_match_stores_and_cards": ("singular", Severity.WARN, None),
    }
    plausible = next(test for test in sales.tests if test.name == "amount_is_plausible")
    assert (plausible.warn_if, plausible.error_if) == (">10", ">100")
    assert (plausible.limit, plausible.fail_calc) == (500, "count(*)")


def test_a_column_that_is_quoted_or_only_warned_about_is_read_as_it_is(legacy: ContractBook) -> None:
    store = legacy.find("legacy-pos.daily-sales").column("store-id")

    assert store
    assert store.nullable
    assert store.constraints == ("not null (warning only)", "in legacy-pos.stores.store_id")


def test_a_source_spread_over_files_has_its_freshness_where_it_is_declared(legacy: ContractBook) -> None:
    assert legacy.find("legacy-pos.loyalty_cards").dbt_freshness is None  # the other file
    assert legacy.find("legacy-pos.stores").dbt_freshness is None  # freshness: null
    tills = legacy.find("legacy-pos.tills")
    assert tills.dbt_freshness
    assert (tills.columns, tills.tests) == ((), ())


def test_a_singular_test_belongs_to_the_first_dataset_that_its_sql_names(legacy: ContractBook) -> None:
    assert "stores_open_once" in {test.name for test in legacy.find("legacy-pos.stores").tests}
    (test,) = [test for test in legacy.find("legacy-pos.daily-sales").tests if test.kind == "singular"]
    assert [str(name) for name in test.depends_on] == [
        "legacy-pos.daily-sales",
        "legacy-pos.stores",
        "crm.customers",
    ]


def test_a_consumer_reads_through_models_too(legacy: ContractBook) -> None:
    (report,) = [consumer for consumer in legacy.consumers if consumer.name == "weekly_report"]
    assert [str(name) for name in report.depends_on] == ["legacy-pos.daily-sales"]


# Single rules


def test_a_table_inherits_its_sources_hub_block(project: Project) -> None:
    project.write(
        "models/alpha/a.yml",
        """\
        sources:
          - name: prices
            meta: {hub: {team: markets, owners: [a@example.com], retention: {releases: 3}}}
            tables:
              - name: daily
                config: {meta: {hub: {retention: {days: 2}, lifecycle: stable}}}
              - name: monthly
        """,
    )
    daily, monthly = (project.dataset(f"prices.{table}") for table in ("daily", "monthly"))

    assert daily.team == monthly.team == "markets"
    assert daily.owners == ("a@example.com",)
    assert daily.retention == Retention(releases=3, days=2)
    assert monthly.retention == Retention(releases=3, days=365)


def test_a_file_directly_below_models_belongs_to_the_project(project: Project) -> None:
    project.write("models/one.yml", source("alpha"))
    assert project.dataset("alpha.orders").team == "shop"


def test_a_singular_test_may_say_to_whom_it_belongs(project: Project) -> None:
    project.write("models/alpha/a.yml", source("alpha"))
    project.write("models/beta/b.yml", source("beta"))
    sql = "select 1 from {{ source('alpha', 'orders') }}, {{ source('beta', 'orders') }} where false"
    project.write("tests/beta/both.sql", "{{ config(meta={'hub': {'dataset': 'beta.orders'}}) }}\n" + sql)

    book = project.load()

    assert "both" in {test.name for test in book.find("beta.orders").tests}
    assert "both" not in {test.name for test in book.find("alpha.orders").tests}


def test_tests_that_need_models_are_not_the_hubs(project: Project) -> None:
    project.write(
        "models/alpha/a.yml",
        source("alpha", tests="[{relationships: {arguments: {to: ref('m'), field: id}}}]"),
    )
    project.write("models/alpha/m.sql", "select 1 as id")
    assert project.dataset("alpha.orders").tests == ()


def test_names_that_become_the_same_are_told_apart(project: Project) -> None:
    tests = "[{not_null: {name: id.is-there}}, {unique: {name: id_is.there}}]"
    project.write("models/alpha/a.yml", source("alpha", tests=tests))

    first, second = (test.check_name for test in project.dataset("alpha.orders").tests)

    assert first != second
    assert first.startswith("id_is_there_")
    assert second.startswith("id_is_there_")


def test_the_fingerprint_changes_with_what_decides_and_with_nothing_else(project: Project) -> None:
    def fingerprint(text: str) -> str:
        project.write("models/alpha/a.yml", text)
        return project.dataset("alpha.orders").fingerprint

    plain = fingerprint(source("alpha"))
    assert fingerprint(source("alpha", hub="{version: 2.0.0, owners: [a@example.com]}")) == plain
    assert fingerprint(source("alpha", tests="[not_null, unique]")) != plain
    assert fingerprint(source("alpha", tests="[{not_null: {config: {where: id > 1}}}]")) != plain
    assert fingerprint(source("alpha").replace("bigint", "integer")) != plain
    project.write(
        "macros/own.sql", "{% test not_null(model, column_name) %}select 1 where false{% endtest %}"
    )
    assert fingerprint(source("alpha")) != plain


def test_a_name_that_cant_be_a_dataset_is_left_out_alone(project: Project) -> None:
    project.write("models/alpha/a.yml", source("alpha"))
    project.write("models/alpha/b.yml", source("with space", tests="[]"))

    book = project.load()

    assert names(book) == {"alpha.orders"}
    assert "with space" in book.faults[0].message


# The cache


def test_a_load_without_a_change_needs_no_dbt(project: Project) -> None:
    project.write("models/alpha/a.yml", source("alpha"))
    project.load()

    code = f"""
import sys, json
from pathlib import Path
from datahub_dagster.adapters.dbt.contracts import DbtContracts
from datahub_dagster.adapters.dbt.duckdb_engine import DuckDbEngine
from datahub_dagster.adapters.storage.local import LocalStorage
book = DbtContracts(Path({str(project.folder)!r}), Path({str(project.cache)!r}), DuckDbEngine(LocalStorage(Path()))).load()
print(json.dumps([sorted(map(str, book.datasets)), sorted({{"dbt", "duckdb", "pyarrow"}} & sys.modules.keys())]))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)

    assert json.loads(run.stdout) == [["alpha.orders"], []]


def test_what_comes_from_the_cache_is_what_was_parsed(hub: ContractBook, tmp_path: Path) -> None:
    for folder in (HUB_PROJECT, LEGACY_PROJECT):
        parsed = contracts_in(folder, tmp_path).load()
        cached = contracts_in(folder, tmp_path).load()
        assert cached == parsed
        assert list(cached.datasets) == list(parsed.datasets)


def test_a_change_is_seen_at_once(project: Project) -> None:
    project.write("models/alpha/a.yml", source("alpha", hub="{version: 1.0.0}"))
    assert project.dataset("alpha.orders").version == "1.0.0"
    contracts = project.contracts

    project.write("models/alpha/a.yml", source("alpha", hub="{version: 1.0.1}"))  # as long as before

    assert contracts.load().find("alpha.orders").version == "1.0.1"


def test_an_environment_variable_that_a_file_mentions_counts_as_its_content(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = source("alpha").replace(
        "- name: alpha", "- name: alpha\n    schema: \"{{ env_var('SHOP_SCHEMA', 'none') }}\""
    )
    project.write("models/alpha/a.yml", text)
    assert project.dataset("alpha.orders").schema == "none"

    monkeypatch.setenv("SHOP_SCHEMA", "raw")

    assert project.dataset("alpha.orders").schema == "raw"


@pytest.mark.parametrize("content", [b"", b"{", b'{"datasets": 3}', b"\xff\x00"])
def test_a_corrupt_cache_is_made_again(project: Project, content: bytes) -> None:
    project.write("models/alpha/a.yml", source("alpha"))
    before = project.load()
    files = [path for path in project.cache.rglob("*") if path.suffix in (".json", ".msgpack")]
    assert len(files) >= 4
    for path in files:
        path.write_bytes(content)

    assert project.load() == before


def test_several_processes_may_load_at_once(project: Project) -> None:
    for number in range(5):
        project.write(f"models/alpha/a{number}.yml", source(f"alpha{number}"))
    code = f"""
from pathlib import Path
from datahub_dagster.adapters.dbt.contracts import DbtContracts
from datahub_dagster.adapters.dbt.duckdb_engine import DuckDbEngine
from datahub_dagster.adapters.storage.local import LocalStorage
contracts = DbtContracts(Path({str(project.folder)!r}), Path({str(project.cache)!r}), DuckDbEngine(LocalStorage(Path())))
print(len(contracts.load().datasets), contracts.parsed().manifest_path)
"""
    runs = [
        subprocess.Popen([sys.executable, "-c", code], cwd=REPO, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    outputs = {run.communicate()[0] for run in runs}

    assert [run.returncode for run in runs] == [0] * 4
    assert len(outputs) == 1
    assert outputs.pop().startswith("5 ")


def test_nothing_is_written_into_the_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("models/alpha/a.yml", source("alpha"))
    monkeypatch.chdir(project.folder)
    before = sorted(project.folder.rglob("*"))

    project.load()

    assert sorted(project.folder.rglob("*")) == before
    assert Path.cwd() == project.folder


def test_the_parsed_project_is_what_dbt_would_have_written(project: Project) -> None:
    project.write("models/alpha/a.yml", source("alpha"))
    project.load()
    parsed = project.contracts.parsed()
    manifest = json.loads(parsed.manifest_path.read_text("utf-8"))

    assert parsed.project_dir == project.folder
    assert manifest["metadata"]["dbt_schema_version"].endswith("/v12.json")
    assert list(manifest["sources"]) == ["source.shop.alpha.orders"]
    assert (parsed.target_dir / "partial_parse.msgpack").is_file()


# What is not a project


def test_a_folder_without_a_project_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no dbt project") as caught:
        contracts_in(tmp_path / "nope", tmp_path / "cache").load()
    assert "DATAHUB_DBT_PROJECT_DIR" in str(caught.value)


def test_a_cache_that_cant_be_written_says_so(project: Project) -> None:
    project.cache.write_text("a file, not a folder")
    with pytest.raises(StorageError, match="DATAHUB_CACHE_DIR"):
        project.load()


# Size


def test_a_thousand_sources_load(tmp_path: Path) -> None:
    folder = make_project(tmp_path, n_teams=50, n_sources=1_000, tests_per_source=2)
    contracts = contracts_in(folder, tmp_path / "cache")
    book = contracts.load()

    assert len(book.datasets) == 1_000
    assert len(book.teams) == 50
    assert all(is_complete(contract) for contract in book.datasets.values())

    started = time.perf_counter()
    assert contracts_in(folder, tmp_path / "cache").load() == book
    assert time.perf_counter() - started < 5  # from the cache; a parse takes far longer


def is_complete(contract: Contract) -> bool:
    return len(contract.tests) == 2 and bool(contract.owners) and contract.delivery.mode is Mode.REPLACE


@pytest.mark.parametrize("folder", [HUB_PROJECT, LEGACY_PROJECT], ids=["hub", "legacy"])
def test_contracts_are_the_same_on_every_engine(folder: Path, tmp_path: Path) -> None:
    # Without credentials and a region: parsing asks AWS nothing.
    athena = AthenaEngine(
        AwsClients(), LocalStorage(tmp_path), workgroup="w", staging_dir="s3://b/athena", candidates="c", glue_prefix="",
    )  # fmt: skip
    embedded = contracts_in(folder, tmp_path)
    on_aws = DbtContracts(folder, tmp_path, athena)

    assert on_aws.load() == embedded.load()
    # Each engine keeps its own manifest: neither parses again because of the other.
    assert on_aws.parsed() != embedded.parsed()
    assert DbtContracts(folder, tmp_path, athena).parsed() == on_aws.parsed()
    manifest = json.loads(on_aws.parsed().manifest_path.read_text())
    assert manifest["metadata"]["adapter_type"] == "athena"
    packages = {macro["package_name"] for macro in manifest["macros"].values()}
    assert "dbt_athena" in packages
    assert "dbt_duckdb" not in packages
