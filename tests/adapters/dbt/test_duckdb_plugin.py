"""What people see who type `dbt test` over a hub: the published datasets, as views."""

import logging
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from datahub_dagster.adapters.catalog.duckdb import DuckDbCatalog
from datahub_dagster.adapters.dbt.profiles import write_profiles
from datahub_dagster.adapters.duckdb_views import literal
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.view import DatasetView, ReleasedFile
from tests.builders import contract, generation

pytestmark = pytest.mark.slow  # importing dbt takes more than a second


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A hub with two published datasets."""
    for table in ("orders", "refunds"):
        of = contract(f"payments.{table}")
        file = tmp_path / f"{table}.parquet"
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (select {literal(table)} as name) to {literal(str(file))} (format parquet)"
            )
        released = ReleasedFile(path=file.name, size=1, sha256="", rows=1)
        view = DatasetView(dataset=of.name, schema="payments", table=table, files=(released,))
        DuckDbCatalog(LocalStorage(tmp_path)).apply(generation(of), view)
    return tmp_path


def tables(**config: object) -> Sequence[str]:
    """What a connection that the plugin configured can see."""
    from datahub_dagster.adapters.dbt.duckdb_plugin import Plugin

    with duckdb.connect() as connection:
        Plugin("hub", dict(config)).configure_connection(connection)
        return [
            row[0]
            for row in connection.execute(
                "select view_name from duckdb_views() where not internal order by 1"
            ).fetchall()
        ]


def test_all_published_datasets_are_views(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAHUB_ROOT", str(root))

    assert tables() == ["orders", "refunds"]


def test_only_those_that_are_needed_if_told(root: Path) -> None:
    assert tables(root=str(root), datasets=["payments.orders"]) == ["orders"]


def test_a_dataset_that_cannot_be_read_does_not_hide_the_others(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "orders.parquet").write_bytes(b"PAR1")

    with caplog.at_level(logging.WARNING):
        assert tables(root=str(root)) == ["refunds"]

    assert "payments.orders can't be read" in caplog.text


def test_without_a_hub_nothing_is_published(tmp_path: Path) -> None:
    assert tables(root=str(tmp_path / "nowhere")) == []


def test_what_is_handed_over_is_all_that_is_seen(root: Path) -> None:
    from datahub_dagster.adapters.dbt.duckdb_plugin import handing_over

    with handing_over(
        {"a.candidate": ["create view candidate as select 1 as x"], "a.broken": ["create view"]}
    ) as seen:
        assert tables(root=str(root)) == ["candidate"]

    assert list(seen.left_out) == ["a.broken"]
    assert tables(root=str(root)) == ["orders", "refunds"]


@pytest.mark.parametrize(
    ("project", "names"),
    [
        ("profile: warehouse", {"warehouse", "datahub"}),
        ("profile: \"{{ env_var('PROFILE') }}\"", {"datahub"}),
        ("name: no_profile", {"datahub"}),
        ("name: [", {"datahub"}),
        (None, {"datahub"}),
    ],
)
def test_a_profile_is_written_under_the_name_that_the_project_asks_for(
    project: str | None, names: set[str], tmp_path: Path
) -> None:
    import yaml

    if project is not None:
        (tmp_path / "dbt_project.yml").write_text(project)

    output = {"type": "duckdb", "path": ":memory:"}
    folder = write_profiles(tmp_path, tmp_path / "cache", "local", output)

    profiles = yaml.safe_load((folder / "profiles.yml").read_text())
    assert profiles.keys() == names
    assert all(profile == {"target": "local", "outputs": {"local": output}} for profile in profiles.values())
    written = (folder / "profiles.yml").stat().st_mtime_ns
    assert write_profiles(tmp_path, tmp_path / "cache", "local", output) == folder
    assert (folder / "profiles.yml").stat().st_mtime_ns == written
    assert [path.name for path in folder.iterdir()] == ["profiles.yml"]
    assert write_profiles(tmp_path, tmp_path / "cache", "local", {**output, "threads": 2}) != folder
