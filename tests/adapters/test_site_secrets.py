"""Values of confidential data are in no file of the pages: not in reasons, not in keys, not in rules and the names of tests."""

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster.adapters.site.publish import STATE
from datahub_dagster.domain.alert import Alert, AlertKind, Incident, Stage
from datahub_dagster.domain.audit import AuditReport, CheckStatus, Sample
from datahub_dagster.domain.contract import (
    Classification,
    Column,
    Contract,
    DataTest,
    DeliverySpec,
    Mode,
    PartitionSpec,
)
from datahub_dagster.domain.contract_version import ContractVersion
from datahub_dagster.domain.profile import Fault
from datahub_dagster.domain.redact import MASK, without_secrets
from datahub_dagster.domain.redact_rules import rules_without_values
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.domain.status import DatasetStatus
from tests.adapters.site_example import (
    FIRST_DAY,
    NOW,
    Example,
    contract,
    failed_audit,
    generation,
    outcome,
    result,
)

VALUE = "ZZSECRET"
BY_REGION = DeliverySpec(mode=Mode.PARTITION, partitions=PartitionSpec(column="region"))
OPEN, SECRET = Classification.INTERNAL, Classification.CONFIDENTIAL

FAULTS = (
    Fault(
        code="bad-partition", message=f"'{VALUE}' is not a day (YYYY-MM-DD)", file=f"region={VALUE}/x.parquet"
    ),
    Fault(
        code="many-partitions",
        message=f"the file holds region from {VALUE} to {VALUE}2: write one file for each day",
        found=f"{VALUE} to {VALUE}2",
    ),
    Fault(code="path-disagrees", message=f"the path says region={VALUE}, the file holds {VALUE}2"),
)


def holding(docs: Path, value: str = VALUE) -> list[str]:
    """The files of the pages that hold a value, what the next build is to know included."""
    found: list[str] = []
    for path in filter(Path.is_file, docs.rglob("*")):
        content = gzip.decompress(path.read_bytes()) if path.name == STATE else path.read_bytes()
        if value.encode() in content:
            found.append(path.relative_to(docs).as_posix())
    return found


def refused(of: Contract, *faults: Fault) -> DatasetStatus:
    keys = ("2026-11-15", VALUE)
    rejected = outcome(of, 2, ReleaseState.REJECTED, faults=faults, partitions=keys, replaced=keys[1:])
    published = outcome(of, 1, partitions=("2026-11-16",))
    return DatasetStatus(
        contract=of, current=generation(of, 1, {"2026-11-16": 1}), outcomes=(published, rejected)
    )


def a_contract(classification: Classification, column: Classification | None) -> Contract:
    return contract(
        "a.people",
        classification=classification,
        columns=(Column(name="region", classification=column), Column(name="id")),
        delivery=BY_REGION,
    )


# ── Reasons and keys ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.code)
@pytest.mark.parametrize(
    ("classification", "column", "is_public"),
    [(SECRET, None, False), (OPEN, SECRET, False), (OPEN, None, True), (Classification.PUBLIC, OPEN, True)],
)
def test_a_reason_quotes_no_value_of_a_hidden_partition_column(
    fault: Fault, classification: Classification, column: Classification | None, is_public: bool
) -> None:
    of = a_contract(classification, column)

    for outcome_ in refused(of, fault).outcomes:
        shown = without_secrets(of, outcome_, is_public=is_public)
        assert VALUE not in repr(shown)

    assert MASK in shown.why
    assert shown.record
    assert shown.record.partitions == ("2026-11-15", MASK)


def test_a_reason_quotes_what_everybody_may_see_and_business_dates_always() -> None:
    internal, secret = a_contract(OPEN, None), a_contract(SECRET, None)
    days = Fault(
        code="many-partitions",
        message="the file holds region from 2026-11-15 to 2026-11-16: write one file for each day",
    )

    assert VALUE in without_secrets(internal, refused(internal, FAULTS[0]).outcomes[1]).why
    assert without_secrets(secret, refused(secret, days).outcomes[1]).why == days.message


@pytest.mark.parametrize(("classification", "is_public"), [(SECRET, False), (OPEN, True)])
def test_no_file_of_the_pages_holds_a_key_that_is_no_date(
    tmp_path: Path, classification: Classification, is_public: bool
) -> None:
    example = Example(tmp_path, [refused(a_contract(classification, None), *FAULTS)])
    example.keep(generation(example.statuses[0].contract, 1, {"2026-11-16": 1}))

    docs = example.render(is_public=is_public)

    assert holding(docs) == []
    assert len(holding(docs, MASK)) > 5


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def accepted(column: str, *values: str, **more: Any) -> DataTest:
    name = f"source_accepted_values_a_people_{column}__{'__'.join(values)}"
    given: dict[str, Any] = {
        "unique_id": f"test.hub.{name}",
        "name": name,
        "check_name": name,
        "kind": "accepted_values",
        "column": column,
        "arguments": (("values", json.dumps(values)),),
    }
    return DataTest(**(given | more))


def with_rules(*values: str) -> Contract:
    return contract(
        "a.people",
        columns=(
            Column(name="id", data_type="varchar", constraints=("one of A, B",)),
            Column(
                name="rank",
                data_type="varchar",
                classification=SECRET,
                examples=values,
                constraints=("not null", f"one of {', '.join(values)}"),
            ),
        ),
        tests=(
            accepted("id", "A", "B"),
            accepted("rank", *values),
            accepted(
                "rank",
                *values,
                unique_id="again",
                check_name=f"again_{values[0]}",
                where=f"rank <> '{values[0]}'",
            ),
            accepted("id", "C", unique_id="id", check_name="id_where", where=f"rank = '{VALUE}'"),
        ),
    )


