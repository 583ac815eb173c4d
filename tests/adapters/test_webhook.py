"""Messages are posted to an address that nobody gets to see, and kept whatever becomes of that."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.secrets import AwsSecret
from datahub_dagster.adapters.notify.webhook import WebhookNotifier
from datahub_dagster.ports import Notification, Notifier
from tests.aws import AwsAccount

pytestmark = pytest.mark.aws

AT = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
MESSAGE = Notification(
    kind="rejected",
    team="markets",
    datasets=("equities.daily_prices",),
    release="2026-11-20.7",
    to=("markets-data@example.com",),
    subject="equities.daily_prices: 2026-11-20 was rejected",
    text="重複した行が3つあります。",
    at=AT,
)
TOKEN = "T0KEN-that-nobody-may-see"


@dataclass
class Kept(Notifier):
    """An outbox in memory."""

    messages: list[Notification] = field(default_factory=list)

    def notify(self, notification: Notification) -> None:
        self.messages.append(notification)


class Receiver:
    """A program on this machine that takes messages: what it was posted, and what it answers to which path."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        self.answers: dict[str, int] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posted.append((self.path, json.loads(body)))
                status = receiver.answers.get(self.path, 200)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Posting:
    """A notifier, its outbox, whoever gets its messages, and the secret that holds the address."""

    account: AwsAccount
    receiver: Receiver
    kept_by: str
    outbox: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        self.aws = AwsClients()
        self.notifier = WebhookNotifier(self.outbox, AwsSecret(self.aws, self.kept_by))

    def keep(self, address: str) -> None:
        """Make the secret, or give it another value."""
        service, _, name = self.kept_by.partition(":")
        client = self.account.client(service)
        if service == "ssm":
            client.put_parameter(Name=name, Value=address, Type="SecureString", Overwrite=True)
            return
        try:
            client.create_secret(Name=name, SecretString=address)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=name, SecretString=address)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture(params=["secretsmanager:datahub/webhook", "ssm:/datahub/webhook"])
def posting(request: pytest.FixtureRequest, aws_account: AwsAccount, receiver: Receiver) -> Posting:
    there = Posting(aws_account, receiver, request.param)
    there.keep(f"{receiver.address}/{TOKEN}")
    return there


def test_a_message_is_posted_as_json_and_kept(posting: Posting, caplog: pytest.LogCaptureFixture) -> None:
    posting.notifier.notify(MESSAGE)
    ((path, body),) = posting.receiver.posted
    assert path == f"/{TOKEN}"
    assert body == {
        "at": "2026-11-20T09:12:00+00:00",
        "kind": "rejected",
        "team": "markets",
        "dataset": "equities.daily_prices",
        "datasets": ["equities.daily_prices"],
        "release": "2026-11-20.7",
        "to": ["markets-data@example.com"],
        "subject": "equities.daily_prices: 2026-11-20 was rejected",
        "text": "重複した行が3つあります。",
    }
    assert posting.outbox.messages == [MESSAGE]
    assert not caplog.records


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_renewed_address_is_read_once_the_old_one_is_refused(posting: Posting, status: int) -> None:
    posting.notifier.notify(MESSAGE)
    posting.receiver.answers[f"/{TOKEN}"] = status
    posting.keep(f"{posting.receiver.address}/renewed")
    posting.notifier.notify(MESSAGE)
    posting.notifier.notify(MESSAGE)
    assert [path for path, _ in posting.receiver.posted] == [f"/{TOKEN}", f"/{TOKEN}", "/renewed", "/renewed"]
    assert len(posting.outbox.messages) == 3


def test_an_address_that_stays_refused_is_not_posted_to_twice(
    posting: Posting, caplog: pytest.LogCaptureFixture
) -> None:
    posting.receiver.answers[f"/{TOKEN}"] = 404
    posting.notifier.notify(MESSAGE)
    assert len(posting.receiver.posted) == 1
    assert "it answered with HTTP status 404" in caplog.text
    assert "it is in the outbox" in caplog.text


def test_a_redirection_is_not_followed(posting: Posting, caplog: pytest.LogCaptureFixture) -> None:
    posting.receiver.answers[f"/{TOKEN}"] = 302
    posting.notifier.notify(MESSAGE)
    assert [path for path, _ in posting.receiver.posted] == [f"/{TOKEN}"]
    assert "HTTP status 302" in caplog.text


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"http://hooks.example.com/{TOKEN}", "no https:// address"),
        (f"http://127.0.0.1:1/{TOKEN}", "there was no answer (ConnectionRefusedError)"),
        (f"https://127.0.0.1:1/{TOKEN} and a blank", "there was no answer (InvalidURL)"),
        (f"https://[{TOKEN}", "no https:// address"),
        (f"ftp://127.0.0.1/{TOKEN}", "no https:// address"),
        (f'{{"url": "{TOKEN}"}}', "no https:// address"),
    ],
)
def test_an_address_that_leads_nowhere_is_logged_without_being_told(
    posting: Posting, address: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    posting.keep(address)
    with caplog.at_level(logging.INFO):
        posting.notifier.notify(MESSAGE)
    assert said in caplog.text
    assert TOKEN not in caplog.text
    assert posting.outbox.messages == [MESSAGE]


def test_a_secret_that_is_not_there_is_logged_by_its_name(
    aws_account: AwsAccount, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    for kept_by, action in (
        ("secretsmanager:nobody", "secretsmanager:GetSecretValue"),
        ("ssm:nobody", "ssm:GetParameter"),
    ):
        there = Posting(aws_account, receiver, kept_by)
        there.notifier.notify(MESSAGE)
        assert kept_by in caplog.text
        assert action in caplog.text
        assert there.outbox.messages == [MESSAGE]


def test_the_address_stands_in_no_log_whatever_its_level(
    posting: Posting, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        posting.notifier.notify(MESSAGE)
    assert posting.receiver.posted
    assert "GetSecretValue" in caplog.text or "GetParameter" in caplog.text, (
        "botocore logs much at this level"
    )
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(posting.notifier)
