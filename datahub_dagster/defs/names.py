"""How the hub's names are spelled in Dagster, which allows fewer characters in most places."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from datahub_dagster.domain.contract import Consumer, Contract, digest
from datahub_dagster.domain.monitor import slo_names
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.promise import promise_of
from datahub_dagster.domain.slo_report import slo_check_name

# Dagster refuses the whole code location for one owner or tag that it can't read, so what it can't read is left out.
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_]")
_NOT_A_TAG = re.compile(r"[^A-Za-z0-9_.-]")
_EVER = datetime.min.replace(tzinfo=UTC)

TEAM_TAG = (
    "hub/team"  # on every run of one team: its name as the contract has it; the queue's limit counts by it
)


def asset_key(dataset: DatasetName) -> dg.AssetKey:
    """The asset of a dataset: `[source, table]`, as dagster-dbt calls it."""
    return dg.AssetKey([dataset.source, dataset.table])


def dataset_of(key: dg.AssetKey) -> DatasetName:
    """The other way round."""
    return DatasetName(*key.path)


def plain(text: str) -> str:
    """The text with `_` for every character that Dagster's names can't have.

    >>> plain("public-data.eu")
    'public_data_eu'
    """
    return _NOT_A_NAME.sub("_", text)


def op_name(dataset: DatasetName) -> str:
    """A name for the dataset's op, and for what belongs to it alone; different datasets never share one.

    >>> op_name(DatasetName("equities", "daily_prices"))
    'equities__daily_prices'
    >>> op_name(DatasetName("equities", "daily-prices")) != op_name(DatasetName("equities", "daily_prices"))
    True
    """
    name = f"{plain(dataset.source)}__{plain(dataset.table)}"
    is_plain = name == f"{dataset.source}__{dataset.table}" and name.count("__") == 1
    return name if is_plain else f"{name}_{digest(dataset.source, dataset.table)[:6]}"


def group(team: str) -> str:
    """The asset group of a team."""
    return plain(team)


def owners(contract: Contract) -> list[str]:
    """The team, and every person whose e-mail address Dagster can read."""
    people = [owner for owner in contract.owners if _EMAIL.fullmatch(owner)]
    return [*people, f"team:{_NOT_A_TAG.sub('_', contract.team).replace('.', '_')}"]


def email(text: str | None) -> list[str]:
    """A list of one owner, or of none if Dagster can't read the address."""
    return [text] if text and _EMAIL.fullmatch(text) else []


def tag(text: str) -> str:
    """The text as the key or the value of a tag.

    >>> tag("end of day")
    'end_of_day'
    """
    return _NOT_A_TAG.sub("_", text)[:63]


def check_key(contract: Contract, name: str) -> dg.AssetCheckKey:
    """The key of one of the dataset's checks."""
    return dg.AssetCheckKey(asset_key(contract.name), name)


def contract_check(contract: Contract) -> str:
    """The name of the check that compares what was delivered with what is promised: `contract`, unless a data test has it."""
    taken = {test.check_name for test in contract.tests}
    return next(name for name in ("contract", "hub_contract", "hub_contract_check") if name not in taken)


def check_names(contract: Contract) -> list[str]:
    """Every check that a release answers, the one on the contract first. Those of SLOs are not among them."""
    return [contract_check(contract), *(test.check_name for test in contract.tests)]


def test_keys(contract: Contract) -> list[dg.AssetCheckKey]:
    """The same as keys. A run that names a dataset alone asks its SLOs too, whatever the job says: so runs name these."""
    return [check_key(contract, name) for name in check_names(contract)]


def slo_check_names(contract: Contract, consumers: Sequence[Consumer]) -> Mapping[str, str]:
    """The check of each of a dataset's SLOs, by the SLO's name: `slo_<name>`, unless a data test or an SLO before it has that.

    Args:
        contract: The dataset's.
        consumers: Those of the dataset: some were promised an SLO of their own.
    """
    taken = set(check_names(contract))
    names: dict[str, str] = {}
    for slo in slo_names(promise_of(contract, consumers, valid_from=_EVER)):
        name = slo_check_name(slo)
        while name in taken:
            name = f"hub_{name}"
        taken.add(name)
        names[slo] = name
    return names
