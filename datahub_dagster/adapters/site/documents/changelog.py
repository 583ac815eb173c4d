"""What the contract said when, and how its versions differ."""

from itertools import pairwise

from datahub_dagster.adapters.site.documents.parts import instant
from datahub_dagster.adapters.site.documents.schema import ContractChangeDocument, ContractVersionDocument
from datahub_dagster.adapters.site.facts import DatasetFacts
from datahub_dagster.domain.contract_changes import ChangeKind, ContractChange, contract_changes, worst
from datahub_dagster.domain.redact_rules import change_without_values

_MOST = 100


def changelog(facts: DatasetFacts) -> list[ContractVersionDocument]:
    """The versions of the contract, the newest first."""
    versions = facts.versions
    found = [
        ContractVersionDocument(
            version=each.contract.version, valid_from=instant(each.valid_from), kind="first", changes=[]
        )
        for each in versions[:1]
    ]
    for older, newer in pairwise(versions):
        changes = contract_changes(older.contract, newer.contract)
        found.append(
            ContractVersionDocument(
                version=newer.contract.version,
                valid_from=instant(newer.valid_from),
                kind=(worst(changes) or ChangeKind.EDITORIAL).value,
                changes=[
                    _change(
                        facts, change_without_values(facts.contract, (older.contract, newer.contract), each)
                    )
                    for each in changes
                ],
            )
        )
    return found[::-1][:_MOST]


def _change(facts: DatasetFacts, change: ContractChange) -> ContractChangeDocument:
    """A change. Examples are values: they are told of columns alone that anybody may see today."""
    column = change.subject.removeprefix("column ").lower()
    is_told = not change.text.startswith("examples") or column in facts.open_columns
    return ContractChangeDocument(
        kind=change.kind.value,
        subject=change.subject,
        text=change.text,
        was=change.was if is_told else None,
        now=change.now if is_told else None,
    )