def test_rules_of_confidential_columns_show_their_kind_and_no_value() -> None:
    shown = rules_without_values(with_rules(VALUE, "M2"))

    assert VALUE not in repr(shown).replace("test.hub.source_accepted_values_a_people_rank__ZZSECRET", "")
    assert [column.constraints for column in shown.columns] == [
        ("one of A, B",),
        ("not null", f"accepted_values: {MASK}"),
    ]
    assert [test.check_name for test in shown.tests] == [
        "source_accepted_values_a_people_id__A__B",
        "accepted_values_rank",
        "accepted_values_rank_2",
        "accepted_values_id",
    ]
    assert [test.label for test in shown.tests][1] == "accepted_values of rank"
    assert rules_without_values(shown) == shown


def test_no_file_of_the_pages_holds_what_a_rule_of_a_confidential_column_quotes(tmp_path: Path) -> None:
    was, now = with_rules("M1"), with_rules(VALUE, "M1")
    example = Example(tmp_path)
    for days, each in enumerate((was, now)):
        version = ContractVersion(
            dataset=now.name, valid_from=FIRST_DAY + timedelta(days=days), contract=each
        )
        example.log.add_contract_version(version)
    failing = replace(now, tests=now.tests[1:])
    sample = Sample(columns=("rank",), rows=((MASK,),))
    rejected = outcome(now, 2, ReleaseState.REJECTED, **failed_audit(failing, sample))
    former = accepted("rank", VALUE, "M9")
    audit = AuditReport(
        dataset=now.name,
        base_generation=1,
        results=(result(now.tests[1], CheckStatus.FAIL, 2), result(former, CheckStatus.FAIL, 1)),
    )
    example.log.add_check(audit, NOW - timedelta(hours=1))
    example.statuses = [
        DatasetStatus(
            contract=now,
            current=generation(now, 1),
            outcomes=(outcome(now, 1), rejected),
            failing_checks=(now.tests[1].check_name, former.check_name),
        )
    ]
    example.keep(generation(now, 1))
    alert = Alert(
        kind=AlertKind.CHECKS_FAILED,
        key="checks-failed/a.people",
        stage=Stage.OPEN,
        team=now.team,
        at=NOW,
        dataset="a.people",
        facts={"checks": [{"check": now.tests[1].check_name, "failures": 2}]},
    )
    hub = example.hub()
    hub.alerts.save_incident(Incident(id="i1", key=alert.key, opened_at=NOW, alert=alert))

    docs = example.render()

    assert holding(docs) == []
    document = json.loads((docs / "datasets/a.people.json").read_text())
    assert document["tests"][1]["last"]["failures"] == 2
    assert document["deliveries"][0]["blocks"][0]["check"] == "accepted_values_rank"
    changed = [each for each in document["changelog"][0]["changes"] if each["subject"].startswith("test")]
    assert (changed[0]["kind"], changed[0]["was"], changed[0]["now"]) == ("breaking", MASK, MASK)
    assert "accepted_values_rank" in document["incidents"][0]["text"]


# ── Rows that failed ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("noted_after", "becomes_secret", "shown"),
    [
        (
            timedelta(0),
            False,
            ("2026-11-19", "2", MASK),
        ),  # as it was written: masked already where it had to be
        (timedelta(0), True, (MASK, MASK, MASK)),
        (timedelta(hours=1), False, (MASK, MASK, MASK)),  # nobody knows what was confidential then
    ],
)
def test_failing_rows_are_masked_anew_only_if_a_column_became_confidential_since(
    noted_after: timedelta, becomes_secret: bool, shown: tuple[str, ...]
) -> None:
    day, signal = Column(name="trade_date"), Column(name="signal", classification=SECRET)
    of = contract("a.sessions", columns=(day, signal), tests=(accepted("trade_date", "x"),))
    was = ContractVersion(dataset=of.name, valid_from=FIRST_DAY + noted_after, contract=of)
    now = replace(of, columns=(replace(day, classification=SECRET), signal)) if becomes_secret else of
    sample = Sample(columns=("unique_field", "n_records", "signal"), rows=(("2026-11-19", "2", MASK),))
    rejected = outcome(of, 1, ReleaseState.REJECTED, **failed_audit(of, sample))

    record = without_secrets(now, rejected, versions=(was,)).record

    assert record
    assert record.audit
    assert record.audit.results[0].sample
    assert record.audit.results[0].sample.rows == (shown,)


def test_a_sample_that_shows_a_confidential_column_is_not_believed() -> None:
    signal = Column(name="signal", classification=SECRET)
    of = contract("a.sessions", columns=(Column(name="id"), signal), tests=(accepted("id", "x"),))
    was = ContractVersion(dataset=of.name, valid_from=FIRST_DAY, contract=of)
    sample = Sample(columns=("id", "SIGNAL", "other_signal"), rows=(("7", VALUE, VALUE),))
    rejected = outcome(of, 1, ReleaseState.REJECTED, **failed_audit(of, sample))

    shown = without_secrets(of, rejected, versions=(was,))

    assert VALUE not in repr(shown)
    assert "'7'" in repr(shown)
