"""The only place where adapters are chosen."""

from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from datahub_dagster.domain.alert import Alerting
from datahub_dagster.ports import Channels, Clock, Hub, Notifier, Site, Storage
from datahub_dagster.settings import S3Root, Settings

if TYPE_CHECKING:
    from datahub_dagster.adapters.aws.clients import AwsClients
    from datahub_dagster.adapters.aws.glue_query import GlueQuery
    from datahub_dagster.adapters.dbt.contracts import DbtContracts
    from datahub_dagster.adapters.dbt.engine import Engine
    from datahub_dagster.adapters.duckdb_query import DuckDbQuery
    from datahub_dagster.adapters.notify.targets import TargetSource
    from datahub_dagster.adapters.site.snippets import Place
    from datahub_dagster.adapters.storage.s3_site import S3SiteStorage
    from datahub_dagster.domain.contract import Contract
    from datahub_dagster.domain.finding import Finding

# Adapters bring their libraries with them, so that they are imported only where a hub is really opened.


class SystemClock(Clock):
    """This machine's clock."""

    def now(self) -> datetime:
        """This instant, UTC and aware."""
        return datetime.now(UTC)


def open_hub(settings: Settings | None = None) -> Hub:
    """The hub that the settings ask for; by default those of the environment.

    Opening is cheap, writes nothing and asks no network: dbt, DuckDB and AWS are called when they are first needed.

    Raises:
        SettingsError: A setting can't be used.
    """
    settings = settings or Settings.from_environment()
    return _on_aws(settings, settings.root) if isinstance(settings.root, S3Root) else _embedded(settings)


def _embedded(settings: Settings) -> Hub:
    """On one machine: Parquet on disk, read through DuckDB."""
    from datahub_dagster.adapters.alert_log import JsonAlertLog
    from datahub_dagster.adapters.catalog.duckdb import DuckDbCatalog
    from datahub_dagster.adapters.dbt.auditor import DbtAuditor
    from datahub_dagster.adapters.dbt.contracts import DbtContracts
    from datahub_dagster.adapters.dbt.duckdb_engine import DuckDbEngine
    from datahub_dagster.adapters.monitor_log import JsonMonitorLog
    from datahub_dagster.adapters.notify.outbox import OutboxNotifier
    from datahub_dagster.adapters.notify.texts import TemplateTexts
    from datahub_dagster.adapters.parquet import ParquetProfiler
    from datahub_dagster.adapters.release_log import JsonReleaseLog
    from datahub_dagster.adapters.site.snippets import IN_FOLDER
    from datahub_dagster.adapters.storage.local import LocalStorage

    storage = LocalStorage(settings.folder)
    engine = DuckDbEngine(storage)
    contracts = DbtContracts(settings.dbt_project_dir, settings.cache, engine)
    return Hub(
        storage=storage,
        log=JsonReleaseLog(storage),
        catalog=DuckDbCatalog(storage),
        profiler=ParquetProfiler(storage),
        auditor=DbtAuditor(
            contracts.parsed, engine, cache_dir=settings.cache, sample_rows=settings.sample_rows
        ),
        contracts=contracts,
        site=_site(settings, storage, contracts, engine, at=storage, place=IN_FOLDER),
        notifier=_notifier(settings, OutboxNotifier(settings.folder)),
        alerts=JsonAlertLog(storage),
        alerting=_alerting(settings),
        texts=TemplateTexts(settings.docs_url),
        channels=open_channels(settings),
        monitor_log=JsonMonitorLog(storage),
        clock=SystemClock(),
        sources_root=settings.dbt_project_dir,
        inbox_days=settings.inbox_days,
    )


def open_docs_target(settings: Settings, at: Path | S3Root) -> Storage:
    """A folder or a bucket that pages are copied to, below `docs/`.

    Raises:
        SettingsError: Anybody may read the bucket, and the settings don't say so.
    """
    if isinstance(at, Path):
        from datahub_dagster.adapters.storage.local import LocalStorage

        return LocalStorage(at)
    from datahub_dagster.adapters.aws.clients import AwsClients

    storage = _site_storage(settings, AwsClients(), at)
    storage.refuse_if_public()
    return storage


