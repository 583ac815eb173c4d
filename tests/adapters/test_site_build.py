"""What a build does again and what it leaves alone, on a hub that is released to, reported on and looked at for real."""

import gzip
import json
import logging
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.parquet_sample import ParquetSampler
from datahub_dagster.adapters.site import press, publish
from datahub_dagster.adapters.site.build import StaticSite
from datahub_dagster.adapters.site.publish import STATE
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.contract import (
    Classification,
    Contract,
    ContractBook,
    FreshnessSlo,
    Lifecycle,
    QualitySlo,
    digest,
)
from datahub_dagster.domain.names import Location, unsafe_path_reason
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.errors import EngineError
from datahub_dagster.ports import Hub
from tests.builders import NOW, book, consumer, contract, receipt, record
from tests.hubs import SetClock, hub_at, orders, put_delivery

MORNING = NOW + timedelta(days=3650)  # far in the future of any file that a test writes
ORDERS = contract("payments.orders", freshness_slos=(FreshnessSlo(due=time(18, 30)),))
REFUNDS = contract("payments.refunds")
SENSORS = contract("weather.sensors")
BOOK = book(
    ORDERS,
    REFUNDS,
    SENSORS,
    consumers=(consumer("desk", ["payments.orders"]), consumer("forecast", ["weather.sensors"])),
)


class Built:
    """A hub whose site is built again and again, each time by another process as it were."""

    def __init__(self, root: Path, contracts: ContractBook = BOOK) -> None:
        self.root, self.docs = root, root / "docs"
        self.book = contracts
        self.clock = SetClock(MORNING)
        self.collected: list[str] = []

    def hub(self, docs_in: Path | None = None, **settings: Any) -> Hub:
        storage = LocalStorage(docs_in or self.root)
        site = StaticSite(storage, self._collect, collect_slos=pipeline.slo, **settings)
        return hub_at(self.root, book=self.book, clock=self.clock, site=site)

    def build(self, **settings: Any) -> dict[str, bytes]:
        """Build, and give what is there; `collected` are the datasets whose records were read for it."""
        self.collected = []
        pipeline.document(self.hub(**settings), with_dbt_docs=False)
        return self.pages()

    def pages(self) -> dict[str, bytes]:
        return pages_in(self.docs)

    def release(self, of: Contract, delivery: str, ids: Sequence[int]) -> None:
        hub = self.hub()
        put_delivery(hub, of, delivery, {"part-0.parquet": orders(ids)})
        pipeline.release(hub, of, delivery, actor="test")
        self.clock.at += timedelta(minutes=1)

    def document(self, path: str) -> dict[str, Any]:
        return json.loads((self.docs / path).read_text(encoding="utf-8"))

    def _collect(self, hub: Hub, contracts: Sequence[Contract]) -> Sequence[DatasetStatus]:
        self.collected += [str(each.name) for each in contracts]
        return pipeline.status(hub, contracts)


def pages_in(docs: Path) -> dict[str, bytes]:
    return {
        path.relative_to(docs).as_posix(): path.read_bytes()
        for path in sorted(docs.rglob("*"))
        if path.is_file() and path.name != STATE
    }


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """Three datasets of two teams, two of them released, and their pages."""
    made = Built(tmp_path)
    made.release(ORDERS, "2036-11-17", [1, 2])
    made.release(SENSORS, "2036-11-17", [1])
    made.build()
    return made


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def test_without_a_change_nothing_is_read_and_nothing_written(built: Built) -> None:
    before = {path: path.stat() for path in (built.docs, *built.docs.rglob("*"))}

    built.clock.at += timedelta(hours=1)
    built.build()

    assert built.collected == []
    after = {path: path.stat() for path in (built.docs, *built.docs.rglob("*"))}
    assert {path: (s.st_ino, s.st_mtime_ns) for path, s in after.items()} == {
        path: (s.st_ino, s.st_mtime_ns) for path, s in before.items()
    }


def test_a_release_makes_its_own_pages_its_teams_its_consumers_and_the_overviews(
    built: Built, caplog: pytest.LogCaptureFixture
) -> None:
    before = built.pages()
    built.release(ORDERS, "2036-11-17b", [1, 2, 3])

    with caplog.at_level(logging.INFO):
        after = built.build()

    assert built.collected == ["payments.orders"]
    own = {"datasets/payments.orders", "teams/payments", "consumers/desk"}
    overviews = {"index", "status", "changes", "consumers"}
    touched = {
        path.removeprefix("ja/").split(".html")[0].split(".json")[0] for path in changed(before, after)
    }
    touched = {path.split(".atom")[0].split(".feed")[0] for path in touched if "search-index" not in path}
    assert "datasets/payments.orders" in touched
    assert touched <= own | overviews
    assert f"docs: {len(changed(before, after))} of " in caplog.text


