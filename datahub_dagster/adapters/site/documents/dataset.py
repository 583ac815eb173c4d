"""A dataset's document: all that its page shows."""

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.documents import slos
from datahub_dagster.adapters.site.documents.changelog import changelog
from datahub_dagster.adapters.site.documents.columns import columns, found_columns
from datahub_dagster.adapters.site.documents.events import events
from datahub_dagster.adapters.site.documents.incidents import incident_documents
from datahub_dagster.adapters.site.documents.lineage import lineage
from datahub_dagster.adapters.site.documents.parts import (
    fault_document,
    instant,
    maybe,
    person,
    slo_document,
    table,
)
from datahub_dagster.adapters.site.documents.releases import deliveries, generations, published
from datahub_dagster.adapters.site.documents.schema import (
    SCHEMA_VERSION,
    DatasetDocument,
    DatasetShort,
    InboxDocument,
)
from datahub_dagster.adapters.site.documents.tests import tests
from datahub_dagster.adapters.site.facts import DatasetFacts
from datahub_dagster.domain import words


def dataset_document(facts: DatasetFacts) -> DatasetDocument:
    """Everything of a dataset's page. The same facts give the same document, whenever `validity` does not say otherwise."""
    contract = facts.contract
    partitions = contract.partitions
    quality, terms = contract.quality_slo, contract.license
    versions = changelog(facts)
    return DatasetDocument(
        **dataset_short(facts),
        schema_version=SCHEMA_VERSION,
        unique_id=contract.unique_id,
        asset_key=[contract.name.source, contract.name.table],
        origin=str(contract.origin),
        support=[person(each) for each in contract.support],
        delivery=words.delivery(contract.delivery),
        mode=contract.delivery.mode.value,
        partition_column=partitions.column if partitions else None,
        partition_granularity=partitions.granularity.value if partitions else None,
        retention_releases=contract.retention.releases,
        retention_days=contract.retention.days,
        license_terms=terms.terms if terms else None,
        license_redistribution=terms.redistribution if terms else None,
        license_url=words.safe_url(terms.url) if terms else None,
        quality_objective=quality.objective if quality else None,
        quality_window_days=quality.window.total_seconds() / 86_400 if quality else None,
        dbt_freshness=words.dbt_freshness(contract.dbt_freshness) if contract.dbt_freshness else None,
        is_closed=contract.is_closed,
        column_documents=columns(facts),
        found_columns=found_columns(facts),
        tests=tests(facts),
        samples=table(facts.samples),
        samples_reason=facts.samples_reason,  # pyright: ignore[reportArgumentType]
        slo_history=slos.histories(facts),
        deliveries=deliveries(facts),
        deliveries_count=len(facts.status.outcomes),
        generations=generations(facts),
        generations_count=len(facts.generations),
        changelog=versions,
        pins=[[str(release), reason] for release, reason in sorted(facts.pins.items())],
        inbox=_inbox(facts),
        lineage=lineage(facts),
        snippets=list(facts.snippets),
        incidents=incident_documents(facts.incidents),
        events=events(facts, versions),
        downloads={
            "odcs": paths.dataset_odcs(facts.name),
            "json_schema": paths.dataset_json_schema(facts.name),
            "atom": paths.dataset_feed(facts.name),
        },
        successor_page=paths.dataset_page(contract.successor)
        if contract.successor and facts.neighbours.successor_is_known
        else None,
    )


def dataset_short(facts: DatasetFacts) -> DatasetShort:
    """What overviews show of a dataset."""
    contract, status = facts.contract, facts.status
    last = status.last
    return DatasetShort(
        dataset=facts.name,
        team=contract.team,
        description=contract.description,
        owners=list(contract.owners),
        tags=list(contract.tags),
        columns=[column.name for column in contract.columns],
        version=contract.version,
        lifecycle=contract.lifecycle.value,
        sunset_date=contract.sunset_date.isoformat() if contract.sunset_date else None,
        successor=contract.successor,
        classification=contract.classification.value,
        page=paths.dataset_page(facts.name),
        document=paths.dataset_document(facts.name),
        published=published(facts),
        slo_state=facts.slo_state.value if facts.slo_state else None,
        standings=slos.standings(facts),
        promises=[slo_document(slo, contract.partitions) for slo in contract.freshness_slos],
        slos=slos.shorts(facts),
        last_outcome=facts.state_of(last) if last else None,
        last_delivery=last.receipt.delivery.name if last else None,
        last_release=str(last.release_id) if last else None,
        last_at=instant(last.receipt.received_at) if last else None,
        last_why=last.why if last else None,
        waiting=len(status.waiting),
        failing_checks=list(status.failing_checks),
        needs_attention=facts.needs_attention,
        consumers=[consumer.name for consumer in facts.consumers],
        consumer_labels=[consumer.label or consumer.name for consumer in facts.consumers],
        contract_fault=fault_document(facts.fault) if facts.fault else None,
        problem=facts.problem or None,
    )


def short_of(document: DatasetDocument) -> DatasetShort:
    """The part of a dataset's document that overviews show."""
    return DatasetShort(**{key: document[key] for key in DatasetShort.__annotations__})


def _inbox(facts: DatasetFacts) -> list[InboxDocument]:
    return [
        InboxDocument(
            delivery=each.delivery,
            state=each.state.value,
            problem=each.problem or None,
            files=each.files,
            bytes=each.bytes,
            newest_at=maybe(each.newest_at),
        )
        for each in facts.status.waiting
    ]