def _site_storage(settings: Settings, aws: "AwsClients", at: S3Root) -> "S3SiteStorage":
    from datahub_dagster.adapters.storage.s3_site import S3SiteStorage

    return S3SiteStorage(aws, at.bucket, at.prefix, kms_key=settings.kms_key, public=settings.docs_public)


def _site(
    settings: Settings,
    storage: Storage,
    contracts: "DbtContracts",
    engine: "Engine",
    *,
    at: Storage,
    place: "Place",
    may_write: Callable[[], None] | None = None,
) -> Site:
    """The pages of the hub that is in `storage`, written to `at`."""
    from datahub_dagster import pipeline
    from datahub_dagster.adapters.dbt.docs import DbtDocs
    from datahub_dagster.adapters.parquet_sample import ParquetSampler
    from datahub_dagster.adapters.site.build import StaticSite

    return StaticSite(
        at,
        pipeline.status,
        DbtDocs(contracts.parsed, engine, settings.cache).render,
        dbt_docs_made_from=lambda: contracts.parsed().fingerprint,
        collect_slos=pipeline.slo,
        may_write=may_write,
        timezone=settings.timezone,
        docs_url=settings.docs_url,
        dagster_url=settings.dagster_url,
        is_public=settings.docs_public,
        sampler=ParquetSampler(storage),
        sample_rows=settings.docs_sample_rows,
        place=place,
    )


def _notifier(settings: Settings, outbox: Notifier, aws: "AwsClients | None" = None) -> Notifier:
    """The outbox, and the webhook if the settings name one: the embedded hub may have its address in AWS, too."""
    if not settings.notify_webhook_secret:
        return outbox
    from datahub_dagster.adapters.aws.clients import AwsClients
    from datahub_dagster.adapters.aws.secrets import AwsSecret
    from datahub_dagster.adapters.notify.webhook import WebhookNotifier

    return WebhookNotifier(outbox, AwsSecret(aws or AwsClients(), settings.notify_webhook_secret))


def _alerting(settings: Settings) -> Alerting:
    return Alerting(
        language=settings.alert_language,
        remind_after=timedelta(hours=settings.alert_remind_hours),
        platform=settings.platform_support,
    )


def open_channels(settings: Settings, aws: "AwsClients | None" = None) -> Channels:
    """What takes messages to people, by the targets that the settings name; it reads none of them yet."""
    from datahub_dagster.adapters.notify.apprise_channels import AppriseChannels

    return AppriseChannels(_targets(settings, aws))


def _targets(settings: Settings, aws: "AwsClients | None" = None) -> "TargetSource | None":
    from datahub_dagster.adapters.notify.targets import TargetFile, TargetSecret

    place = settings.alert_targets
    if place is None or isinstance(place, Path):
        return TargetFile(place) if place else None
    from datahub_dagster.adapters.aws.clients import AwsClients
    from datahub_dagster.adapters.aws.secrets import AwsSecret

    return TargetSecret(AwsSecret(aws or AwsClients(), place))


def examine_targets(settings: Settings, contracts: "Iterable[Contract]") -> "Iterator[Finding]":
    """What is wrong with the targets of alerts, for the doctor."""
    from datahub_dagster.adapters.notify.examine import examine_targets as look

    return look(_targets(settings), settings.alert_targets, contracts, settings.platform_support)


