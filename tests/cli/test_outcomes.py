"""How a delivery's end is told: promised, found, who reads what, and what to do next."""

from pathlib import Path

import pytest

from datahub_dagster.cli.outcomes import Ended, audit_text, check_rows, why
from datahub_dagster.cli.output import Rows, Styled
from datahub_dagster.domain.audit import blocks
from datahub_dagster.domain.contract import Origin
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.release import ReleaseState
from tests import builders

ORDERS = builders.contract()


def text(ended: Ended) -> list[str]:
    return [
        line.text if isinstance(line, Styled) else str(line)
        for line in ended.lines()
        if not isinstance(line, Rows)
    ]


def test_a_rejected_schema_says_promised_found_consumers_and_next() -> None:
    fault = Fault(
        code="missing-column",
        message="there is no column amount",
        file="part-0.parquet",
        files=3,
        promised="models/payments/orders.yml:41  amount double",
        found="1,204 rows, 7 columns",
    )
    outcome = builders.outcome(ORDERS, 3, ReleaseState.REJECTED, faults=(fault,), audit=None)

    told = text(
        Ended(
            contract=ORDERS,
            outcome=outcome,
            current=builders.generation(ORDERS, 2),
            consumers=(builders.consumer(),),
            project_dir=Path("/srv/dbt_project"),
        )
    )

    assert told == [
        "payments.orders: delivery 2026-11-03 was rejected: there is no column amount",
        "  promised   /srv/dbt_project/models/payments/orders.yml:41  amount double",
        "  found      part-0.parquet and 2 other files  1,204 rows, 7 columns",
        "  consumers  still read generation 2 (release 2026-11-20.2); nothing was staged: Morning report",
        "  next       datahub show payments.orders --release 2026-11-20.3",
        "             then repair the files, and hand them in under another name: datahub deliver payments.orders PATH",
    ]


def test_a_failed_audit_names_the_line_of_the_test_and_shows_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    test = builders.data_test("unique", "id", origin=Origin("models/payments/orders.yml", 44))
    orders = builders.contract(tests=(test,))
    result = builders.result(test, 2, message="got 2 results", sample=builders.sample(["id"], ["7"], [None]))
    report = builders.report(orders)
    audit = type(report)(dataset=orders.name, base_generation=0, results=(result,))
    outcome = builders.outcome(
        orders, 1, ReleaseState.REJECTED, blocks=blocks(orders, audit.results), audit=audit
    )

    ended = Ended(contract=orders, outcome=outcome, project_dir=tmp_path / "dbt_project")

    assert text(ended) == [
        "payments.orders: delivery 2026-11-01 was rejected: unique of id: 2 failures (id 7)",
        "  promised   dbt_project/models/payments/orders.yml:44  unique of id",
        "  found      2 failures, such as",
        "  consumers  have nothing to read yet; nothing was published",
        "  next       datahub show payments.orders --release 2026-11-20.1",
        "             then repair the files, and hand them in under another name: datahub deliver payments.orders PATH",
    ]
    (sample,) = [line for line in ended.lines() if isinstance(line, Rows)]
    assert sample.rows == (("7",), ("null",))


def test_several_faults_are_all_told() -> None:
    faults = tuple(
        Fault(code="missing-column", message=f"there is no column {name}", found="x") for name in "ab"
    )
    outcome = builders.outcome(ORDERS, 1, ReleaseState.REJECTED, faults=faults, audit=None)

    told = text(Ended(contract=ORDERS, outcome=outcome))

    assert told[0] == "payments.orders: delivery 2026-11-01 was rejected for 2 reasons"
    assert [line for line in told if line.startswith("  reason")] == [
        "  reason     there is no column a",
        "  reason     there is no column b",
    ]


def test_a_publication_says_what_came_and_what_warned() -> None:
    outcome = builders.outcome(
        ORDERS, 2, partitions=("2026-10", "2026-11"), replaced=("2026-10",), warnings=("3 rows are odd",)
    )

    assert text(Ended(contract=ORDERS, outcome=outcome)) == [
        "payments.orders: release 2026-11-20.2 is published as generation 2",
        "  brought    100 rows in 2026-10, 2026-11, of which 1 were there before, 2.0 kB, by delivery 2026-11-02",
        "  audit      2 of 2 tests passed",
        "  warning    3 rows are odd",
    ]


def test_a_repeat_names_the_release_that_it_repeats() -> None:
    outcome = builders.repeat(ORDERS, 2, repeats=1)

    assert text(Ended(contract=ORDERS, outcome=outcome)) == [
        "payments.orders: delivery 2026-11-02 is the same content as release 2026-11-20.1: nothing to do"
    ]


def test_a_superseded_release_says_who_was_first() -> None:
    outcome = builders.outcome(ORDERS, 1, ReleaseState.SUPERSEDED)

    assert (
        "a later delivery of the same partitions was published first"
        in text(Ended(contract=ORDERS, outcome=outcome))[0]
    )


def test_programs_get_the_kind_the_release_and_the_record() -> None:
    value = Ended(contract=ORDERS, outcome=builders.outcome(ORDERS, 1)).as_value()

    assert (value["kind"], str(value["release"]), value["is_news"]) == ("published", "2026-11-20.1", True)
    assert value["record"] is not None


def test_the_answers_of_an_audit_are_counted() -> None:
    results = builders.report(
        ORDERS, {ORDERS.tests[0].check_name: 4, ORDERS.tests[1].check_name: None}
    ).results

    assert audit_text(results) == "0 of 2 tests passed, 1 fail, 1 error"
    assert [(row[0], row[3]) for row in check_rows(ORDERS, results).rows] == [
        ("not_null of id", "4"),
        ("unique of id", ""),
    ]


def test_a_refusal_is_a_sentence_with_two_reasons_at_most() -> None:
    faults = tuple(Fault(code="missing-column", message=f"there is no column {name}") for name in "abc")
    refused = builders.outcome(ORDERS, 1, ReleaseState.REJECTED, faults=faults, audit=None)

    assert why(refused) == "there is no column a; there is no column b and 1 more"
    assert why(builders.outcome(ORDERS, 1)) == "published as generation 1"


def test_a_test_is_called_by_its_kind_unless_the_team_named_it() -> None:
    def called(**test: str) -> str:
        made = builders.data_test("hub_between", "amount", **test)
        orders = builders.contract(tests=(made,))
        audit = builders.report(orders, {made.check_name: 3})
        refused = builders.outcome(
            orders, 1, ReleaseState.REJECTED, blocks=blocks(orders, audit.results), audit=audit
        )
        return why(refused)

    assert called() == "hub_between of amount: 3 failures"
    assert called(name="amount_is_plausible") == "amount_is_plausible: 3 failures"
