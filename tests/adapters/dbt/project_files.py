"""Small dbt projects written by a test, and the contracts that are read from them."""

from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from datahub_dagster.adapters.dbt.contracts import DbtContracts
from datahub_dagster.adapters.dbt.duckdb_engine import DuckDbEngine
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import Contract, ContractBook, ContractFault

PROJECT = """\
    name: shop
    version: 1.0.0
    profile: shop
    """


def source(name: str, table: str = "orders", *, hub: str = "{}", tests: str = "[not_null]") -> str:
    """A file that declares one dataset with a column `id`."""
    return dedent(
        f"""\
        sources:
          - name: {name}
            tables:
              - name: {table}
                config:
                  meta:
                    hub: {hub}
                columns:
                  - name: id
                    data_type: bigint
                    data_tests: {tests}
        """
    )


def contracts_in(folder: Path, cache: Path) -> DbtContracts:
    """The contracts of a project, parsed for DuckDB."""
    return DbtContracts(folder, cache, DuckDbEngine(LocalStorage(cache)))


@dataclass
class Project:
    """A project in a folder, and the hub's cache beside it."""

    root: Path
    contracts: DbtContracts = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.write("dbt_project.yml", PROJECT)
        self.contracts = contracts_in(self.folder, self.cache)

    @property
    def folder(self) -> Path:
        return self.root / "project"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def write(self, path: str, text: str | bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())

    def remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def load(self) -> ContractBook:
        """As a new process would load them, the cache aside."""
        self.contracts = contracts_in(self.folder, self.cache)
        return self.contracts.load()

    def dataset(self, name: str) -> Contract:
        return self.load().find(name)


def names(book: ContractBook) -> set[str]:
    return {str(name) for name in book.datasets}


def places(faults: tuple[ContractFault, ...]) -> list[tuple[str, str, int | None, bool]]:
    return [(fault.team, fault.path, fault.line, fault.has_last_good) for fault in faults]
