"""Athena: the workgroup, where results go, and a query that runs."""

from datahub_dagster.adapters.aws.asking import Answer, ask
from datahub_dagster.adapters.aws.athena_query import AthenaQuery
from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.domain import words
from datahub_dagster.domain.finding import Finding, Findings, Level, fault, fine, note
from datahub_dagster.errors import HubError

WORKGROUP = "athena workgroup"
RESULTS = "athena results"
QUERY = "athena query"


def athena(aws: AwsClients, workgroup: str, staging_dir: str) -> Findings:
    """The workgroup as it is set, and whether a query ends."""
    answer = ask(
        WORKGROUP,
        "athena:GetWorkGroup",
        f"arn:aws:athena:{aws.region}:*:workgroup/{workgroup}",
        lambda: aws.athena.get_work_group(WorkGroup=workgroup),
        absent=("InvalidRequestException",),
        level=Level.NOTE,
    )
    if isinstance(answer, Finding):
        yield answer
    elif not answer:
        found = f"there is no workgroup {workgroup} in {aws.region}"
        yield fault(WORKGROUP, found, "look at DATAHUB_ATHENA_WORKGROUP, or make it (infra/README.md)")
        return
    else:
        yield from _settings(answer["WorkGroup"])
        yield from _results(answer["WorkGroup"].get("Configuration", {}), staging_dir)
    yield from _query(AthenaQuery(aws, workgroup, staging_dir))


def _settings(group: Answer) -> Findings:
    configuration = group.get("Configuration", {})
    name = group["Name"]
    if group.get("State", "ENABLED") != "ENABLED":
        next_step = f"aws athena update-work-group --work-group {name} --state ENABLED"
        yield fault(WORKGROUP, f"{name} is disabled", next_step)
    version = configuration.get("EngineVersion", {})
    effective = version.get("EffectiveEngineVersion", version.get("SelectedEngineVersion", "AUTO"))
    if effective not in ("AUTO", "Athena engine version 3"):
        found = f"{name} has {effective}; the tests are written for Athena engine version 3"
        yield fault(WORKGROUP, found, "choose engine version 3 in the workgroup")
    cutoff = configuration.get("BytesScannedCutoffPerQuery")
    if not cutoff:
        found = f"{name} has no limit of the bytes that a query may read, so that a single query may cost anything"
        yield note(WORKGROUP, found, "set bytes_scanned_cutoff_per_query in the workgroup (infra/README.md)")
    else:
        yield fine(WORKGROUP, f"{name}, {effective}; a query may read {words.size(cutoff)}")


def _results(configuration: Answer, staging_dir: str) -> Findings:
    if configuration.get("ManagedQueryResultsConfiguration", {}).get("Enabled"):
        yield fine(RESULTS, "kept by Athena itself")
        return
    result = configuration.get("ResultConfiguration", {})
    location = result.get("OutputLocation", "")
    is_enforced = configuration.get("EnforceWorkGroupConfiguration", False)
    if not is_enforced:
        yield fine(RESULTS, f"in {staging_dir}")
        return
    if not location:
        yield fault(
            RESULTS,
            "the workgroup enforces its own settings and has no place for results",
            "set the workgroup's output location, or let it not enforce its settings",
        )
        return
    if location.rstrip("/") != staging_dir.rstrip("/"):
        found = (
            f"the workgroup puts them in {location}, whatever DATAHUB_ATHENA_STAGING_DIR ({staging_dir}) says"
        )
        yield note(RESULTS, found, f"export DATAHUB_ATHENA_STAGING_DIR={location.rstrip('/')}")
    encryption = result.get("EncryptionConfiguration", {}).get("EncryptionOption", "the bucket's encryption")
    yield fine(RESULTS, f"in {location}, {encryption}")


def _query(query: AthenaQuery) -> Findings:
    try:
        rows = query.rows("select 1 as one")
    except HubError as error:
        found = f"{error.headline}: {error.found}" if error.found else error.headline
        yield fault(QUERY, found, error.next_step or "")
        return
    if rows != [("1",)]:
        yield fault(QUERY, f"select 1 gave {rows}", "look at what answers at AWS_ENDPOINT_URL")
    else:
        yield fine(QUERY, "select 1 SUCCEEDED")
