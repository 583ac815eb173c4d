"""Audit: the data tests on the dataset as it would be, or as it is."""

from collections.abc import Sequence

from datahub_dagster.domain.audit import AuditReport
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.plan import ReleasePlan
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.ports import AuditRequest, Hub
from datahub_dagster.steps.noticed import raise_for_checks
from datahub_dagster.steps.views import view_of


def audit_candidate(hub: Hub, contract: Contract, plan: ReleasePlan) -> AuditReport:
    """What the tests say of the dataset as the plan would leave it. Kept, so that an interrupted release does not ask twice."""
    kept = hub.log.audit(contract.name, plan.release_id, plan.base_generation, contract.fingerprint)
    if kept is not None:
        return kept
    view = view_of(hub.log, contract.name, plan.next_partitions, contract)
    report = hub.auditor.audit([_request(hub, contract, view, plan.base_generation)])[0]
    hub.log.add_audit(plan.release_id, report)
    return hub.log.audit(contract.name, plan.release_id, plan.base_generation, contract.fingerprint) or report


def audit_published(hub: Hub, contracts: Sequence[Contract]) -> Sequence[AuditReport]:
    """What the tests say of what is published, in one go; datasets that were never published are left out."""
    requests: list[AuditRequest] = []
    for contract in contracts:
        current = hub.log.current(contract.name)
        if current is not None:
            view = view_of(hub.log, contract.name, current.partitions, contract)
            requests.append(_request(hub, contract, view, current.number))
    if not requests:
        return ()
    reports = hub.auditor.audit(requests)
    now = hub.clock.now()
    raise_for_checks(hub, contracts, reports, now)
    for report in reports:
        hub.log.add_check(report, now)
    return reports


def _request(hub: Hub, contract: Contract, view: DatasetView, base_generation: int) -> AuditRequest:
    return AuditRequest(
        contract=contract, view=view, base_generation=base_generation, neighbours=_neighbours(hub, contract)
    )


def _neighbours(hub: Hub, contract: Contract) -> dict[DatasetName, DatasetView]:
    """The other datasets that the tests read, as they are published. One that never was is left out."""
    wanted = {name for test in contract.tests for name in test.depends_on} - {contract.name}
    if not wanted:
        return {}
    datasets = hub.book().datasets
    views: dict[DatasetName, DatasetView] = {}
    for name in sorted(wanted):
        current = hub.log.current(name)
        if current is not None:
            views[name] = view_of(hub.log, name, current.partitions, datasets.get(name))
    return views
