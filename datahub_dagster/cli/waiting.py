"""Waiting until somebody, Dagster as a rule, has released a delivery."""

import re
import time
from collections.abc import Callable
from datetime import timedelta

import click

from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.errors import OutsideError
from datahub_dagster.ports import Hub, ReleaseLog

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", None: "seconds"}


class NotReleasedInTimeError(OutsideError):
    """Nobody has released the delivery within the time that was given. It stays in the inbox."""


class Duration(click.ParamType):
    """`90s`, `30m`, `2h`, `1d`; a bare number is seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read the text of an option."""
        if isinstance(value, timedelta):
            return value
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration: write 90s, 30m, 2h or 1d", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


def ended(log: ReleaseLog, dataset: DatasetName, delivery: str) -> Outcome | None:
    """How the newest delivery of that name ended; None while it waits or is under way."""
    receipts = [receipt for receipt in log.receipts(dataset) if receipt.delivery.name == delivery]
    if not receipts:
        return None
    receipt = receipts[-1]
    if receipt.repeats is not None:
        return Outcome(receipt=receipt, record=None)
    record = log.record(dataset, receipt.release_id)
    return Outcome(receipt=receipt, record=record) if record else None


def wait_for(
    hub: Hub,
    dataset: DatasetName,
    delivery: str,
    timeout: timedelta,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Block until the delivery was published or rejected by somebody.

    Raises:
        NotReleasedInTimeError: It was not, in time.
    """
    give_up_at = time.monotonic() + timeout.total_seconds()
    pause = 0.2
    while (outcome := ended(hub.log, dataset, delivery)) is None:
        left = give_up_at - time.monotonic()
        if left <= 0:
            received = any(receipt.delivery.name == delivery for receipt in hub.log.receipts(dataset))
            raise NotReleasedInTimeError(
                f"delivery {delivery} was not released within {timeout}",
                subject=str(dataset),
                found="it was received, and is under way"
                if received
                else "it lies in the inbox, and nobody took it",
                consumers="read what they read before",
                next_step=f"start Dagster, or: datahub release {dataset} --delivery {delivery}",
            )
        sleep(min(pause, left))
        pause = min(pause * 1.5, 5.0)
    return outcome
