"""One query to Athena, and its rows: for the doctor. Audits go through dbt-athena."""

import time

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.failures import outside
from datahub_dagster.errors import EngineError

Row = tuple[str | None, ...]

_LONGEST = 120.0  # seconds
_PAUSES = (0.1, 0.2, 0.5, 1.0)  # seconds; the last one again and again


class AthenaQuery:
    """Asks in a workgroup.

    Args:
        aws: The clients.
        workgroup: Where the queries run.
        staging_dir: Where the results go unless the workgroup says otherwise, an `s3://` address.
    """

    def __init__(self, aws: AwsClients, workgroup: str, staging_dir: str) -> None:
        self._aws = aws
        self._workgroup = workgroup
        self._staging_dir = staging_dir

    def rows(self, sql: str) -> list[Row]:
        """The rows that a small query finds, at most a thousand, all values as text.

        Raises:
            EngineError: Athena can't be asked, the query failed, or it took more than two minutes.
        """
        subject = f"workgroup {self._workgroup}"
        with outside("athena:StartQueryExecution", subject, EngineError):
            started = self._aws.athena.start_query_execution(
                QueryString=sql,
                WorkGroup=self._workgroup,
                ResultConfiguration={"OutputLocation": f"{self._staging_dir.rstrip('/')}/"},
            )
        query_id: str = started["QueryExecutionId"]
        self._wait(query_id, subject)
        with outside("athena:GetQueryResults", subject, EngineError):
            found = self._aws.athena.get_query_results(QueryExecutionId=query_id, MaxResults=1000)
        header, *rows = found["ResultSet"]["Rows"]
        del header
        return [tuple(value.get("VarCharValue") for value in row["Data"]) for row in rows]

    def _wait(self, query_id: str, subject: str) -> None:
        pauses, deadline = iter(_PAUSES), time.monotonic() + _LONGEST
        while True:
            with outside("athena:GetQueryExecution", subject, EngineError):
                execution = self._aws.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            status = execution["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED"):
                raise EngineError(
                    f"Athena's query {query_id} ended as {status['State']}",
                    subject=subject,
                    found=status.get("StateChangeReason", "no reason was given"),
                    next_step=f"aws athena get-query-execution --query-execution-id {query_id}",
                )
            if time.monotonic() > deadline:
                with outside("athena:StopQueryExecution", subject, EngineError):
                    self._aws.athena.stop_query_execution(QueryExecutionId=query_id)
                raise EngineError(
                    f"Athena's query {query_id} was stopped after {_LONGEST:.0f} s, {status['State']} until then",
                    subject=subject,
                    next_step="look at the queries that wait in the workgroup; then: datahub doctor",
                )
            time.sleep(next(pauses, _PAUSES[-1]))
