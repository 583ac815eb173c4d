"""dbt's own documentation of the project, as one page that needs no server and no other host."""

from collections.abc import Callable
from pathlib import Path

from datahub_dagster.adapters.catalog.duckdb import published_views
from datahub_dagster.adapters.dbt.auditor import ParsedFiles
from datahub_dagster.adapters.dbt.invocation import DBT_LOCK, invoke_dbt, temporary_target
from datahub_dagster.adapters.dbt.profiles import LOCAL_TARGET, write_profiles
from datahub_dagster.adapters.dbt.slim import RawManifest

PAGE = "static_index.html"


class DbtDocs:
    """Makes the page from what was parsed and what is published.

    Args:
        parsed: Gives the project as it is now.
        root: The hub's folder, whose catalog says what is published.
        cache_dir: Where the profile lies; the project itself is never written to.
    """

    def __init__(self, parsed: Callable[[], ParsedFiles], root: Path, cache_dir: Path) -> None:
        self._parsed = parsed
        self._root = root
        self._cache_dir = cache_dir

    def render(self, out: Path) -> None:
        """Write `static_index.html` into the folder `out`.

        The columns and types on it are those of the published data. A dataset that was never published, or can't be read, is on the
        page as it is in the YAML. Nothing is compiled: one team's broken test is no reason against documentation.

        Raises:
            EngineError: dbt could not run.
            CorruptError: What was parsed can't be read.
        """
        from datahub_dagster.adapters.dbt.duckdb_plugin import handing_over

        parsed = self._parsed()
        project, content = RawManifest.read(parsed.manifest_path).with_views()
        with DBT_LOCK, handing_over(published_views(self._root)), temporary_target() as target_dir:
            # dbt puts this file into the page, and writes it itself only where it compiles.
            (target_dir / "manifest.json").write_bytes(content)
            invoke_dbt(
                ["docs", "generate", "--static", "--no-compile", "--threads=1"],
                project_dir=parsed.project_dir,
                profiles_dir=write_profiles(parsed.project_dir, self._cache_dir),
                target=LOCAL_TARGET,
                target_dir=target_dir,
                manifest=project,
            )
            page = (target_dir / PAGE).read_bytes()
        out.mkdir(parents=True, exist_ok=True)
        (out / PAGE).write_bytes(page)
