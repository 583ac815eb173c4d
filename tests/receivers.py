"""Where alerts arrive in tests: a real mail server and a real web server, both on this machine alone."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope


@dataclass
class MailServer:
    """A mail server.

    Args:
        port: Where it listens, on 127.0.0.1.
        mails: What it took, oldest first.
        refused: Addresses that it takes no mail for.
    """

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    @property
    def target(self) -> str:
        """What stands in a targets file: mails to the channel's own address."""
        return f"mailto://127.0.0.1:{self.port}?from=hub@example.com&to={{channel}}"

    def mails_to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if address in str(mail["To"])]

    async def handle_RCPT(  # noqa: N802 - what aiosmtpd calls it
        self, _server: Any, _session: Any, envelope: Envelope, address: str, *_: Any
    ) -> str:
        if address in self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@contextmanager
def mail_server(password: str = "") -> Iterator[MailServer]:
    """A mail server while the block lasts; with a password it takes no other one, of any name."""
    server = MailServer(_free_port())

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        return AuthResult(success=login.password == password.encode(), handled=False)

    wanted = {
        "auth_require_tls": False,
        "auth_exclude_mechanism": ["CRAM-MD5"],
        "authenticator": authenticate,
    }
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **(wanted if password else {}))
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass
class WebReceiver:
    """A program that takes messages.

    Args:
        port: Where it listens, on 127.0.0.1.
        posted: Path and decoded body of what it was posted, oldest first.
        answers: Which status it answers to a path; 200 to all others. A status of 0: it never answers.
    """

    port: int
    posted: list[tuple[str, Any]] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """What stands in a targets file: messages as JSON to a path named like the channel."""
        return f"json://127.0.0.1:{self.port}/{{channel}}"

    def messages(self) -> list[tuple[str, str]]:
        """Subject and text of each message."""
        return [(body["title"], body["message"]) for _, body in self.posted]


@contextmanager
def web_receiver() -> Iterator[WebReceiver]:
    """A web server while the block lasts. What it was told to hang on ends with it."""
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            receiver.posted.append((self.path, json.loads(body)))
            status = receiver.answers.get(self.path, 200)
            if not status:
                over.wait(30)
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:  # where a redirection that is followed ends
            receiver.posted.append((self.path, None))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = WebReceiver(server.server_port)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
