"""What was promised when: a change of the contract must not turn last month's kept promises into broken ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from datahub_dagster.domain.contract import Consumer, Contract, FreshnessSlo, PartitionSpec, QualitySlo
from datahub_dagster.domain.names import DatasetName

QUALITY = "quality"
"""Name of the promise about first-pass audits; no promise of freshness may take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The SLOs of a dataset as they were from an instant (UTC) on, until the next promise.

    Args:
        freshness: The contract's SLOs, then those of consumers (`FreshnessSlo.consumer`); no two have the same name.
    """

    dataset: DatasetName
    valid_from: datetime
    freshness: tuple[FreshnessSlo, ...] = ()
    quality: QualitySlo | None = None
    partitions: PartitionSpec | None = None

    def is_as(self, other: "Promise") -> bool:
        """Whether both promise the same, whenever they were given."""
        return replace(self, valid_from=other.valid_from) == other


def promise_of(contract: Contract, consumers: Sequence[Consumer], valid_from: datetime) -> Promise:
    """What a contract and its consumers' exposures promise.

    Args:
        contract: The dataset's, as it is now.
        consumers: Those of the dataset (`ContractBook.consumers_of`).
        valid_from: Since when it is promised (UTC).
    """
    own = {
        consumer.name: consumer.slos[str(contract.name)]
        for consumer in sorted(consumers, key=lambda each: each.name)
        if str(contract.name) in consumer.slos
    }
    of_consumers = (replace(slo, name=f"for_{name}", consumer=name) for name, slo in own.items())
    return Promise(
        dataset=contract.name,
        valid_from=valid_from,
        freshness=(*contract.freshness_slos, *of_consumers),
        quality=contract.quality_slo,
        partitions=contract.partitions,
    )
