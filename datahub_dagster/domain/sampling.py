"""Which columns of a dataset the pages may show rows of."""

from datahub_dagster.domain.contract import Classification, Contract


def columns_to_sample(contract: Contract, *, is_public: bool) -> tuple[str, ...]:
    """Names of the columns whose values may be shown, in the contract's order; none = no samples.

    Confidential datasets and columns show none, and neither does a column that the contract doesn't name: nobody has said that it may
    be seen. Where anybody may read the pages, only what is classified as public is shown.

    Args:
        contract: The promise of today.
        is_public: Whether anybody may read the pages.
    """
    shown = {Classification.PUBLIC} if is_public else {Classification.PUBLIC, Classification.INTERNAL}
    if contract.classification not in shown:
        return ()
    return tuple(
        column.name
        for column in contract.columns
        if (column.classification or contract.classification) in shown
    )
