"""A contract as a YAML document of the Open Data Contract Standard."""

from collections.abc import Sequence

from datahub_dagster.adapters.site.exports.odcs_values import odcs_values
from datahub_dagster.adapters.site.exports.yaml_text import yaml_text
from datahub_dagster.domain.contract import Consumer, Contract


def odcs(contract: Contract, consumers: Sequence[Consumer] = ()) -> bytes:
    """The document, for version 3.2 of the standard: the same bytes for the same contract and consumers.

    Args:
        contract: The promise.
        consumers: Those who read the dataset; their own promises are in it, too.
    """
    readers = sorted(consumers, key=lambda consumer: consumer.unique_id)
    return yaml_text(odcs_values(contract, readers)).encode()
