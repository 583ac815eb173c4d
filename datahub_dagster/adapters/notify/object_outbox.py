"""An outbox in the hub's storage, where nothing can be appended to: each message is an object of its own."""

import logging
from datetime import UTC
from uuid import uuid4

from datahub_dagster.adapters.notify.message import as_json
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import HubError
from datahub_dagster.ports import Notification, Notifier, Storage

logger = logging.getLogger(__name__)

_OUTBOX = Location("outbox")


class ObjectOutbox(Notifier):
    """Keeps each notification as `outbox/<YYYY-MM>/<instant>.<uuid>.json`; month and instant are those of `at`, in UTC.

    Nothing is ever raised: a message must not stop a release that is published already, so that it is logged instead.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def notify(self, notification: Notification) -> None:
        """Keep a message, or log why it could not be kept."""
        at = notification.at.astimezone(UTC)
        place = _OUTBOX / f"{at:%Y-%m}" / f"{at:%Y-%m-%dT%H-%M-%S.%fZ}.{uuid4().hex}.json"
        try:
            self._storage.create(place, as_json(notification) + b"\n")
        except HubError as error:
            logger.warning(
                "%s: the message %r to %s was not kept in the outbox: %s",
                notification.subjects,
                notification.subject,
                ", ".join(notification.to) or "nobody",
                error,
            )
