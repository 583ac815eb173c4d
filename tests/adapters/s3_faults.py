"""S3 that fails on demand: an answer that is not what was asked for, or one that gets lost."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from datahub_dagster.adapters.aws.clients import AwsClients

Fault = Callable[[Any], AWSResponse | None]
"""Takes the request that is about to be sent; what it gives is S3's answer, if it gives one."""


@dataclass
class FaultyS3:
    """Clients of S3 whose next requests of an operation meet a fault."""

    config: Config | None = None
    session: boto3.Session = field(default_factory=boto3.Session)

    def __post_init__(self) -> None:
        self.aws = AwsClients(self.session, self.config)

    def on(self, operation: str, *faults: Fault | None) -> None:
        """The first request of the operation meets the first fault, and so on; None lets one pass. Later ones pass.

        To be said before the first request.
        """
        left: Iterator[Fault | None] = iter(faults)

        def meet(request: Any, **_: Any) -> Any:
            fault = next(left, None)
            return fault(request) if fault else None

        self.session.events.register(f"before-send.s3.{operation}", meet)


def answers(status: int, code: str, message: str = "as the test wants it") -> Fault:
    """S3 refuses."""
    return tells(f"<Error><Code>{code}</Code><Message>{message}</Message></Error>", status)


def tells(text: str, status: int = 200) -> Fault:
    """S3 does nothing, and says something."""
    return lambda request: _answer(request.url, status, {"content-type": "application/xml"}, text.encode())


def loses_the_answer(request: Any) -> None:
    """S3 does what was asked for, and nobody hears of it."""
    _sent(request)
    if hasattr(request.body, "seek"):
        request.body.seek(0)
    raise ConnectionClosedError(endpoint_url=request.url)


def breaks_off(after: int) -> Fault:
    """S3 answers, and the connection ends after so many bytes of the content."""

    def cut(request: Any) -> AWSResponse:
        whole = _sent(request)
        return _answer(request.url, whole.status_code, whole.headers, whole.content[:after])

    return cut


def _sent(request: Any) -> AWSResponse:
    session = URLLib3Session()
    try:
        answer = session.send(request)
        _ = answer.content  # read before the connection is closed
        return answer
    finally:
        session.close()


def _answer(url: str, status: int, headers: Any, content: bytes) -> AWSResponse:
    return AWSResponse(url, status, headers, _Raw(content))


class _Raw(io.BytesIO):
    """What urllib3 gives for a body."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.getvalue()
