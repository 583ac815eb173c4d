"""The gate: every declared test must have answered, and no answer may speak against it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.audit import BlockCode, CheckResult, CheckStatus, blocks
from datahub_dagster.domain.contract import Severity
from tests.builders import contract, data_test, result

STRICT, LENIENT = data_test("not_null", "id"), data_test("unique", "id", severity=Severity.WARN)
ORDERS = contract(tests=(STRICT, LENIENT))


def test_passes_and_warnings_let_a_candidate_through() -> None:
    assert blocks(ORDERS, [result(STRICT), result(LENIENT, 5)]) == ()


def test_a_contract_without_tests_blocks_nothing() -> None:
    assert blocks(contract(tests=()), []) == ()
    assert blocks(contract(tests=()), [result(STRICT, 3)]) == ()


def test_a_failure_of_error_severity_blocks() -> None:
    (block,) = blocks(ORDERS, [result(STRICT, 3), result(LENIENT)])
    assert (block.code, block.check_name) == (BlockCode.TEST_FAILED, STRICT.check_name)


@pytest.mark.parametrize("test", [STRICT, LENIENT])
def test_a_test_that_could_not_run_blocks_whatever_its_severity(test) -> None:
    answers = [
        replace(result(each), status=CheckStatus.ERROR) if each is test else result(each)
        for each in ORDERS.tests
    ]
    assert [block.code for block in blocks(ORDERS, answers)] == [BlockCode.TEST_ERRORED]


@pytest.mark.parametrize("test", [STRICT, LENIENT])
def test_a_test_that_gave_no_answer_blocks_whatever_its_severity(test) -> None:
    answers = [result(each) for each in ORDERS.tests if each is not test]
    assert [block.code for block in blocks(ORDERS, answers)] == [BlockCode.TEST_MISSING]


def test_no_answer_at_all_blocks_once() -> None:
    (block,) = blocks(ORDERS, [])
    assert (block.code, block.message) == (BlockCode.NO_TEST_RAN, "none of 2 tests ran")


def test_a_good_answer_does_not_hide_a_bad_one_of_the_same_test() -> None:
    for answers in ([result(STRICT, 3), result(STRICT)], [result(STRICT), result(STRICT, 3)]):
        assert blocks(ORDERS, [*answers, result(LENIENT)])


STATUSES = st.sampled_from(CheckStatus)


@given(
    st.lists(
        st.tuples(st.sampled_from([STRICT, LENIENT, data_test("unique", "other")]), STATUSES), max_size=5
    )
)
def test_nothing_passes_but_a_good_answer_for_each_test(answers) -> None:
    given_answers: list[CheckResult] = [replace(result(test), status=status) for test, status in answers]
    fine = (CheckStatus.PASS, CheckStatus.WARN)
    said = {test.unique_id: [s for each, s in answers if each is test] for test in ORDERS.tests}
    passes = all(statuses and all(status in fine for status in statuses) for statuses in said.values())
    assert (blocks(ORDERS, given_answers) == ()) == passes
