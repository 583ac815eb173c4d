"""Glue: the databases that the hub's tables are in, what may be done there, and what somebody else did there."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from datahub_dagster.adapters.aws.asking import Question, ask, missing_permission
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.catalog.glue_found import FoundTable, table_changes
from datahub_dagster.domain.finding import Finding, Findings, fault, fine, note
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import CatalogError

PROBE = "datahub_doctor_probe"  # a table that is not there
_GONE = "EntityNotFoundException"


@dataclass(frozen=True, slots=True)
class Database:
    """A Glue database that the hub needs, with the tables that it holds: the dataset of each."""

    name: str
    is_for_candidates: bool = False
    tables: Mapping[str, DatasetName] = field(default_factory=dict[str, DatasetName])


@dataclass(frozen=True, slots=True)
class Published:
    """What the tables should show.

    Args:
        root: Address of the folder of all the hub's releases.
        newest: The newest generation of a dataset, 0 = none; None if that can't be told.
    """

    root: str
    newest: Callable[[DatasetName], int | None]


def glue(aws: AwsClients, databases: Sequence[Database], published: Published) -> Findings:
    """Every database, and every table of a dataset in it."""
    missing: list[Database] = []
    present: list[Database] = []
    for database in databases:
        answer = ask(
            f"glue {database.name}",
            "glue:GetDatabase",
            _arn(aws, f"database/{database.name}"),
            lambda database=database: aws.glue.get_database(Name=database.name),
            absent=(_GONE,),
        )
        if isinstance(answer, Finding):
            yield answer
        else:
            (present if answer else missing).append(database)
    for database in present:
        yield from _present(aws, database, published)
    for database in missing:
        yield _missing(aws, database, present)


def _missing(aws: AwsClients, database: Database, present: Sequence[Database]) -> Finding:
    """The hub makes a database that is not there, if it may: asked by making one that is."""
    subject, resource = f"glue {database.name}", _arn(aws, f"database/{database.name}")
    there = present[0].name if present else "default"
    found = missing_permission(
        subject,
        "glue:CreateDatabase",
        resource,
        lambda: aws.glue.get_database(Name=there) and aws.glue.create_database(DatabaseInput={"Name": there}),
    )
    use = "audit" if database.is_for_candidates else "release"
    return found or note(
        subject,
        f"there is no database {database.name}; the first {use} makes it",
        "make it by Terraform instead, if Terraform is to know of it (infra/README.md)",
    )


def _present(aws: AwsClients, database: Database, published: Published) -> Findings:
    subject = f"glue {database.name}"
    resource = _arn(aws, f"table/{database.name}/*")
    missing = [
        found
        for action, question in _questions(aws, database).items()
        if (found := missing_permission(subject, f"glue:{action}", resource, question))
    ]
    yield from missing
    for table, dataset in database.tables.items():
        yield from _table(aws, database.name, table, dataset, published)
    if not missing:
        use = "candidates" if database.is_for_candidates else ", ".join(sorted(database.tables)) or "no table"
        yield fine(subject, f"may be read and written ({use})")


def _questions(aws: AwsClients, database: Database) -> Mapping[str, Question]:
    """Calls that change nothing, by action: they are about a table that is not there."""
    glue = aws.glue
    at = {"DatabaseName": database.name}
    place = {**at, "TableName": PROBE}
    questions: dict[str, Question] = {
        "GetTable": lambda: glue.get_table(**at, Name=PROBE),
        "UpdateTable": lambda: glue.update_table(**at, TableInput={"Name": PROBE}),
        "CreateTable": lambda: _create(aws, database),
        "BatchCreatePartition": lambda: glue.batch_create_partition(
            **place, PartitionInputList=[{"Values": ["0"]}]
        ),
    }
    if database.is_for_candidates:
        return questions | {
            "GetTables": lambda: glue.get_tables(**at, MaxResults=1),
            "BatchDeleteTable": lambda: glue.batch_delete_table(**at, TablesToDelete=[PROBE]),
        }
    return questions | {
        "DeleteTable": lambda: glue.delete_table(**at, Name=PROBE),
        "GetPartitions": lambda: glue.get_partitions(**place, MaxResults=1),
        "BatchUpdatePartition": lambda: glue.batch_update_partition(
            **place, Entries=[{"PartitionValueList": ["0"], "PartitionInput": {"Values": ["0"]}}]
        ),
        "BatchDeletePartition": lambda: glue.batch_delete_partition(
            **place, PartitionsToDelete=[{"Values": ["0"]}]
        ),
    }


def _create(aws: AwsClients, database: Database) -> None:
    """Ask to make a table that is there, which Glue refuses to those who may.

    In the database of candidates, where none stays, one is made and removed. In one that has no table yet nothing is asked.
    """
    at = {"DatabaseName": database.name}
    if database.is_for_candidates:
        aws.glue.create_table(**at, TableInput={"Name": PROBE})
        with suppress(ClientError):  # that it may not is told by the question after this one
            aws.glue.batch_delete_table(**at, TablesToDelete=[PROBE])
        return
    for table in database.tables:
        with suppress(ClientError, BotoCoreError):
            aws.glue.get_table(**at, Name=table)
            break
    else:
        return
    aws.glue.create_table(**at, TableInput={"Name": table})


def _table(
    aws: AwsClients, database: str, table: str, dataset: DatasetName, published: Published
) -> Findings:
    """Whether somebody else's table is in the way, or the hub's was altered by hand, or claims what was never published."""
    try:
        found = FoundTable(aws.glue.get_table(DatabaseName=database, Name=table)["Table"])
    except (ClientError, BotoCoreError):
        return  # there is none yet, or the lacking permission is told already
    subject = f"glue {database}.{table}"
    try:
        found.own(dataset, published.root, subject)
    except CatalogError as error:
        yield fault(subject, f"{error.reason}: {error.found}", error.next_step or "")
        return
    for change in table_changes(found):
        yield fault(subject, f"altered by hand: {change}", f"datahub reconcile {dataset}")
    newest = published.newest(dataset)
    if newest is not None and found.claimed > newest:
        claim = f"it claims generation {found.claimed}, and the newest is {newest or 'none'}"
        yield fault(subject, claim, f"datahub reconcile {dataset}" if newest else "drop that table")


def _arn(aws: AwsClients, resource: str) -> str:
    return f"arn:aws:glue:{aws.region}:*:{resource}"
