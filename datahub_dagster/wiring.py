"""The only place where adapters are chosen."""

from datetime import UTC, datetime

from datahub_dagster.ports import Clock, Hub
from datahub_dagster.settings import Settings


class SystemClock(Clock):
    """This machine's clock."""

    def now(self) -> datetime:
        """This instant, UTC and aware."""
        return datetime.now(UTC)


def open_hub(settings: Settings | None = None) -> Hub:
    """The hub that the settings ask for; by default those of the environment.

    Opening is cheap and writes nothing: dbt and DuckDB are imported when they are first needed.

    Raises:
        SettingsError: A setting can't be used.
    """
    # Adapters bring their libraries with them, so that they are imported only where a hub is really opened.
    from datahub_dagster import pipeline
    from datahub_dagster.adapters.catalog.duckdb import DuckDbCatalog
    from datahub_dagster.adapters.dbt.auditor import DbtAuditor
    from datahub_dagster.adapters.dbt.contracts import DbtContracts
    from datahub_dagster.adapters.dbt.docs import DbtDocs
    from datahub_dagster.adapters.notify.outbox import OutboxNotifier
    from datahub_dagster.adapters.parquet import ParquetProfiler
    from datahub_dagster.adapters.release_log import JsonReleaseLog
    from datahub_dagster.adapters.site.render import StaticSite
    from datahub_dagster.adapters.storage.local import LocalStorage

    settings = settings or Settings.from_environment()
    storage = LocalStorage(settings.root)
    contracts = DbtContracts(settings.dbt_project_dir, settings.cache)
    return Hub(
        storage=storage,
        log=JsonReleaseLog(storage),
        catalog=DuckDbCatalog(storage),
        profiler=ParquetProfiler(storage),
        auditor=DbtAuditor(
            contracts.parsed, storage.engine_path, cache_dir=settings.cache, sample_rows=settings.sample_rows
        ),
        contracts=contracts,
        site=StaticSite(
            storage,
            pipeline.status,
            DbtDocs(contracts.parsed, settings.root, settings.cache).render,
            timezone=settings.timezone,
            docs_url=settings.docs_url,
        ),
        notifier=OutboxNotifier(settings.root),
        clock=SystemClock(),
        sources_root=settings.dbt_project_dir,
        inbox_days=settings.inbox_days,
    )
