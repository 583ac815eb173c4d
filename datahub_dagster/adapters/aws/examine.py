"""The doctor's round on AWS: what a live environment lacks of what the hub needs.

Changes nothing but two probes, which are removed at once: objects below `probe/`, and a table in the database of candidates.
Every finding names the action, as IAM calls it, and what it is on; infra/README.md has the same list.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from datetime import datetime
from functools import partial

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.examine_account import account
from datahub_dagster.adapters.aws.examine_athena import athena
from datahub_dagster.adapters.aws.examine_bucket import Reach, bucket, properties
from datahub_dagster.adapters.aws.examine_docs import docs
from datahub_dagster.adapters.aws.examine_glue import Database, Published, glue
from datahub_dagster.adapters.aws.examine_places import places, writes_once
from datahub_dagster.adapters.aws.examine_queue import queue
from datahub_dagster.adapters.aws.secrets import AwsSecret
from datahub_dagster.adapters.catalog.glue_names import database_name, table_name
from datahub_dagster.adapters.release_log import JsonReleaseLog
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.finding import Finding, Findings, Level, fault, fine
from datahub_dagster.domain.layout import RELEASES
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import HubError
from datahub_dagster.ports import ReleaseLog, Storage
from datahub_dagster.settings import S3Root, Settings


def examine(
    aws: AwsClients,
    settings: Settings,
    root: S3Root,
    storage: Storage,
    contracts: Iterable[Contract],
    now: Callable[[], datetime],
) -> Generator[Finding, None, bool]:
    """All that can be found out, from the ground up; gives back whether the bucket can be looked into at all.

    One fault hides no other: only without credentials, or without the bucket, what needs them is left out.
    """
    who = list(account(aws, now))
    yield from who
    if who[0].level is Level.FAULT:
        return False
    reach = yield from bucket(aws, root)
    if reach is not Reach.NOWHERE:
        yield from properties(aws, root)
        yield from places(aws, root, settings.kms_key)
        yield from writes_once(storage)
    yield from queue(aws, settings, root)
    newest = partial(_newest, JsonReleaseLog(storage) if reach is Reach.INSIDE else None)
    yield from glue(aws, _databases(settings, contracts), Published(storage.engine_path(RELEASES), newest))
    yield from athena(aws, settings.athena_workgroup, settings.athena_results)
    yield from _secret(aws, settings.notify_webhook_secret)
    yield from docs(aws, root, settings.docs_root, public=settings.docs_public)
    return reach is Reach.INSIDE


def _secret(aws: AwsClients, kept_by: str) -> Findings:
    """Whether the address of the webhook can be read. It is not shown."""
    if not kept_by:
        return
    subject = "webhook secret"
    try:
        AwsSecret(aws, kept_by).read()
    except HubError as error:
        yield fault(subject, f"{error.headline}: {error.found}", error.next_step or "")
    else:
        yield fine(subject, f"{kept_by} can be read")


def _newest(log: ReleaseLog | None, dataset: DatasetName) -> int | None:
    """The newest generation, 0 = none; None if the log can't be read, which other findings tell."""
    try:
        current = log.current(dataset) if log else None
    except HubError:
        return None
    return (current.number if current else 0) if log else None


def _databases(settings: Settings, contracts: Iterable[Contract]) -> list[Database]:
    tables: dict[str, dict[str, DatasetName]] = defaultdict(dict)
    for contract in contracts:
        database = database_name(settings.glue_prefix, contract.schema)
        tables[database][table_name(contract.identifier)] = contract.name
    candidates = Database(settings.candidates_database, is_for_candidates=True)
    return [candidates, *(Database(name, tables=held) for name, held in sorted(tables.items()))]
