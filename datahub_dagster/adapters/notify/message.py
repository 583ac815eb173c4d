"""A notification as other programs read it."""

import json
from datetime import UTC

from datahub_dagster.ports import Notification


def as_json(notification: Notification) -> bytes:
    """One line of JSON, in UTF-8 and without its end; `at` is UTC, ISO 8601. `dataset` is there if it is about a single one.

    A lone surrogate, as in a file name that is not UTF-8, becomes its JSON escape.
    """
    values = {
        "at": notification.at.astimezone(UTC).isoformat(),
        "kind": notification.kind,
        "team": notification.team,
        "dataset": notification.datasets[0] if len(notification.datasets) == 1 else None,
        "datasets": list(notification.datasets),
        "release": notification.release,
        "to": list(notification.to),
        "subject": notification.subject,
        "text": notification.text,
    }
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "backslashreplace")
