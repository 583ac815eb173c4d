"""What the pages may not show of a contract: values that its rules quote of confidential columns.

A rule quotes values in its arguments and its condition, in the name that dbt makes of them, and in the phrase beside the column.
Kind, column and severity are shown.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from datahub_dagster.domain.contract import Classification, Column, Contract, DataTest
from datahub_dagster.domain.contract_change import ContractChange

MASK = "•••"
FORMER_TEST: Final = "former_test"
"""What a test is called that the contract no longer has, where its name may quote a value."""

QUOTE_NO_VALUE: Final = {
    "not_null", "unique", "relationships", "hub_relationship_rate", "hub_not_empty_string", "hub_no_gaps", "hub_recency",
    "hub_row_count", "hub_unique_combination", "unique_combination_of_columns",
}  # fmt: skip
"""Kinds of tests whose arguments are names and shares, no values."""
_SAYS_NO_VALUE: Final = re.compile(
    r"not null|unique(: .*)?|not empty|(at least \S+ of them )?in \S+|no \w+ is missing"
)


def rules_without_values(contract: Contract) -> Contract:
    """The contract as anybody may read it: what rules say of confidential columns is a mask, and so are the tests' names."""
    secret = {test.unique_id for test in contract.tests if _quotes_a_secret(contract, test)}
    if not secret and not contract.confidential_columns:
        return contract
    names = checks_shown(contract)
    return replace(
        contract,
        columns=tuple(_column(contract, column, secret) for column in contract.columns),
        tests=tuple(_test(test, names) if test.unique_id in secret else test for test in contract.tests),
        constraints=tuple(
            text for text in contract.constraints if not _names_a_secret(contract, text) or _is_plain(text)
        ),
    )


def checks_shown(contract: Contract) -> Mapping[str, str]:
    """Name of each of the contract's asset checks → the name that is shown."""
    found: dict[str, str] = {}
    taken = {test.check_name for test in contract.tests}
    for test in contract.tests:
        name = test.check_name
        if _quotes_a_secret(contract, test) and test.kind != "singular":
            plain = re.sub(r"\W", "_", f"{test.kind}_{test.column or contract.name.table}")
            name, number = plain, 1
            while name in taken:
                number += 1
                name = f"{plain}_{number}"
            taken.add(name)
        found[test.check_name] = name
    return found


def check_shown(contract: Contract, check: str, names: Mapping[str, str] | None = None) -> str:
    """What a check is called on the pages. One that the contract no longer has is not named if it may quote a value.

    Args:
        contract: The contract of today.
        check: The check's name.
        names: `checks_shown`, by who asks often.
    """
    found = checks_shown(contract) if names is None else names
    if check in found:
        return found[check]
    return FORMER_TEST if _has_secrets(contract) and check not in found.values() else check


def change_without_values(
    contract: Contract, versions: tuple[Contract, ...], change: ContractChange
) -> ContractChange:
    """A change of a contract as anybody may read it.

    Args:
        contract: The contract of today; what is confidential now was never less so.
        versions: The two that differ.
        change: How they do.
    """
    subjects = {
        f"test {test.label}"
        for each in versions
        for test in each.tests
        if _quotes_a_secret(each, test) or _quotes_a_secret(contract, test)
    }
    if change.subject not in subjects or change.text == "description changed":
        return change
    return replace(change, was=change.was and MASK, now=change.now and MASK)


def _has_secrets(contract: Contract) -> bool:
    return contract.classification is Classification.CONFIDENTIAL or bool(contract.confidential_columns)


def _quotes_a_secret(contract: Contract, test: DataTest) -> bool:
    if not _has_secrets(contract):
        return False
    kind = test.kind.rpartition(".")[2]
    arguments = () if kind in QUOTE_NO_VALUE else (value for _, value in test.arguments)
    quoted = " ".join([test.where or "", "" if test.counts_rows else test.fail_calc, *arguments])
    if not quoted.replace(MASK, "").strip():
        return False
    return (test.column or "").lower() in contract.confidential_columns or _names_a_secret(contract, quoted)


def _names_a_secret(contract: Contract, text: str) -> bool:
    """Whether a text is of something confidential: the whole dataset is, or the text has the name of such a column."""
    if contract.classification is Classification.CONFIDENTIAL:
        return True
    return any(name in contract.confidential_columns for name in re.findall(r"\w+", text.lower()))


def _is_plain(text: str) -> bool:
    return text.endswith(MASK) or bool(_SAYS_NO_VALUE.fullmatch(text))


def _column(contract: Contract, column: Column, secret: set[str]) -> Column:
    kept = [text for text in column.constraints if _is_plain(text)]
    if column.name.lower() not in contract.confidential_columns:
        kept = [text for text in column.constraints if _is_plain(text) or not _names_a_secret(contract, text)]
        return replace(column, constraints=tuple(kept))
    own = [test for test in contract.tests if (test.column or "").lower() == column.name.lower()]
    masked = [f"{test.kind}: {MASK}" for test in own if test.unique_id in secret]
    return replace(column, examples=(), constraints=(*kept, *dict.fromkeys(masked)))


def _test(test: DataTest, names: Mapping[str, str]) -> DataTest:
    shown = names[test.check_name]
    # A name of the team's own is no dbt's, and quotes what the team chose to say.
    name = test.name if not test.name.startswith("source_") else f"source_{shown}"
    return replace(
        test,
        name=name,
        check_name=shown,
        where=test.where and MASK,
        arguments=(),
        fail_calc=test.fail_calc if test.counts_rows else MASK,
    )
