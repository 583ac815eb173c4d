"""What AWS may answer to a call instead of what it was asked for. Clients that take these don't try again: each request is a call."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

Fault = Callable[[AWSPreparedRequest], AWSResponse | None]


def answers(status: int, s3: str, glue: str, athena: str = "") -> Fault:
    """AWS answers with an error, by the code and in the form of the service that is asked; Athena's code is Glue's if none is said."""

    def fault(request: AWSPreparedRequest) -> AWSResponse:
        target = _target(request)
        text = "said the test"
        if target:
            code = athena if athena and target.startswith("AmazonAthena.") else glue
            kind, body = "application/x-amz-json-1.1", json.dumps({"__type": code, "message": text})
        else:
            kind, body = "application/xml", f"<Error><Code>{s3}</Code><Message>{text}</Message></Error>"
        headers = {"Content-Type": kind, "x-amz-request-id": "test"}
        is_head = request.method == "HEAD"  # has no body to say why
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(b"" if is_head else body.encode()),
            headers=headers,
            status=status,
            preload_content=False,
        )
        found = HeadersDict(headers)
        return AWSResponse(str(request.url), status, found, raw)  # pyright: ignore[reportArgumentType]

    return fault


def no_answer(request: AWSPreparedRequest) -> AWSResponse:
    raise ConnectTimeoutError(endpoint_url=request.url)


def answer_lost(request: AWSPreparedRequest) -> AWSResponse:
    """AWS does what it is asked, and the network dies before it can say so."""
    session = URLLib3Session()
    session.send(request)
    session.close()
    raise ReadTimeoutError(endpoint_url=request.url)


FAULTS: dict[str, Fault] = {
    "a permission is missing": answers(403, "AccessDenied", "AccessDeniedException"),
    "the credentials have expired": answers(400, "ExpiredToken", "ExpiredTokenException"),
    "it throttles": answers(503, "SlowDown", "ThrottlingException"),
    "it fails": answers(500, "InternalError", "InternalServiceException", "InternalServerException"),
    "it gives no answer": no_answer,
    "its answer is lost": answer_lost,
}

SAID = {
    "a permission is missing": "permission",
    "the credentials have expired": "credentials",
    "it throttles": "slow down",
    "it fails": "AWS failed",
    "it gives no answer": "no answer",
    "its answer is lost": "no answer",
}
"""What the hub's error must say of each."""


class At:
    """Lets the n-th call go wrong."""

    def __init__(self, after: int, fault: Fault) -> None:
        self._left = after
        self._fault = fault
        self.call = ""

    def request(self, request: AWSPreparedRequest) -> AWSResponse | None:
        self._left -= 1
        if self._left:
            return None
        self.call = call_of(request)
        return self._fault(request)


def call_of(request: Any) -> str:
    """A call without what differs from time to time: `AWSGlue.GetTables`, `PUT releases/payments/orders/…/_files.json`."""
    if target := _target(request):
        return target
    path = re.sub(
        r"[0-9a-f]{8,}|\d{4}-\d\d-\d\d[^/]*|\d{8}\.json", "…", str(request.url).partition("hub-")[2]
    )
    return f"{request.method} {path}"


def _target(request: Any) -> str:
    """What is asked of a service that speaks JSON; empty for S3."""
    target = request.headers.get("X-Amz-Target", b"")
    return target.decode() if isinstance(target, bytes) else str(target)
