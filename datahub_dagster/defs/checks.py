"""Asset checks: one for each data test of the contract, and one for the contract itself."""

import dagster as dg

from datahub_dagster.defs.names import asset_key, contract_check
from datahub_dagster.domain.contract import Contract, DataTest, Severity


def check_specs(contract: Contract) -> list[dg.AssetCheckSpec]:
    """Every check of a dataset. A check blocks where the data test does; a breach of the schema always blocks."""
    schema = dg.AssetCheckSpec(
        contract_check(contract),
        asset=asset_key(contract.name),
        description=f"The delivered columns, types and partitions are those of the contract ({contract.origin}).",
        blocking=True,
    )
    return [schema, *(_check_spec(contract, test) for test in contract.tests)]


def _check_spec(contract: Contract, test: DataTest) -> dg.AssetCheckSpec:
    metadata = {"dagster_dbt/unique_id": test.unique_id}
    if test.origin:
        metadata["declared in"] = str(test.origin)
    return dg.AssetCheckSpec(
        test.check_name,
        asset=asset_key(contract.name),
        description=describe(test),
        blocking=test.severity is Severity.ERROR,
        metadata=metadata,
    )


def describe(test: DataTest) -> str:
    """What a data test asks for, in the team's words, or else by its kind, column and bounds."""
    if test.description:
        return test.description
    asked = f"{test.kind} of {test.column}" if test.column else test.kind
    only = f", where {test.where}" if test.where else ""
    bounds = [
        f"{verb} if failures {bound}"
        for verb, bound in (("warns", test.warn_if), ("fails", test.error_if))
        if bound != "!= 0"
    ]
    return f"{asked}{only}" + (f" ({', '.join(bounds)})" if bounds else "")
