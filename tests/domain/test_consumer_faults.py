"""What a consumer says that its datasets don't allow: told with whom to ask, and never more than told."""

from collections.abc import Sequence
from datetime import time
from typing import Any

import pytest

from datahub_dagster.domain.consumer_faults import consumer_faults
from datahub_dagster.domain.contract import (
    Classification,
    Column,
    Consumer,
    ConsumerKind,
    Contract,
    FreshnessSlo,
    License,
    Support,
)
from tests.builders import consumer, contract

FREE = License(terms="public domain", redistribution=True)
OPEN = contract(license=FREE)
BY_EIGHT = FreshnessSlo(due=time(8))


def told(
    of: Consumer, *contracts: Contract, missing: Sequence[str] = ()
) -> list[tuple[tuple[str | int, ...], str]]:
    found = list(consumer_faults(of, {str(each.name): each for each in contracts}, missing))
    assert not any(fault.is_broken for fault in found)
    return [(fault.path, f"{fault.message} | {fault.next_step}") for fault in found]


def customer(**more: Any) -> Consumer:
    return consumer(kind=ConsumerKind.CUSTOMER, **more)


def test_who_reads_what_is_promised_and_allowed_has_no_fault() -> None:
    columns, slos = {"payments.orders": ("id", "AMOUNT")}, {"payments.orders": BY_EIGHT}

    assert told(customer(columns=columns, slos=slos), OPEN) == []
    assert (
        told(consumer(columns=columns, slos=slos), contract(classification=Classification.CONFIDENTIAL)) == []
    )


def test_a_dataset_that_is_not_in_depends_on_is_told_with_what_to_add() -> None:
    other = contract("payments.refunds")

    assert told(consumer(slos={"payments.refunds": BY_EIGHT}), OPEN, other) == [
        (
            ("slo", "payments.refunds"),
            "hub.slo names 'payments.refunds', which is not in depends_on | add source('payments', 'refunds') to depends_on",
        )
    ]


def test_a_dataset_that_does_not_exist_is_told_with_the_nearest() -> None:
    ((path, text),) = told(consumer(columns={"payments.order": ("id",)}), OPEN)

    assert path == ("columns", "payments.order")
    assert "there is no such dataset; perhaps 'payments.orders' | rename it to payments.orders" in text


def test_of_a_dataset_whose_teams_files_are_broken_nothing_is_known() -> None:
    assert told(consumer(reads=(), columns={"payments.orders": ("id",)}), missing=["payments.orders"]) == []


def test_a_column_that_is_not_promised_is_told_if_the_contract_is_closed() -> None:
    reads = consumer(columns={"payments.orders": ("id", "amonut")})

    ((path, text),) = told(reads, OPEN)
    assert path == ("columns", "payments.orders", 1)
    assert "payments.orders promises no column 'amonut'; the nearest is 'amount'" in text
    assert "ask payments-data@example.com" in text
    assert told(reads, contract(columns=(Column(name="id"),))) == []


@pytest.mark.parametrize(
    ("terms", "says"),
    [(None, "states no license"), (License(terms="internal use"), "is licensed for 'internal use' alone")],
)
def test_a_customer_of_what_may_not_be_passed_on_is_told_whom_to_ask(
    terms: License | None, says: str
) -> None:
    dataset = contract(license=terms, support=(Support(tool="slack", channel="#payments"),))

    ((path, text),) = told(customer(), dataset)

    assert path == ("consumer",)
    assert f"morning_report is a customer, and payments.orders {says}: it may not be passed on" in text
    assert "ask payments-data@example.com or slack #payments" in text
    assert told(consumer(kind=ConsumerKind.TEAM), dataset) == []


SECRET = Column(name="amount", data_type="double", classification=Classification.CONFIDENTIAL)
PUBLIC = Column(name="id", data_type="bigint", classification=Classification.PUBLIC)


@pytest.mark.parametrize(
    ("classification", "columns", "says"),
    [
        (Classification.CONFIDENTIAL, None, "payments.orders is confidential"),
        (Classification.CONFIDENTIAL, ("id",), ""),
        (Classification.CONFIDENTIAL, ("id", "note"), "note of payments.orders is confidential"),
        (Classification.INTERNAL, None, "amount of payments.orders is confidential"),
        (Classification.INTERNAL, ("id", "Amount"), "Amount of payments.orders is confidential"),
        (Classification.INTERNAL, ("id",), ""),
    ],
)
def test_a_customer_of_what_is_confidential_is_told(
    classification: Classification, columns: tuple[str, ...] | None, says: str
) -> None:
    note = Column(name="note")  # without a type: the contract is open
    dataset = contract(classification=classification, columns=(PUBLIC, SECRET, note), license=FREE)

    found = told(customer(columns={} if columns is None else {"payments.orders": columns}), dataset)

    assert [path for path, _ in found] == [("consumer",)] * bool(says)
    assert all(says in text for _, text in found)


def test_what_a_consumer_was_promised_is_looked_at_like_any_promise() -> None:
    night = FreshnessSlo(due=time(2, 30), timezone="America/New_York")

    ((path, text),) = told(consumer(slos={"payments.orders": night}), OPEN)

    assert path == ("slo", "payments.orders", "due")
    assert "02:30 is skipped on 2024-03-10" in text