def _on_aws(settings: Settings, root: S3Root) -> Hub:
    """On AWS: Parquet on S3, tables in Glue, read through Athena."""
    from datahub_dagster.adapters.alert_log import JsonAlertLog
    from datahub_dagster.adapters.aws.clients import AwsClients
    from datahub_dagster.adapters.aws.inbox_events import SqsDeliveryEvents
    from datahub_dagster.adapters.catalog.glue import GlueCatalog
    from datahub_dagster.adapters.dbt.athena_engine import AthenaEngine
    from datahub_dagster.adapters.dbt.auditor import DbtAuditor
    from datahub_dagster.adapters.dbt.contracts import DbtContracts
    from datahub_dagster.adapters.monitor_log import JsonMonitorLog
    from datahub_dagster.adapters.notify.object_outbox import ObjectOutbox
    from datahub_dagster.adapters.notify.texts import TemplateTexts
    from datahub_dagster.adapters.parquet import ParquetProfiler
    from datahub_dagster.adapters.release_log import JsonReleaseLog
    from datahub_dagster.adapters.site.snippets import Place
    from datahub_dagster.adapters.storage.s3 import S3Storage

    aws = AwsClients()
    storage = S3Storage(aws, root.bucket, root.prefix, kms_key=settings.kms_key)
    site_storage = _site_storage(settings, aws, settings.docs_root or root)
    engine = AthenaEngine(
        aws,
        storage,
        workgroup=settings.athena_workgroup,
        staging_dir=settings.athena_results,
        candidates=settings.candidates_database,
        glue_prefix=settings.glue_prefix,
    )
    contracts = DbtContracts(settings.dbt_project_dir, settings.cache, engine)
    return Hub(
        storage=storage,
        log=JsonReleaseLog(storage),
        catalog=GlueCatalog(aws, storage, prefix=settings.glue_prefix),
        profiler=ParquetProfiler(storage),
        auditor=DbtAuditor(
            contracts.parsed, engine, cache_dir=settings.cache, sample_rows=settings.sample_rows
        ),
        contracts=contracts,
        site=_site(
            settings,
            storage,
            contracts,
            engine,
            at=site_storage,
            may_write=site_storage.refuse_if_public,
            place=Place(
                root=str(root),
                glue_prefix=settings.glue_prefix,
                workgroup=settings.reader_workgroup,
                region=aws.known_region,
            ),
        ),
        notifier=_notifier(settings, ObjectOutbox(storage), aws),
        alerts=JsonAlertLog(storage),
        alerting=_alerting(settings),
        texts=TemplateTexts(settings.docs_url),
        channels=open_channels(settings, aws),
        monitor_log=JsonMonitorLog(storage),
        clock=SystemClock(),
        events=SqsDeliveryEvents(aws, settings.inbox_queue, root) if settings.inbox_queue else None,
        sources_root=settings.dbt_project_dir,
        inbox_days=settings.inbox_days,
    )


def examine(
    settings: Settings, root: S3Root, contracts: "Iterable[Contract]"
) -> "Generator[Finding, None, bool]":
    """What a hub on AWS lacks there, for the doctor; gives back whether its bucket can be looked into at all."""
    from datahub_dagster.adapters.aws.clients import AwsClients
    from datahub_dagster.adapters.aws.examine import examine as look
    from datahub_dagster.adapters.storage.s3 import S3Storage

    aws = AwsClients()
    storage = S3Storage(aws, root.bucket, root.prefix, kms_key=settings.kms_key)
    return look(aws, settings, root, storage, contracts, SystemClock().now)


def open_query(settings: Settings) -> "GlueQuery | DuckDbQuery":
    """The query engine as readers use it, through the catalog: for the smoke run."""
    if not isinstance(settings.root, S3Root):
        from datahub_dagster.adapters.duckdb_query import DuckDbQuery
        from datahub_dagster.adapters.storage.local import LocalStorage

        return DuckDbQuery(LocalStorage(settings.folder), settings.folder)
    from datahub_dagster.adapters.aws.athena_query import AthenaQuery
    from datahub_dagster.adapters.aws.clients import AwsClients
    from datahub_dagster.adapters.aws.glue_query import GlueQuery

    aws = AwsClients()
    athena = AthenaQuery(aws, settings.athena_workgroup, settings.athena_results)
    return GlueQuery(aws, athena, prefix=settings.glue_prefix)
