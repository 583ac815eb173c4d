"""What AWS may answer to each call of a release: a clear error, the former release is still read, and the next run recovers."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from datahub_dagster import pipeline
from datahub_dagster.errors import CatalogError, HubError, StorageError
from tests.aws import AwsAccount
from tests.pipeline.acts import ACTS, Act, released
from tests.pipeline.processes import ids_read
from tests.pipeline.where import HubOnAws
from tests.places import OnAws

pytestmark = pytest.mark.aws

_MOST_CALLS = 400
_ACTION = re.compile(r"\b(s3|glue):[A-Z]\w+")


@pytest.fixture
def where(aws_account: AwsAccount, tmp_path: Path) -> Iterator[HubOnAws]:
    place = OnAws(aws_account, "prepared")
    yield HubOnAws(place, tmp_path / "given")
    place.close()


# --- What goes wrong -------------------------------------------------------------------------------------------------

Fault = Callable[[AWSPreparedRequest], AWSResponse | None]


def answers(status: int, s3_code: str, glue_code: str) -> Fault:
    """AWS answers with an error, in the form of the service that is asked."""

    def fault(request: AWSPreparedRequest) -> AWSResponse:
        is_glue = "X-Amz-Target" in request.headers
        text = "said the test"
        body = (
            json.dumps({"__type": glue_code, "message": text})
            if is_glue
            else f"<Error><Code>{s3_code}</Code><Message>{text}</Message></Error>"
        ).encode()
        kind = "application/x-amz-json-1.1" if is_glue else "application/xml"
        headers = {"Content-Type": kind, "x-amz-request-id": "test"}
        is_head = request.method == "HEAD"  # has no body to say why
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(b"" if is_head else body), headers=headers, status=status, preload_content=False
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
    "it fails": answers(500, "InternalError", "InternalServiceException"),
    "it gives no answer": no_answer,
    "its answer is lost": answer_lost,
}


class At:
    """Lets the n-th call go wrong. Clients of tests don't try again, so that each request is a call."""

    def __init__(self, after: int, fault: Fault) -> None:
        self._left = after
        self._fault = fault
        self.call = ""

    @property
    def came(self) -> bool:
        return self._left <= 0

    def request(self, request: AWSPreparedRequest) -> AWSResponse | None:
        self._left -= 1
        if self._left:
            return None
        self.call = call_of(request)
        return self._fault(request)


def call_of(request: Any) -> str:
    """A call without what differs from time to time: `PUT releases/payments/orders/…/_files.json`."""
    target = request.headers.get("X-Amz-Target", b"")
    if target:
        return target.decode() if isinstance(target, bytes) else str(target)
    path = re.sub(
        r"[0-9a-f]{8,}|\d{4}-\d\d-\d\d[^/]*|\d{8}\.json", "…", str(request.url).partition("hub-")[2]
    )
    return f"{request.method} {path}"


# --- Each call -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("a release that replaces", kind) for kind in FAULTS),
        # Calls that only partitions need; what AWS says to them has the same forms.
        *(("a release of partitions", kind) for kind in ("it throttles", "its answer is lost")),
    ],
)
def test_whatever_goes_wrong_with_a_call_readers_read_on_and_the_next_run_recovers(
    name: str, kind: str, where: HubOnAws
) -> None:
    act = ACTS[name]
    act.prepare(where)
    undisturbed = where.copied("undisturbed", act.of)
    act.do(undisturbed.hub(act.of, years=11), undisturbed)
    wanted = undisturbed.state()
    met = set[str]()
    calls = calls_of(act, where)

    for number, call in enumerate(calls, start=1):
        if call in met:  # the same call for another file
            continue
        met.add(call)
        copy = where.copied(f"fault-{number}", act.of)
        at = At(number, FAULTS[kind])
        try:
            act.do(copy.faulty_hub(act.of, at.request, years=11), copy)
        except (StorageError, CatalogError) as error:
            must_be_clear(error, kind, copy, at)
        assert ids_read(copy.hub(act.of), act.of) in (act.before, act.after)
        act.do(copy.hub(act.of, years=11), copy)
        assert ids_read(copy.hub(act.of), act.of) == act.after, at.call
        assert copy.state() == wanted, at.call
        copy.remove()
    assert len(met) > 15


def calls_of(act: Act, where: HubOnAws) -> list[str]:
    """The calls of an undisturbed release, in order."""
    calls: list[str] = []
    copy = where.copied("counted", act.of)
    act.do(copy.faulty_hub(act.of, lambda request: calls.append(call_of(request)), years=11), copy)
    return calls


def must_be_clear(error: HubError, kind: str, where: HubOnAws, at: At) -> None:
    text = str(error)
    assert _ACTION.search(text), f"{at.call}: no action in {text}"
    assert where.place.account.bucket in text or "payments" in text, f"{at.call}: no place in {text}"
    assert error.next_step, f"{at.call}: no next step in {text}"
    assert error.consumers
    said = {
        "a permission is missing": "permission",
        "the credentials have expired": "credentials",
        "it throttles": "slow down",
        "it fails": "AWS failed",
        "it gives no answer": "no answer",
        "its answer is lost": "no answer",
    }[kind]
    is_head = at.call.startswith("HEAD ")  # whose answer has no body that could say why
    assert said in text or is_head, f"{at.call}: {text}"
    assert "Traceback" not in text


# --- Behind the hub's back -------------------------------------------------------------------------------------------


def test_a_released_file_that_somebody_removed_is_named_and_the_next_release_is_not_stopped(
    where: HubOnAws,
) -> None:
    act = ACTS["a release that replaces"]
    act.prepare(where)
    hub = where.hub(act.of, years=11)
    current = hub.log.current(act.of.name)
    assert current is not None
    files = hub.log.file_list(act.of.name, current.release_id)
    assert files is not None
    where.place.remove(files.files[0].path)

    with pytest.raises((StorageError, FileNotFoundError)) as caught:
        ids_read(hub, act.of)
    assert files.files[0].path in str(caught.value)

    act.do(where.hub(act.of, years=11), where)
    assert ids_read(where.hub(act.of), act.of) == act.after


def test_a_delivered_file_that_is_replaced_on_the_way_is_refused(where: HubOnAws) -> None:
    act = ACTS["a release that replaces"]
    act.prepare(where)
    hub = where.hub(act.of, years=11)
    swapped: list[str] = []

    def swap(event: Any) -> None:
        if event.step == "stage" and not swapped:
            swapped.append("a.parquet")
            where.place.write("inbox/payments/orders/next/a.parquet", b"something else")

    outcome = pipeline.release(hub, act.of, "next", actor="test", on_step=swap)

    assert outcome.refused
    assert outcome.record is not None
    assert [fault.code for fault in outcome.record.faults] == ["changed-file"]
    assert ids_read(where.hub(act.of), act.of) == act.before


def test_a_bucket_that_does_not_exist_is_named(where: HubOnAws) -> None:
    act = ACTS["a first release"]
    released(where, act.of)
    where.place.account.bucket = "no-such-bucket-of-ours"

    (told,) = pipeline.status(where.hub(act.of))

    assert told.problem
    assert "no such bucket" in told.problem
    assert "no-such-bucket-of-ours" in told.problem
    with pytest.raises(StorageError, match="no such bucket") as caught:
        act.do(where.hub(act.of), where)
    assert "DATAHUB_ROOT" in str(caught.value)
