"""Messages to a chat or any other program: posted as JSON to an address that is a secret itself."""

import logging
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from datahub_dagster.adapters.aws.secrets import AwsSecret
from datahub_dagster.adapters.notify.message import as_json
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Notification, Notifier

logger = logging.getLogger(__name__)

_SECONDS = 5.0  # a release waits for it
_ADDRESS_CHANGED = (403, 404, 410)  # what revoked addresses answer


class WebhookNotifier(Notifier):
    """Keeps each message in the outbox, and posts it.

    The address is read when it is first needed, and again once it is refused: somebody may have renewed it. It stands in no log
    and no error. Redirections are not followed. What goes wrong is logged, and never stops a release.

    Args:
        outbox: Where every message is kept, posted or not.
        secret: The address, `https://...`; plain `http` to this machine only.
    """

    def __init__(self, outbox: Notifier, secret: AwsSecret) -> None:
        self._outbox = outbox
        self._secret = secret
        self._address = ""

    def notify(self, notification: Notification) -> None:
        """Keep a message and post it, or log why it could not be posted."""
        self._outbox.notify(notification)
        try:
            problem = self._post(as_json(notification))
        except HubError as error:
            problem = str(error)
        if problem:
            logger.warning(
                "%s: the message %r was not posted to the webhook of %s, it is in the outbox: %s",
                notification.subjects,
                notification.subject,
                self._secret,
                problem,
            )

    def _post(self, body: bytes) -> str:
        """What went wrong; empty = nothing."""
        if not self._address:
            self._address = self._secret.read().strip()
        status = _send(self._address, body)
        if status in _ADDRESS_CHANGED:
            refused, self._address = self._address, self._secret.read().strip()
            if self._address != refused:
                status = _send(self._address, body)
        if isinstance(status, str):
            return status
        return "" if 200 <= status < 300 else f"it answered with HTTP status {status}"


class _NoRedirection(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Leads nowhere: what the message says, and that it is said, is for the one address."""


_OPENER = build_opener(_NoRedirection)


def _send(address: str, body: bytes) -> int | str:
    """The HTTP status of the answer, or why there is none, in words that don't hold the address."""
    if not _is_safe(address):
        return "the secret is no https:// address"
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "datahub_dagster"}
    try:
        with _OPENER.open(Request(address, body, headers, method="POST"), timeout=_SECONDS) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code
    except (OSError, HTTPException, ValueError) as error:
        # Not its text, which may quote the address.
        return f"there was no answer ({type(getattr(error, 'reason', error)).__name__})"


def _is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname or ""))
        )
    except ValueError:
        return False


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