def test_what_is_built_step_by_step_is_what_is_built_at_once(built: Built) -> None:
    built.release(REFUNDS, "first", [7])
    built.build()
    built.release(ORDERS, "2036-11-17b", [1, 2, 3])
    step_by_step = built.build()

    (built.docs / STATE).unlink()
    at_once = built.build()

    assert built.collected == ["payments.orders", "payments.refunds", "weather.sensors"]
    assert at_once == step_by_step


@pytest.mark.parametrize("left", [b"", b"{}", b"\x1f\x8b"])
def test_a_state_that_cant_be_read_is_made_anew_and_no_page_written_again(built: Built, left: bytes) -> None:
    before = {path: path.stat().st_ino for path in built.docs.rglob("*") if path.name != STATE}
    (built.docs / STATE).write_bytes(left)

    built.build()

    assert len(built.collected) == 3
    files = [path for path in before if path.is_file()]
    assert [path.stat().st_ino for path in files] == [before[path] for path in files]


def test_the_clock_alone_makes_a_dataset_late_and_touches_no_other(built: Built) -> None:
    assert built.document("datasets/payments.orders.json")["slo_state"] != "late"
    built.clock.at = MORNING.replace(hour=18, minute=29) + timedelta(days=1)
    before = built.build()

    built.clock.at += timedelta(minutes=2)
    after = built.build()

    assert built.collected == ["payments.orders"]
    assert built.document("datasets/payments.orders.json")["slo_state"] == "late"
    assert "late" in (built.docs / "index.html").read_text()
    assert not [path for path in changed(before, after) if "weather" in path or "refunds" in path]


def test_a_delivery_under_way_is_looked_at_each_time(built: Built) -> None:
    hub = built.hub()
    waiting = receipt(REFUNDS, 1, received_at=built.clock.at)
    hub.log.add_receipt(waiting)
    built.build()
    built.build()
    assert built.collected == ["payments.refunds"]

    hub.log.add_record(
        record(REFUNDS, 1, ReleaseState.REJECTED, received_at=built.clock.at, finished_at=built.clock.at)
    )
    built.build()
    assert built.document("datasets/payments.refunds.json")["last_outcome"] == "rejected"
    built.build()
    assert built.collected == []


def test_rows_that_cant_be_read_once_are_looked_at_again(built: Built) -> None:
    sampler = ParquetSampler(LocalStorage(built.root))
    (built.docs / STATE).unlink()
    before = built.build(sampler=sampler)
    assert built.document("datasets/weather.sensors.json")["samples"]
    released = next(built.root.glob("releases/weather/sensors/*/*.parquet"))
    away = released.rename(released.with_suffix(".away"))
    (built.docs / STATE).unlink()
    built.build(sampler=sampler)
    assert built.document("datasets/weather.sensors.json")["samples_reason"] == "unreadable"
    away.rename(released)

    assert built.build(sampler=sampler) == before


