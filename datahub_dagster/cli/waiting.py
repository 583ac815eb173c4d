"""Waiting until somebody, Dagster as a rule, has released a delivery."""

import re
import time
from collections.abc import Callable
from datetime import timedelta

import click

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import newest_receipt
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
    receipt = newest_receipt(log.receipts(dataset), delivery)
    if receipt is None:
        return None
    if receipt.repeats is not None:
        return Outcome(receipt=receipt, record=None, is_news=False)
    record = log.record(dataset, receipt.release_id)
    return Outcome(receipt=receipt, record=record, is_news=False) if record else None


def overruled(hub: Hub, contract: Contract, delivery: str) -> Outcome | None:
    """A refusal of that delivery which no longer counts: the contract has changed, so it will be judged again."""
    outcome = ended(hub.log, contract.name, delivery)
    if outcome is None or outcome.record is None or not outcome.refused:
        return None
    return outcome if outcome.record.contract_fingerprint != contract.fingerprint else None


def wait_for(
    hub: Hub,
    contract: Contract,
    delivery: str,
    timeout: timedelta,
    *,
    ignore: Outcome | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Block until the delivery was published or rejected by somebody.

    Args:
        hub: Where it was handed in.
        contract: Of its dataset.
        delivery: Its name.
        timeout: How long at most.
        ignore: An end that doesn't count, see `overruled`.
        sleep: How to pass the time, in seconds.

    Raises:
        NotReleasedInTimeError: It was not, in time.
    """
    name = contract.name
    give_up_at = time.monotonic() + timeout.total_seconds()
    pause = 0.2
    while True:
        outcome = ended(hub.log, name, delivery)
        if outcome and not (ignore and ignore.release_id == outcome.release_id):
            return outcome
        left = give_up_at - time.monotonic()
        if left <= 0:
            break
        sleep(min(pause, left))
        pause = min(pause * 1.5, 5.0)
    received = newest_receipt(hub.log.receipts(name), delivery) is not None
    raise NotReleasedInTimeError(
        f"delivery {delivery} was not released within {words.duration(timeout)}",
        subject=str(name),
        found="it was received, and is under way" if received else "it lies in the inbox, and nobody took it",
        consumers="read what they read before",
        next_step=f"start Dagster, or: datahub release {name} --delivery {delivery}",
    )
