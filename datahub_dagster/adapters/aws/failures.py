"""What AWS answers when it does not do what was asked, in the hub's words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # botocore's, and the parent of its time-outs
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from datahub_dagster.errors import OutsideError, StorageError

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AllAccessDisabled",
    "403",
    "Forbidden",
}
_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "TokenRefreshRequired",
    "RequestExpired",
    "InvalidToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
}
_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "301", "IllegalLocationConstraintException"}
_THROTTLED = {
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "LimitExceededException",
    "OperationTimeoutException",
}
_MEANWHILE = {"PreconditionFailed", "412", "ConditionalRequestConflict", "OperationAborted"}
_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:\w+)")
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)


def code_of(error: BaseException) -> str:
    """AWS's own word for a failure, such as `NoSuchKey`; empty where there was no answer at all."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def status_of(error: BaseException) -> int:
    """The HTTP status of an answer; 0 where there was none."""
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def outside(
    action: str, subject: str, kind: type[OutsideError] = StorageError, *, consumers: str | None = None
) -> Iterator[None]:
    """Within this block a failure of AWS becomes an error of the hub.

    Args:
        action: What was asked for, as IAM calls it: `s3:PutObject`.
        subject: On what: `s3://bucket/key`, `glue table db.table`.
        kind: The error that it becomes.
        consumers: What it means for readers; by default that they still read what was published before.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise failure(error, action, subject, kind, consumers=consumers) from error


def failure(
    error: ClientError | BotoCoreError,
    action: str,
    subject: str,
    kind: type[OutsideError] = StorageError,
    *,
    consumers: str | None = None,
) -> OutsideError:
    """The failure as an error that names the place, the action, what AWS said, and the next step."""
    reason, next_step = _told(error, action)
    return kind(
        reason,
        subject=subject,
        found=_short(error),
        consumers=consumers or "still read what was published before",
        next_step=next_step,
    )


def _told(error: ClientError | BotoCoreError, action: str) -> tuple[str, str]:
    code, status = code_of(error), status_of(error)
    again = "do it again: nothing is lost; if it stays so: datahub doctor"
    if isinstance(error, _NO_CREDENTIALS) or code in _CREDENTIALS:
        said = "the AWS credentials have expired" if "Expired" in code else "AWS takes no such credentials"
        return (
            f"{said} ({action})",
            "get new ones (aws sso login, or the role of the machine), then do it again",
        )
    if code == "RequestTimeTooSkewed":
        return f"this machine's clock is wrong, and AWS minds ({action})", "set the clock, then do it again"
    if code in _DENIED or (status == 403 and not code.startswith("KMS.")):
        named = _ACTION.search(str(error))  # for an encrypted object it may be one of the key's
        missing = named[1] if named else action
        return (
            f"the permission {missing} is missing",
            f"give the role that this runs with {missing} on it (infra/README.md has the list), then: datahub doctor",
        )
    if code.startswith("KMS."):
        return (
            f"the key that encrypts it can't be used ({action})",
            "look at DATAHUB_KMS_KEY and the key's policy: datahub doctor",
        )
    if code == "NoSuchBucket":
        return (
            f"there is no such bucket ({action})",
            "look at DATAHUB_ROOT and DATAHUB_DOCS_ROOT, or make the bucket (infra/README.md)",
        )
    if code in _REGION or status == 301:
        return (
            f"the bucket is in another region ({action})",
            "set AWS_REGION to the bucket's region: datahub doctor",
        )
    if code in _MEANWHILE:
        return f"somebody else wrote it at the same moment ({action})", again
    if code in _THROTTLED or status in (429, 503):
        return f"AWS asks to slow down, after several attempts ({action})", again
    if isinstance(error, HTTPClientError | ConnectionError):
        return f"AWS gives no answer ({action})", f"look at the network and AWS_ENDPOINT_URL, then {again}"
    if status >= 500:
        return f"AWS failed ({action})", again
    if code == "400":  # the answer to a HEAD has no text
        return (
            f"AWS refused without a reason, as it does for credentials that have expired ({action})",
            "datahub doctor",
        )
    return f"AWS refused ({action})", "datahub doctor"


def _short(error: BaseException) -> str:
    code = code_of(error)
    text = (
        str(error.response.get("Error", {}).get("Message", ""))
        if isinstance(error, ClientError)
        else str(error)
    )
    text = " ".join(text.split())
    text = text if len(text) <= 300 else f"{text[:300]}…"
    return f"{code}: {text}" if code else f"{type(error).__name__}: {text}"
