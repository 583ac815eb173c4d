"""What a contract's change means for those who read: by the table "Changing a contract" of the team API. Pure.

Whoever compares asks one question of each difference: is something that was promised no longer so? Then it is breaking, and where
nobody can say, it counts as breaking. The contract's version, its origin in a file and its fingerprint are no promise.
"""

from collections.abc import Iterable
from typing import Final, Literal

from datahub_dagster.domain.changes_columns import column_changes, pair_columns
from datahub_dagster.domain.changes_slos import slo_changes
from datahub_dagster.domain.changes_terms import term_changes
from datahub_dagster.domain.changes_tests import changes_of_tests
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.contract_change import ChangeKind, ContractChange

__all__ = ["ChangeKind", "ContractChange", "contract_changes", "required_step", "worst"]

_ORDER: Final = tuple(ChangeKind)
_STEPS: Final[dict[ChangeKind, Literal["major", "minor", "patch"]]] = {
    ChangeKind.BREAKING: "major",
    ChangeKind.ADDITIVE: "minor",
    ChangeKind.EDITORIAL: "patch",
}


def contract_changes(old: Contract, new: Contract) -> tuple[ContractChange, ...]:
    """All differences between two contracts: breaking ones first, then additive ones, then editorial ones."""
    pairs = pair_columns(old, new)
    found = (
        *column_changes(old, new, pairs),
        *changes_of_tests(old, new, pairs),
        *slo_changes(old, new),
        *term_changes(old, new),
    )
    return tuple(sorted(found, key=lambda change: _ORDER.index(change.kind)))


def worst(changes: Iterable[ContractChange]) -> ChangeKind | None:
    """The kind of change that counts for the whole; None if nothing changed."""
    return min((change.kind for change in changes), key=_ORDER.index, default=None)


def required_step(changes: Iterable[ContractChange]) -> Literal["major", "minor", "patch"] | None:
    """Which part of the contract's version must be raised; None if nothing changed."""
    kind = worst(changes)
    return _STEPS[kind] if kind else None
