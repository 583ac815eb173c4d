"""How a dataset stands after something was taken back."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from datahub_dagster import pipeline
from datahub_dagster.domain.contract import FreshnessSlo
from datahub_dagster.domain.slo import SloState
from datahub_dagster.ports import Hub
from datahub_dagster.steps.stand import dataset_status
from tests.builders import contract
from tests.hubs import SteppingClock, orders, put_delivery
from tests.pipeline.processes import PassingAuditor
from tests.places import OnDisk

MONDAY = datetime(2036, 11, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("promise", [FreshnessSlo(due=time(18)), FreshnessSlo(max_age=26 * HOUR)])
def test_what_was_taken_back_before_its_deadline_is_late_and_afterwards_it_stays_met(
    tmp_path: Path, promise: FreshnessSlo
) -> None:
    of, place = contract(freshness_slos=(promise,)), OnDisk(tmp_path)

    def hub(hour: int) -> Hub:
        clock = SteppingClock(MONDAY + hour * HOUR)
        return place.hub(of, clock=clock, auditor=PassingAuditor(place.storage()))

    def state(hour: int) -> tuple[SloState, str]:
        [found] = dataset_status(hub(hour), of).standings
        return found.state, found.reason

    for hour in (12, 36):
        put_delivery(hub(hour), of, f"at-{hour}", {"x.parquet": orders([hour])})
        pipeline.release(hub(hour), of, f"at-{hour}", actor="test")
    assert state(43) == (SloState.MET, "")

    pipeline.rollback(hub(37), of, 1, reason="wrong prices", actor="test")
    assert state(43)[0] is SloState.LATE
    assert "taken back" in state(43)[1]

    pipeline.rollback(hub(44), of, 2, reason="they were right", actor="test")
    assert state(45)[0] is SloState.MET
