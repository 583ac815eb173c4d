"""Whoever deals with alerts may be killed at any change of the storage: people hear twice at worst, and never not at all."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from datahub_dagster import pipeline
from datahub_dagster.adapters.alert_log import JsonAlertLog
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.alert import Alert, AlertKind, Stage
from datahub_dagster.domain.contract import Support
from datahub_dagster.domain.names import Location
from tests.builders import NOW, contract
from tests.hubs import SteppingClock, hub_at
from tests.pipeline.test_alerts import Plain, Postbox

CHATS = (Support(tool="slack", channel="#payments"), Support(tool="teams", channel="orders"))
ORDERS, REFUNDS = (
    contract(name, support=CHATS, owners=()) for name in ("payments.orders", "payments.refunds")
)
MINUTE = timedelta(minutes=1)


class KilledError(BaseException):
    """The process is gone: nothing that it would clean up is done."""


class Killed(LocalStorage):
    """Makes so many changes, and from then on none, nor anything else."""

    def __init__(self, root: Path, changes: int) -> None:
        super().__init__(root)
        self.left = changes

    def _change(self, act: Callable[..., Any], *values: Any) -> Any:
        if self.left == 0:
            raise KilledError
        self.left -= 1
        return act(*values)

    def create(self, location: Location, content: bytes) -> None:
        self._change(super().create, location, content)

    def replace(self, location: Location, content: bytes) -> None:
        self._change(super().replace, location, content)

    def delete(self, location: Location) -> None:
        self._change(super().delete, location)


def failing(dataset: str, minutes: int, stage: Stage = Stage.OPEN) -> Alert:
    return Alert(
        kind=AlertKind.CHECKS_FAILED,
        key=f"checks-failed/{dataset}",
        stage=stage,
        team="payments",
        at=NOW + minutes * MINUTE,
        dataset=dataset,
        level=1.0,
        facts={"checks": []},
    )


def heard_of(root: Path, changes: int) -> tuple[Counter[tuple[str, str, str]], bool]:
    """What people hear, if the second of three calls is killed after so many changes; and whether it was."""
    post = Postbox()
    root.mkdir()
    log = JsonAlertLog(LocalStorage(root))
    was_killed = False
    said: Counter[tuple[str, str, str]] = Counter()
    rounds: list[tuple[int, list[Alert]]] = [
        (-1, [failing("payments.orders", 0)]),
        (changes, [failing("payments.orders", 1, Stage.OVER), failing("payments.refunds", 2)]),
        (-1, []),
    ]
    for number, (left, alerts) in enumerate(rounds):
        for alert in alerts:
            log.raise_alert(alert)
        clock = SteppingClock(NOW + (1 + number * 10) * MINUTE)
        storage = Killed(root, left)
        hub = hub_at(root, ORDERS, REFUNDS, storage=storage, channels=post, texts=Plain(), clock=clock)
        try:
            pipeline.tell(hub)
        except KilledError:
            was_killed = True
        said.update(post.said())
    assert (log.raised(), log.pending()) == ([], [])
    assert [incident.key for incident in log.open_incidents()] == ["checks-failed/payments.refunds"]
    return said, was_killed


def test_whoever_is_killed_loses_no_message(tmp_path: Path) -> None:
    expected, _ = heard_of(tmp_path / "undisturbed", -1)
    assert set(expected.values()) == {1}
    assert len(expected) == 6, "each of two channels: open, over, open"
    points = 0
    while True:
        said, was_killed = heard_of(tmp_path / f"killed-{points}", points)
        assert said.keys() == expected.keys(), f"killed after {points} changes"
        assert max(said.values()) <= 2
        if not was_killed:
            break
        points += 1
    assert points > 10
