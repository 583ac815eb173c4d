"""What a consumer says that the datasets it reads don't allow, or know nothing of.

Such a fault is told to the consumer, and nothing else happens: it stays a consumer, and no dataset is worse for it. The dataset's team
may have caused it, by a narrower licence or a column less.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Classification, Consumer, ConsumerKind, Contract
from datahub_dagster.domain.promise_faults import PromiseFault, slo_faults


def consumer_faults(
    consumer: Consumer, contracts: Mapping[str, Contract], missing: Iterable[str] = ()
) -> Iterator[PromiseFault]:
    """What is wrong with a consumer, as far as the datasets decide it.

    Args:
        consumer: With all columns and SLOs as they are written, those of datasets that it does not read too.
        contracts: All datasets of the hub, by name.
        missing: Datasets that it reads and whose team's files are broken: of those nothing is known.
    """
    reads = [str(name) for name in consumer.depends_on]
    for key, names in (("columns", consumer.columns), ("slo", consumer.slos)):
        for name in sorted(names.keys() - {*reads, *missing}):
            yield _not_read((key, name), name, reads, contracts)
    for name in reads:
        if contract := contracts.get(name):
            yield from _column_faults(consumer, contract)
            yield from _license_faults(consumer, contract)
            if slo := consumer.slos.get(name):
                for fault in slo_faults(slo, contract.partitions):
                    yield PromiseFault(("slo", name, *fault.path), fault.message, fault.next_step)


def _not_read(
    path: tuple[str, str], name: str, reads: list[str], contracts: Mapping[str, Contract]
) -> PromiseFault:
    key = f"hub.{path[0]}"
    if name in contracts:
        source, _, table = name.partition(".")
        return PromiseFault(
            path,
            f"{key} names {name!r}, which is not in depends_on",
            f"add source('{source}', '{table}') to depends_on",
        )
    nearest = get_close_matches(name, reads, n=1) or get_close_matches(name, contracts, n=1)
    meant = f"; perhaps {nearest[0]!r}" if nearest else ""
    return PromiseFault(
        path,
        f"{key} names {name!r}, and there is no such dataset{meant}",
        f"rename it to {nearest[0]}" if nearest else "remove it, or correct its name",
    )


def _column_faults(consumer: Consumer, contract: Contract) -> Iterator[PromiseFault]:
    if not contract.is_closed:
        return  # of the columns that are not listed nothing is promised, and they may be there
    known = [column.name for column in contract.columns]
    for place, column in enumerate(consumer.columns.get(str(contract.name), ())):
        if contract.column(column) is None:
            nearest = get_close_matches(column, known, n=1)
            meant = f"; the nearest is {nearest[0]!r}" if nearest else ""
            yield PromiseFault(
                ("columns", str(contract.name), place),
                f"{contract.name} promises no column {column!r}{meant}",
                f"correct it, or ask {whom_to_ask(contract)}",
            )


def _license_faults(consumer: Consumer, contract: Contract) -> Iterator[PromiseFault]:
    if consumer.kind is not ConsumerKind.CUSTOMER:
        return
    ask = f"ask {whom_to_ask(contract)}; until then let the customer read something else"
    if contract.license is None or not contract.license.redistribution:
        said = (
            "states no license"
            if contract.license is None
            else f"is licensed for {contract.license.terms!r} alone"
        )
        yield PromiseFault(
            ("consumer",),
            f"{consumer.name} is a customer, and {contract.name} {said}: it may not be passed on",
            ask,
        )
    if secret := _secrets(consumer, contract):
        yield PromiseFault(("consumer",), f"{consumer.name} is a customer, and {secret} confidential", ask)


def _secrets(consumer: Consumer, contract: Contract) -> str:
    """What a consumer reads and nobody outside may see, as the beginning of a sentence; empty if it is nothing."""
    read = consumer.columns.get(str(contract.name))
    if read is None:
        if contract.classification is Classification.CONFIDENTIAL:
            return f"{contract.name} is"
        columns = [
            column.name for column in contract.columns if column.name.lower() in contract.confidential_columns
        ]
    else:
        columns = [column for column in read if column.lower() in contract.confidential_columns]
        if contract.classification is Classification.CONFIDENTIAL:
            columns += [column for column in read if contract.column(column) is None]
    if not columns:
        return ""
    return f"{words.names(columns)} of {contract.name} {'are' if len(columns) > 1 else 'is'}"


def whom_to_ask(contract: Contract) -> str:
    """The people who answer for a dataset, and where they are found.

    The team alone, where it names nobody.
    """
    places = [f"{support.tool} {support.channel}" for support in contract.support]
    return " or ".join([*contract.owners, *places][:3]) or f"the team {contract.team}"
