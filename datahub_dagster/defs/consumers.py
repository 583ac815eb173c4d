"""Consumers as assets downstream of what they read: dbt's exposures, under the keys that dagster-dbt gives them."""

from typing import Any

import dagster as dg

from datahub_dagster.defs.names import asset_key, email, tag
from datahub_dagster.defs.shown import Shown
from datahub_dagster.domain import pages, words
from datahub_dagster.domain.contract import Consumer, ContractBook

GROUP = "consumers"


def consumer_assets(shown: Shown) -> list[dg.AssetSpec]:
    """An asset that nobody runs for each consumer of a dataset that is shown."""
    docs_url = shown.settings.docs_url
    return [consumer_spec(consumer, shown.book, docs_url) for consumer in shown.consumers]


def consumer_spec(consumer: Consumer, book: ContractBook, docs_url: str = "") -> dg.AssetSpec:
    """Who reads, what for, and what was promised to them.

    Args:
        consumer: Who reads.
        book: What is promised to everybody.
        docs_url: Address of the docs; empty = no link.
    """
    metadata: dict[str, Any] = {}
    if docs_url:
        page = pages.address(docs_url, pages.consumer_page(consumer.name))
        metadata["docs"] = dg.MetadataValue.url(page)
    if url := words.safe_url(consumer.url):
        metadata["url"] = dg.MetadataValue.url(url)
    if consumer.notice:
        metadata["notice before a breaking change"] = words.duration(consumer.notice)
    for dataset, columns in consumer.columns.items():
        metadata[f"reads of {dataset}"] = ", ".join(columns)
    for name in consumer.depends_on:
        contract = book.datasets.get(name)
        own = consumer.slos.get(str(name))
        slos = (own,) if own else contract.freshness_slos if contract else ()
        cut = contract.partitions if contract else None
        if slos:
            metadata[f"promise of {name}"] = "; ".join(words.freshness(slo, cut) for slo in slos)
    metadata["dagster_dbt/unique_id"] = consumer.unique_id
    return dg.AssetSpec(
        dg.AssetKey(["exposure", consumer.name]),
        deps=[asset_key(name) for name in consumer.depends_on],
        description=_description(consumer),
        group_name=GROUP,
        owners=email(consumer.owner_email),
        kinds={consumer.exposure_type.lower()},
        tags={"consumer": tag(consumer.kind.value)} if consumer.kind else {},
        metadata=metadata,
    )


def _description(consumer: Consumer) -> str:
    """Its label as a sentence of its own: lists show both in one line."""
    label = consumer.label or ""
    if label and label[-1] not in ".!?。":
        label += "."
    return "\n\n".join(text for text in (label, consumer.description.strip()) if text)
