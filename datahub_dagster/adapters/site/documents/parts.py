"""What several documents hold: instants, promises, people, tables."""

from datetime import datetime

from datahub_dagster.adapters.site import web
from datahub_dagster.adapters.site.documents.schema import ContractFaultDocument, Person, Slo, Tables
from datahub_dagster.domain import words
from datahub_dagster.domain.audit import Sample
from datahub_dagster.domain.contract import ContractFault, FreshnessSlo, PartitionSpec, Support


def instant(at: datetime) -> str:
    """An instant for programs."""
    return web.machine_time(at)


def maybe(at: datetime | None) -> str | None:
    """The same, or None where there is none."""
    return instant(at) if at else None


def slo_document(slo: FreshnessSlo, partitions: PartitionSpec | None) -> Slo:
    """A promise of timeliness."""
    return Slo(
        name=slo.name,
        due=slo.due.isoformat("minutes") if slo.due else None,
        max_age_seconds=slo.max_age.total_seconds() if slo.max_age else None,
        timezone=slo.timezone,
        calendar=slo.calendar,
        covers=slo.covers,
        grace_seconds=slo.grace.total_seconds(),
        objective=slo.objective,
        window_days=slo.window.total_seconds() / 86_400,
        consumer=slo.consumer,
        granularity=partitions.granularity.value if partitions else None,
        overrides=[
            {
                "on": each.on.isoformat(),
                "kind": each.kind,
                "due_on": each.due_on.isoformat() if each.due_on else None,
                "reason": each.reason,
            }
            for each in slo.overrides
        ],
    )


def person(support: Support) -> Person:
    """Where to ask."""
    return Person(tool=support.tool, channel=support.channel, url=words.safe_url(support.url))


def table(sample: Sample | None) -> Tables | None:
    """Some rows."""
    if sample is None:
        return None
    return Tables(
        columns=list(sample.columns),
        rows=[list(row) for row in sample.rows],
        truncated=sample.truncated,
    )


def fault_document(fault: ContractFault) -> ContractFaultDocument:
    """What is wrong with a team's files."""
    return ContractFaultDocument(
        team=fault.team,
        path=fault.path,
        line=fault.line,
        message=fault.message,
        next_step=fault.next_step,
        has_last_good=fault.has_last_good,
        is_broken=fault.is_broken,
    )
