"""The life of a query as Athena tells it: states, statistics, the workgroup's limits, results as text and as a file.

ministack runs the text of a query in DuckDB as it is, over everything under a table's LOCATION. What runs here
instead is in `statements`.
"""

# pyright: reportMissingImports=false
import asyncio
import time
from collections.abc import Sequence
from typing import Any

import duckdb
from ministack.core.responses import error_response_json, json_response
from ministack.services import athena, s3

from tests.emulator import dialect
from tests.emulator.failures import CutoffExceededError, QueryFailedError
from tests.emulator.statements import Outcome, Statement

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body

_engine = dialect.open_engine()
_running: dict[str, duckdb.DuckDBPyConnection] = {}
_start = athena._start_query_execution
_stop = athena._stop_query_execution


def install() -> None:
    """Put the functions below in the place of ministack's."""
    athena._start_query_execution = start_query
    athena._execute_query = execute
    athena._stop_query_execution = stop_query
    athena._get_query_results = get_query_results


def start_query(request: dict[str, Any]) -> Answer:
    """StartQueryExecution; the workgroup must exist, and may insist on its own place for results."""
    name = request.get("WorkGroup", "primary")
    workgroup = athena._workgroups.get(name)
    if workgroup is None:
        return error_response_json("InvalidRequestException", f"WorkGroup {name} is not found.", 400)
    configuration = workgroup["Configuration"]
    own = configuration.get("ResultConfiguration", {}).get("OutputLocation")
    asked = request.get("ResultConfiguration", {}).get("OutputLocation")
    location = own if own and configuration.get("EnforceWorkGroupConfiguration") else asked or own
    if location:
        location = location.rstrip("/") + "/"  # ministack would write to results<id>.csv
    return _start({**request, "ResultConfiguration": {"OutputLocation": location}})


def stop_query(request: dict[str, Any]) -> Answer:
    """StopQueryExecution; the engine stops too."""
    answer = _stop(request)
    engine = _running.get(request["QueryExecutionId"])
    if engine:
        engine.interrupt()
    return answer


async def execute(query_id: str, query: str, database: str, ddl: object, catalog: str | None = None) -> None:
    """Run a query that was started, and tell how it went in its execution.

    A query that would read more than its workgroup's BytesScannedCutoffPerQuery ends CANCELLED.
    """
    execution = athena._executions[query_id]
    status, statistics = execution["Status"], execution["Statistics"]
    status["State"] = "RUNNING"
    statistics["ResultReuseInformation"] = {"ReusedPreviousResult": False}
    configuration = athena._workgroups[execution["WorkGroup"]]["Configuration"]
    location = execution["ResultConfiguration"]["OutputLocation"]
    engine = _running[query_id] = _engine.cursor()
    began = time.monotonic()
    try:
        if ddl is not None:  # CREATE EXTERNAL TABLE and DROP TABLE, which ministack knows
            athena._run_ddl(ddl, database)
            outcome = Outcome()
        else:
            cutoff = configuration.get("BytesScannedCutoffPerQuery")
            statement = Statement(engine, database, location.rpartition("/")[0] + "/", cutoff)
            outcome = await asyncio.to_thread(statement.run, query)
    except CutoffExceededError as stopped:
        _end(execution, "CANCELLED", str(stopped))
        statistics["DataScannedInBytes"] = stopped.scanned_bytes
    except (QueryFailedError, duckdb.Error, ValueError) as problem:
        reason = QueryFailedError.because(problem) if isinstance(problem, duckdb.Error) else problem
        _end(execution, "FAILED", str(reason))
    except Exception as problem:  # noqa: BLE001  # a mistake of the emulator's must not leave a query running for ever
        _end(execution, "FAILED", f"GENERIC_INTERNAL_ERROR of the emulator: {problem!r}")
    else:
        statistics["DataScannedInBytes"] = outcome.scanned_bytes
        execution["_outcome"] = outcome
        _save(execution, location, outcome)
    finally:
        del _running[query_id]
        engine.close()
        spent = int((time.monotonic() - began) * 1000)
        statistics.update(EngineExecutionTimeInMillis=spent, TotalExecutionTimeInMillis=spent)


def _save(execution: dict[str, Any], location: str, outcome: Outcome) -> None:
    """Write what the statement leaves, then the result file under exactly the name that the execution tells.

    ministack writes to `<id>.csv/<id>.csv`.
    """
    answer = "".join(map(_csv_line, [[column.name for column in outcome.columns], *outcome.rows]))
    objects = {**outcome.objects, location: answer.encode(), f"{location}.metadata": b""}
    for uri, content in objects.items():
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        code, _, body = s3._put_object(bucket, key, content, {})
        if code != 200:
            _end(execution, "FAILED", f"Unable to write to {uri}: {body.decode()}")
            return
    _end(execution, "SUCCEEDED", "")


def _csv_line(row: Sequence[str | None]) -> str:
    """Every value in quotes; a NULL is nothing at all."""
    cells = ["" if value is None else '"' + value.replace('"', '""') + '"' for value in row]
    return ",".join(cells) + "\n"


def _end(execution: dict[str, Any], state: str, reason: str) -> None:
    status = execution["Status"]
    if status["State"] == "CANCELLED":  # by StopQueryExecution, while it ran
        return
    status.update(State=state, StateChangeReason=reason, CompletionDateTime=time.time())
    if state == "FAILED":
        status["AthenaError"] = {"ErrorCategory": 2, "Retryable": False, "ErrorMessage": reason}


def get_query_results(request: dict[str, Any]) -> Answer:
    """GetQueryResults: typed columns, text values, the column names as the first row of the first page."""
    query_id = request["QueryExecutionId"]
    execution = athena._executions.get(query_id)
    if execution is None:
        return error_response_json("InvalidRequestException", f"QueryExecution {query_id} was not found", 400)
    state = execution["Status"]["State"]
    if state != "SUCCEEDED":
        ended = f"Query did not finish successfully. Final query state: {state}"
        running = f"Query has not yet finished. Current state: {state}"
        reason = running if state in ("QUEUED", "RUNNING") else ended
        return error_response_json("InvalidRequestException", reason, 400)

    outcome: Outcome = execution["_outcome"]
    names = [[column.name for column in outcome.columns]] if execution["StatementType"] == "DML" else []
    begin, most = int(request.get("NextToken") or 0), int(request.get("MaxResults") or 1000)
    rows = [*names, *outcome.rows]
    # A NULL is a Datum without a value.
    page = [
        {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
        for row in rows[begin : begin + most]
    ]
    described = {"ColumnInfo": [column.info() for column in outcome.columns]}
    answer: dict[str, Any] = {"UpdateCount": 0, "ResultSet": {"Rows": page, "ResultSetMetadata": described}}
    if begin + most < len(rows):
        answer["NextToken"] = str(begin + most)
    return json_response(answer)
