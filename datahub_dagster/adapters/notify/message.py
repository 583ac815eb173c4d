"""A notification as other programs read it."""

import json
from datetime import UTC

from datahub_dagster.ports import Notification


def as_json(notification: Notification) -> bytes:
    """One line of JSON, in UTF-8 and without its end; `at` is UTC, ISO 8601.

    A lone surrogate, as in a file name that is not UTF-8, becomes its JSON escape.
    """
    values = {
        "at": notification.at.astimezone(UTC).isoformat(),
        "kind": notification.kind,
        "dataset": str(notification.dataset),
        "release": str(notification.release_id),
        "to": list(notification.to),
        "subject": notification.subject,
        "text": notification.text,
    }
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "backslashreplace")