def test_a_report_that_could_not_be_made_once_is_asked_for_again(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, reports = built.pages(), pipeline.slo
    (built.docs / STATE).unlink()
    with monkeypatch.context() as patched:
        patched.setattr(
            pipeline,
            "slo",
            lambda *asked: [replace(r, problem="denied", is_unread=True) for r in reports(*asked)],
        )
        built.build()
    assert built.document("datasets/payments.orders.json")["slo_history"][0]["problem"] == "denied"

    assert built.build() == before


@pytest.mark.parametrize(
    "change",
    [
        {"contracts": (ORDERS, contract("payments.refunds", description="Money back."), SENSORS)},
        {"consumers": (consumer("audit", ["payments.refunds"]), *BOOK.consumers)},
    ],
)
def test_a_change_of_what_teams_wrote_makes_the_pages_of_whom_it_concerns(
    built: Built, change: dict[str, Any]
) -> None:
    contracts = change.pop("contracts", (ORDERS, REFUNDS, SENSORS))
    built.book = book(*contracts, **({"consumers": BOOK.consumers} | change))

    built.build()

    assert built.collected == ["payments.refunds"]


def test_a_dataset_and_a_consumer_that_vanish_take_their_pages_along(built: Built) -> None:
    built.book = book(ORDERS, REFUNDS, consumers=BOOK.consumers[:1])

    pages = built.build()

    assert not [path for path in pages if "weather" in path or "forecast" in path]
    assert "ja/datasets/payments.orders.html" in pages


def test_a_page_that_somebody_removed_or_emptied_is_made_again(built: Built) -> None:
    before = built.pages()
    (built.docs / "datasets/weather.sensors.html").unlink()
    (built.docs / "ja/teams/payments.html").write_bytes(b"")

    assert built.build() == before
    assert built.collected == ["weather.sensors"]


def test_a_setting_that_all_pages_show_makes_all_of_them(built: Built) -> None:
    pages = built.build(docs_url="https://hub.example.com/docs")

    assert len(built.collected) == 3
    html = [content for path, content in pages.items() if path.endswith(".html")]
    assert all(b'<link rel="canonical" href="https://hub.example.com/docs/' in content for content in html)
    assert b"https://hub.example.com/docs/ja/datasets/payments.orders.html" in pages["sitemap.xml"]


def test_a_build_that_fails_leaves_the_old_site_whole(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    before = built.pages()
    built.release(ORDERS, "2036-11-17b", [1, 2, 3])

    def fail(*_: object) -> bytes:
        raise EngineError("no memory is left")

    with monkeypatch.context() as patched:
        patched.setattr("datahub_dagster.adapters.site.frame.Frame.render", fail)
        with pytest.raises(EngineError):
            built.build()

    assert built.pages() == before
    assert not [path for path in built.root.iterdir() if path.is_dir() and path.name.startswith(".docs")]
    assert built.build() != before


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.adapters.test_site_build import Built, ORDERS
from datahub_dagster.adapters.site import frame

built = Built(Path(sys.argv[1]))
kept = frame.Frame.render
count = 0

def render(*arguments, **more):
    global count
    count += 1
    if count == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return kept(*arguments, **more)

frame.Frame.render = render
built.build()
"""


def test_a_build_that_is_killed_leaves_the_old_site_and_the_next_one_is_whole(built: Built) -> None:
    before = built.pages()
    built.release(ORDERS, "2036-11-17b", [1, 2, 3])
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(built.root)], env=environment, capture_output=True, check=False
    )

    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert built.pages() == before
    after = built.build()
    (built.docs / STATE).unlink()
    assert built.build() == after


def test_a_build_that_others_overtake_ends_with_the_newest_pages(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on S3, where an older build's page may arrive after those of a newer one."""
    monkeypatch.setattr(publish, "publisher_of", publish.OrderedPublisher)
    other = Built(built.root)
    replace_file, waiting = LocalStorage.replace, ["datasets/payments.orders.html"]

    def stall(storage: LocalStorage, location: Location, content: bytes) -> None:
        if waiting and location.path == f"docs/{waiting[0]}":
            waiting.clear()
            other.release(ORDERS, "2036-11-17c", [5, 6])
            other.build()
        replace_file(storage, location, content)

    monkeypatch.setattr(LocalStorage, "replace", stall)
    built.release(ORDERS, "2036-11-17b", [3, 4])
    pages = built.build()

    assert not waiting
    assert built.document("datasets/payments.orders.json")["last_delivery"] == "2036-11-17c"
    (built.docs / STATE).unlink()
    assert built.build() == pages


def test_several_processes_make_the_same_pages_as_one(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    one = built.pages()
    (built.docs / STATE).unlink()
    for path in built.docs.rglob("*.html"):
        path.unlink()
    monkeypatch.setattr(press, "_MANY", 1)

    assert built.build() == one


HOSTILE = ["../../outside", "/etc/passwd", "..", ".hidden", "a b/c%2f<x>&\"'", "名前", "x" * 400, "index"]


def test_whatever_teams_and_consumers_are_called_their_pages_are_in_the_folder(tmp_path: Path) -> None:
    datasets = [contract(f"s.t{n}", team=team) for n, team in enumerate(HOSTILE)]
    readers = tuple(consumer(name, ["s.t0"]) for name in HOSTILE)
    built = Built(tmp_path, book(*datasets, contract("a.b..-"), consumers=readers))
    before = set(tmp_path.rglob("*"))

    pages = built.build()

    assert not [path for path in pages if unsafe_path_reason(path)]
    for folder in ("teams", "ja/teams", "consumers", "ja/consumers"):
        assert len([path for path in pages if path.startswith(f"{folder}/") and path.endswith(".html")]) >= 8
    outside = {path for path in tmp_path.rglob("*") if built.docs not in path.parents} - before
    assert {path.name for path in outside} <= {"docs", ".docs-lock"}
    assert built.build() == pages
    assert built.collected == []


AGE = FreshnessSlo(max_age=timedelta(hours=30), timezone="Europe/Berlin", grace=timedelta(hours=1))
DUE = FreshnessSlo(
    due=time(8), timezone="America/Chicago", calendar="XNYS", covers=1, window=timedelta(days=6)
)
CHANGES: list[dict[str, Any]] = [
    {"freshness_slos": (DUE,)},
    {"freshness_slos": (AGE, replace(DUE, name="due"))},
    {"quality_slo": QualitySlo(objective=0.9, window=timedelta(days=5))},
    {"lifecycle": Lifecycle.DEPRECATED, "sunset_date": date(2036, 11, 20), "successor": "payments.refunds"},
    {"classification": Classification.CONFIDENTIAL},
]


class Chance:
    """Things that happen to a hub, by chance; each says what it was."""

    def __init__(self, built: Built, seed: int) -> None:
        self.built, self.random = built, random.Random(seed)
        self.deliveries = 0

    def happens(self) -> str:
        events = [self.delivery] * 3 + [self.rollback, self.contract, self.consumer, self.monitor, self.check]
        event = self.random.choice([*events, self.corruption, *[self.time] * 6])
        told = event()
        if event != self.time:
            self.built.clock.at += timedelta(seconds=self.random.choice([0, 1, 61]))
        return told

    def any_contract(self) -> Contract:
        return self.random.choice(list(self.built.book.datasets.values()))

    def delivery(self) -> str:
        of, hub, ids = self.any_contract(), self.built.hub(), self.random.sample(range(99), 3)
        self.deliveries += 1
        # A number twice is refused.
        content = orders(ids if self.random.random() < 0.5 else [*ids, ids[0]])
        put_delivery(hub, of, f"d{self.deliveries}", {"part-0.parquet": content})
        return f"{of.name} {pipeline.release(hub, of, f'd{self.deliveries}', actor='test').kind}"

    def rollback(self) -> str:
        of, hub = self.any_contract(), self.built.hub()
        if len(generations := hub.log.generations(of.name)) < 2:
            return "nothing"
        pipeline.rollback(hub, of, generations[-2].number, reason="bad", actor="test")
        return f"{of.name} rolled back"

    def contract(self) -> str:
        of, change = self.any_contract(), self.random.choice(CHANGES)
        self._promise(replace(of, **change, fingerprint=digest(repr(change))))
        return f"{of.name} promises {change}"

    def consumer(self) -> str:
        name, of = self.random.choice(["desk", "third"]), str(self.any_contract().name)
        slos = self.random.choice([{}, {of: DUE}, {of: AGE}])
        others = [each for each in self.built.book.consumers if each.name != name]
        self.built.book = replace(self.built.book, consumers=(*others, consumer(name, [of], slos=slos)))
        return f"{name} reads {of} {slos}"

    def monitor(self) -> str:
        pipeline.monitor(
            self.built.hub(), list(self.built.book.datasets.values()), scope="all", confirmed=None
        )
        return "monitor"

    def check(self) -> str:
        pipeline.check(self.built.hub(), list(self.built.book.datasets.values()))
        return "check"

    def corruption(self) -> str:
        path = self.random.choice(sorted(self.built.root.glob("log/*/*/*/*.json")))
        kept = path.read_bytes()
        path.write_bytes(b"{}")
        self.built.build()
        path.write_bytes(kept)
        return f"{path.name} was corrupt for a while"

    def time(self) -> str:
        state = json.loads(gzip.decompress((self.built.docs / STATE).read_bytes()))
        untils = [each["valid_until"] for each in state["datasets"].values() if each["valid_until"]]
        until = min(map(datetime.fromisoformat, untils), default=MORNING)
        moment = timedelta(microseconds=self.random.randrange(2))
        hours = timedelta(hours=self.random.randrange(1, 60))
        soon = self.random.choice([until + moment, self.built.clock.at + hours])
        self.built.clock.at = max(soon, self.built.clock.at)
        return f"time goes on to {self.built.clock.at}"

    def _promise(self, of: Contract) -> None:
        self.built.book = replace(self.built.book, datasets={**self.built.book.datasets, of.name: of})


@pytest.mark.parametrize("seed", [2, 18])
def test_whatever_happens_in_whichever_order_the_pages_are_those_of_a_build_from_nothing(
    built: Built, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chance = Chance(built, seed)
    told: list[str] = []
    for _ in range(25):
        told.append(chance.happens())
        pages = built.build()
        other = tmp_path_factory.mktemp("nothing")
        pipeline.document(built.hub(docs_in=other), with_dbt_docs=False)
        # A style sheet or a search index that no page needs any more stays for a day.
        differ = changed(pages, pages_in(other / "docs"))
        assert not [path for path in differ if not path.startswith("assets/")], told
