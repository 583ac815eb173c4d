"""What a release would do, without doing it."""

from dataclasses import dataclass

from datahub_dagster.domain.delivery import Delivery
from datahub_dagster.domain.names import ReleaseId
from datahub_dagster.domain.plan import ReleasePlan
from datahub_dagster.domain.profile import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A dry run's result. `plan` is None where validation says no or the delivery repeats a release."""

    delivery: Delivery
    plan: ReleasePlan | None
    faults: tuple[Fault, ...] = ()
    repeats: ReleaseId | None = None
    rows: int = 0
