"""Who is next to a dataset: its consumers, and datasets that a test reads together with it."""

from collections.abc import Mapping

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.documents.parts import maybe, slo_document
from datahub_dagster.adapters.site.documents.schema import Lineage, Neighbour, ReaderDocument
from datahub_dagster.adapters.site.facts import DatasetFacts
from datahub_dagster.domain.contract import DataTest
from datahub_dagster.domain.impact import Reader
from datahub_dagster.domain.names import DatasetName


def lineage(facts: DatasetFacts) -> Lineage:
    """Those that the dataset's tests read, those whose tests read it, and who else does."""
    near = facts.neighbours
    return Lineage(
        reads=_neighbours(facts, near.reads),
        read_by_tests=_neighbours(facts, near.read_by),
        consumers=[_reader(facts, reader) for reader in facts.readers],
    )


def _neighbours(facts: DatasetFacts, found: Mapping[DatasetName, tuple[DataTest, ...]]) -> list[Neighbour]:
    return [
        Neighbour(
            dataset=str(name),
            page=paths.dataset_page(str(name)) if name in facts.neighbours.known else None,
            tests=[test.label for test in tests],
        )
        for name, tests in found.items()
    ]


def _reader(facts: DatasetFacts, reader: Reader) -> ReaderDocument:
    consumer, hurt = reader.consumer, reader.affected
    own = consumer.slos.get(facts.name)
    return ReaderDocument(
        name=consumer.name,
        label=reader.label,
        kind=consumer.kind.value if consumer.kind else None,
        type=consumer.exposure_type,
        columns=list(reader.columns),
        slo=slo_document(own, facts.contract.partitions) if own else None,
        notice_days=consumer.notice.total_seconds() / 86_400 if consumer.notice else None,
        page=paths.consumer_page(consumer.name),
        affected_at=maybe(hurt.at) if hurt else None,
        is_affected=bool(hurt and hurt.already),
    )
