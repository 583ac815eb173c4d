"""What Athena says of a query that gave no answer, in the hub's words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from datahub_dagster.adapters.aws.failures import code_of, failure
from datahub_dagster.adapters.dbt.invocation import reason_in
from datahub_dagster.errors import EngineError

_LONGEST = 500
_CUTOFF = "Bytes scanned limit"
_DENIED = re.compile(r"not authorized to perform:? `?([\w-]+:\w+)", re.IGNORECASE)
_DENIED_ON_S3 = re.compile(
    r"Permission denied on S3 path: (s3://\S+)|Access Denied \(Service: (?:Amazon )?S3"
)
_OF_THE_WORKGROUP = re.compile(r"work ?group|output (?:location|bucket)", re.IGNORECASE)
# Places, ids and advice that Athena adds to what it says of the SQL.
_NOISE = (
    r"This query ran against the .*? database, unless qualified by the query\.?",
    r"Please post the error message on our forum.*?(?:with|provide) Query I[dD]:? \S+",
    r"If a data manifest file was generated at '.*?',.*?partial results\.?",
    r"\[ErrorCategory:[^\]]*\],?\s*(?:Detail:)?",
    r"\(?\s*(?:Service: [^;)]*;.*?)?(?:Extended )?Request ID: [^;)]*;?[^)]*\)",
    r"\bline \d+:\d+: ?",
    r"\bs3://\S+",
)


def explain(execution: Mapping[str, Any] | None, message: str, names: Mapping[str, str]) -> str:
    """Why a test could not run.

    Args:
        execution: What Athena said of its last query; None if it came to none.
        message: What dbt says of it.
        names: What tables are called in Athena → what people call them.
    """
    status = (execution or {}).get("Status", {})
    reason = str(status.get("StateChangeReason") or "")
    if status.get("State") == "FAILED":
        message = str(status.get("AthenaError", {}).get("ErrorMessage") or reason or message)
    return cleaned(message, names)


def cleaned(message: str, names: Mapping[str, str]) -> str:
    """A message without dbt's headline, places, ids and advice, and with the names that people know."""
    text = reason_in(message)
    for table, name in names.items():
        text = re.sub(rf"(?:\"?awsdatacatalog\"?\.)?{re.escape(table)}", name, text)
    for noise in _NOISE:
        text = re.sub(noise, "", text)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def refusal(
    refusals: Sequence[tuple[str, ClientError | BotoCoreError]],
    executions: Sequence[Mapping[str, Any]],
    workgroup: str,
) -> EngineError | None:
    """The error of an audit in which Athena gave no verdict for a reason that is not the data's; None if each failure is a test's own.

    Such an audit says nothing about the delivery: it is not rejected, and the next run asks again.
    """
    subject = f"Athena workgroup {workgroup}"
    for action, error in refusals:
        said = (
            str(error.response.get("Error", {}).get("Message", "")) if isinstance(error, ClientError) else ""
        )
        if code_of(error) == "InvalidRequestException":
            if not _OF_THE_WORKGROUP.search(said):
                continue  # Athena looks at the SQL, too, before it starts a query
            return EngineError(
                f"Athena takes no queries there: {' '.join(said.split())[:300]}",
                subject=subject,
                consumers="still read what was published before",
                next_step="look at DATAHUB_ATHENA_WORKGROUP, DATAHUB_ATHENA_STAGING_DIR and AWS_REGION: datahub doctor",
            )
        found = failure(error, f"athena:{action}", subject, EngineError)
        assert isinstance(found, EngineError)
        return found
    for execution in executions:
        status = execution.get("Status", {})
        reason = str(status.get("StateChangeReason") or "")
        if status.get("State") == "CANCELLED" or _is_athenas_own(status):
            return _unanswered(execution, reason, workgroup, subject)
        if status.get("State") == "FAILED" and (action := _missing_permission(reason)):
            return EngineError(
                f"the permission {action} is missing",
                subject=subject,
                found=cleaned(reason, {}),
                consumers="still read what was published before",
                next_step=f"give the role that this runs with {action} (infra/README.md has the list), then: datahub doctor",
            )
    return None


def _is_athenas_own(status: Mapping[str, Any]) -> bool:
    """Whether a query failed by Athena's fault, and not by its SQL or the data (category 1 is `system`)."""
    error = status.get("AthenaError", {})
    return status.get("State") == "FAILED" and (
        error.get("ErrorCategory") == 1 or bool(error.get("Retryable"))
    )


def _unanswered(execution: Mapping[str, Any], reason: str, workgroup: str, subject: str) -> EngineError:
    query = f"query {execution.get('QueryExecutionId', '')}: {cleaned(reason, {})}"
    again = "do it again: the delivery waits, and nothing is lost"
    if _CUTOFF in reason:
        return EngineError(
            f"Athena stopped a test, since it would have scanned more than the cutoff of the workgroup {workgroup}",
            subject=subject,
            promised="BytesScannedCutoffPerQuery of the workgroup",
            found=query,
            consumers="still read what was published before",
            next_step=f"give the test a where, or let the workgroup scan more; then {again}",
        )
    is_cancelled = execution.get("Status", {}).get("State") == "CANCELLED"
    return EngineError(
        "somebody cancelled a test's query" if is_cancelled else "Athena failed in a test's query",
        subject=subject,
        found=query,
        consumers="still read what was published before",
        next_step=again,
    )


def _missing_permission(reason: str) -> str | None:
    if match := _DENIED.search(reason):
        return match[1]
    return "s3:GetObject" if _DENIED_ON_S3.search(reason) else None
