"""What was promised when: a change of the contract must not turn last month's kept promises into broken ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

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


def promised_slos(promises: Sequence[Promise]) -> Mapping[str, FreshnessSlo]:
    """Every SLO of freshness that was ever promised, by name, as it was promised last.

    Args:
        promises: All of the dataset, the oldest first.
    """
    return {slo.name: slo for promise in promises for slo in promise.freshness}


def promised_within(promises: Sequence[Promise], name: str, since: datetime, until: datetime) -> bool:
    """Whether an SLO, or `QUALITY`, was promised at some time in [since, until). The first promise holds for the time before it, too."""
    ends = [promise.valid_from for promise in promises[1:]]
    spans = zip(promises, [datetime.min.replace(tzinfo=UTC), *ends], [*ends, None], strict=False)
    return any(
        begin < until and (end is None or end > since)
        for promise, begin, end in spans
        if _is_in(promise, name)
    )


def promised_until(promises: Sequence[Promise], name: str) -> datetime | None:
    """Since when an SLO, or `QUALITY`, is promised no longer (UTC); None = it is, or never was."""
    after = next((at for at, each in enumerate(reversed(promises)) if _is_in(each, name)), 0)
    return promises[-after].valid_from if after else None


def _is_in(promise: Promise, name: str) -> bool:
    return promise.quality is not None if name == QUALITY else any(s.name == name for s in promise.freshness)


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
