"""When the pages are rendered: whatever happened, at the next of the intervals, and not otherwise."""

from datetime import datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from datahub_dagster import pipeline
from datahub_dagster.adapters.site.build import StaticSite
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.defs.docs import DOCS_JOB
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.slo import FreshnessSlo
from tests.builders import NOW, book, consumer, contract
from tests.defs.dagster_hub import DagsterHub, requests
from tests.hubs import SetClock, orders, put_delivery

pytestmark = pytest.mark.slow

MORNING = NOW + timedelta(days=3650)
ORDERS = contract(freshness_slos=(FreshnessSlo(due=time(18, 30)),))
REFUNDS = contract("payments.refunds")


class Docs:
    """A hub with pages, and the sensor that has them rendered."""

    def __init__(self, root: Path) -> None:
        self.clock = SetClock(MORNING)
        self.there = DagsterHub(root=root, book=book(ORDERS, REFUNDS))
        site = StaticSite(LocalStorage(root), pipeline.status, collect_slos=pipeline.slo)
        self.there.use(clock=self.clock, site=site)
        self.release(ORDERS, "2036-11-17", [1])
        self.cursor = self.there.sensor("hub_docs_automation").cursor
        self.render()

    def release(self, of: Contract, delivery: str, ids: list[int]) -> None:
        hub = self.there.hub
        put_delivery(hub, of, delivery, {"x.parquet": orders(ids)})
        pipeline.release(hub, of, delivery, actor="test")
        self.clock.at += timedelta(seconds=1)

    def render(self) -> None:
        pipeline.document(self.there.hub, with_dbt_docs=False)

    def asked(self, *, at: datetime | None = None) -> list[dg.RunRequest]:
        """The runs of the tick at an instant, or ten minutes later."""
        self.clock.at = at or self.clock.at + timedelta(minutes=10)
        tick = self.there.sensor("hub_docs_automation", self.cursor)
        self.cursor = tick.cursor
        return requests(tick)


@pytest.fixture
def docs(tmp_path: Path) -> Docs:
    """Pages that are as the hub is."""
    return Docs(tmp_path)


def test_while_nothing_happens_nothing_is_rendered(docs: Docs) -> None:
    assert not docs.asked()
    assert not docs.asked()


def test_a_release_is_rendered_once_at_the_next_interval(docs: Docs) -> None:
    docs.asked()
    docs.release(REFUNDS, "2036-11-17", [1])
    assert not docs.asked(at=docs.clock.at + timedelta(minutes=1))

    (request,) = docs.asked()
    assert request.run_key
    docs.render()

    assert not docs.asked()


def test_a_deadline_that_passes_is_rendered_without_any_release(docs: Docs) -> None:
    before = MORNING.replace(hour=18, minute=29) + timedelta(days=1)
    docs.clock.at = before
    docs.render()
    assert not docs.asked(at=before + timedelta(seconds=1))

    assert docs.asked(at=before + timedelta(minutes=11))


def test_a_delivery_that_was_rejected_and_what_teams_wrote_are_rendered(docs: Docs) -> None:
    docs.release(REFUNDS, "2036-11-17", [1, 1])  # ids are unique
    assert docs.asked()
    docs.render()
    assert not docs.asked()

    docs.there.change(ORDERS, REFUNDS, consumers=(consumer("desk", ["payments.orders"]),))
    assert docs.asked()


def test_a_run_that_failed_is_asked_for_again_under_another_key(docs: Docs) -> None:
    docs.release(REFUNDS, "2036-11-17", [1])
    (first,), (second,) = docs.asked(), docs.asked()
    assert first.run_key != second.run_key


def test_while_a_run_renders_no_other_one_is_asked_for(docs: Docs) -> None:
    docs.release(REFUNDS, "2036-11-17", [1])
    job = docs.there.defs.resolve_job_def(DOCS_JOB)
    run = docs.there.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert not docs.asked()

    docs.there.instance.delete_run(run.run_id)
    assert docs.asked(at=docs.clock.at + timedelta(seconds=30))
