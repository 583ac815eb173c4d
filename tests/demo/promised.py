"""The contracts of the demo as their files promise them, read without dbt."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from datahub_dagster.adapters.dbt.hub_block import ConsumerBlock, HubBlock, inherited
from datahub_dagster.domain.contract import Consumer, Contract
from datahub_dagster.domain.promise import Promise, promise_of
from tests.builders import consumer, contract
from tests.projects.running import HUB_PROJECT


@lru_cache
def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text("utf-8"))


def tables() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every dataset: its name, its source, and its table, as they are written."""
    for path in sorted((HUB_PROJECT / "models").glob("*/*.yml")):
        for source in _read(path).get("sources", []):
            yield from ((f"{source['name']}.{table['name']}", source, table) for table in source["tables"])


CONTRACTS = {name: table for name, _, table in tables()}


def promising(dataset: str) -> Contract:
    """What a dataset promises: its SLOs and how it is delivered."""
    (values,) = (
        HubBlock.model_validate(inherited(_hub(source), _hub(table))).contract_values()
        for name, source, table in tables()
        if name == dataset
    )
    return contract(dataset, **{key: values[key] for key in ("freshness_slos", "quality_slo", "delivery")})


def promise(dataset: str, valid_from: datetime) -> Promise:
    """The same with what its consumers were promised."""
    return promise_of(promising(dataset), list(_consumers(dataset)), valid_from)


def _consumers(dataset: str) -> Iterator[Consumer]:
    exposures = _read(HUB_PROJECT / "models/exposures.yml")["exposures"]
    for exposure in exposures:
        slos = ConsumerBlock.model_validate(_hub(exposure)).slo
        if dataset in slos:
            yield consumer(exposure["name"], [dataset], slos={dataset: slos[dataset].to_domain()})


def _hub(node: dict[str, Any]) -> dict[str, Any]:
    return node.get("config", {}).get("meta", {}).get("hub", {})
