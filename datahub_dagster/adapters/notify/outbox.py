"""An outbox on disk: the embedded hub sends no mail, and says so by keeping what it would have sent."""

import fcntl
import logging
import os
from datetime import UTC
from pathlib import Path

from datahub_dagster.adapters.notify.message import as_json
from datahub_dagster.ports import Notification, Notifier

logger = logging.getLogger(__name__)


class OutboxNotifier(Notifier):
    """Appends each notification as a line of JSON to `outbox/<YYYY-MM>.jsonl`; the month is that of `at`, in UTC.

    Any number of processes may append at once. Nothing is ever raised: a full disk must not stop a release that is published
    already, so that the message is logged instead.

    Args:
        root: The hub's root folder.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / "outbox"

    def notify(self, notification: Notification) -> None:
        """Keep a message, or log why it could not be kept."""
        try:
            at = notification.at.astimezone(UTC)
            _append(self._folder / f"{at:%Y-%m}.jsonl", as_json(notification) + b"\n")
        except (OSError, ValueError) as error:
            logger.warning(
                "%s: the message %r to %s was not kept in the outbox: %s",
                notification.subjects,
                notification.subject,
                ", ".join(notification.to) or "nobody",
                error,
            )


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # a process was killed, or the disk was full, in the middle of a line
                line = b"\n" + line
        while line:
            line = line[file.write(line) :]
