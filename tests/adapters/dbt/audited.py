"""A dbt project made by a test, parsed by real dbt, and the audit of datasets whose rows are said in SQL."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.dbt.athena_engine import AthenaEngine
from datahub_dagster.adapters.dbt.auditor import DbtAuditor
from datahub_dagster.adapters.dbt.duckdb_engine import DuckDbEngine
from datahub_dagster.adapters.dbt.engine import Engine
from datahub_dagster.adapters.dbt.invocation import invoke_dbt
from datahub_dagster.adapters.dbt.profiles import PARSE_TARGET, write_profiles
from datahub_dagster.adapters.duckdb_views import literal
from datahub_dagster.adapters.parquet import ParquetProfiler
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.adapters.storage.s3 import S3Storage
from datahub_dagster.domain.audit import AuditReport, CheckResult
from datahub_dagster.domain.contract import Classification, Column, Contract, DataTest
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.view import DatasetView, ReleasedFile, ViewColumn
from datahub_dagster.ports import AuditRequest, Storage
from tests import builders
from tests.aws import AwsAccount, new_account
from tests.emulator.launch import Emulator


@dataclass(frozen=True)
class Audited:
    """A project, where its candidates are, and where the hub keeps its own files.

    Args:
        aws: The account whose Athena audits; None = DuckDB does, on this disk.
    """

    project_dir: Path
    scratch: Path
    sample_rows: int = 20
    aws: AwsAccount | None = None
    workgroup: str = "primary"

    @cached_property
    def clients(self) -> AwsClients:
        return AwsClients()

    @cached_property
    def storage(self) -> Storage:
        return S3Storage(self.clients, self.aws.bucket, "hub") if self.aws else self.disk

    @cached_property
    def disk(self) -> LocalStorage:
        return LocalStorage(self.scratch / "hub")

    @cached_property
    def engine(self) -> Engine:
        if self.aws is None:
            return DuckDbEngine(self.disk)
        return AthenaEngine(
            self.clients, self.storage, workgroup=self.workgroup,
            staging_dir=f"{self.aws.root}/athena", candidates="hub_candidates", glue_prefix="",
        )  # fmt: skip

    @property
    def manifest_path(self) -> Path:
        return self.scratch / "parsed" / "manifest.json"

    @cached_property
    def manifest(self) -> dict[str, Any]:
        invoke_dbt(
            ["parse"],
            project_dir=self.project_dir,
            profiles_dir=write_profiles(
                self.project_dir, self.scratch / "cache", PARSE_TARGET, self.engine.parse_output()
            ),
            target_dir=self.manifest_path.parent,
        )
        return json.loads(self.manifest_path.read_bytes())

    @cached_property
    def auditor(self) -> DbtAuditor:
        assert self.manifest
        return DbtAuditor(
            lambda: self,
            self.engine,
            cache_dir=self.scratch / "cache",
            sample_rows=self.sample_rows,
        )

    def with_manifest_of(self, other: "Audited") -> "Audited":
        """This project's files with what was parsed of another's."""
        self.__dict__["manifest"] = other.manifest
        return self

    def with_clients(self, clients: AwsClients) -> "Audited":
        """The same project, audited by other clients of AWS."""
        other = replace(self).with_manifest_of(self)
        other.__dict__["clients"] = clients
        return other

    def contract(self, dataset: str, tests: set[str] | None = None, **more: Any) -> Contract:
        """The contract as the manifest has it, as far as an audit needs it; `tests` are names, None = all."""
        source = next(
            s for s in self.manifest["sources"].values() if f"{s['source_name']}.{s['name']}" == dataset
        )
        table_class = _classification(source) or "internal"
        values: dict[str, Any] = {
            "name": DatasetName(source["source_name"], source["name"]),
            "unique_id": source["unique_id"],
            "schema": source["schema"],
            "identifier": source["identifier"],
            "classification": Classification(table_class),
            "columns": tuple(
                Column(
                    name=column["name"], classification=Classification(_classification(column) or table_class)
                )
                for column in source["columns"].values()
            ),
            "tests": tuple(t for t in self._tests(source["unique_id"]) if tests is None or t.name in tests),
        }
        return builders.contract(**(values | more))

    def view(self, contract: Contract, rows: str, release: str = "2026-11-20.1") -> DatasetView:
        """The dataset with the rows of a query."""
        folder = Location(f"releases/{contract.name.source}/{contract.name.table}/{release}")
        file = self.disk.root / folder.path / "part-0.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")  # as it is for both engines: today is the same day
            connection.execute(f"copy ({rows}) to {literal(str(file))} (format parquet)")
        size = file.stat().st_size
        if self.aws:
            self.storage.delete(folder / file.name)
            self.storage.upload(file, folder / file.name)
        (profile,) = ParquetProfiler(self.disk).profile(folder, [(file.name, size)], None)
        return DatasetView(
            dataset=contract.name,
            schema=contract.schema,
            table=contract.identifier,
            files=(ReleasedFile(path=f"{folder.path}/{file.name}", size=size, sha256="", rows=1),),
            held=tuple(ViewColumn(name=column.name, type=column.type) for column in profile.columns),
        )

    def request(
        self,
        dataset: str,
        rows: str,
        neighbours: Mapping[str, str] | None = None,
        release: str = "2026-11-20.1",
        **more: Any,
    ) -> AuditRequest:
        """A candidate with these rows beside published neighbours with those."""
        contract = self.contract(dataset, **more)
        beside = {
            DatasetName.parse(other): self.view(self.contract(other), sql, f"{release[:-1]}9")
            for other, sql in (neighbours or {}).items()
        }
        return AuditRequest(
            contract=contract, view=self.view(contract, rows, release), base_generation=3, neighbours=beside
        )

    def in_partitions(self, view: DatasetView, count: int) -> DatasetView:
        """A view of the same file in many partitions of one release."""
        content = self.storage.read(Location(view.files[0].path))
        files: list[ReleasedFile] = []
        for place in range(count):
            key = (date(2026, 1, 1) + timedelta(days=place)).isoformat()
            path = (
                f"releases/{view.dataset.source}/{view.dataset.table}/2026-11-20.7/day={key}/part-0.parquet"
            )
            self.storage.replace(Location(path), content)
            files.append(
                ReleasedFile(
                    path=path,
                    size=len(content),
                    sha256="",
                    rows=1,
                    partition=key,
                    holds_partition_column=False,
                )
            )
        return replace(view, files=tuple(files), partition_column="day", partition_type="date")

    def audit(
        self, dataset: str, rows: str, neighbours: Mapping[str, str] | None = None, **more: Any
    ) -> AuditReport:
        return self.auditor.audit([self.request(dataset, rows, neighbours, **more)])[0]

    def _tests(self, source_id: str) -> list[DataTest]:
        found: list[DataTest] = []
        for unique_id, node in sorted(self.manifest["nodes"].items()):
            read = [
                name for name in node.get("depends_on", {}).get("nodes", []) if name.startswith("source.")
            ]
            # dbt lists the source on which a test stands last; a singular test belongs to the one it reads first.
            own = (node.get("test_metadata") and read[-1:]) or read[:1]
            if node["resource_type"] == "test" and own == [source_id]:
                found.append(
                    DataTest(
                        unique_id=unique_id,
                        name=node["name"],
                        check_name=node["name"],
                        kind="",
                        column=node.get("column_name"),
                    )
                )
        return found


@contextmanager
def account_of(emulator: Emulator) -> Iterator[AwsAccount]:
    """An account for all tests of a module, which the environment names meanwhile."""
    account = new_account(emulator.endpoint)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in account.environment().items():
            patch.setenv(name, value)
        yield account
    account.close()


def by_name(report: AuditReport) -> dict[str, CheckResult]:
    return {result.check_name: result for result in report.results}


def write_project(
    folder: Path,
    sources: list[dict[str, Any]],
    files: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """A project with these sources, other files by their paths, and more settings in `dbt_project.yml`."""
    project = {
        "name": "audited",
        "version": "1.0.0",
        "config-version": 2,
        "profile": "audited",
        **(settings or {}),
    }
    content = {
        "dbt_project.yml": yaml.safe_dump(project),
        "models/team/sources.yml": yaml.safe_dump({"version": 2, "sources": sources}, sort_keys=False),
        **(files or {}),
    }
    for path, text in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return folder


def _classification(node: Mapping[str, Any]) -> str | None:
    return ((node.get("config") or {}).get("meta") or {}).get("hub", {}).get("classification")
