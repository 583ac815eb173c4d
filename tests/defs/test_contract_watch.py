"""Which checks a changed contract owes."""

from dataclasses import replace

from datahub_dagster.defs.contract_watch import Known, faults_digest, owed_checks, read_cursor, write_cursor
from datahub_dagster.domain.contract import ContractFault
from tests.builders import contract

ORDERS = contract()
NOT_NULL, UNIQUE = (test.check_name for test in ORDERS.tests)


def test_at_the_first_look_nothing_is_owed() -> None:
    assert owed_checks(ORDERS, None) == ()


def test_a_changed_contract_owes_every_check() -> None:
    assert owed_checks(ORDERS, Known(fingerprint="before")) == ("contract", NOT_NULL, UNIQUE)


def test_what_could_not_run_stays_owed_while_the_contract_has_it() -> None:
    known = Known(fingerprint=ORDERS.fingerprint, owed=(UNIQUE,))
    assert owed_checks(ORDERS, known) == (UNIQUE,)
    assert owed_checks(replace(ORDERS, tests=ORDERS.tests[:1]), known) == ()


def test_the_cursor_remembers() -> None:
    fault = ContractFault(team="payments", path="models/payments/orders.yml", line=7, message="unknown key")
    known = {
        "payments.orders": Known(fingerprint="1", owed=(UNIQUE,), faults=faults_digest([fault])),
        "payments.refunds": Known(fingerprint="2"),
    }
    assert read_cursor(write_cursor(known)) == known
    assert read_cursor(None) == {}
