"""What the doctor finds, and which next command it gives."""

import os
from pathlib import Path

import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import hub_findings, machine_findings, run
from datahub_dagster.cli.context import Session
from datahub_dagster.domain.contract import ContractFault
from datahub_dagster.domain.finding import Finding, Findings, Level
from datahub_dagster.domain.names import Location
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings
from tests.builders import book, contract
from tests.hubs import hub_at, orders, put_delivery

ORDERS = contract()


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    hub = hub_at(tmp_path, ORDERS)
    put_delivery(hub, ORDERS, "a", {"x.parquet": orders([1])})
    pipeline.release(hub, ORDERS, "a", actor="test")
    return hub


def faults(findings: Findings) -> list[Finding]:
    return [finding for finding in findings if finding.level is not Level.FINE]


def on_datasets(hub: Hub) -> list[Finding]:
    session = Session()
    session.hub = hub
    return faults(hub_findings.datasets(hub, session))


def test_a_healthy_hub_has_no_finding(hub: Hub) -> None:
    assert on_datasets(hub) == []


def test_a_contract_that_a_later_version_of_the_hub_noted_is_no_damage(hub: Hub) -> None:
    folder = Location("log/payments/orders/contracts")
    (noted,) = hub.storage.list_names(folder)
    hub.storage.replace(folder / noted, b'{"schema_version": 99}')

    (finding,) = on_datasets(hub)

    assert "later version of the hub" in finding.found
    assert "install the later version" in finding.next_step


def test_this_environment_has_python_and_packages() -> None:
    assert faults(machine_findings.python()) == []
    assert all(finding.level is not Level.FAULT for finding in machine_findings.packages())


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_python_that_will_not_do_is_named(version: tuple[int, int]) -> None:
    (finding,) = faults(machine_findings.python(version))

    assert "make setup" in finding.next_step


def test_a_misspelt_variable_gets_the_right_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATAHUB_ROOOT", "x")

    assert run(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "DATAHUB_ROOOT: is not a setting: 'x'" in said
    assert "rename it to DATAHUB_ROOT" in said


def test_the_variables_that_are_set_are_named() -> None:
    (finding,) = machine_findings.variables({"DATAHUB_ROOT": "y", "DATAHUB_TEAMS": "", "HOME": "/"})

    assert finding.found == "DATAHUB_ROOT"


def test_a_root_that_is_not_there_yet_is_fine(tmp_path: Path) -> None:
    (finding,) = machine_findings.root(tmp_path / "a/b")

    assert finding.level is not Level.FAULT
    assert "the first delivery makes it" in finding.found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_root_that_can_not_be_written_is_a_fault(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    assert [finding.level for finding in machine_findings.root(tmp_path)] == [Level.FAULT]


def test_a_root_below_a_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    (finding,) = machine_findings.root(tmp_path / "file/hub")

    assert finding.level is Level.FAULT


def test_a_dagster_home_must_be_there(tmp_path: Path) -> None:
    assert [finding.level for finding in machine_findings.dagster_home({})] == [Level.NOTE]
    assert [finding.level for finding in machine_findings.dagster_home({"DAGSTER_HOME": "relative"})] == [
        Level.FAULT
    ]
    assert [finding.level for finding in machine_findings.dagster_home({"DAGSTER_HOME": str(tmp_path)})] == [
        Level.FINE
    ]


def test_a_folder_without_a_dbt_project_is_a_fault(tmp_path: Path) -> None:
    assert faults(machine_findings.project(Settings(dbt_project_dir=tmp_path)))
    assert not faults(machine_findings.project(Settings()))


def test_a_contract_fault_is_told_with_its_line(tmp_path: Path) -> None:
    fault = ContractFault(team="shop", path="models/shop/x.yml", line=7, message="unknown key")
    findings = on_datasets(hub_at(tmp_path, book=book(ORDERS, faults=(fault,))))

    assert [finding.found for finding in findings] == ["models/shop/x.yml:7: unknown key"]


def test_a_refused_delivery_is_no_finding(hub: Hub) -> None:
    put_delivery(hub, ORDERS, "b", {"x.parquet": orders([2]).drop_columns(["amount"])})
    assert pipeline.release(hub, ORDERS, "b", actor="test").refused

    assert on_datasets(hub) == []


def test_data_that_nobody_lists_are_left_to_gc(hub: Hub, tmp_path: Path) -> None:
    put_delivery(hub, ORDERS, "b", {"x.parquet": orders([2]).drop_columns(["amount"])})
    refused = pipeline.release(hub, ORDERS, "b", actor="test").release_id
    (tmp_path / f"releases/payments/orders/{refused}/part-0.parquet").touch()

    (finding,) = on_datasets(hub)

    assert (finding.level, finding.next_step) == (Level.NOTE, "datahub gc payments.orders")


def test_an_interrupted_release_is_told_with_the_command_that_ends_it(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "releases/payments/orders").joinpath(
        str(hub.log.receipts(ORDERS.name)[0].release_id), "_record.json"
    ).unlink()
    again = hub_at(tmp_path, ORDERS)

    (finding,) = on_datasets(again)

    assert "is not finished" in finding.found
    assert finding.next_step.startswith("datahub release payments.orders --delivery a")


def test_a_catalog_that_lags_asks_for_reconcile(hub: Hub, tmp_path: Path) -> None:
    for file in (tmp_path / "catalog").rglob("*.json"):
        file.unlink()

    (finding,) = on_datasets(hub_at(tmp_path, ORDERS))

    assert finding.next_step == "datahub reconcile payments.orders"


def test_a_missing_data_file_is_a_fault(hub: Hub, tmp_path: Path) -> None:
    (data,) = (tmp_path / "releases").rglob("x.parquet")
    data.unlink()

    (finding,) = on_datasets(hub_at(tmp_path, ORDERS))

    assert finding.level is Level.FAULT
    assert "x.parquet" in finding.found


def test_a_corrupt_file_is_told_and_the_other_datasets_are_looked_at(tmp_path: Path) -> None:
    refunds = contract("payments.refunds")
    broken = tmp_path / "log/payments/orders/generations/00000001.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")

    findings = list(hub_findings.datasets(hub := hub_at(tmp_path, ORDERS, refunds), session_of(hub)))

    assert [finding.subject for finding in findings if finding.level is Level.FAULT] == ["payments.orders"]
    assert findings[-1].found == "1 of 2 without a finding"


def session_of(hub: Hub) -> Session:
    session = Session()
    session.hub = hub
    return session


def test_the_exit_code_says_whether_something_is_to_be_mended(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(root=str(tmp_path))
    session.hub = hub
    assert run(["doctor"], session) == 0
    assert "nothing to mend" in capsys.readouterr().out

    session = Session(root=str(tmp_path), project_dir=tmp_path / "nowhere")
    session.hub = hub
    assert run(["doctor"], session) == 1
    assert "set DATAHUB_DBT_PROJECT_DIR" in capsys.readouterr().out
